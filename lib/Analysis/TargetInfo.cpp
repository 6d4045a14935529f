//===- TargetInfo.cpp - What a machine can do -----------------------------===//
#include "ssm/Analysis/TargetInfo.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <thread>

using namespace ssm;

/// Vector widths by name; the other rates are the defaults until measured.
static constexpr std::pair<llvm::StringLiteral, int64_t> kVectorBytes[] = {
    {"x86-64-v3", 32}, {"x86-64-v4", 64},   {"sapphirerapids", 64},
    {"znver4", 64},    {"neoverse-v2", 16},
};

TargetInfo TargetInfo::forName(llvm::StringRef name) {
  TargetInfo info;
  if (name == "host") {
    info.cores = std::max(1u, std::thread::hardware_concurrency());
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    info.vectorBytes = features.lookup("avx512f") ? 64
                       : features.lookup("avx2")  ? 32
                                                  : 16;
    return info;
  }
  for (const auto &[known, bytes] : kVectorBytes)
    if (name == known)
      info.vectorBytes = bytes;
  return info;
}
