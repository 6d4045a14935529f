//===- Target.cpp - Which machine to compile for --------------------------===//
#include "Target.h"

#include "ssm/AOT/Compile.h"
#include "ssm/Utils/Targets.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace llvm;

/// Architectures whose CPUs are known by name, the host's first.
static SmallVector<std::string> getTriples() {
  SmallVector<std::string> triples = {sys::getDefaultTargetTriple()};
  for (const char *triple :
       {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu",
        "riscv64-unknown-linux-gnu"})
    if (Triple(triple).getArch() != Triple(triples[0]).getArch())
      triples.push_back(triple);
  return triples;
}

std::string ssm::getHostFeatures() {
  SubtargetFeatures features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features.AddFeature(feature.first(), feature.second);
  return features.getString();
}

static std::unique_ptr<TargetMachine>
create(const std::string &triple, StringRef cpu, StringRef features) {
  std::string error;
  Triple parsed(triple);
  const llvm::Target *target = TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return nullptr;
  std::unique_ptr<MCSubtargetInfo> info(
      target->createMCSubtargetInfo(parsed, "", ""));
  if (!info || !info->isCPUStringValid(cpu))
    return nullptr;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      parsed, cpu, features, TargetOptions(), Reloc::PIC_, std::nullopt,
      CodeGenOptLevel::Aggressive));
}

Expected<std::unique_ptr<TargetMachine>>
ssm::createTargetMachine(StringRef target) {
  registerTargets();
  if (target == "host") {
    if (auto machine = create(sys::getDefaultTargetTriple(),
                              sys::getHostCPUName(), getHostFeatures()))
      return machine;
  } else if (!target.empty()) {
    for (const std::string &triple : getTriples())
      if (auto machine = create(triple, target, ""))
        return machine;
  }
  return createStringError("the target must be 'host' or a CPU that LLVM "
                           "knows, but it is '" +
                           target +
                           "'; llc -mcpu=help lists them, e.g. x86-64-v3, "
                           "sapphirerapids, neoverse-v1; a GPU is called "
                           "nvidia:sm_90, for example");
}

bool ssm::runsOnHost(StringRef target) {
  if (target == "host" || target == sys::getHostCPUName())
    return true;
  if (!Triple(sys::getDefaultTargetTriple()).isX86() ||
      X86::parseArchX86(target, /*Only64Bit=*/true) == X86::CK_None)
    return false;
  SmallVector<StringRef> needed;
  X86::getFeaturesForCPU(target, needed);
  StringMap<bool> present = sys::getHostCPUFeatures();
  // What every CPU of 64 bits has is not listed.
  return all_of(needed, [&](StringRef feature) {
    auto found = present.find(feature);
    return found == present.end() || found->second;
  });
}

/// Whether the target is an x86 CPU with all of `features`.
static bool hasFeatures(StringRef target, const char *features) {
  auto machine = ssm::createTargetMachine(target);
  if (!machine) {
    consumeError(machine.takeError());
    return false;
  }
  return (*machine)->getTargetTriple().isX86() &&
         (*machine)->getMCSubtargetInfo()->checkFeatures(features);
}

bool ssm::hasVectorScaling(StringRef target) {
  return hasFeatures(target, "+avx512dq,+avx512vl");
}

bool ssm::hasVectorPermutes(StringRef target) {
  return hasFeatures(target, "+avx2,+fma");
}

bool ssm::hasFusedMultiplyAdd(StringRef target) {
  auto machine = ssm::createTargetMachine(target);
  if (!machine) {
    consumeError(machine.takeError());
    return false;
  }
  return (*machine)->getTargetTriple().isAArch64() ||
         hasFeatures(target, "+fma");
}

bool ssm::hasPairedDotProduct(StringRef target) {
  return hasFeatures(target, "+avx512bf16,+avx512vl");
}

bool ssm::hasTileProduct(StringRef target) {
  return hasFeatures(target, "+amx-tile,+amx-bf16");
}

void ssm::setFunctionAttributes(Module &module, const TargetMachine &machine) {
  StringRef features = machine.getTargetFeatureString();
  bool isX86 = machine.getTargetTriple().isX86(),
       has512 =
           isX86 && machine.getMCSubtargetInfo()->checkFeatures("+avx512f"),
       has256 = isX86 && machine.getMCSubtargetInfo()->checkFeatures("+avx");
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!features.empty())
      function.addFnAttr("target-features", features);
    if (has512)
      function.addFnAttr("prefer-vector-width", "512");
    // Registers are spilled only after the frame is decided on: by itself it is
    // aligned to 16 bytes, and most spills then cross cache lines.
    if (has256)
      function.addFnAttr(Attribute::getWithStackAlignment(
          module.getContext(), Align(has512 ? 64 : 32)));
  }
}
