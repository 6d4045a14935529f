//===- Compile.cpp - From a program to GPU code ---------------------------===//
#include "ssm/GPU/Compile.h"

#include "ssm/GPU/Passes.h"
#include "ssm/Pipelines/Pipelines.h"
#include "ssm/Plan/GPUScanPlan.h"
#include "ssm/Utils/Targets.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Triple.h"
#include <array>

using namespace mlir;

namespace ssm {

static const char *getFormat(GPUOutputKind kind) {
  switch (kind) {
  case GPUOutputKind::LLVM:
    return "llvm";
  case GPUOutputKind::Assembly:
    return "isa";
  case GPUOutputKind::Cubin:
    return "bin";
  case GPUOutputKind::SPIRV:
    return "spirv";
  }
  llvm_unreachable("no such kind of output");
}

/// LLVM itself only warns, and takes another chip.
static bool isChip(StringRef chip) {
  if (isSPIRVChip(std::string_view(chip)))
    return chip == "spirv64";
  bool amd = isAMDChip(std::string_view(chip));
  registerTargets();
  llvm::Triple triple(amd ? "amdgcn-amd-amdhsa" : "nvptx64-nvidia-cuda");
  std::string problem;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return false;
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, "", ""));
  return info && info->isCPUStringValid(chip);
}

/// Where upstream looks for the assembler.
static bool hasPtxas() {
  if (llvm::sys::findProgramByName("ptxas"))
    return true;
  return llvm::any_of(
      std::array{"CUDA_ROOT", "CUDA_HOME", "CUDA_PATH"}, [](const char *name) {
        auto toolkit = llvm::sys::Process::GetEnv(name);
        return toolkit &&
               llvm::sys::findProgramByName("ptxas", {*toolkit + "/bin"});
      });
}

std::string GPUCode::formatLaunches() const {
  llvm::json::Array list;
  for (const Launch &launch : kernels)
    list.push_back(launch.toJSON());
  llvm::json::Object file{{"kernels", std::move(list)}};
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(file)));
}

/// Bitcode as text, without the bytes that end it.
static std::optional<std::string> disassemble(StringRef bitcode) {
  llvm::LLVMContext context;
  auto module =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "gpu"), context);
  if (!module) {
    llvm::consumeError(module.takeError());
    return std::nullopt;
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  (*module)->print(os, nullptr);
  return text;
}

std::optional<GPUCode> compileToGPU(ModuleOp module, StringRef chip,
                                    GPUOutputKind kind) {
  if (!isChip(chip)) {
    module.emitError("no GPU is called '")
        << chip
        << "'; take sm_80 (A100), sm_90 (H100, H200), sm_100 (B200), sm_120 "
           "(RTX 50) or another that `llc-22 "
        << "-march=nvptx64 -mcpu=help` lists, or gfx942 of `-march=amdgcn`, or "
           "spirv64";
    return std::nullopt;
  }
  if (kind == GPUOutputKind::Cubin && !hasPtxas()) {
    module.emitError("a cubin needs ptxas, which is neither on the PATH nor in "
                     "CUDA_HOME; install the CUDA toolkit, or take PTX, which "
                     "the driver of the GPU compiles");
    return std::nullopt;
  }
  PassManager pm(module.getContext());
  GPUOptions options;
  options.chip = chip.str();
  options.format = getFormat(kind);
  buildGPUPipeline(pm, options);
  if (failed(pm.run(module)))
    return std::nullopt;
  auto binaries = module.getOps<gpu::BinaryOp>();
  auto object =
      cast<gpu::ObjectAttr>((*binaries.begin()).getObjects().getValue()[0]);
  StringRef bytes = object.getObject().getValue();
  GPUCode code;
  for (auto launch : module->getAttrOfType<ArrayAttr>(kLaunchesAttr)
                         .getAsRange<DictionaryAttr>())
    code.kernels.push_back(Launch::fromAttr(launch));
  if (kind != GPUOutputKind::LLVM) {
    // Text ends in a byte of zero.
    code.code =
        kind == GPUOutputKind::Assembly ? bytes.rtrim('\0').str() : bytes.str();
    return code;
  }
  auto text = disassemble(bytes);
  if (!text) {
    module.emitError("the kernel's LLVM IR cannot be read back");
    return std::nullopt;
  }
  code.code = std::move(*text);
  return code;
}

} // namespace ssm
