//===- LineScanPowers.cpp - A line's transition that is constant ----------===//
//
// A product of n transitions is off by the roundings of n - 1 multiplications.
// Those of transitions that differ come out in part against each other, from
// block to block; a power is the same in every block, and so is its error. So
// powers are formed in twice the precision, once a line, and rounded once. The
// loop over blocks is left with the signal's part of the maps.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "ssm/Utils/Wide.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ssm;

/// Powers cost as much as they save in this many blocks, in which the error
/// hardly grows.
static constexpr int64_t kFewBlocks = 8;

/// x y, without the work for imaginary parts that x and y lack.
static Wide multiply(WideBuilder &wide, Wide x, Wide y) {
  if (x.im.high)
    return wide.mul(x, y);
  return {wide.mul(x.re, y.re), WideReal()};
}

Wide LineScanEmitter::loadTransition(const Tile &tile) {
  Value element =
      extractTile(b, loc, op.getTransition(), op.getTransitionMap(), tile);
  Num a = num.load(
      tensor::ExtractOp::create(b, loc, element, ValueRange{}).getResult());
  Wide wide = WideBuilder(b, loc, real).fromNum(a);
  if (!a.isComplex())
    wide.im = WideReal();
  return wide;
}

Value LineScanEmitter::roundPower(Value power) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
  };
  double smallest =
      APFloat::getSmallestNormalized(cast<FloatType>(real).getFloatSemantics())
          .convertToDouble();
  Value vanishes = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                                         math::AbsFOp::create(b, loc, power),
                                         constant(smallest));
  power = arith::SelectOp::create(b, loc, vanishes, constant(0), power);
  return real.isF64()
             ? power
             : arith::TruncFOp::create(b, loc, real, power).getResult();
}

void LineScanEmitter::findPowers(const Tile &tile) {
  std::optional<int64_t> length =
      getConstantIntValue(problem->loopSizes[problem->time]);
  if (uses(op.getTransitionMap(), problem->time) ||
      (length && *length < kFewBlocks * blockSteps))
    return;
  WideBuilder wide(b, loc, real);
  auto spread = [&](Wide power) {
    return Num{broadcast(roundPower(power.re.high)),
               power.im.high ? broadcast(roundPower(power.im.high)) : Value()};
  };
  powers.emplace();
  Wide a = loadTransition(tile), power = a;
  for (int64_t i = 0; i < kSide; ++i) {
    if (i > 0)
      power = multiply(wide, power, a);
    powers->steps[i] = spread(power);
  }
  for (unsigned round = 0; round < rounds; ++round) {
    powers->rounds[round] = spread(power);
    power = multiply(wide, power, power);
  }
  powers->block = spread(power);
  powers->first = powers->rounds.front();
  for (unsigned round = 0; round < rounds; ++round)
    powers->first =
        num.mul(powers->first, fromBefore(constant(1, complexTransition),
                                          powers->first, int64_t(1) << round));
}

Value LineScanEmitter::powerOfTransition(const Tile &tile, int64_t exponent) {
  WideBuilder wide(b, loc, real);
  Wide power = loadTransition(tile);
  for (int64_t n = 1; n < exponent; n *= 2)
    power = multiply(wide, power, power);
  double largest =
      APFloat::getLargest(cast<FloatType>(real).getFloatSemantics())
          .convertToDouble();
  Value bound = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(largest));
  return roundPower(
      arith::MinNumFOp::create(b, loc, power.re.high, bound).getResult());
}
