//===- TargetInfo.h - What a machine can do ---------------------*- C++ -*-===//

#ifndef SSM_ANALYSIS_TARGETINFO_H
#define SSM_ANALYSIS_TARGETINFO_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace ssm {

/// The rates of one core (of one multiprocessor of a GPU) and the number of
/// cores, as the cost model needs them. The defaults are those of a core with
/// AVX2.
struct TargetInfo {
  int64_t cores = 1;
  int64_t vectorBytes = 32;
  double clock = 3.0e9;    ///< Cycles a second.
  double fmasPerCycle = 2; ///< Vector FMAs started a cycle.
  /// FMAs of bf16 that the matrix unit starts a cycle: AMX a tile of 16 x 16 x
  /// 32 in 16 cycles, a multiprocessor its tensor cores'; 0 without one.
  int64_t matrixFmas = 0;
  double fmaLatency = 4;      ///< Cycles (Agner Fog's tables, Zen 4 to SPR).
  int64_t l1Bytes = 32 << 10; ///< First data cache of a core.
  int64_t l2Bytes = 1 << 20;  ///< Second cache of a core.
  int64_t l3Bytes = 32 << 20; ///< Last cache of the socket, 0 if there is none.
  /// How far a scan that reads lines of time asks ahead in memory: a page, at
  /// whose end a prefetcher stops. 0 where such requests only disturb it.
  /// Complex lines are so much arithmetic that a core does not run ahead by
  /// itself.
  int64_t aheadBytes = 4096, complexAheadBytes = 4096;
  /// The same of real lines that the last cache holds, or a part of them.
  int64_t cachedAheadBytes = 4096, partlyCachedAheadBytes = 4096;
  /// Steps ahead that threads which share rows of channels ask for, each in
  /// parts of a kilobyte; 0: each follows its part by itself.
  int64_t sharedRowsAhead = 0;
  /// Bytes a second of one core that streams: a varying scan of arrays that fit
  /// the level, on one core of a shared Xeon with AVX-512.
  double l2Bandwidth = 90.0e9, l3Bandwidth = 30.0e9, bandwidth = 20.0e9;
  /// Cores whose streams from the last cache or memory add up; more of them
  /// share what these get.
  double streamingCores = 64;
  /// Steps of contiguous time that the border of a transform transposes at once
  /// for each row. Prefetchers follow longer runs; shorter ones keep eight rows
  /// in the first cache.
  int64_t transposedSteps = 128;
  /// Seconds of a call that does nothing, and to begin a tile's loop. A kernel
  /// of 16 steps of one channel takes 0.28 us, 70 cycles of which are its FMAs.
  double callOverhead = 0.25e-6, tileOverhead = 50e-9;
  /// Seconds to start and join a parallel loop on several cores: with LLVM's
  /// OpenMP on two cores of a Xeon with AVX-512, an empty one takes 1.4 to 2.2
  /// us in a row of nothing else; one step of S4D or Mamba-1, whose state lies
  /// in the caches of both, takes 2 to 6 us more than half of its time on one.
  /// (How to measure it: Bull, "Measuring Synchronisation and Scheduling
  /// Overheads in OpenMP", 1999.)
  double forkJoin = 4.0e-6;

  /// "host", or the name of a processor; one that the table in TargetInfo.cpp
  /// lacks gets the defaults.
  static TargetInfo forName(llvm::StringRef name);

  /// That of `name`, then what the file of rates says (if there is one), then
  /// what the module says.
  static llvm::Expected<TargetInfo> forModule(mlir::Operation *module,
                                              llvm::StringRef name,
                                              llvm::StringRef ratesFile);

  /// Takes what a `dlti.target_system_spec` on the module says of device "CPU"
  /// (entries named as the members here, and upstream's
  /// `L1_cache_size_in_bytes`).
  void readModule(mlir::Operation *module);

  /// Takes what a text says, a line `name = value` for each rate, named as the
  /// members here, and `#` before a comment. An error names `path` and the
  /// line.
  llvm::Error readRates(llvm::StringRef text, llvm::StringRef path);
  llvm::Error readRatesFile(llvm::StringRef path);

  /// Cycles of one core below which threads make a loop no faster, however many
  /// there are.
  double cyclesWorthThreads() const { return 2 * forkJoin * clock; }

  /// Real operations a second of one core, two an FMA and element.
  double peakFlops(int64_t elementBytes) const {
    return clock * fmasPerCycle * 2 * (vectorBytes / elementBytes);
  }
};

} // namespace ssm

#endif // SSM_ANALYSIS_TARGETINFO_H
