//===- TargetInfo.h - What a machine can do ---------------------*- C++ -*-===//

#ifndef SSM_ANALYSIS_TARGETINFO_H
#define SSM_ANALYSIS_TARGETINFO_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace ssm {

/// The rates of one core and the number of cores, as the cost model needs them.
struct TargetInfo {
  int64_t cores = 1;
  int64_t vectorBytes = 32;
  double clock = 3.0e9;        ///< Cycles a second.
  double fmasPerCycle = 2;     ///< Vector FMAs started a cycle.
  double fmaLatency = 4;       ///< Cycles (Agner Fog's tables, Zen 4 to SPR).
  double bandwidth = 12.0e9;   ///< Bytes a second from memory, one core.
  double tileOverhead = 50e-9; ///< Seconds to begin a tile's loop.
  /// Seconds to start and join a parallel loop on several cores: on two cores
  /// of a Xeon with AVX-512 and LLVM's OpenMP, each parallel loop of a kernel
  /// of one step makes the call 1.4 to 1.7 us longer. (How to measure it: Bull,
  /// "Measuring Synchronisation and Scheduling Overheads in OpenMP", 1999.)
  double forkJoin = 1.7e-6;

  /// "host", or the name of a CPU; one that the table in TargetInfo.cpp lacks
  /// gets the rates of a core with 32-byte vectors.
  static TargetInfo forName(llvm::StringRef name);

  /// Real operations a second of one core, two an FMA and element.
  double peakFlops(int64_t elementBytes) const {
    return clock * fmasPerCycle * 2 * (vectorBytes / elementBytes);
  }
};

} // namespace ssm

#endif // SSM_ANALYSIS_TARGETINFO_H
