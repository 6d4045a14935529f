//===- BilinearSolve.cpp - Lowers ssm.discretize of a dense transition ----===//
//
// With M = 1 - dt A / 2 and its inverse V, which is computed in f64,
//
//   (1 - dt A / 2)^-1 (1 + dt A / 2) = 2 V - 1,
//   (1 - dt A / 2)^-1 dt B           = V dt B.
//
// V is the solution of M V = 1 by Gaussian elimination with partial pivoting on
// the rows of [M | 1]: for each column k, the row with the largest element
// there moves to row k and is divided by it, and a multiple of it is taken from
// each row below; then from the last column to the first, from each row above.
//
// Reference: N. Higham, Accuracy and Stability of Numerical Algorithms, 9.1.
//
//===----------------------------------------------------------------------===//

#include "TileLoop.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The rows of one matrix and what is done to them.
class Elimination {
public:
  Elimination(OpBuilder &b, Location loc, OpFoldResult size, Type element)
      : b(b), loc(loc), size(size), element(element),
        width(affine(b, loc, 2 * b.getAffineSymbolExpr(0), {size})) {}

  /// [M | 1] -> [1 | V]
  Value run(Value rows);

private:
  Value index(int64_t value) { return asValue(b, loc, b.getIndexAttr(value)); }
  Value row(Value rows, Value i);
  Value withRow(Value rows, Value i, Value values);
  /// The row from k on whose element in column k is largest.
  Value findPivot(Value rows, Value k);
  /// Row k and row `pivot` change places, and then row k is divided by its
  /// element in column k. Returns the rows and row k.
  std::pair<Value, Value> swapAndScale(Value rows, Value k, Value pivot);
  /// row i - element (i, k) * `values` for i in [from, to).
  Value subtract(Value rows, Value values, Value k, Value from, Value to);

  OpBuilder &b;
  Location loc;
  OpFoldResult size;
  Type element;
  OpFoldResult width;
};
} // namespace

Value Elimination::row(Value rows, Value i) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  auto type = cast<RankedTensorType>(rows.getType());
  return tensor::ExtractSliceOp::create(
      b, loc, RankedTensorType::get(type.getShape().drop_front(), element),
      rows, ArrayRef<OpFoldResult>{i, zero}, ArrayRef<OpFoldResult>{one, width},
      ArrayRef<OpFoldResult>{one, one});
}

Value Elimination::withRow(Value rows, Value i, Value values) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return tensor::InsertSliceOp::create(
      b, loc, values, rows, ArrayRef<OpFoldResult>{i, zero},
      ArrayRef<OpFoldResult>{one, width}, ArrayRef<OpFoldResult>{one, one});
}

Value Elimination::findPivot(Value rows, Value k) {
  NumBuilder outer(b, loc, b.getF64Type());
  return buildFor(
      b, loc, k, asValue(b, loc, size), {k, outer.constant(-1).re},
      [&](Value i, ValueRange best) {
        NumBuilder num(b, loc, b.getF64Type());
        Num x =
            num.load(tensor::ExtractOp::create(b, loc, rows, ValueRange{i, k}));
        Value modulus = math::AbsFOp::create(b, loc, x.re);
        if (x.isComplex())
          modulus = num.addf(modulus, math::AbsFOp::create(b, loc, x.im));
        Value larger = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                             modulus, best[1]);
        return SmallVector<Value>{
            arith::SelectOp::create(b, loc, larger, i, best[0]),
            arith::SelectOp::create(b, loc, larger, modulus, best[1])};
      })[0];
}

std::pair<Value, Value> Elimination::swapAndScale(Value rows, Value k,
                                                  Value pivot) {
  AffineMap d = b.getMultiDimIdentityMap(1);
  Value divisor = tensor::ExtractOp::create(b, loc, rows, ValueRange{pivot, k});
  auto copy = [&](Value from, bool divide) {
    Value empty =
        tensor::EmptyOp::create(b, loc, ArrayRef<OpFoldResult>{width}, element);
    return buildGeneric(b, loc, 1, {{from, d}}, {{empty, d}},
                        [&](OpBuilder &nested, Location at, ValueRange args) {
                          NumBuilder num(nested, at, b.getF64Type());
                          Num x = num.load(args[0]);
                          if (divide)
                            x = num.divide(x, num.load(divisor));
                          return SmallVector<Value>{num.store(x, element)};
                        })[0];
  };
  Value old = copy(row(rows, k), /*divide=*/false);
  Value scaled = copy(row(rows, pivot), /*divide=*/true);
  rows = withRow(rows, pivot, old);
  return {withRow(rows, k, scaled), scaled};
}

