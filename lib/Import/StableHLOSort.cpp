//===- StableHLOSort.cpp - Sorting along a dimension ----------------------===//
//
// A stable merge sort from below: pass p merges runs of 2^p elements to runs of
// twice that, element after element:
//
//   for p: for rows: for o in run: y[o] = x[j] < x[i] ? x[j++] : x[i++]
//
// where i and j go through the two halves of the run. It takes n log n steps,
// whatever the numbers are.
//
//===----------------------------------------------------------------------===//
#include "StableHLO.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

namespace {
/// Whether the first tuple comes before the second; null if that is not known.
using Less = llvm::function_ref<Value(OpBuilder &, ValueRange, ValueRange)>;

class Sorter {
public:
  Sorter(OpBuilder &b, Location loc, unsigned dim, RankedTensorType type,
         Less less)
      : b(b), loc(loc), dim(dim), type(type), less(less) {}

  /// The tensors in the order of the tuples that they make; none if the order
  /// is not known.
  SmallVector<Value> sort(ValueRange tensors);

private:
  using Values = SmallVector<Value>;

  Values mergeRuns(Value width, ValueRange from);
  /// The o-th element of a row: also where in the halves of its run that is.
  Values mergeOne(OpBuilder &inner, Value width, Value o, ValueRange row,
                  ValueRange from, ValueRange carried);
  Value index(OpBuilder &inner, int64_t value) {
    return arith::ConstantIndexOp::create(inner, loc, value);
  }
  Values readTuple(OpBuilder &inner, ValueRange tensors, ValueRange row,
                   Value place);
  Values placeOf(ValueRange row, Value place) {
    Values all(row);
    all.insert(all.begin() + dim, place);
    return all;
  }

  OpBuilder &b;
  Location loc;
  unsigned dim;
  RankedTensorType type;
  Less less;
  bool isKnown = true;
};
} // namespace

SmallVector<Value> Sorter::sort(ValueRange tensors) {
  int64_t count = type.getDimSize(dim);
  if (count < 2 || type.getNumElements() == 0)
    return Values(tensors);
  auto passes = scf::ForOp::create(
      b, loc, index(b, 0), index(b, llvm::Log2_64_Ceil(count)), index(b, 1),
      tensors, [&](OpBuilder &nested, Location, Value pass, ValueRange from) {
        OpBuilder::InsertionGuard guard(b);
        b.restoreInsertionPoint(nested.saveInsertionPoint());
        Value width = arith::ShLIOp::create(b, loc, index(b, 1), pass);
        scf::YieldOp::create(b, loc, mergeRuns(width, from));
      });
  return isKnown ? Values(passes.getResults()) : Values();
}

SmallVector<Value> Sorter::mergeRuns(Value width, ValueRange from) {
  Values begins, ends, steps;
  for (unsigned i = 0; i < type.getRank(); ++i)
    if (i != dim) {
      begins.push_back(index(b, 0));
      ends.push_back(index(b, type.getDimSize(i)));
      steps.push_back(index(b, 1));
    }
  auto mergeRow = [&](OpBuilder &nested, Location, ValueRange row,
                      ValueRange carried) -> Values {
    Values inits = {index(nested, 0), index(nested, 0)};
    llvm::append_range(inits, carried);
    auto loop = scf::ForOp::create(
        nested, loc, index(nested, 0), index(nested, type.getDimSize(dim)),
        index(nested, 1), inits,
        [&](OpBuilder &inner, Location, Value o, ValueRange args) {
          scf::YieldOp::create(inner, loc,
                               mergeOne(inner, width, o, row, from, args));
        });
    return Values(loop.getResults().drop_front(2));
  };
  if (begins.empty())
    return mergeRow(b, loc, {}, from);
  return scf::buildLoopNest(b, loc, begins, ends, steps, from, mergeRow)
      .results;
}

SmallVector<Value> Sorter::readTuple(OpBuilder &inner, ValueRange tensors,
                                     ValueRange row, Value place) {
  // Past the end is not taken, but read.
  Value last = index(inner, type.getDimSize(dim) - 1);
  place = arith::MinUIOp::create(inner, loc, place, last);
  return llvm::map_to_vector(tensors, [&](Value tensor) -> Value {
    return tensor::ExtractOp::create(inner, loc, tensor, placeOf(row, place));
  });
}

