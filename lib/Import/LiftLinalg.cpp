//===- LiftLinalg.cpp - A linalg op for all of time -----------------------===//
//
//   y = matvec(C, x_t)  at each t      ->      Y[t, i] = sum_j C[i, j] X[t, j]
//
//===----------------------------------------------------------------------===//
#include "LiftLinalg.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace ssm;

bool ssm::canLift(linalg::LinalgOp op, Operation *loop) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  // Sizes are asked for before the loop.
  bool sizesAreKnown = llvm::all_of(op->getOperands(), [&](Value operand) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    return !type || type.hasStaticShape();
  });
  return sizesAreKnown && op->getNumResults() == 1 &&
         op.hasPureTensorSemantics() &&
         op.getBlock()->getNumArguments() == op->getNumOperands() &&
         llvm::none_of(captured, [&](Value value) {
           return loop->isAncestor(value.getParentRegion()->getParentOp());
         });
}

bool ssm::addsToInit(linalg::LinalgOp op) {
  Value before = op.getBlock()->getArguments().back();
  Operation *last =
      op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  return isa_and_present<arith::AddFOp, complex::AddOp>(last) &&
         before.hasOneUse() && *before.user_begin() == last;
}

Value ssm::buildLifted(OpBuilder &b, linalg::LinalgOp op,
                       ArrayRef<Indexed> operands) {
  // Time is the outermost loop, as it is in memory.
  unsigned numLoops = op.getNumLoops() + 1;
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (auto [operand, sequence] : llvm::zip(op->getOpOperands(), operands)) {
    SmallVector<AffineExpr> places(
        op.getMatchingIndexingMap(&operand).shiftDims(1).getResults());
    places.push_back(b.getAffineDimExpr(0));
    inputs.push_back(sequence.value);
    maps.push_back(sequence.map.replaceDimsAndSymbols(places, {}, numLoops, 0));
  }
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.insert(iterators.begin(), utils::IteratorType::parallel);
  Value init = inputs.pop_back_val();
  auto generic = linalg::GenericOp::create(
      b, op.getLoc(), init.getType(), inputs, init, maps, iterators,
      [&](OpBuilder &nested, Location, ValueRange args) {
        IRMapping mapping;
        mapping.map(op.getBlock()->getArguments(), args);
        for (Operation &inner : *op.getBlock()) {
          Operation *copy = nested.clone(inner, mapping);
          if (auto index = dyn_cast<linalg::IndexOp>(copy))
            index.setDim(index.getDim() + 1);
        }
      });
  return generic.getResult(0);
}
