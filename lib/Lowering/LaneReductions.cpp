//===- LaneReductions.cpp - Reductions of contiguous rows by lanes --------===//
//
// Before: linalg.generic { y[r] = combine(y[r], f(x[r, k], ...)) }
//
// After, for rows r in parallel:
//
//   wide = neutral elements, four vectors of 64 bytes
//   for blocks of k:             wide[i] = combine(wide[i], f(x[r, k + i],
//   ...)) lanes = the four vectors of wide, combined in pairs for what fills
//   vectors:    lanes[i] = combine(lanes[i], f(x[r, k + i], ...)) y[r] =
//   combine(y[r], the halves of lanes, combined until one is left) for the rest
//   of k:             y[r] = combine(y[r], f(x[r, k], ...))
//
// The order is the same for each target and number of threads.
//
// Precondition: one reduction, along the last dimension of what it reads, that
// may be computed in any order: of integers, of a maximum or minimum, or with
// the fast-math flag reassoc. Rows of less than 64 bytes stay loops.
//
//===----------------------------------------------------------------------===//
#include "TileLoop.h"

#include "ssm/Analysis/RowReduction.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Passes.h"
#include "ssm/Utils/LoopRanges.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace ssm {
#define GEN_PASS_DEF_LANEREDUCTIONS
#include "ssm/Lowering/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// The bits of a vector, and vectors that hide each other's latency.
static constexpr int64_t kVectorBits = 512, kVectors = 4;

static int64_t getLanes(linalg::GenericOp op) {
  Type element = getElementTypeOrSelf(op.getResult(0));
  return element.isIntOrFloat() ? kVectorBits / element.getIntOrFloatBitWidth()
                                : 0;
}

/// Whether the op reduces rows that fill a vector.
static bool fillsLanes(linalg::GenericOp op) {
  if (!reducesRows(op))
    return false;
  int64_t size = op.getStaticLoopRanges().back(), lanes = getLanes(op);
  return lanes != 0 && lanes <= kVectorBits / 32 &&
         (ShapedType::isDynamic(size) || size >= lanes);
}

namespace {
class ReductionEmitter {
public:
  ReductionEmitter(OpBuilder &b, linalg::GenericOp op)
      : b(b), op(op), loc(op.getLoc()), combiner(findCombiner(op)),
        element(getElementTypeOrSelf(op.getResult(0))), lanes(getLanes(op)) {}

  Value emit();

private:
  /// The row's result, a tensor of rank 0, from its first value.
  Value emitRow(ArrayRef<Indexed> row, OpFoldResult size, Value out);
  /// `count` parts of `width` elements each, from `first` on, added to as many
  /// results.
  Value emitParts(ArrayRef<Indexed> row, OpFoldResult first, OpFoldResult count,
                  int64_t width, Value results);
  /// The op's elements from `first` on; without `width`, as a reduction.
  Value emitElements(ArrayRef<Indexed> row, OpFoldResult first,
                     OpFoldResult width, Value results);
  /// The parts of a vector, combined until `width` lanes are left.
  Value fold(Value vector, int64_t width);
  Value combine(Value x, Value y) { return ::ssm::combine(b, combiner, x, y); }
  OpFoldResult apply(AffineExpr expr, ArrayRef<OpFoldResult> symbols) {
    return ::ssm::affine(b, loc, expr, symbols);
  }

  OpBuilder &b;
  linalg::GenericOp op;
  Location loc;
  Operation *combiner;
  Type element;
  int64_t lanes;
};
} // namespace

Value ReductionEmitter::emitElements(ArrayRef<Indexed> row, OpFoldResult first,
                                     OpFoldResult width, Value results) {
  SmallVector<Indexed> ins;
  OpFoldResult one = b.getIndexAttr(1);
  for (auto [value, map] : row)
    ins.push_back(
        {map.getNumResults() == 0
             ? value
             : tensor::ExtractSliceOp::create(b, loc, value, ArrayRef(first),
                                              ArrayRef(width), ArrayRef(one)),
         map});
  bool isScalar = cast<RankedTensorType>(results.getType()).getRank() == 0;
  AffineMap map = isScalar ? AffineMap::get(1, 0, b.getContext())
                           : b.getMultiDimIdentityMap(1);
  auto body = [&](OpBuilder &inner, Location, ValueRange scalars) {
    IRMapping values;
    values.map(op.getBlock()->getArguments(), scalars);
    for (Operation &nested : op.getBlock()->without_terminator())
      inner.clone(nested, values);
    return SmallVector<Value>{
        values.lookup(op.getBlock()->getTerminator()->getOperand(0))};
  };
  return buildGeneric(b, loc, 1, ins, {{results, map}}, body)[0];
}

