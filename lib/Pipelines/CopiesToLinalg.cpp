//===- CopiesToLinalg.cpp - memref.copy as linalg ops ---------------------===//
#include "ssm/Pipelines/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace ssm {
#define GEN_PASS_DEF_COPIESTOLINALG
#include "ssm/Pipelines/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
struct CopiesToLinalg : ::ssm::impl::CopiesToLinalgBase<CopiesToLinalg> {
  void runOnOperation() override {
    getOperation()->walk([](memref::CopyOp copy) {
      if (copy.getSource() != copy.getTarget()) {
        OpBuilder b(copy);
        linalg::makeMemRefCopyOp(b, copy.getLoc(), copy.getSource(),
                                 copy.getTarget());
      }
      copy->erase();
    });
  }
};
} // namespace