Value Elimination::subtract(Value rows, Value values, Value k, Value from,
                            Value to) {
  AffineMap d = b.getMultiDimIdentityMap(1);
  return buildFor(b, loc, from, to, rows, [&](Value i, ValueRange carried) {
    Value factor =
        tensor::ExtractOp::create(b, loc, carried[0], ValueRange{i, k});
    Value next = buildGeneric(
        b, loc, 1, {{values, d}}, {{row(carried[0], i), d}},
        [&](OpBuilder &nested, Location at, ValueRange args) {
          NumBuilder num(nested, at, b.getF64Type());
          Num x = num.load(factor);
          Num minus{num.negf(x.re), x.isComplex() ? num.negf(x.im) : Value()};
          return SmallVector<Value>{
              num.store(num.mulAdd(minus, num.load(args[0]), num.load(args[1])),
                        element)};
        })[0];
    return SmallVector<Value>{withRow(carried[0], i, next)};
  })[0];
}

Value Elimination::run(Value rows) {
  Value zero = index(0), one = index(1), n = asValue(b, loc, size);
  Value lower =
      buildFor(b, loc, zero, n, rows, [&](Value k, ValueRange carried) {
        Value pivot = findPivot(carried[0], k);
        auto [swapped, values] = swapAndScale(carried[0], k, pivot);
        Value next = arith::AddIOp::create(b, loc, k, one);
        return SmallVector<Value>{subtract(swapped, values, k, next, n)};
      })[0];
  return buildFor(b, loc, zero, n, lower, [&](Value step, ValueRange carried) {
    Value last = arith::SubIOp::create(b, loc, n, one);
    Value k = arith::SubIOp::create(b, loc, last, step);
    Value empty =
        tensor::EmptyOp::create(b, loc, ArrayRef<OpFoldResult>{width}, element);
    AffineMap d = b.getMultiDimIdentityMap(1);
    // A copy, so that the rows can be written while it is read.
    Value values =
        buildGeneric(b, loc, 1, {{row(carried[0], k), d}}, {{empty, d}},
                     [](OpBuilder &, Location, ValueRange args) {
                       return SmallVector<Value>{args[0]};
                     })[0];
    return SmallVector<Value>{subtract(carried[0], values, k, zero, k)};
  })[0];
}

namespace {
/// The whole op: V for every matrix of a batch, then the results.
class BilinearSolve {
public:
  BilinearSolve(OpBuilder &b, DiscretizeOp op);

  /// V of all matrices, over (batch..., row, column).
  Value invertAll();
  Value makeTransition(Value inverses);
  Value makeInput(Value inverses);

private:
  Value invertAt(OpFoldResult zero, ArrayRef<Value> batch);
  /// Walks the batch dimensions from `depth` on.
  Value forEachBatch(Value out, SmallVector<Value> at);

  OpBuilder &b;
  DiscretizeOp op;
  Location loc;
  SmallVector<OpFoldResult> sizes;
  unsigned row, column;
  SmallVector<unsigned> batch;
  Type element;
  AffineMap inverseMap;
};
} // namespace

BilinearSolve::BilinearSolve(OpBuilder &b, DiscretizeOp op)
    : b(b), op(op), loc(op.getLoc()), sizes(op.getLoopSizes(b)),
      row(*op.getRow()), column(*op.getColumn()) {
  // Of the two sizes the static one.
  if (isa<Attribute>(sizes[column]))
    sizes[row] = sizes[column];
  sizes[column] = sizes[row];
  for (unsigned dim = 0; dim < sizes.size(); ++dim)
    if (dim != row && dim != column &&
        (uses(op.getTransitionMap(), dim) || uses(op.getStepMap(), dim)))
      batch.push_back(dim);
  bool isComplex =
      isa<ComplexType>(getElementTypeOrSelf(op.getTransition().getType()));
  element = b.getF64Type();
  if (isComplex)
    element = ComplexType::get(element);
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : batch)
    exprs.push_back(b.getAffineDimExpr(dim));
  exprs.push_back(b.getAffineDimExpr(row));
  exprs.push_back(b.getAffineDimExpr(column));
  inverseMap = AffineMap::get(sizes.size(), 0, exprs, b.getContext());
}