SmallVector<Value> Sorter::mergeOne(OpBuilder &inner, Value width, Value o,
                                    ValueRange row, ValueRange from,
                                    ValueRange carried) {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(inner, loc, predicate, x, y);
  };
  auto select = [&](Value which, Value x, Value y) {
    return arith::SelectOp::create(inner, loc, which, x, y);
  };
  auto add = [&](Value x, Value y) {
    return arith::AddIOp::create(inner, loc, x, y);
  };
  // Runs begin at multiples of 2 width; the last one may be shorter.
  Value all = index(inner, type.getDimSize(dim)), one = index(inner, 1);
  Value run = add(width, width);
  Value mask = arith::SubIOp::create(inner, loc, run, one);
  Value inRun = arith::AndIOp::create(inner, loc, o, mask);
  Value begin = arith::SubIOp::create(inner, loc, o, inRun);
  Value middle = add(begin, width);
  Value end = arith::MinUIOp::create(inner, loc, add(begin, run), all);
  Value isFirst = compare(arith::CmpIPredicate::eq, o, begin);
  Value i = select(isFirst, begin, carried[0]),
        j = select(isFirst, middle, carried[1]);

  Values left = readTuple(inner, from, row, i),
         right = readTuple(inner, from, row, j);
  Value isLess = less(inner, right, left);
  isKnown &= bool(isLess);
  if (!isLess)
    return Values(carried);
  Value hasRight = compare(arith::CmpIPredicate::ult, j, end);
  Value hasNoLeft = compare(arith::CmpIPredicate::uge, i, middle);
  Value isBetter = arith::OrIOp::create(inner, loc, hasNoLeft, isLess);
  Value takesRight = arith::AndIOp::create(inner, loc, hasRight, isBetter);
  Values next = {select(takesRight, i, add(i, one)),
                 select(takesRight, add(j, one), j)};
  for (auto [to, x, y] : llvm::zip_equal(carried.drop_front(2), left, right))
    next.push_back(tensor::InsertOp::create(
        inner, loc, select(takesRight, y, x), to, placeOf(row, o)));
  return next;
}

LogicalResult StableHLOImporter::importSort(Operation *op) {
  auto dim = dyn_cast_if_present<IntegerAttr>(getAttribute(op, "dimension"));
  SmallVector<Value> tensors = get(op->getOperands());
  RankedTensorType type = typeOf(tensors[0]);
  auto hasShape = [&](Value x) {
    return typeOf(x).getShape() == type.getShape();
  };
  if (!dim || dim.getInt() < 0 || dim.getInt() >= type.getRank() ||
      !llvm::all_of(tensors, hasShape) || op->getNumRegions() != 1 ||
      !llvm::hasSingleElement(op->getRegion(0)) ||
      TypeRange(op->getResults()) != TypeRange(ValueRange(tensors)))
    return refuse(op, "its types do not fit");
  Block &block = op->getRegion(0).front();
  SmallVector<Type> pairs;
  for (Value tensor : tensors)
    pairs.append(2, RankedTensorType::get({}, typeOf(tensor).getElementType()));
  auto flag = RankedTensorType::get({}, b.getI1Type());
  if (block.getArgumentTypes() != ArrayRef(pairs) || block.empty() ||
      block.back().getName().getStringRef() != "stablehlo.return" ||
      block.back().getOperandTypes() != TypeRange(Type(flag)))
    return refuse(op, "its types do not fit its region");
  auto less = [&](OpBuilder &inner, ValueRange x, ValueRange y) {
    SmallVector<Value> scalars;
    for (auto [left, right] : llvm::zip_equal(x, y))
      scalars.append({left, right});
    SmallVector<Value> made = emitBlock(inner, op->getLoc(), block, scalars);
    return made.empty() ? Value() : made[0];
  };
  SmallVector<Value> sorted =
      Sorter(b, op->getLoc(), dim.getInt(), type, less).sort(tensors);
  if (sorted.empty())
    return refuse(op, "no import is known of an op of its region");
  map.map(op->getResults(), sorted);
  return success();
}

/// The largest numbers of rows and their places, in order.
LogicalResult StableHLOImporter::importTopK(Operation *op) {
  Value source = get(op->getOperand(0));
  RankedTensorType type = typeOf(source);
  unsigned last = type.getRank() - 1;
  Location loc = op->getLoc();
  if (type.getRank() == 0 || op->getNumResults() != 2 ||
      typeOf(op->getResult(0)).getRank() != type.getRank() ||
      typeOf(op->getResult(0)).getDimSize(last) > type.getDimSize(last) ||
      typeOf(op->getResult(1)).getShape() !=
          typeOf(op->getResult(0)).getShape())
    return refuse(op, "its types do not fit");
  auto places = type.clone(typeOf(op->getResult(1)).getElementType());
  auto count = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    return SmallVector<Value>{
        arith::IndexCastOp::create(inner, loc, places.getElementType(),
                                   linalg::IndexOp::create(inner, loc, last))};
  };
  AffineMap all = identity(type.getRank());
  Value numbers = buildGeneric(b, loc, type.getRank(), {},
                               {{empty(loc, places), all}}, count)[0];
  auto less = [&](OpBuilder &inner, ValueRange x, ValueRange y) {
    return emitScalar(inner, loc, "total_compare", "GT", {x[0], y[0]},
                      b.getI1Type());
  };
  SmallVector<Value> sorted =
      Sorter(b, loc, last, type, less).sort({source, numbers});
  if (sorted.empty())
    return refuse(op, "its type is not imported");
  SmallVector<OpFoldResult> starts(type.getRank(), b.getIndexAttr(0)),
      ones(type.getRank(), b.getIndexAttr(1));
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), sorted))
    map.map(result, tensor::ExtractSliceOp::create(
                        b, loc, typeOf(result), tensor, starts,
                        getAsIndexOpFoldResult(b.getContext(),
                                               typeOf(result).getShape()),
                        ones));
  return success();
}
