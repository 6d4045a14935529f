//===- StableHLOTriangular.cpp - Triangular systems, row after row --------===//
//
// Of M x = b, with a lower triangle M, in order (of an upper one, against it):
//
//   for i: x[i, :] = (b[i, :] - sum over k of M[i, k] x[k, :]) / M[i, i]
//
// The sum is over all k, of a row of M that is zero where x is not known yet.
//
//===----------------------------------------------------------------------===//
#include "StableHLO.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace ssm;

/// The part of `source` at these places, as a tensor of the dimensions that are
/// not taken at one.
static Value takeAt(OpBuilder &b, Location loc, Value source,
                    ArrayRef<std::pair<unsigned, Value>> places) {
  RankedTensorType type = typeOf(source);
  SmallVector<OpFoldResult> starts(type.getRank(), b.getIndexAttr(0)),
      ones(type.getRank(), b.getIndexAttr(1)),
      sizes = getAsIndexOpFoldResult(b.getContext(), type.getShape());
  SmallVector<int64_t> shape;
  for (auto [dim, place] : places) {
    starts[dim] = place;
    sizes[dim] = b.getIndexAttr(1);
  }
  for (unsigned dim = 0; dim < type.getRank(); ++dim)
    if (getConstantIntValue(sizes[dim]) != 1 ||
        llvm::none_of(places, [&](auto at) { return at.first == dim; }))
      shape.push_back(type.getDimSize(dim));
  return tensor::ExtractSliceOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), source,
      starts, sizes, ones);
}

namespace {
struct System {
  Value matrix, right;
  unsigned row, column; ///< Dimensions of the matrix.
  unsigned unknown;     ///< Dimension of the right side and of x.
  bool isLower, hasUnits;
};
} // namespace

/// The row of the matrix, zero outside of the triangle and on its diagonal.
static Value rowOf(OpBuilder &b, Location loc, const System &system, Value i) {
  Value row = takeAt(b, loc, system.matrix, {{system.row, i}});
  RankedTensorType type = typeOf(row);
  AffineMap all = b.getMultiDimIdentityMap(type.getRank());
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    Value k = linalg::IndexOp::create(inner, loc, type.getRank() - 1);
    auto isBefore =
        system.isLower ? arith::CmpIPredicate::ult : arith::CmpIPredicate::ugt;
    Value isKnown = arith::CmpIOp::create(inner, loc, isBefore, k, i);
    return SmallVector<Value>{
        arith::SelectOp::create(inner, loc, isKnown, scalars[0], scalars[1])};
  };
  return buildGeneric(b, loc, type.getRank(), {{row, all}},
                      {{zeroTensor(b, loc, type), all}}, body)[0];
}

/// x with its row i, of those that are known.
static Value solveRow(OpBuilder &b, Location loc, const System &system, Value i,
                      Value x) {
  Value right = takeAt(b, loc, system.right, {{system.unknown, i}});
  RankedTensorType type = typeOf(right);
  // Dimensions of the batch, of the columns of x, and the summed one.
  unsigned batch = type.getRank() - 1;
  auto mapOf = [&](ArrayRef<unsigned> dims) {
    auto exprs = llvm::map_to_vector(
        dims, [&](unsigned dim) { return b.getAffineDimExpr(dim); });
    return AffineMap::get(batch + 2, 0, exprs, b.getContext());
  };
  SmallVector<unsigned> outer = llvm::to_vector(llvm::seq(batch));
  SmallVector<unsigned> row = outer, known = outer, out = outer;
  row.push_back(batch + 1);
  out.push_back(batch);
  bool isFirst = system.unknown == batch;
  known.append(isFirst ? std::initializer_list<unsigned>{batch + 1, batch}
                       : std::initializer_list<unsigned>{batch, batch + 1});
  Value sum = sumProducts(
      b, loc, {{rowOf(b, loc, system, i), mapOf(row)}, {x, mapOf(known)}},
      {zeroTensor(b, loc, type), mapOf(out)});

  AffineMap all = b.getMultiDimIdentityMap(batch + 1),
            same = all.getSubMap(outer);
  SmallVector<Indexed> ins = {{right, all}, {sum, all}};
  if (!system.hasUnits)
    ins.push_back(
        {takeAt(b, loc, system.matrix, {{system.row, i}, {system.column, i}}),
         same});
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    Type element = type.getElementType();
    Value rest = emitScalar(inner, loc, "subtract", "",
                            {scalars[0], scalars[1]}, element);
    return SmallVector<Value>{system.hasUnits
                                  ? rest
                                  : emitScalar(inner, loc, "divide", "",
                                               {rest, scalars[2]}, element)};
  };
  Value empty =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  Value solved = buildGeneric(b, loc, batch + 1, ins, {{empty, all}}, body)[0];
  RankedTensorType whole = typeOf(x);
  SmallVector<OpFoldResult> place(whole.getRank(), b.getIndexAttr(0)),
      ones(whole.getRank(), b.getIndexAttr(1)),
      sizes = getAsIndexOpFoldResult(b.getContext(), whole.getShape());
  place[system.unknown] = i;
  sizes[system.unknown] = b.getIndexAttr(1);
  return tensor::InsertSliceOp::create(b, loc, solved, x, place, sizes, ones);
}

LogicalResult StableHLOImporter::importTriangularSolve(Operation *op) {
  System system;
  system.matrix = get(op->getOperand(0));
  system.right = get(op->getOperand(1));
  RankedTensorType matrix = typeOf(system.matrix), type = typeOf(system.right);
  auto flag = [&](StringRef name) {
    auto attr = dyn_cast_if_present<BoolAttr>(getAttribute(op, name));
    return attr && attr.getValue();
  };
  bool isLeft = flag("left_side");
  StringRef turned = getKeyword(op, "transpose_a", "transpose");
  unsigned rank = type.getRank();
  if (rank < 2 || matrix.getRank() != rank ||
      typeOf(op->getResult(0)) != type ||
      matrix.getElementType() != type.getElementType() ||
      isa<IntegerType>(type.getElementType()) ||
      matrix.getShape().drop_back(2) != type.getShape().drop_back(2) ||
      matrix.getDimSize(rank - 1) != matrix.getDimSize(rank - 2) ||
      matrix.getDimSize(rank - 1) != type.getDimSize(rank - 1 - isLeft))
    return refuse(op, "its types do not fit");
  if (turned == "ADJOINT" && isa<ComplexType>(type.getElementType()))
    return refuse(op, "the conjugate of a matrix has no import here; conjugate "
                      "it before");
  // x M = b is a system of M transposed for each row of x.
  bool isTurned = (turned == "TRANSPOSE" || turned == "ADJOINT") == isLeft;
  system.row = rank - 2 + isTurned;
  system.column = rank - 1 - isTurned;
  system.unknown = rank - 1 - isLeft;
  system.isLower = flag("lower") != isTurned;
  system.hasUnits = flag("unit_diagonal");

  Location loc = op->getLoc();
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  int64_t count = matrix.getDimSize(rank - 1);
  auto loop = scf::ForOp::create(b, loc, constant(0), constant(count),
                                 constant(1), zeroTensor(b, loc, type));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar();
  if (!system.isLower)
    i = arith::SubIOp::create(b, loc, constant(count - 1), i);
  scf::YieldOp::create(b, loc,
                       solveRow(b, loc, system, i, loop.getRegionIterArg(0)));
  set(op, loop.getResult(0));
  return success();
}
