//===- GPUScanPlan.h - How a GPU scans --------------------------*- C++ -*-===//
//
// Which kernel scans a recurrence, and into what pieces it cuts time: read by
// the selection, by the unit test, and by the kernels that are emitted.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_GPUSCANPLAN_H
#define SSM_PLAN_GPUSCANPLAN_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ssm {

/// What of a chip decides.
struct GPUChip {
  int64_t multiprocessors;
  bool multipliesMatrices = true;  ///< Of bf16, by instructions of NVIDIA's.
  bool isSlowInF64 = false;        ///< An FMA for 32 of f32, or fewer.
  int64_t memoryRate = 2039;       ///< GB/s of memory.
  int64_t sharedBytes = 48 << 10;  ///< Of shared memory that a block may have.
  bool multipliesInGroups = false; ///< Of four warps: wgmma.

  /// "sm_90", "sm_90a", "gfx942"; one that the table lacks counts as sm_80,
  /// with the shared memory that all have.
  static GPUChip forName(std::string_view name);
};

/// Whether it is AMD's, and not NVIDIA's.
inline bool isAMDChip(std::string_view name) {
  return name.substr(0, 3) == "gfx";
}

/// Whether it is "spirv64": any that runs OpenCL's kernels.
inline bool isSPIRVChip(std::string_view name) {
  return name.substr(0, 5) == "spirv";
}

/// What of a scan decides. Sizes are absent if only the run time knows them.
struct GPUScanProblem {
  bool hasRows = false; ///< Whether time is contiguous wherever it is used.
  std::optional<int64_t> rows, length;
  int64_t elementBytes = 4; ///< Of the widest tensor with time.
  /// Words of four bytes that a step of a row keeps for its result.
  int64_t keptWords = 0;
  int64_t states = 1; ///< Of a channel.
  /// Elements that a step reads for a channel, and for each of its states.
  int64_t channelLoads = 2, stateLoads = 0;
  /// Those of its states that are the same for its neighbours, who are so many,
  /// and in whole accesses.
  int64_t sharedLoads = 0;
  std::optional<int64_t> neighbours = std::nullopt;
  /// Whether chunks of it are products of matrices of bf16.
  bool hasMatrices = false;
  /// Whether it has one state, and channels are contiguous wherever it has
  /// time.
  bool hasColumns = false;
};

struct GPUScanPlan {
  enum class Kernel { ChannelScan, RowScan, ColumnScan, LookBack, ChunkedScan };

  Kernel kernel = Kernel::ChannelScan;
  int64_t threads = 128; ///< Of a block.
  int64_t items = 1;     ///< Elements of a thread that follow each other.
  int64_t chunks = 1;    ///< Runs of threads x items in registers at a time.
  int64_t lanes = 1;     ///< Threads that share the states of a channel,
  int64_t apart = 1;     ///< each so many behind the other.
  int64_t steps = 1;     ///< Of a channel that are loaded at a time.
  bool shares = false;   ///< Whether a block loads them, into shared memory.
  int64_t channels = 1;  ///< Of a thread, which then shares.
  int64_t width = 1;     ///< Neighbouring channels that a thread accesses.
  int64_t columns = 1;   ///< Threads beside each other that have channels.
  /// Whether a chunk is loaded while the one in front is scanned.
  bool loadsAhead = false;
  /// That a multiprocessor has registers for. A scan is fast with 16, as its
  /// loads are far ahead of their use.
  int64_t warps = 16;
  bool avoidsF64 = false; ///< Whether numbers of more digits are pairs of f32.
  const char *reason = "";

  /// Channels of a block.
  int64_t numChannels() const { return threads / lanes * channels; }
  /// Elements of a row that a block has in registers.
  int64_t tileSize() const { return threads / columns * items * chunks; }
  int64_t numTiles(int64_t length) const {
    return length < 1 ? 1 : (length + tileSize() - 1) / tileSize();
  }

  static GPUScanPlan forProblem(const GPUScanProblem &problem,
                                const GPUChip &chip);
};

/// "row_scan"
const char *stringify(GPUScanPlan::Kernel kernel);

} // namespace ssm

#endif // SSM_PLAN_GPUSCANPLAN_H
