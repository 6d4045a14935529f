//===- AllowContract.cpp - Allow FMAs -------------------------------------===//
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace ssm {
#define GEN_PASS_DEF_ALLOWCONTRACT
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
struct AllowContract : ::ssm::impl::AllowContractBase<AllowContract> {
  void runOnOperation() override {
    getOperation()->walk([](arith::ArithFastMathInterface op) {
      // With the flag a conversion would not have to round.
      if (isa<arith::ExtFOp, arith::TruncFOp>(op))
        return;
      auto flags = op.getFastMathFlagsAttr()
                       ? op.getFastMathFlagsAttr().getValue()
                       : arith::FastMathFlags::none;
      op->setAttr(op.getFastMathAttrName(),
                  arith::FastMathFlagsAttr::get(
                      op.getContext(), flags | arith::FastMathFlags::contract));
    });
  }
};
} // namespace
