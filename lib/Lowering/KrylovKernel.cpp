//===- KrylovKernel.cpp - Kernels of transitions that mix -----------------===//
//
// K_l = (A^T^(h S) c)^T (A^r b): vectors of two Krylov bases, the right one by
// S products with A, the left one by one product with A^S a block, and A^S by
// log2(S) squarings. All in f64: an f32 kernel then carries one rounding, and
// an f64 kernel those of S + L / S products.
//
// Reference: the Krylov form of Gu et al., arXiv 2111.00396, appendix; Golub
// and Van Loan, "Matrix Computations", on powers by squaring.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "ssm/IR/LoopDims.h"

#include "Labelled.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

namespace {
using Dims = SmallVector<unsigned>;

class KrylovKernel : public KernelEmitter {
public:
  KrylovKernel(OpBuilder &b, MaterializeKernelOp op)
      : KernelEmitter(b, op, /*lagsAreLanes=*/false), row(*op.getRow()),
        origin(sizes.size()), middle(origin + 1) {
    sumType = b.getF64Type();
    sizes.append(2, sizes[row]);
  }

protected:
  Tables makeTables(const Tile &tile) override;
  Values round(const Tile &, ValueRange high) override { return high; }
  /// A^S^T high: high'[m] = sum_n A^S[n, m] high[n].
  Values advance(const Tile &tile, ValueRange high, ValueRange step) override {
    return transform(tile, step, high, /*transpose=*/true);
  }

private:
  /// An operand over the tile, or over `extra` dimensions and the tile.
  Values load(const Tile &tile, Value value, AffineMap map, Dims extra = {});
  /// A over (origin, tile): A[n, m] with n along row and m along origin.
  Values makeMatrix(const Tile &tile);
  Values addLowRank(const Tile &tile, Values matrix);
  Values transform(const Tile &tile, ValueRange matrix, ValueRange x,
                   bool transpose);
  Values square(const Tile &tile, ValueRange matrix);
  /// out + x * y (conj(y) if asked for), summed over the loops out lacks.
  Values multiplyAdd(ArrayRef<unsigned> loops, const Labelled &x,
                     const Labelled &y, const Labelled &out,
                     bool conjugate = false);
  Values zeros(const Tile &tile, ArrayRef<unsigned> dims);
  static Dims before(ArrayRef<unsigned> first, ArrayRef<unsigned> rest) {
    Dims dims(first);
    llvm::append_range(dims, rest);
    return dims;
  }

  unsigned row, origin, middle;
};
} // namespace

SmallVector<Value> KrylovKernel::zeros(const Tile &tile,
                                       ArrayRef<unsigned> dims) {
  SmallVector<OpFoldResult> shape;
  for (unsigned dim : dims)
    shape.push_back(tile.ranges[dim].size);
  Values parts;
  for (unsigned i = 0; i < 1u + complexPowers; ++i)
    parts.push_back(buildFilled(b, loc, shape, sumType, 0.0));
  return parts;
}

SmallVector<Value> KrylovKernel::multiplyAdd(ArrayRef<unsigned> loops,
                                             const Labelled &x,
                                             const Labelled &y,
                                             const Labelled &out,
                                             bool conjugate) {
  size_t parts = 1 + complexPowers;
  return buildOver(b, loc, loops, {x, y}, out,
                   [&](OpBuilder &nested, Location at, ValueRange args) {
                     NumBuilder num(nested, at, sumType);
                     Num p = toNum(args.take_front(parts));
                     Num q = toNum(args.slice(parts, parts));
                     if (conjugate && complexPowers)
                       q.im = num.negf(q.im);
                     Num sum = toNum(args.drop_front(2 * parts));
                     return toParts(num.mulAdd(p, q, sum), complexPowers);
                   });
}

SmallVector<Value> KrylovKernel::load(const Tile &tile, Value value,
                                      AffineMap map, Dims extra) {
  Tile whole = tile;
  whole.kept.insert(whole.kept.begin(), extra.begin(), extra.end());
  Labelled slice{{extractTile(b, loc, value, map, whole)}, {}};
  for (unsigned dim : dimsOf(map))
    if (whole.keeps(dim))
      slice.dims.push_back(dim);
  return buildOver(b, loc, whole.kept, slice,
                   {zeros(whole, whole.kept), whole.kept},
                   [&](OpBuilder &nested, Location at, ValueRange args) {
                     NumBuilder num(nested, at, sumType);
                     Num x = num.load(args[0]);
                     if (complexPowers && !x.isComplex())
                       x.im = num.constant(0.0).re;
                     return toParts(x, complexPowers);
                   });
}

