//===- DiagonalScan.cpp - A diagonal linear recurrence as a scan ----------===//
//
//   element   (a_t, b_t u_t)
//   prefix    x_t = a_t x_{t-1} + b_t u_t
//   summary   (A, x) = (a_t A', a_t x' + b_t u_t), the affine map x -> A x + x'
//   combine   with i before j: (A_j A_i, A_j x_i + x_j)
//
//===----------------------------------------------------------------------===//

#include "DiagonalTile.h"
#include "Recurrence.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;
using namespace ssm;

namespace {
class DiagonalScan : public RecurrenceScan {
public:
  DiagonalScan(OpBuilder &b, LinearRecurrenceOp op, Elementwise consumer)
      : RecurrenceScan(b, op, consumer) {
    Type real = getRealType(op.getStateElementType());
    summary.append(1 + hasComplexElements(op.getTransition()), {real, {}});
    summary.append(1 + isa<ComplexType>(op.getStateElementType()), {real, {}});
    stepChannels = countStepChannels();
  }

  std::unique_ptr<ScanTile> makeTile(OpBuilder &b, const Tile &tile) override {
    return std::make_unique<DiagonalTile>(b, op, consumer, tile, results,
                                          asksForNormalPowers);
  }
  SmallVector<Value> combine(OpBuilder &b, ArrayRef<AffineMap> maps,
                             ValueRange left, ValueRange right) override;

private:
  int64_t countStepChannels();
};
} // namespace

/// Channels whose states a step takes together, a vector each, so that they are
/// summed across lanes together (Pipelines/SumLanes.cpp): a square, if that is
/// in the registers. Complex states have vectors enough of their own.
int64_t DiagonalScan::countStepChannels() {
  constexpr int64_t kChannels = 16, kBytes = 1024;
  int64_t states = 1;
  for (unsigned dim : state)
    states *= getConstantIntValue(loopSizes[dim]).value_or(0);
  Type element = op.getStateElementType();
  bool fits = llvm::isPowerOf2_64(states) && states <= kChannels &&
              getConstantIntValue(loopSizes[time]) == 1;
  if (isa<ComplexType>(element) || !fits || parallel.empty())
    return 1;
  return std::min(kChannels, kBytes * 8 / (states * getElementWidth(element)));
}

ScanTile::Values DiagonalTile::advance(OpBuilder &b, ValueRange prefix,
                                       const Step &step) {
  askAhead(b, step);
  SmallVector<Labelled> ins = readElement(b, step);
  Labelled outs = overTile(prefix);
  if (isOneStep()) {
    // The state before is an argument's, where no other can be written.
    ins.push_back(outs);
    for (Value &part : outs.parts)
      part = tensor::EmptyOp::create(b, loc, tile.keptSizes(), real);
  }
  return buildOver(b, loc, tile.kept, ins, outs,
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num a = decode(num, transition, args);
                     Num u = decodeDrive(num, args);
                     return toParts(num.mulAdd(a, toNum(args), u),
                                    complexState);
                   });
}

ScanTile::Values DiagonalTile::neutral(OpBuilder &b) {
  Values summary = makeParts(b, 1.0, complexTransition);
  llvm::append_range(summary, makeParts(b, 0.0, complexState));
  return summary;
}

ScanTile::Values DiagonalTile::extend(OpBuilder &b, ValueRange summary,
                                      const Step &step) {
  return buildOver(
      b, loc, tile.kept, readElement(b, step), overTile(summary),
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num a = decode(num, transition, args);
        Num u = decodeDrive(num, args);
        Num product = toNum(args.take_front(1 + complexTransition));
        Num state = toNum(args.drop_front(1 + complexTransition));
        auto next = toParts(num.mul(a, product), complexTransition);
        llvm::append_range(next,
                           toParts(num.mulAdd(a, state, u), complexState));
        return next;
      });
}

ScanTile::Values DiagonalTile::resume(OpBuilder &b, ValueRange summary) {
  ValueRange product = summary.take_front(1 + complexTransition);
  ValueRange state = summary.drop_front(1 + complexTransition);
  if (!init)
    return Values(state);
  SmallVector<Labelled> ins = {overTile(product)};
  llvm::append_range(ins, read(b, {&init}, Step()));
  return buildOver(b, loc, tile.kept, ins, overTile(state),
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num a = toNum(args.take_front(product.size()));
                     args = args.drop_front(product.size());
                     Num x = decode(num, init, args);
                     return toParts(num.mulAdd(a, x, toNum(args)),
                                    complexState);
                   });
}

SmallVector<Value> DiagonalScan::combine(OpBuilder &b, ArrayRef<AffineMap> maps,
                                         ValueRange left, ValueRange right) {
  bool complexTransition = hasComplexElements(op.getTransition());
  bool complexState = isa<ComplexType>(op.getStateElementType());
  Type real = getRealType(op.getStateElementType());
  SmallVector<unsigned> dims = dimsOf(maps[0]);
  return buildOver(
      b, loc, dims, Labelled{SmallVector<Value>(left), dims},
      Labelled{SmallVector<Value>(right), dims},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        unsigned split = 1 + complexTransition;
        ValueRange i = args.take_front(left.size());
        ValueRange j = args.drop_front(left.size());
        Num ai = toNum(i.take_front(split)), xi = toNum(i.drop_front(split));
        Num aj = toNum(j.take_front(split)), xj = toNum(j.drop_front(split));
        auto combined = toParts(num.mul(aj, ai), complexTransition);
        llvm::append_range(combined,
                           toParts(num.mulAdd(aj, xi, xj), complexState));
        return combined;
      });
}

std::unique_ptr<ScanProblem> ssm::makeDiagonalScan(OpBuilder &b,
                                                   LinearRecurrenceOp op,
                                                   Elementwise consumer) {
  return std::make_unique<DiagonalScan>(b, op, consumer);
}
