//===- LowerToLinalg.cpp - The portable stop ------------------------------===//
#include "ssm/IR/SSMDialect.h"
#include "ssm/Lowering/Passes.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Transforms/Patterns.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_LOWERTOLINALG
#include "ssm/Lowering/Passes.h.inc"
} // namespace ssm

namespace {
struct LowerToLinalg : ssm::impl::LowerToLinalgBase<LowerToLinalg> {
  using LowerToLinalgBase::LowerToLinalgBase;
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet lowerings(context);
    ssm::populateEmptyResultPatterns(lowerings);
    ssm::populateHoistContractionsPatterns(lowerings);
    ssm::populateRecurrenceToConvPatterns(lowerings);
    ssm::populateRecurrenceLowering(
        lowerings, {cores, vectors, sharedRowsAhead, cached, normalPowers});
    ssm::populateTimeContiguousLowering(lowerings);
    ssm::populateTimeContiguousScanLowering(lowerings);
    if (vectors)
      ssm::populateLineScanLowering(
          lowerings, {cores, lineLanes, ahead, complexAhead, cachedAhead,
                      partlyCachedAhead, lastCache, cached});
    ssm::populateAssociativeScanLowering(lowerings, cores);
    ssm::populateMaterializeKernelLowering(lowerings);
    ssm::populateDirectConvLowering(lowerings);
    ssm::populateFFTConvLowering(lowerings, cores, /*looksAhead=*/vectors,
                                 whole);
    if (vectors)
      ssm::populateFFTConvTurnedLowering(lowerings);
    ssm::populateSplitComplexConvLowering(lowerings);
    ssm::populateFFTLowering(lowerings);
    ssm::populateNonlinearRecurrenceLowering(lowerings);
    ssm::populateWholeSlicePatterns(lowerings);
    patterns = std::move(lowerings);

    RewritePatternSet discretizations(context);
    ssm::populateDiscretizeLowering(discretizations);
    ssm::populateBilinearSolveLowering(discretizations);
    discretizationPatterns = std::move(discretizations);

    RewritePatternSet affineLowerings(context);
    populateAffineToStdConversionPatterns(affineLowerings);
    affinePatterns = std::move(affineLowerings);
    return success();
  }

  void runOnOperation() override {
    Operation *root = getOperation();
    // First: a recurrence computes elementwise operands in its tiles.
    if (failed(applyPatternsGreedily(root, discretizationPatterns)) ||
        failed(applyPatternsGreedily(root, patterns)))
      return signalPassFailure();
    WalkResult left = root->walk([](Operation *op) {
      if (!isa_and_nonnull<ssm::SSMDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("was not lowered: its strategy does not apply to it; "
                      "--ssm-select-strategy says which do");
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      return signalPassFailure();

    ConversionTarget target(getContext());
    target.addIllegalDialect<affine::AffineDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(root, target, affinePatterns)))
      signalPassFailure();
  }

  FrozenRewritePatternSet discretizationPatterns, patterns, affinePatterns;
};
} // namespace