/// The slice of an operand where the batch dimensions are at `at`.
Value BilinearSolve::invertAt(OpFoldResult zero, ArrayRef<Value> at) {
  Tile tile = wholeTile(b, sizes);
  for (auto [dim, i] : llvm::zip_equal(batch, at))
    tile = tile.at(dim, i);
  tile.kept = {row, column};
  Value a =
      extractTile(b, loc, op.getTransition(), op.getTransitionMap(), tile);
  Value step = extractTile(b, loc, op.getStep(), op.getStepMap(), tile);
  AffineMap aMap = tile.sliceMap(op.getTransitionMap()),
            stepMap = tile.sliceMap(op.getStepMap());

  // [0 | 1] with M written to its left half.
  OpFoldResult n = sizes[row],
               width = affine(b, loc, 2 * b.getAffineSymbolExpr(0), {n});
  AffineMap rc = b.getMultiDimIdentityMap(2);
  auto isDiagonal = [](OpBuilder &nested, Location bodyLoc, Value right) {
    Value i = linalg::IndexOp::create(nested, bodyLoc, 0);
    Value j = linalg::IndexOp::create(nested, bodyLoc, 1);
    if (right)
      i = arith::AddIOp::create(nested, bodyLoc, i, right);
    return arith::CmpIOp::create(nested, bodyLoc, arith::CmpIPredicate::eq, i,
                                 j);
  };
  Value shift = asValue(b, loc, n);
  Value rows = tensor::EmptyOp::create(b, loc, ArrayRef<OpFoldResult>{n, width},
                                       element);
  rows = buildGeneric(b, loc, 2, {}, {{rows, rc}},
                      [&](OpBuilder &nested, Location bodyLoc, ValueRange) {
                        NumBuilder num(nested, bodyLoc, b.getF64Type());
                        Value one = num.store(num.constant(1), element);
                        Value none = num.store(num.constant(0), element);
                        Value diagonal = isDiagonal(nested, bodyLoc, shift);
                        return SmallVector<Value>{arith::SelectOp::create(
                            nested, bodyLoc, diagonal, one, none)};
                      })[0];
  Value m =
      tensor::EmptyOp::create(b, loc, ArrayRef<OpFoldResult>{n, n}, element);
  m = buildGeneric(
      b, loc, 2, {{a, aMap}, {step, stepMap}}, {{m, rc}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, b.getF64Type());
        Num half = num.mul(num.load(args[1]), num.constant(-0.5));
        Value diagonal = isDiagonal(nested, bodyLoc, Value());
        Value unit = arith::SelectOp::create(
            nested, bodyLoc, diagonal, num.constant(1).re, num.constant(0).re);
        Num x = num.mulAdd(num.load(args[0]), half, {unit, Value()});
        return SmallVector<Value>{num.store(x, element)};
      })[0];
  OpFoldResult one = b.getIndexAttr(1);
  rows = tensor::InsertSliceOp::create(
      b, loc, m, rows, ArrayRef<OpFoldResult>{zero, zero},
      ArrayRef<OpFoldResult>{n, n}, ArrayRef<OpFoldResult>{one, one});
  rows = Elimination(b, loc, n, element).run(rows);
  return tensor::ExtractSliceOp::create(
      b, loc, rows, ArrayRef<OpFoldResult>{zero, n},
      ArrayRef<OpFoldResult>{n, n}, ArrayRef<OpFoldResult>{one, one});
}

Value BilinearSolve::forEachBatch(Value out, SmallVector<Value> at) {
  OpFoldResult zero = b.getIndexAttr(0);
  if (at.size() == batch.size()) {
    Value inverse = invertAt(zero, at);
    Tile tile = wholeTile(b, sizes);
    for (auto [dim, i] : llvm::zip_equal(batch, at))
      tile = tile.at(dim, i);
    tile.kept = {row, column};
    return insertTile(b, loc, inverse, out, inverseMap, tile);
  }
  return buildFor(b, loc, asValue(b, loc, zero),
                  asValue(b, loc, sizes[batch[at.size()]]), out,
                  [&](Value i, ValueRange carried) {
                    SmallVector<Value> next(at);
                    next.push_back(i);
                    return SmallVector<Value>{forEachBatch(carried[0], next)};
                  })[0];
}

Value BilinearSolve::invertAll() {
  Value out =
      tensor::EmptyOp::create(b, loc, applyMap(inverseMap, sizes), element);
  return forEachBatch(out, {});
}

