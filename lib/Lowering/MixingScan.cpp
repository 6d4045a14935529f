//===- MixingScan.cpp - Dense and diagonal-plus-low-rank transitions ------===//
//
//   prefix    x_t = A_t x_{t-1} + b_t u_t
//   summary   (P, x), the affine map x0 -> P x0 + x: P over (origin, row)
//   extend    (A_t P, A_t x + b_t u_t)
//   combine   with i before j: (P_j P_i, P_j x_i + x_j). Matrices do not
//             commute: (P_i P_j, ...) would be another recurrence.
//
// A x is a sum over the columns, or diag(w) x + p (q^H x); the same code
// applies A to the columns of P.
//
// The registers do not hold a matrix state, which diag(w) x + p s advances row
// by row, s = q^H x having been summed up before:
//
//   for each row n:  s += conj(q[n]) x[n]
//   for each row n:  x[n] = w[n] x[n] + p[n] s + b[n] u;  y += c[n] x[n]
//
// so that memory is read twice and written once, and sums stay in registers.
//
//===----------------------------------------------------------------------===//

#include "Recurrence.h"
#include "RecurrenceTile.h"
#include "TileLoop.h"

#include "ssm/Analysis/ManyStates.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

namespace {
using Dims = SmallVector<unsigned>;

class MixingTile : public RecurrenceTile {
public:
  MixingTile(OpBuilder &b, LinearRecurrenceOp op, const Elementwise &consumer,
             const Tile &tile, ArrayRef<ScanResult> results, unsigned origin,
             bool complexTransition);

  Values advance(OpBuilder &b, ValueRange prefix, const Step &step) override {
    return apply(b, step, overTile(prefix), drive(b, step));
  }
  std::unique_ptr<ScanTile> narrow(OpBuilder &b, unsigned dim,
                                   const LoopRange &range) const override {
    auto copy = std::make_unique<MixingTile>(*this);
    copy->narrowTo(b, dim, range,
                   {&copy->transition, &copy->left, &copy->right});
    return copy;
  }
  int64_t countStepsTogether() const override;
  Values takeTogether(OpBuilder &b, ValueRange prefix, ArrayRef<Step> steps,
                      ValueRange outs) override;
  Values neutral(OpBuilder &b) override;
  Values extend(OpBuilder &b, ValueRange summary, const Step &step) override;
  Values resume(OpBuilder &b, ValueRange summary) override;

private:
  /// b_t u_t.
  Values drive(OpBuilder &b, const Step &step);
  /// A_t x + addend, for x over the tile and perhaps the origin.
  Values apply(OpBuilder &b, const Step &step, const Labelled &x,
               Values addend);
  Values applyDense(OpBuilder &b, const Step &step, const Labelled &x,
                    Values addend);
  Values applyLowRank(OpBuilder &b, const Step &step, const Labelled &x,
                      Values addend);
  /// diag(w) x + p s + addend.
  Values addLowRank(OpBuilder &b, const Step &step, const Labelled &x,
                    const Labelled &s, Values addend);
  /// Runs `body` for each row, by a tile of its own, at its place.
  Values
  walkRows(OpBuilder &b, ValueRange carried,
           function_ref<Values(MixingTile &, const Tile &, ValueRange)> body);
  Values zeros(OpBuilder &b, ArrayRef<unsigned> dims, unsigned count);
  /// out + x * y, or out + conj(x) * y, summed over the loops that out lacks.
  Values accumulate(OpBuilder &b, ArrayRef<unsigned> loops, const Step &step,
                    const TileOperand &x, bool conjugate, const Labelled &y,
                    const Labelled &out);
  Dims matrixDims();

  unsigned row, origin;
  bool complexTransition;
  LinearRecurrenceOp::Dims dims;
  TileOperand transition, left, right;
};

class MixingScan : public RecurrenceScan {
public:
  MixingScan(OpBuilder &b, LinearRecurrenceOp op, Elementwise consumer);

  std::unique_ptr<ScanTile> makeTile(OpBuilder &b, const Tile &tile) override {
    return std::make_unique<MixingTile>(b, op, consumer, tile, results, origin,
                                        complexTransition);
  }
  SmallVector<Value> combine(OpBuilder &b, ArrayRef<AffineMap> maps,
                             ValueRange left, ValueRange right) override;

private:
  /// The loop dimension that a product of transitions starts from.
  unsigned origin;
  bool complexTransition;
};
} // namespace

