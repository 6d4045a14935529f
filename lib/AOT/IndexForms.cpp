//===- IndexForms.cpp - What divides an index, and how it moves -----------===//
#include "IndexForms.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include <numeric>

using namespace mlir;
using namespace ssm;

//===----------------------------------------------------------------------===//
// What divides an index
//===----------------------------------------------------------------------===//

static int64_t divisorOf(Value value);

static int64_t divisorOf(AffineExpr expr, ValueRange dims, ValueRange symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::abs(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return divisorOf(dims[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return divisorOf(symbols[symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t left = divisorOf(binary.getLHS(), dims, symbols),
          right = divisorOf(binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return std::gcd(left, right);
  case AffineExprKind::Mul:
    return left * right;
  default:
    return 1;
  }
}

/// A number that divides `value`; 0 divides only 0.
static int64_t divisorOf(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return std::abs(*constant);
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop =
        dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp());
    if (!loop)
      return 1;
    std::optional<SmallVector<Value>> variables = loop.getLoopInductionVars();
    std::optional<SmallVector<OpFoldResult>> lower = loop.getLoopLowerBounds(),
                                             step = loop.getLoopSteps();
    if (!variables || !lower || !step)
      return 1;
    for (auto [variable, begin, by] :
         llvm::zip_equal(*variables, *lower, *step))
      if (variable == value) {
        auto known = [](OpFoldResult bound) {
          std::optional<int64_t> constant = getConstantIntValue(bound);
          return constant ? std::abs(*constant) : divisorOf(cast<Value>(bound));
        };
        return std::gcd(known(begin), known(by));
      }
    return 1;
  }
  Operation *op = value.getDefiningOp();
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    AffineMap map = apply.getAffineMap();
    return divisorOf(map.getResult(0), apply.getDimOperands(),
                     apply.getSymbolOperands());
  }
  if (isa<arith::MulIOp>(op))
    return divisorOf(op->getOperand(0)) * divisorOf(op->getOperand(1));
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return std::gcd(divisorOf(op->getOperand(0)), divisorOf(op->getOperand(1)));
  return 1;
}

int64_t ssm::divisorOf(ArrayRef<OpFoldResult> indices, MemRefType type) {
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t divisor = 0;
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    std::optional<int64_t> constant = getConstantIntValue(index);
    int64_t of =
        constant ? std::abs(*constant) : ::divisorOf(cast<Value>(index));
    int64_t by = ShapedType::isDynamic(stride) ? 1 : std::abs(stride);
    divisor = std::gcd(divisor, of * by);
  }
  return divisor;
}

//===----------------------------------------------------------------------===//
// How an index moves
//===----------------------------------------------------------------------===//

Slope ssm::sum(Slope x, Slope y) {
  return x && y ? Slope(*x + *y) : std::nullopt;
}
static Slope product(Slope x, Value by) {
  std::optional<int64_t> factor = getConstantIntValue(by);
  return x == 0 ? x : x && factor ? Slope(*x * *factor) : std::nullopt;
}

/// How much `value` grows with `variable`, if that is a constant.
static Slope slopeOf(Value value, Value variable) {
  if (value == variable)
    return 1;
  Operation *op = value.getDefiningOp();
  if (!op)
    return 0;
  SmallVector<Slope> slopes = llvm::map_to_vector(
      op->getOperands(), [&](Value x) { return slopeOf(x, variable); });
  if (llvm::all_of(slopes, [](Slope slope) { return slope == 0; }))
    return 0;
  if (isa<arith::AddIOp>(op))
    return sum(slopes[0], slopes[1]);
  if (isa<arith::MulIOp>(op))
    return slopes[1] == 0 ? product(slopes[0], op->getOperand(1))
                          : product(slopes[1], op->getOperand(0));
  auto apply = dyn_cast<affine::AffineApplyOp>(op);
  if (!apply)
    return std::nullopt;
  AffineMap map = apply.getAffineMap();
  SmallVector<int64_t> factors;
  if (failed(getFlattenedAffineExpr(map.getResult(0), map.getNumDims(),
                                    map.getNumSymbols(), &factors)) ||
      factors.size() != slopes.size() + 1)
    return std::nullopt;
  Slope total = 0;
  for (auto [slope, factor] : llvm::zip(slopes, factors))
    total = slope ? sum(total, *slope * factor) : slope;
  return total;
}

Slope ssm::slopeOf(ArrayRef<OpFoldResult> indices, MemRefType type,
                   Value variable) {
  auto [strides, offset] = type.getStridesAndOffset();
  Slope total = 0;
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    auto value = dyn_cast<Value>(index);
    Slope slope = value ? ::slopeOf(value, variable) : 0;
    if (slope == 0)
      continue;
    if (!slope || ShapedType::isDynamic(stride))
      return std::nullopt;
    total = sum(total, *slope * stride);
  }
  return total;
}
