//===- ReturnStatus.cpp - Assertions to a status that is returned ---------===//
#include "ssm/AOT/Passes.h"

#include "ssm-c/Runtime.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace ssm {
#define GEN_PASS_DEF_RETURNSTATUS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

static void returnStatus(OpBuilder &b, Location loc, ssm_status status) {
  Value value = arith::ConstantIntOp::create(b, loc, status, 32);
  func::ReturnOp::create(b, loc, value);
}

namespace {
struct ReturnStatus : ::ssm::impl::ReturnStatusBase<ReturnStatus> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    SmallVector<cf::AssertOp> assertions;
    SmallVector<func::ReturnOp> returns;
    func.walk([&](Operation *op) {
      if (auto assertion = dyn_cast<cf::AssertOp>(op))
        assertions.push_back(assertion);
      else if (auto end = dyn_cast<func::ReturnOp>(op))
        returns.push_back(end);
    });
    if (assertions.empty())
      return;
    if (func.getNumResults()) {
      func.emitError("a function with assertions must have no results, but it "
                     "has ")
          << func.getNumResults() << "; run ssm-destination-passing and "
          << "one-shot-bufferize before";
      return signalPassFailure();
    }
    OpBuilder b(&getContext());
    func.setFunctionType(
        b.getFunctionType(func.getArgumentTypes(), b.getI32Type()));
    for (func::ReturnOp end : returns) {
      b.setInsertionPoint(end);
      returnStatus(b, end.getLoc(), SSM_OK);
      end.erase();
    }
    Block *failed = b.createBlock(&func.getBody(), func.getBody().end());
    returnStatus(b, func.getLoc(), SSM_ERROR_ASSERTION);
    for (cf::AssertOp assertion : assertions) {
      Block *rest = assertion->getBlock()->splitBlock(assertion);
      b.setInsertionPointToEnd(rest->getPrevNode());
      cf::CondBranchOp::create(b, assertion.getLoc(), assertion.getArg(), rest,
                               failed);
      assertion.erase();
    }
  }
};
} // namespace
