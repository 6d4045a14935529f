//===- TargetInfo.cpp - What a machine can do -----------------------------===//
#include "ssm/Analysis/TargetInfo.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <fstream>
#include <thread>

using namespace mlir;
using namespace ssm;

namespace {
/// What differs between processors. A GPU's core is a multiprocessor: its
/// vector is the warps that issue together, its second cache a share of the
/// chip's.
struct Known {
  llvm::StringLiteral name;
  int64_t cores, vectorBytes;
  double clock, fmasPerCycle;
  int64_t l1KiB, l2KiB, l3KiB;
  double bandwidth;
};
} // namespace

/// Sources: Intel's optimization reference manual and AMD's guide for Zen 4
/// (vectors, caches), Arm's Neoverse V2 guide (four 128-bit pipes), NVIDIA's
/// tuning guides and white papers for A100, H100 and B200, AMD's CDNA 3 white
/// paper. Bandwidths of CPUs are of one core, of GPUs the chip's over its
/// multiprocessors. The x86-64 levels are no processors: they take the smallest
/// caches that machines of the level commonly have.
static constexpr Known kKnown[] = {
    {"x86-64-v3", 1, 32, 3.0e9, 2, 32, 256, 8 << 10, 8e9},
    {"x86-64-v4", 1, 64, 3.0e9, 2, 32, 1 << 10, 16 << 10, 8e9},
    {"sapphirerapids", 1, 64, 3.0e9, 2, 48, 2 << 10, 32 << 10, 8e9},
    {"znver4", 1, 64, 3.7e9, 1, 32, 1 << 10, 32 << 10, 25e9},
    {"neoverse-v2", 1, 16, 3.3e9, 4, 64, 2 << 10, 32 << 10, 30e9},
    {"sm_80", 108, 128, 1.41e9, 2, 192, 370, 0, 1555e9 / 108},
    {"sm_90", 132, 128, 1.98e9, 4, 256, 379, 0, 3350e9 / 132},
    {"sm_100", 148, 128, 1.85e9, 4, 256, 851, 0, 8000e9 / 148},
    {"gfx942", 304, 256, 2.1e9, 2, 32, 13, 256 << 10, 5300e9 / 304},
};

/// Bytes of a cache of the first core, from Linux; 0 if it does not say.
static int64_t hostCacheBytes(unsigned index) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" +
                     std::to_string(index) + "/size");
  int64_t size = 0;
  char unit = 'K';
  if (!(file >> size >> unit))
    return 0;
  return unit == 'M' ? size << 20 : size << 10;
}

static TargetInfo forHost() {
  TargetInfo info;
  info.cores = std::max(1u, std::thread::hardware_concurrency());
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  info.vectorBytes = features.lookup("avx512f") ? 64
                     : features.lookup("avx2")  ? 32
                                                : 16;
  // Index 1 is the instructions' cache.
  for (auto [index, bytes] :
       {std::pair(0, &info.l1Bytes), std::pair(2, &info.l2Bytes),
        std::pair(3, &info.l3Bytes)})
    if (int64_t known = hostCacheBytes(index))
      *bytes = known;
  return info;
}

TargetInfo TargetInfo::forName(llvm::StringRef name) {
  if (name == "host")
    return forHost();
  TargetInfo info;
  for (const Known &known : kKnown)
    if (name == known.name) {
      info.cores = known.cores;
      info.vectorBytes = known.vectorBytes;
      info.clock = known.clock;
      info.fmasPerCycle = known.fmasPerCycle;
      info.l1Bytes = known.l1KiB << 10;
      info.l2Bytes = known.l2KiB << 10;
      info.l3Bytes = known.l3KiB << 10;
      info.bandwidth = known.bandwidth;
    }
  return info;
}

void TargetInfo::readModule(Operation *module) {
  auto system = module->getAttrOfType<TargetSystemSpecAttr>(
      DLTIDialect::kTargetSystemDescAttrName);
  if (!system)
    return;
  auto device = system.getDeviceSpecForDeviceID(
      StringAttr::get(module->getContext(), "CPU"));
  if (!device)
    return;
  const std::pair<llvm::StringRef, int64_t *> sizes[] = {
      {"cores", &cores},     {"vectorBytes", &vectorBytes},
      {"l1Bytes", &l1Bytes}, {"L1_cache_size_in_bytes", &l1Bytes},
      {"l2Bytes", &l2Bytes}, {"l3Bytes", &l3Bytes}};
  const std::pair<llvm::StringRef, double *> rates[] = {
      {"clock", &clock},
      {"fmasPerCycle", &fmasPerCycle},
      {"fmaLatency", &fmaLatency},
      {"l2Bandwidth", &l2Bandwidth},
      {"l3Bandwidth", &l3Bandwidth},
      {"bandwidth", &bandwidth},
      {"lineLatency", &lineLatency},
      {"tileOverhead", &tileOverhead},
      {"forkJoin", &forkJoin}};
  for (DataLayoutEntryInterface entry : device->getEntries()) {
    auto key = dyn_cast<StringAttr>(entry.getKey());
    if (!key)
      continue;
    for (auto [name, size] : sizes)
      if (auto value = dyn_cast<IntegerAttr>(entry.getValue());
          value && key == name && value.getInt() > 0)
        *size = value.getInt();
    for (auto [name, rate] : rates)
      if (auto value = dyn_cast<FloatAttr>(entry.getValue());
          value && key == name && value.getValueAsDouble() > 0)
        *rate = value.getValueAsDouble();
  }
}
