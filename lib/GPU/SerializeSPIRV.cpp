//===- SerializeSPIRV.cpp - Kernels as SPIR-V modules ---------------------===//
//
// By LLVM's backend for OpenCL kernels, whose pointers are what our kernels
// have. Upstream's serialisation goes to the same backend for Intel's chips
// only, and sets subgroups of 16.
//
//===----------------------------------------------------------------------===//
#include "ssm/GPU/Passes.h"
#include "ssm/Utils/Targets.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"

namespace ssm {
#define GEN_PASS_DEF_SERIALIZESPIRV
#include "ssm/GPU/Passes.h.inc"
} // namespace ssm

using namespace mlir;

static std::unique_ptr<llvm::TargetMachine> makeTargetMachine() {
  ssm::registerTargets();
  llvm::Triple triple("spirv64-unknown-unknown");
  std::string problem;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, /*CPU=*/"", /*Features=*/"", {}, std::nullopt, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// The module in binary form; an error is reported.
static std::optional<SmallString<0>> serialize(gpu::GPUModuleOp kernels,
                                               llvm::TargetMachine &machine) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(kernels, context, "kernels");
  if (!module)
    return std::nullopt;
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  auto optimize =
      makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, &machine);
  if (llvm::Error error = optimize(module.get())) {
    kernels.emitError("LLVM cannot optimise the kernels: ")
        << llvm::toString(std::move(error));
    return std::nullopt;
  }
  SmallString<0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr,
                                  llvm::CodeGenFileType::ObjectFile)) {
    kernels.emitError("LLVM's SPIR-V backend writes no binaries");
    return std::nullopt;
  }
  passes.run(*module);
  return bytes;
}

namespace {
struct SerializeSPIRV : ssm::impl::SerializeSPIRVBase<SerializeSPIRV> {
  using SerializeSPIRVBase::SerializeSPIRVBase;

  void runOnOperation() override {
    if (format != "spirv") {
      getOperation().emitError(
          "kernels for spirv64 have format=spirv, and not ")
          << format;
      return signalPassFailure();
    }
    std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine();
    if (!machine) {
      getOperation().emitError("this LLVM has no SPIR-V backend");
      return signalPassFailure();
    }
    MLIRContext *context = &getContext();
    for (auto kernels : llvm::make_early_inc_range(
             getOperation().getOps<gpu::GPUModuleOp>())) {
      auto bytes = serialize(kernels, *machine);
      if (!bytes)
        return signalPassFailure();
      OpBuilder b(kernels);
      auto object = gpu::ObjectAttr::get(
          context, spirv::getDefaultTargetEnv(context),
          gpu::CompilationTarget::Binary, b.getStringAttr(*bytes),
          /*properties=*/{}, /*kernels=*/{});
      gpu::BinaryOp::create(b, kernels.getLoc(), kernels.getName(),
                            /*offloadingHandler=*/Attribute(),
                            ArrayRef<Attribute>{object});
      kernels.erase();
    }
  }
};
} // namespace
