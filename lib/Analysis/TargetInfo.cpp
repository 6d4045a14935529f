//===- TargetInfo.cpp - What a machine can do -----------------------------===//
#include "ssm/Analysis/TargetInfo.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MemoryBuffer.h"
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
  int64_t matrixFmas;
  int64_t l1KiB, l2KiB, l3KiB;
  double bandwidth;
  /// Of CPUs that were measured.
  double l2Bandwidth = 0, l3Bandwidth = 0, streamingCores = 64;
  int64_t transposedSteps = 128;
};
} // namespace

/// Sources: Intel's optimization reference manual and AMD's guide for Zen 4
/// (vectors, caches), Arm's Neoverse V2 guide (four 128-bit pipes), NVIDIA's
/// tuning guides and white papers for A100, H100 and B200, AMD's CDNA 3 white
/// paper. Bandwidths of CPUs are of one core, as `ssm-run --calibrate` measures
/// them, of GPUs the chip's over its multiprocessors. The x86-64 levels are no
/// processors: they take the smallest caches that machines of the level
/// commonly have.
static constexpr Known kKnown[] = {
    {"x86-64-v3", 1, 32, 3.0e9, 2, 0, 32, 256, 8 << 10, 20e9},
    {"x86-64-v4", 1, 64, 3.0e9, 2, 0, 32, 1 << 10, 16 << 10, 20e9},
    {"sapphirerapids", 1, 64, 3.0e9, 2, 512, 48, 2 << 10, 32 << 10, 20e9, 90e9,
     30e9, 64, 32},
    {"emeraldrapids", 1, 64, 3.1e9, 2, 512, 48, 2 << 10, 32 << 10, 34e9, 105e9,
     36e9, 64, 32},
    {"znver4", 1, 64, 3.7e9, 1, 0, 32, 1 << 10, 32 << 10, 30e9, 110e9, 95e9,
     1.2},
    // Two cores of one complex get 1.0 to 1.2 times the memory of one, of two
    // complexes 2.4 times.
    {"znver5", 1, 64, 4.2e9, 2, 0, 48, 1 << 10, 32 << 10, 80e9, 235e9, 118e9,
     1.6},
    {"neoverse-v2", 1, 16, 3.3e9, 4, 0, 64, 2 << 10, 32 << 10, 30e9},
    {"sm_80", 108, 128, 1.41e9, 2, 1024, 192, 370, 0, 1555e9 / 108},
    {"sm_90", 132, 128, 1.98e9, 4, 2048, 256, 379, 0, 3350e9 / 132},
    {"sm_100", 148, 128, 1.85e9, 4, 4096, 256, 851, 0, 8000e9 / 148},
    {"gfx942", 304, 256, 2.1e9, 2, 1024, 32, 13, 256 << 10, 5300e9 / 304},
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

/// What was measured.
static void takeRates(TargetInfo &info, const Known &known) {
  info.bandwidth = known.bandwidth;
  info.transposedSteps = known.transposedSteps;
  if (known.l2Bandwidth > 0) {
    info.l2Bandwidth = known.l2Bandwidth;
    info.l3Bandwidth = known.l3Bandwidth;
    info.streamingCores = known.streamingCores;
  }
}

/// 4 x 512 lines of 4,096 steps take 2.2 ms on a Zen 4 that follows them by
/// itself, and 2.9 with requests a page ahead; on a Xeon it is the other way.
/// Complex ones take 6.3 ms on a Zen 5 without requests, 3.7 with them half a
/// kilobyte ahead, and 4.0 a page ahead. On that, too, 1,024 lines of 1,024
/// steps in the last cache take 0.059 ms on two threads with requests a
/// kilobyte ahead, and 0.069 without; 64 lines of 65,536, a part of which it
/// holds, on one thread 0.92 with those, 0.48 three pages ahead, and 0.63.
static void takeAhead(TargetInfo &info, llvm::StringRef cpu) {
  if (!cpu.starts_with("znver"))
    return;
  bool isZen5 = cpu == "znver5";
  info.aheadBytes = 0;
  info.complexAheadBytes = isZen5 ? 512 : 0;
  info.cachedAheadBytes = isZen5 ? 960 : 0;
  info.partlyCachedAheadBytes = isZen5 ? 12288 : 0;
  info.sharedRowsAhead = isZen5 ? 2 : 0;
}

static TargetInfo forHost() {
  TargetInfo info;
  llvm::StringRef cpu = llvm::sys::getHostCPUName();
  takeAhead(info, cpu);
  for (const Known &known : kKnown)
    if (cpu == known.name)
      takeRates(info, known);
  info.cores = std::max(1u, std::thread::hardware_concurrency());
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  info.vectorBytes = features.lookup("avx512f") ? 64
                     : features.lookup("avx2")  ? 32
                                                : 16;
  info.matrixFmas = features.lookup("amx-bf16") ? 512 : 0;
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
  takeAhead(info, name);
  for (const Known &known : kKnown)
    if (name == known.name) {
      info.cores = known.cores;
      info.vectorBytes = known.vectorBytes;
      info.clock = known.clock;
      info.fmasPerCycle = known.fmasPerCycle;
      info.matrixFmas = known.matrixFmas;
      info.l1Bytes = known.l1KiB << 10;
      info.l2Bytes = known.l2KiB << 10;
      info.l3Bytes = known.l3KiB << 10;
      takeRates(info, known);
    }
  return info;
}

/// The member of that name, or null.
static int64_t *findSize(TargetInfo &info, llvm::StringRef name) {
  return llvm::StringSwitch<int64_t *>(name)
      .Case("cores", &info.cores)
      .Case("vectorBytes", &info.vectorBytes)
      .Case("matrixFmas", &info.matrixFmas)
      .Case("transposedSteps", &info.transposedSteps)
      .Cases({"l1Bytes", "L1_cache_size_in_bytes"}, &info.l1Bytes)
      .Case("l2Bytes", &info.l2Bytes)
      .Case("l3Bytes", &info.l3Bytes)
      .Default(nullptr);
}

static double *findRate(TargetInfo &info, llvm::StringRef name) {
  return llvm::StringSwitch<double *>(name)
      .Case("clock", &info.clock)
      .Case("fmasPerCycle", &info.fmasPerCycle)
      .Case("fmaLatency", &info.fmaLatency)
      .Case("l2Bandwidth", &info.l2Bandwidth)
      .Case("l3Bandwidth", &info.l3Bandwidth)
      .Case("bandwidth", &info.bandwidth)
      .Case("streamingCores", &info.streamingCores)
      .Case("callOverhead", &info.callOverhead)
      .Case("tileOverhead", &info.tileOverhead)
      .Case("forkJoin", &info.forkJoin)
      .Default(nullptr);
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
  for (DataLayoutEntryInterface entry : device->getEntries()) {
    auto key = dyn_cast<StringAttr>(entry.getKey());
    if (!key)
      continue;
    if (auto value = dyn_cast<IntegerAttr>(entry.getValue()))
      if (int64_t *size = findSize(*this, key); size && value.getInt() > 0)
        *size = value.getInt();
    if (auto value = dyn_cast<FloatAttr>(entry.getValue()))
      if (double *rate = findRate(*this, key);
          rate && value.getValueAsDouble() > 0)
        *rate = value.getValueAsDouble();
  }
}

/// Sets what one line names; a message if it cannot.
static std::string readLine(TargetInfo &info, llvm::StringRef line) {
  auto [name, value] = line.split('=');
  name = name.trim();
  value = value.trim();
  if (value.empty())
    return "a line must be 'name = value'";
  int64_t *size = findSize(info, name);
  double *rate = findRate(info, name);
  if (!size && !rate)
    return ("there is no rate '" + name +
            "'; include/ssm/Analysis/TargetInfo.h names them")
        .str();
  int64_t integer;
  double number;
  bool isBad = size ? value.getAsInteger(10, integer) || integer <= 0
                    : value.getAsDouble(number) || !(number > 0) ||
                          number > std::numeric_limits<double>::max();
  if (isBad)
    return (name + " must be a positive " + (size ? "integer" : "number") +
            ", found '" + value + "'")
        .str();
  if (size)
    *size = integer;
  else
    *rate = number;
  return "";
}

llvm::Error TargetInfo::readRates(llvm::StringRef text, llvm::StringRef path) {
  for (unsigned number = 1; !text.empty(); ++number) {
    llvm::StringRef line;
    std::tie(line, text) = text.split('\n');
    line = line.split('#').first.trim();
    if (line.empty())
      continue;
    if (std::string message = readLine(*this, line); !message.empty())
      return llvm::createStringError(path + ":" + llvm::Twine(number) + ": " +
                                     message);
  }
  return llvm::Error::success();
}

llvm::Expected<TargetInfo> TargetInfo::forModule(Operation *module,
                                                 llvm::StringRef name,
                                                 llvm::StringRef ratesFile) {
  TargetInfo info = forName(name);
  if (!ratesFile.empty())
    if (llvm::Error error = info.readRatesFile(ratesFile))
      return error;
  info.readModule(module);
  return info;
}

llvm::Error TargetInfo::readRatesFile(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return llvm::createStringError(path + ": " + file.getError().message());
  return readRates((*file)->getBuffer(), path);
}