SmallVector<Value> KrylovKernel::makeMatrix(const Tile &tile) {
  AffineMap map = op.getIndexingMapsArray()[0];
  if (op.getColumn()) {
    unsigned column = *op.getColumn();
    return load(tile, op.getTransition(), map, {column});
  }
  // diag(w)
  Dims dims = before(origin, tile.kept);
  unsigned rowAt = llvm::find(dims, row) - dims.begin();
  Labelled w{load(tile, op.getTransition(), map), tile.kept};
  Values matrix =
      buildOver(b, loc, dims, w, {zeros(tile, dims), dims},
                [&](OpBuilder &nested, Location at, ValueRange args) {
                  NumBuilder num(nested, at, sumType);
                  Value n = linalg::IndexOp::create(nested, at, rowAt);
                  Value m = linalg::IndexOp::create(nested, at, 0);
                  Value same = arith::CmpIOp::create(
                      nested, at, arith::CmpIPredicate::eq, n, m);
                  Value zero = num.constant(0.0).re;
                  Values parts;
                  for (Value part : args.take_front(w.parts.size()))
                    parts.push_back(
                        arith::SelectOp::create(nested, at, same, part, zero));
                  return parts;
                });
  return addLowRank(tile, matrix);
}

/// matrix[n, m] + sum_r p[n, r] conj(q[m, r]).
SmallVector<Value> KrylovKernel::addLowRank(const Tile &tile, Values matrix) {
  auto maps = op.getIndexingMapsArray();
  Dims rank;
  for (unsigned dim : before(dimsOf(maps[3]), dimsOf(maps[4])))
    if (!tile.keeps(dim) && !uses(maps.back(), dim) &&
        !llvm::is_contained(rank, dim))
      rank.push_back(dim);
  Dims factor = before(rank, tile.kept), dims = before(origin, tile.kept);
  Labelled p{load(tile, op.getLeft(), maps[3], rank), factor};
  Labelled q{load(tile, op.getRight(), maps[4], rank),
             relabel(factor, row, origin)};
  return multiplyAdd(before(rank, dims), p, q, {matrix, dims},
                     /*conjugate=*/true);
}

/// A x, or A^T x.
SmallVector<Value> KrylovKernel::transform(const Tile &tile, ValueRange matrix,
                                           ValueRange x, bool transpose) {
  Dims dims = before(origin, tile.kept),
       column = relabel(tile.kept, row, origin);
  Labelled a{Values(matrix), dims};
  if (!transpose)
    return multiplyAdd(dims, a, {Values(x), column},
                       {zeros(tile, tile.kept), tile.kept});
  return multiplyAdd(dims, a, {Values(x), tile.kept},
                     {zeros(tile, tile.kept), column});
}

SmallVector<Value> KrylovKernel::square(const Tile &tile, ValueRange matrix) {
  Dims dims = before(origin, tile.kept);
  return multiplyAdd(
      before(middle, dims), {Values(matrix), relabel(dims, origin, middle)},
      {Values(matrix), relabel(dims, row, middle)}, {zeros(tile, dims), dims});
}

KernelEmitter::Tables KrylovKernel::makeTables(const Tile &tile) {
  auto maps = op.getIndexingMapsArray();
  Tables tables;
  Values matrix = makeMatrix(tile);
  tables.high = load(tile, op.getOutput(), maps[2]);
  Values vector = load(tile, op.getInput(), maps[1]);
  tables.low = makeRows(
      tile, vector, [](ValueRange x) { return Values(x); },
      [&](ValueRange x) {
        return transform(tile, matrix, x, /*transpose=*/false);
      });
  Value zero = asValue(b, loc, b.getIndexAttr(0));
  Value squarings = asValue(b, loc, b.getIndexAttr(llvm::Log2_64(block)));
  tables.step =
      buildFor(b, loc, zero, squarings, matrix,
               [&](Value, ValueRange power) { return square(tile, power); });
  return tables;
}

std::unique_ptr<KernelEmitter> ssm::makeKrylovKernel(OpBuilder &b,
                                                     MaterializeKernelOp op) {
  return std::make_unique<KrylovKernel>(b, op);
}
