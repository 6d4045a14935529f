//===- AnnotateLoops.cpp - What LLVM is told of a kernel's loops ----------===//
//
// A loop of scf has an annotation as a discardable attribute, which conversions
// hand on to the branch back; LLVM's translation reads the branch's own one.
//
//===----------------------------------------------------------------------===//
#include "ssm/GPU/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace ssm {
#define GEN_PASS_DEF_ANNOTATELOOPS
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;

namespace {
struct AnnotateLoops : ssm::impl::AnnotateLoopsBase<AnnotateLoops> {
  void runOnOperation() override {
    getOperation()->walk([](LLVM::BrOp branch) {
      Attribute attr = branch->removeDiscardableAttr("llvm.loop_annotation");
      if (auto annotation = dyn_cast_or_null<LLVM::LoopAnnotationAttr>(attr))
        branch.setLoopAnnotationAttr(annotation);
    });
  }
};
} // namespace