MixingScan::MixingScan(OpBuilder &b, LinearRecurrenceOp op,
                       Elementwise consumer)
    : RecurrenceScan(b, op, consumer), origin(loopSizes.size()),
      complexTransition(hasComplexElements(op.getTransition()) ||
                        hasComplexElements(op.getLeft()) ||
                        hasComplexElements(op.getRight())) {
  loopSizes.push_back(loopSizes[*op.getRow()]);
  Type real = getRealType(op.getStateElementType());
  summary.append(1 + complexTransition, {real, {origin}});
  summary.append(1 + isa<ComplexType>(op.getStateElementType()), {real, {}});
}

MixingTile::MixingTile(OpBuilder &b, LinearRecurrenceOp op,
                       const Elementwise &consumer, const Tile &tile,
                       ArrayRef<ScanResult> results, unsigned origin,
                       bool complexTransition)
    : RecurrenceTile(b, op, consumer, tile, results), row(*op.getRow()),
      origin(origin), complexTransition(complexTransition), dims(op.getDims()) {
  Dims columns;
  if (dims.column)
    columns.push_back(*dims.column);
  transition =
      makeOperand(b, op.getTransition(), op.getTransitionMap(), columns);
  left = makeOperand(b, op.getLeft(), op.getLeftIndexingMap(), dims.rank);
  right = makeOperand(b, op.getRight(), op.getRightIndexingMap(), dims.rank);
}

Dims MixingTile::matrixDims() {
  Dims matrix = {origin};
  llvm::append_range(matrix, tile.kept);
  return matrix;
}

ScanTile::Values MixingTile::zeros(OpBuilder &b, ArrayRef<unsigned> over,
                                   unsigned count) {
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : over)
    sizes.push_back(tile.ranges[dim].size);
  Values parts;
  for (unsigned i = 0; i < count; ++i)
    parts.push_back(buildFilled(b, loc, sizes, real, 0.0));
  return parts;
}

ScanTile::Values MixingTile::drive(OpBuilder &b, const Step &step) {
  return buildOver(b, loc, tile.kept, read(b, {&signal, &input}, step),
                   overTile(zeros(b, tile.kept, 1 + complexState)),
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num u = decodeDrive(num, args);
                     if (complexState && !u.isComplex())
                       u.im = num.constant(0.0).re;
                     return toParts(u, complexState);
                   });
}

ScanTile::Values MixingTile::accumulate(OpBuilder &b, ArrayRef<unsigned> loops,
                                        const Step &step, const TileOperand &x,
                                        bool conjugate, const Labelled &y,
                                        const Labelled &out) {
  SmallVector<Labelled> ins = read(b, {&x}, step);
  ins.push_back(y);
  return buildOver(b, loc, loops, ins, out,
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num p = decode(num, x, args);
                     if (conjugate && p.isComplex())
                       p.im = num.negf(p.im);
                     Num q = toNum(args.take_front(y.parts.size()));
                     Num sum = toNum(args.drop_front(y.parts.size()));
                     return toParts(num.mulAdd(p, q, sum),
                                    out.parts.size() > 1);
                   });
}

ScanTile::Values MixingTile::apply(OpBuilder &b, const Step &step,
                                   const Labelled &x, Values addend) {
  return dims.column ? applyDense(b, step, x, addend)
                     : applyLowRank(b, step, x, addend);
}

/// y[n] += A[n, m] x[m], column by column: a sum along n would have to run over
/// the vector's elements.
ScanTile::Values MixingTile::applyDense(OpBuilder &b, const Step &step,
                                        const Labelled &x, Values addend) {
  Dims loops = {*dims.column};
  llvm::append_range(loops, x.dims);
  Labelled columns{x.parts, relabel(x.dims, row, *dims.column)};
  return accumulate(b, loops, step, transition, /*conjugate=*/false, columns,
                    {addend, x.dims});
}