Value ReductionEmitter::emitParts(ArrayRef<Indexed> row, OpFoldResult first,
                                  OpFoldResult count, int64_t width,
                                  Value results) {
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  return buildFor(b, loc, zero, asValue(b, loc, count), results,
                  [&](Value i, Value carried) {
                    return emitElements(row, apply(s0 + s1 * width, {first, i}),
                                        b.getIndexAttr(width), carried);
                  });
}

Value ReductionEmitter::fold(Value vector, int64_t width) {
  int64_t size = cast<VectorType>(vector.getType()).getNumElements();
  for (; size > width; size /= 2) {
    auto take = [&](int64_t from) {
      return vector::ExtractStridedSliceOp::create(b, loc, vector, from,
                                                   size / 2, 1);
    };
    vector = combine(take(0), take(size / 2));
  }
  return vector;
}

Value ReductionEmitter::emitRow(ArrayRef<Indexed> row, OpFoldResult size,
                                Value out) {
  int64_t block = kVectors * lanes;
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  auto read = [&](Value tensor, int64_t width) {
    return vector::TransferReadOp::create(
        b, loc, VectorType::get({width}, element), tensor, ValueRange{zero},
        std::nullopt, ArrayRef<bool>{true});
  };
  Value neutral =
      arith::ConstantOp::create(b, loc, *arith::getNeutralElement(combiner));
  Value wide = tensor::EmptyOp::create(b, loc, {block}, element);
  wide = linalg::FillOp::create(b, loc, neutral, wide).getResult(0);
  wide = emitParts(row, b.getIndexAttr(0), apply(s0.floorDiv(block), {size}),
                   block, wide);
  Value narrow = tensor::EmptyOp::create(b, loc, {lanes}, element);
  narrow = vector::TransferWriteOp::create(
               b, loc, fold(read(wide, block), lanes), narrow, ValueRange{zero},
               ArrayRef<bool>{true})
               .getResult();
  OpFoldResult first = apply(s0 - s0 % block, {size});
  narrow = emitParts(row, first, apply((s0 % block).floorDiv(lanes), {size}),
                     lanes, narrow);
  Value one = vector::ExtractOp::create(b, loc, fold(read(narrow, lanes), 1),
                                        int64_t(0));
  Value start = tensor::ExtractOp::create(b, loc, out, ValueRange());
  Value result =
      tensor::InsertOp::create(b, loc, combine(start, one), out, ValueRange());
  OpFoldResult rest = apply(s0 % lanes, {size});
  return isZeroInteger(rest)
             ? result
             : emitElements(row, apply(s0 - s0 % lanes, {size}), rest, result);
}

Value ReductionEmitter::emit() {
  unsigned last = op.getNumLoops() - 1;
  SmallVector<OpFoldResult> sizes = getLoopSizes(b, op);
  SmallVector<TileAxis> axes;
  for (unsigned dim = 0; dim < last; ++dim)
    axes.push_back(unitAxis(b, dim, sizes[dim]));
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  auto body = [&](OpBuilder &, const Tile &tile, ValueRange outs) {
    Tile whole = tile;
    whole.kept = {last};
    SmallVector<Indexed> row;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      row.push_back(
          {extractTile(b, loc, input->get(), map, whole), whole.sliceMap(map)});
    }
    Value out = extractTile(b, loc, outs[0], outMap, tile);
    return SmallVector<TileResult>{
        {emitRow(row, sizes[last], out), outMap, tile}};
  };
  return forEachTile(b, loc, axes, wholeTile(b, sizes), op.getDpsInits(),
                     body)[0];
}

namespace {
struct LaneReductions : ::ssm::impl::LaneReductionsBase<LaneReductions> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (fillsLanes(op))
        reductions.push_back(op);
    });
    for (linalg::GenericOp op : reductions) {
      OpBuilder b(op);
      op.getResult(0).replaceAllUsesWith(ReductionEmitter(b, op).emit());
      op.erase();
    }
  }
};
} // namespace
