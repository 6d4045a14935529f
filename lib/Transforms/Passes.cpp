//===- Passes.cpp - Pass shells of the rewrites ---------------------------===//
#include "ssm/Transforms/Passes.h"
#include "ssm/Transforms/Patterns.h"

#include "ssm/IR/SSMDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace ssm {
#define GEN_PASS_DEF_ABSORBCONTRACTIONS
#define GEN_PASS_DEF_HOISTCONTRACTIONS
#define GEN_PASS_DEF_RECURRENCETOCONV
#define GEN_PASS_DEF_RECURRENCETOSCAN
#define GEN_PASS_DEF_SCALEEXPONENTS
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

namespace {
/// A pass that applies patterns greedily.
template <typename Base>
struct GreedyPass : Base {
  using Base::Base;

  virtual void populate(RewritePatternSet &set) = 0;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populate(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    if (failed(applyPatternsGreedily(this->getOperation(), patterns)))
      this->signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};

struct AbsorbContractions
    : ssm::impl::AbsorbContractionsBase<AbsorbContractions> {
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet after(context), before(context);
    ssm::populateAbsorbOutputsPatterns(after);
    ssm::populateAbsorbInputsPatterns(before);
    outputs = std::move(after);
    inputs = std::move(before);
    return success();
  }

  void runOnOperation() override {
    for (const FrozenRewritePatternSet &patterns : {outputs, inputs})
      if (failed(applyPatternsGreedily(getOperation(), patterns)))
        return signalPassFailure();
  }

  FrozenRewritePatternSet outputs, inputs;
};

struct HoistContractions
    : GreedyPass<ssm::impl::HoistContractionsBase<HoistContractions>> {
  void populate(RewritePatternSet &set) override {
    ssm::populateHoistContractionsPatterns(set);
  }
};

struct RecurrenceToConv
    : GreedyPass<ssm::impl::RecurrenceToConvBase<RecurrenceToConv>> {
  using GreedyPass::GreedyPass;
  void populate(RewritePatternSet &set) override {
    ssm::populateRecurrenceToConvPatterns(set, onlyChosen);
  }
};

struct RecurrenceToScan
    : GreedyPass<ssm::impl::RecurrenceToScanBase<RecurrenceToScan>> {
  void populate(RewritePatternSet &set) override {
    ssm::populateHoistContractionsPatterns(set);
    ssm::populateRecurrenceToScanPatterns(set);
  }
};

struct ScaleExponents
    : GreedyPass<ssm::impl::ScaleExponentsBase<ScaleExponents>> {
  void populate(RewritePatternSet &set) override {
    ssm::populateScaleExponentsPatterns(set);
  }
};
} // namespace
