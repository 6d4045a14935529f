//===- RecordStrategies.cpp - The choice, for the signature ---------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"
#include "ssm/IR/SSMAttributes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ssm {
#define GEN_PASS_DEF_RECORDSTRATEGIES
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

namespace {
struct RecordStrategies : ::ssm::impl::RecordStrategiesBase<RecordStrategies> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    std::optional<Signature> signature = Signature::get(func);
    if (!signature)
      return;
    signature->strategies.clear();
    func.walk([&](Operation *op) {
      if (auto chosen = op->getAttrOfType<StrategyAttr>("strategy"))
        signature->strategies.push_back(
            {op->getName().stripDialect().str(),
             stringifyStrategyKind(chosen.getKind()).str()});
    });
    func->setAttr(kABIAttrName, signature->toAttr(&getContext()));
  }
};
} // namespace
