//===- FuseElementwise.cpp - Fuse elementwise operations ------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// Whether the producer reads what it overwrites and would do so more than
/// once: the fused op of MLIR 22 updates the producer's output at each point of
/// the consumer, not once.
static bool repeatsUpdate(linalg::LinalgOp producer, OpOperand *operand) {
  auto consumer = cast<linalg::LinalgOp>(operand->getOwner());
  if (consumer.getMatchingIndexingMap(operand).isPermutation())
    return false;
  return llvm::any_of(producer.getDpsInitsMutable(), [&](OpOperand &init) {
    return producer.payloadUsesValueFromOperand(&init);
  });
}

/// Whether the consumer would compute each element of the producer more than
/// once, and that takes more than a few additions and products.
static bool repeatsWork(linalg::LinalgOp producer, OpOperand *operand) {
  auto consumer = cast<linalg::LinalgOp>(operand->getOwner());
  if (consumer.getMatchingIndexingMap(operand).getNumResults() ==
      consumer.getNumLoops())
    return false;
  return llvm::any_of(producer.getBlock()->without_terminator(),
                      [](Operation &nested) {
                        return isa<arith::DivFOp, complex::DivOp>(nested) ||
                               isa<math::MathDialect>(nested.getDialect()) ||
                               isa<complex::ExpOp, complex::Expm1Op>(nested);
                      });
}

/// One use, in the same block.
static bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  return producer && producer->hasOneUse() &&
         producer->getBlock() == operand->getOwner()->getBlock() &&
         !repeatsUpdate(producer, operand) && !repeatsWork(producer, operand);
}

/// Whether no two iterations of the loop take the same part.
static bool differs(tensor::ExtractSliceOp slice, scf::ForallOp loop) {
  SetVector<Operation *> arithmetic;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.filter = [&](Operation *op) { return loop->isProperAncestor(op); };
  llvm::SmallPtrSet<Value, 4> used(slice.getOffsets().begin(),
                                   slice.getOffsets().end());
  for (Value offset : slice.getOffsets())
    (void)getBackwardSlice(offset, &arithmetic, options);
  for (Operation *op : arithmetic)
    used.insert(op->operand_begin(), op->operand_end());
  return llvm::all_of(
      llvm::zip_equal(loop.getInductionVars(), loop.getMixedUpperBound()),
      [&](auto dim) {
        return used.contains(std::get<0>(dim)) ||
               isConstantIntValue(std::get<1>(dim), 1);
      });
}

/// The elementwise op that the slice takes a part of, if nothing else reads it
/// and its inputs have a part for each part of it.
static linalg::GenericOp findProducer(tensor::ExtractSliceOp slice) {
  auto producer = slice.getSource().getDefiningOp<linalg::GenericOp>();
  if (!producer || !producer->hasOneUse() || !linalg::isElementwise(producer) ||
      producer->getNumResults() != 1 || !slice.hasUnitStride() ||
      slice.getType().getRank() != slice.getSourceType().getRank() ||
      !producer.getIndexingMapMatchingResult(producer->getResult(0))
           .isIdentity() ||
      producer.payloadUsesValueFromOperand(producer.getDpsInitOperand(0)))
    return {};
  bool areParts = llvm::all_of(producer.getDpsInputOperands(), [&](auto *in) {
    return isa<RankedTensorType>(in->get().getType()) &&
           producer.getMatchingIndexingMap(in).isProjectedPermutation();
  });
  return areParts && !producer.hasIndexSemantics() ? producer
                                                   : linalg::GenericOp();
}

/// A thread computes the part of an elementwise op that it reads: what another
/// thread has computed is fetched from that one's cache, line by line.
static void computeInThread(tensor::ExtractSliceOp slice,
                            linalg::GenericOp producer) {
  OpBuilder b(slice);
  Location loc = producer.getLoc();
  SmallVector<Value> inputs;
  for (OpOperand *input : producer.getDpsInputOperands()) {
    SmallVector<OpFoldResult> offsets, sizes;
    for (AffineExpr dim : producer.getMatchingIndexingMap(input).getResults()) {
      unsigned position = cast<AffineDimExpr>(dim).getPosition();
      offsets.push_back(slice.getMixedOffsets()[position]);
      sizes.push_back(slice.getMixedSizes()[position]);
    }
    SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
    inputs.push_back(tensor::ExtractSliceOp::create(b, loc, input->get(),
                                                    offsets, sizes, strides));
  }
  Value out = tensor::EmptyOp::create(b, loc, slice.getMixedSizes(),
                                      slice.getType().getElementType());
  inputs.push_back(out);
  Operation *part = clone(b, producer, slice.getType(), inputs);
  slice.replaceAllUsesWith(part->getResult(0));
  slice.erase();
  producer.erase();
}

namespace {
struct FuseElementwise : ::ssm::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    SmallVector<tensor::ExtractSliceOp> slices;
    getOperation().walk([&](tensor::ExtractSliceOp slice) {
      auto loop = dyn_cast<scf::ForallOp>(slice->getParentOp());
      linalg::GenericOp producer = findProducer(slice);
      if (loop && producer && loop->getBlock() == producer->getBlock() &&
          differs(slice, loop))
        slices.push_back(slice);
    });
    for (tensor::ExtractSliceOp slice : slices)
      computeInThread(slice, findProducer(slice));
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