/// s = q^H x, then y += w x and y += p s.
ScanTile::Values MixingTile::applyLowRank(OpBuilder &b, const Step &step,
                                          const Labelled &x, Values addend) {
  Dims inner = dims.rank;
  for (unsigned dim : x.dims)
    if (dim != row)
      inner.push_back(dim);
  Dims sumLoops = {row};
  llvm::append_range(sumLoops, inner);
  unsigned numParts = 1 + (x.parts.size() > 1 || right.isComplex);
  Labelled s{zeros(b, inner, numParts), inner};
  s.parts = accumulate(b, sumLoops, step, right, /*conjugate=*/true, x, s);
  return addLowRank(b, step, x, s, addend);
}

ScanTile::Values MixingTile::addLowRank(OpBuilder &b, const Step &step,
                                        const Labelled &x, const Labelled &s,
                                        Values addend) {
  addend = accumulate(b, x.dims, step, transition, /*conjugate=*/false, x,
                      {addend, x.dims});
  Dims loops = dims.rank;
  llvm::append_range(loops, x.dims);
  return accumulate(b, loops, step, left, /*conjugate=*/false, s,
                    {addend, x.dims});
}

/// A matrix state of which the lanes are columns, and an update of rank one.
int64_t MixingTile::countStepsTogether() const {
  return walksRows(op) && tile.kept.size() == 2 && tile.kept.front() == row;
}

ScanTile::Values MixingTile::walkRows(
    OpBuilder &b, ValueRange carried,
    function_ref<Values(MixingTile &, const Tile &, ValueRange)> body) {
  OpFoldResult one = b.getIndexAttr(1);
  Value zero = asValue(b, loc, b.getIndexAttr(0)),
        count = asValue(b, loc, tile.ranges[row].size);
  return buildFor(b, loc, zero, count, carried, [&](Value n, ValueRange args) {
    MixingTile ofRow = *this;
    ofRow.fixTo(b, row, n, {&ofRow.transition, &ofRow.left, &ofRow.right});
    Tile place = tile.atOrigin();
    place.ranges[row] = {OpFoldResult(n), one, one};
    llvm::erase(place.kept, row);
    return body(ofRow, place, args);
  });
}

ScanTile::Values MixingTile::takeTogether(OpBuilder &b, ValueRange prefix,
                                          ArrayRef<Step> steps,
                                          ValueRange outs) {
  const Step &step = steps.front();
  MixingTile atStep = *this;
  atStep.fixAt(b, step, row, {&atStep.transition, &atStep.left, &atStep.right});
  AffineMap kept = mapOf(tile.kept);
  Dims lanes = {tile.kept.back()};
  auto rowsAt = [&](ValueRange states, const Tile &place) {
    return llvm::map_to_vector(states, [&](Value part) {
      return extractTile(b, loc, part, kept, place);
    });
  };
  // 1. s = q^H x
  size_t numParts = prefix.size();
  Values s = atStep.walkRows(
      b, zeros(b, lanes, numParts > 1 || right.isComplex ? 2 : 1),
      [&](MixingTile &ofRow, const Tile &place, ValueRange sum) {
        return ofRow.accumulate(b, lanes, step, ofRow.right, /*conjugate=*/true,
                                {rowsAt(prefix, place), lanes},
                                {Values(sum), lanes});
      });
  // 2. The states, and the output's sums of them.
  Values carried(prefix);
  if (!outs.empty())
    llvm::append_range(carried, makeSums(b));
  auto advanceRow = [&](MixingTile &ofRow, const Tile &place, ValueRange args) {
    Values x = rowsAt(args.take_front(numParts), place),
           sums(args.drop_front(numParts)), next;
    auto project = [&](ReadPoint read) {
      if (op.getRead() == read && !sums.empty())
        sums = ofRow.project(b, x, step, sums);
    };
    project(ReadPoint::Before);
    x = ofRow.addLowRank(b, step, {x, lanes}, {s, lanes}, ofRow.drive(b, step));
    project(ReadPoint::After);
    for (auto [part, whole] : llvm::zip(x, args))
      next.push_back(insertTile(b, loc, part, whole, kept, place));
    llvm::append_range(next, sums);
    return next;
  };
  carried = atStep.walkRows(b, carried, advanceRow);
  Values stored(outs);
  if (!outs.empty())
    stored =
        storeOutput(b, Values(llvm::drop_begin(carried, numParts)), step, outs);
  carried.truncate(numParts);
  llvm::append_range(carried, stored);
  return carried;
}

