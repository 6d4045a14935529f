//===- FuseProducts.cpp - Products of several sums to FMAs ----------------===//
//
// Before: %p = arith.mulf %a, %b          After: %s = math.fma %a, %b, %x
//         %s = arith.addf %x, %p                 %n = arith.negf %a
//         %d = arith.subf %x, %p                 %d = math.fma %n, %b, %x
//
// LLVM contracts a product into the sum that is its only use. One that a
// butterfly adds and subtracts stays an instruction of its own there, though an
// FMA for each sum takes one less; the negation is part of an x86 instruction.
//
// Precondition: all uses are sums, and all ops may be contracted. A sum whose
// other side is a product with no other use is left to LLVM, and the product
// with it: nothing would be gained.
//
//===----------------------------------------------------------------------===//
#include "Target.h"
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

namespace ssm {
#define GEN_PASS_DEF_FUSEPRODUCTS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

static bool mayContract(Operation *op) {
  auto flags = cast<arith::ArithFastMathInterface>(op).getFastMathFlagsAttr();
  return flags && arith::bitEnumContainsAny(flags.getValue(),
                                            arith::FastMathFlags::contract);
}

/// A product that LLVM contracts into its only use.
static bool isContractedProduct(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  return product && product->hasOneUse() && mayContract(product);
}

/// Whether `user` is a sum of `product` and something else to add it to.
static bool takesProduct(Operation *user, Value product) {
  if (!isa<arith::AddFOp, arith::SubFOp>(user) || !mayContract(user))
    return false;
  Value x = user->getOperand(0), y = user->getOperand(1);
  return x != y && !isContractedProduct(x == product ? y : x);
}

static void fuse(IRRewriter &rewriter, Operation *sum, arith::MulFOp product) {
  rewriter.setInsertionPoint(sum);
  Location loc = sum->getLoc();
  Value a = product.getLhs();
  bool isFirst = sum->getOperand(0) == product.getResult();
  Value other = sum->getOperand(isFirst ? 1 : 0);
  if (isa<arith::SubFOp>(sum)) {
    Value &negative = isFirst ? other : a;
    negative = arith::NegFOp::create(rewriter, loc, negative);
  }
  rewriter.replaceOpWithNewOp<math::FmaOp>(sum, a, product.getRhs(), other);
}

namespace {
struct FuseProducts : ::ssm::impl::FuseProductsBase<FuseProducts> {
  using FuseProductsBase::FuseProductsBase;

  void runOnOperation() override {
    if (!::ssm::hasFusedMultiplyAdd(target))
      return;
    SmallVector<arith::MulFOp> products;
    getOperation()->walk([&](arith::MulFOp op) {
      Type element = getElementTypeOrSelf(op.getType());
      if ((element.isF32() || element.isF64()) && mayContract(op))
        products.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (arith::MulFOp product : products) {
      SmallVector<Operation *> sums(product->getUsers());
      if (sums.size() < 2 || !llvm::all_of(sums, [&](Operation *user) {
            return takesProduct(user, product);
          }))
        continue;
      for (Operation *sum : sums)
        fuse(rewriter, sum, product);
      rewriter.eraseOp(product);
    }
  }
};
} // namespace
