//===- NormalPowers.cpp - Steps whose transitions are normal numbers ------===//
//
//   a_t[n] = 2^(d_t A[n])
//
// A power of two that may be infinite, subnormal or zero takes more than one
// that is a normal number: its exponent is limited at both ends, and it is two
// factors. That is a third of what a state of a selective scan takes at a step
// where no instruction does it. No exponent is beyond the largest that a lane
// has of all its states, so one comparison for all of them tells:
//
//   if |d_t| max_n |A[n]| < 125 for all lanes and the steps taken together:
//     for each state n: ... of powers that are marked as normal numbers
//   else:
//     for each state n: ...
//
// Magnitudes are compared as integers, which their bits are as well, in the
// same order, with NaN above infinity: that takes one instruction, and lanes
// may be compared in any order.
//
//===----------------------------------------------------------------------===//

#include "DiagonalTile.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/NormalPowers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace ssm;

/// The bits of a number without its sign.
static Value magnitude(OpBuilder &b, Location loc, Value x) {
  return arith::BitcastOp::create(b, loc, b.getI32Type(),
                                  math::AbsFOp::create(b, loc, x));
}

static Value largest(OpBuilder &b, Location loc, Value x, Value y) {
  return arith::MaxUIOp::create(b, loc, x, y);
}

static Value makeZeros(OpBuilder &b, Location loc,
                       ArrayRef<OpFoldResult> sizes) {
  Value empty = tensor::EmptyOp::create(b, loc, sizes, b.getI32Type());
  Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  return linalg::FillOp::create(b, loc, zero, empty).getResult(0);
}

/// The number of the input that the scalar is, in the body of its op.
static std::optional<unsigned> findInput(Value scalar, linalg::GenericOp op) {
  auto argument = dyn_cast<BlockArgument>(scalar);
  if (!argument || argument.getOwner() != op.getBlock() ||
      argument.getArgNumber() >= op.getNumDpsInputs())
    return std::nullopt;
  return argument.getArgNumber();
}

std::optional<DiagonalTile::Exponent> DiagonalTile::findExponent() {
  linalg::GenericOp producer = transition.producer;
  if (!producer || transition.isShared || !real.isF32())
    return std::nullopt;
  auto power = producer.getBlock()
                   ->getTerminator()
                   ->getOperand(0)
                   .getDefiningOp<math::Exp2Op>();
  if (!power || power.getType() != real)
    return std::nullopt;
  auto product = power.getOperand().getDefiningOp<arith::MulFOp>();
  if (!product)
    return std::nullopt;
  std::optional<unsigned> step = findInput(product.getLhs(), producer),
                          rate = findInput(product.getRhs(), producer);
  if (!step || !rate)
    return std::nullopt;
  if (!transition.inputs[*step].varies)
    std::swap(step, rate);
  const TileOperand &varying = transition.inputs[*step];
  if (!varying.varies || uses(varying.map, tile.kept.front()) ||
      transition.inputs[*rate].varies)
    return std::nullopt;
  return Exponent{*step, *rate};
}

void DiagonalTile::findReach(OpBuilder &b) {
  if (countStepsTogether() == 0)
    return;
  std::optional<Exponent> exponent = findExponent();
  if (!exponent)
    return;
  stepFactor = exponent->step;
  reach = transition.inputs[exponent->rate];
  Labelled rates = reach.fixed;
  llvm::erase(reach.fixed.dims, tile.kept.front());
  Value none = makeZeros(b, loc, sizesOf(reach.fixed.dims));
  reach.fixed.parts =
      buildOver(b, loc, rates.dims, rates, Labelled{{none}, reach.fixed.dims},
                [](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                  Value rate = magnitude(nested, bodyLoc, args[0]);
                  return Values{largest(nested, bodyLoc, rate, args[1])};
                });
}

Value DiagonalTile::arePowersNormal(OpBuilder &b,
                                    ArrayRef<DiagonalTile> tiles) {
  if (!reach)
    return Value();
  SmallVector<Labelled> ins = {reach.fixed};
  for (const DiagonalTile &step : tiles) {
    const TileOperand &factor = step.transition.inputs[stepFactor];
    if (factor.varies)
      return Value();
    ins.push_back(factor.fixed);
  }
  Values most = buildOver(
      b, loc, ArrayRef(tile.kept).drop_front(), ins,
      Labelled{{makeZeros(b, loc, {})}, {}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        auto asNumber = [&](Value bits) {
          return arith::BitcastOp::create(nested, bodyLoc, real, bits);
        };
        Value factor = magnitude(nested, bodyLoc, args[1]);
        for (Value other : args.drop_front(2).drop_back())
          factor = largest(nested, bodyLoc, factor,
                           magnitude(nested, bodyLoc, other));
        Value exponent = arith::MulFOp::create(
            nested, bodyLoc, asNumber(args[0]), asNumber(factor));
        return Values{largest(nested, bodyLoc,
                              magnitude(nested, bodyLoc, exponent),
                              args.back())};
      });
  Value exponent = tensor::ExtractOp::create(b, loc, most[0], ValueRange());
  Value bound = arith::ConstantOp::create(
      b, loc, b.getI32IntegerAttr(llvm::bit_cast<int32_t>(kNormalPower)));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, exponent,
                               bound);
}