/// The identity matrix, and no state.
ScanTile::Values MixingTile::neutral(OpBuilder &b) {
  Dims matrix = matrixDims();
  unsigned rowAt = llvm::find(matrix, row) - matrix.begin();
  Values summary = zeros(b, matrix, 1 + complexTransition);
  summary[0] = buildOver(
      b, loc, matrix, {}, {{summary[0]}, matrix},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange) {
        NumBuilder num(nested, bodyLoc, real);
        Value n = linalg::IndexOp::create(nested, bodyLoc, rowAt);
        Value m = linalg::IndexOp::create(nested, bodyLoc, 0);
        Value same = arith::CmpIOp::create(nested, bodyLoc,
                                           arith::CmpIPredicate::eq, n, m);
        return Values{arith::SelectOp::create(
            nested, bodyLoc, same, num.constant(1.0).re, num.constant(0.0).re)};
      })[0];
  llvm::append_range(summary, makeParts(b, 0.0, complexState));
  return summary;
}

ScanTile::Values MixingTile::extend(OpBuilder &b, ValueRange summary,
                                    const Step &step) {
  Dims matrix = matrixDims();
  unsigned split = 1 + complexTransition;
  Labelled product{Values(summary.take_front(split)), matrix};
  Values next = apply(b, step, product, zeros(b, matrix, split));
  llvm::append_range(next, apply(b, step, overTile(summary.drop_front(split)),
                                 drive(b, step)));
  return next;
}

/// P init + x.
ScanTile::Values MixingTile::resume(OpBuilder &b, ValueRange summary) {
  unsigned split = 1 + complexTransition;
  Values state(summary.drop_front(split));
  if (!init)
    return state;
  Labelled product{Values(summary.take_front(split)), matrixDims()};
  Labelled start{this->start(b), relabel(tile.kept, row, origin)};
  return buildOver(b, loc, product.dims, {product, start}, overTile(state),
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num p = toNum(args.take_front(split));
                     Num x = toNum(args.slice(split, 1 + complexState));
                     Num sum = toNum(args.take_back(1 + complexState));
                     return toParts(num.mulAdd(p, x, sum), complexState);
                   });
}

SmallVector<Value> MixingScan::combine(OpBuilder &b, ArrayRef<AffineMap> maps,
                                       ValueRange left, ValueRange right) {
  unsigned split = 1 + complexTransition, row = *op.getRow();
  unsigned middle = loopSizes.size();
  Type real = getRealType(op.getStateElementType());
  Dims matrix = dimsOf(maps.front()), vector = dimsOf(maps.back());
  auto multiplyAdd = [&](ArrayRef<unsigned> loops, const Labelled &x,
                         const Labelled &y, const Labelled &out) {
    return buildOver(b, loc, loops, {x, y}, out,
                     [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                       NumBuilder num(nested, bodyLoc, real);
                       size_t xs = x.parts.size(), ys = y.parts.size();
                       Num sum = num.mulAdd(toNum(args.take_front(xs)),
                                            toNum(args.slice(xs, ys)),
                                            toNum(args.drop_front(xs + ys)));
                       return toParts(sum, out.parts.size() > 1);
                     });
  };
  SmallVector<Value> pi(left.take_front(split)), pj(right.take_front(split));
  SmallVector<Value> xi(left.drop_front(split)), xj(right.drop_front(split));
  SmallVector<Value> zero;
  for (Value part : pj)
    zero.push_back(
        buildFilled(b, loc, tensor::getMixedSizes(b, loc, part), real, 0.0));

  // P_j P_i: the middle index is P_j's origin and P_i's row.
  Dims loops = {middle};
  llvm::append_range(loops, matrix);
  SmallVector<Value> combined =
      multiplyAdd(loops, {pj, relabel(matrix, origin, middle)},
                  {pi, relabel(matrix, row, middle)}, {zero, matrix});
  loops = {origin};
  llvm::append_range(loops, vector);
  llvm::append_range(combined, multiplyAdd(loops, {pj, matrix},
                                           {xi, relabel(vector, row, origin)},
                                           {xj, vector}));
  return combined;
}

std::unique_ptr<ScanProblem>
ssm::makeMixingScan(OpBuilder &b, LinearRecurrenceOp op, Elementwise consumer) {
  return std::make_unique<MixingScan>(b, op, consumer);
}