Value BilinearSolve::makeTransition(Value inverses) {
  auto type = cast<RankedTensorType>(op.getDiscreteTransition().getType());
  AffineMap map = op.getResultMap(0);
  SmallVector<AffineMap> maps = compressUnusedDims({inverseMap, map});
  unsigned rowAt = *positionOf(inverseMap, row), columnAt = rowAt + 1;
  unsigned rowDim = dimsOf(maps[0])[rowAt],
           columnDim = dimsOf(maps[0])[columnAt];
  Value empty = tensor::EmptyOp::create(b, loc, applyMap(map, sizes),
                                        type.getElementType());
  return buildGeneric(
      b, loc, maps[0].getNumDims(), {{inverses, maps[0]}}, {{empty, maps[1]}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, b.getF64Type());
        Value i = linalg::IndexOp::create(nested, bodyLoc, rowDim);
        Value j = linalg::IndexOp::create(nested, bodyLoc, columnDim);
        Value diagonal = arith::CmpIOp::create(nested, bodyLoc,
                                               arith::CmpIPredicate::eq, i, j);
        Value unit = arith::SelectOp::create(
            nested, bodyLoc, diagonal, num.constant(1).re, num.constant(0).re);
        Num v = num.load(args[0]);
        Num x = num.sub(num.add(v, v), {unit, Value()});
        return SmallVector<Value>{num.store(x, type.getElementType())};
      })[0];
}

/// sum over the column of V[row, column] dt B[column], summed in f64.
Value BilinearSolve::makeInput(Value inverses) {
  auto type = cast<RankedTensorType>(op.getDiscreteInput().getType());
  Type sum = b.getF64Type();
  if (isa<ComplexType>(type.getElementType()))
    sum = ComplexType::get(sum);
  AffineMap map = op.getResultMap(1);
  // dt and B are read at the column.
  AffineExpr r = b.getAffineDimExpr(row), c = b.getAffineDimExpr(column);
  auto atColumn = [&](AffineMap of) {
    return of.replace(r, c, of.getNumDims(), of.getNumSymbols());
  };
  SmallVector<Value> values = {inverses, op.getStep()};
  SmallVector<AffineMap> maps = {inverseMap, atColumn(op.getStepMap())};
  if (op.getInput()) {
    values.push_back(op.getInput());
    maps.push_back(atColumn(op.getInputIndexingMap()));
  }
  maps.push_back(map);
  SmallVector<AffineMap> used = compressUnusedDims(maps);
  SmallVector<Indexed> ins;
  for (auto [value, of] : llvm::zip(values, used))
    ins.push_back({value, of});
  NumBuilder outer(b, loc, b.getF64Type());
  SmallVector<OpFoldResult> shape = applyMap(map, sizes);
  Value init = tensor::EmptyOp::create(b, loc, shape, sum);
  init =
      linalg::FillOp::create(b, loc, outer.store(outer.constant(0), sum), init)
          .getResult(0);
  Value result = buildGeneric(
      b, loc, used[0].getNumDims(), ins, {{init, used.back()}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, b.getF64Type());
        Num x = num.load(args[1]);
        if (op.getInput())
          x = num.mul(x, num.load(args[2]));
        return SmallVector<Value>{num.store(
            num.mulAdd(num.load(args[0]), x, num.load(args.back())), sum)};
      })[0];
  if (sum == type.getElementType())
    return result;
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value empty = tensor::EmptyOp::create(b, loc, shape, type.getElementType());
  return buildGeneric(b, loc, type.getRank(), {{result, identity}},
                      {{empty, identity}},
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder num(nested, at, b.getF64Type());
                        return SmallVector<Value>{num.store(
                            num.load(args[0]), type.getElementType())};
                      })[0];
}

namespace {
struct LowerBilinearSolve : OpRewritePattern<DiscretizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DiscretizeOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.isDense())
      return rewriter.notifyMatchFailure(op, "the transition is diagonal");
    BilinearSolve solve(rewriter, op);
    Value inverses = solve.invertAll();
    if (!op.getDiscreteTransition().use_empty())
      rewriter.replaceAllUsesWith(op.getDiscreteTransition(),
                                  solve.makeTransition(inverses));
    if (!op.getDiscreteInput().use_empty())
      rewriter.replaceAllUsesWith(op.getDiscreteInput(),
                                  solve.makeInput(inverses));
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void ssm::populateBilinearSolveLowering(RewritePatternSet &patterns) {
  patterns.add<LowerBilinearSolve>(patterns.getContext());
}
