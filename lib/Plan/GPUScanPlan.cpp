//===- GPUScanPlan.cpp - How a GPU scans ----------------------------------===//
#include "ssm/Plan/GPUScanPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <array>
#include <numeric>

using namespace ssm;

static constexpr int64_t kWarp = 32;
/// Bytes of a thread's access, the widest that there is.
static constexpr int64_t kAccessBytes = 16;
/// Blocks of a row scan that keep a multiprocessor busy. Each has 4 KiB under
/// way, 16 bytes of two operands a thread; a multiprocessor of an H200 gets
/// 4.3 TB/s / 132 = 32 KiB in the microsecond that memory takes under load, so
/// 8 blocks would saturate it. Six reach three quarters, and a look-back scan
/// is expected to reach 0.8. Arithmetic, not a measurement.
static constexpr int64_t kBusyBlocks = 6;
/// Registers of a look-back scan for what is loaded: with what is computed from
/// it, 128 are enough, and two blocks fit a multiprocessor.
static constexpr int64_t kRowWords = 48;
/// Bytes of channels that a warp accesses of each of its steps: a line.
static constexpr int64_t kLineBytes = 128;
/// Registers of a thread for what a scan of columns scans, and its threads that
/// keep a multiprocessor busy: with 16 bytes of two operands at 8 steps each,
/// they have 64 KiB under way, twice what saturates it. Arithmetic, too.
static constexpr int64_t kColumnWords = 128, kColumnThreads = 256;
/// States of a lane: 16 bytes of f32.
static constexpr int64_t kLaneStates = 4;
/// Registers for what is loaded ahead, of the 255 that a thread has.
static constexpr int64_t kLoads = 48;
/// Steps of a lane in a tile, and bytes of shared memory for two tiles of what
/// all channels of a block read: with what they compute, three blocks fit a
/// multiprocessor of any chip. At most so many for a step of each lane.
static constexpr int64_t kTurns = 8;
static constexpr int64_t kTileBytes = 16 << 10, kMaxTileBytes = 32 << 10;
/// Warps of a multiprocessor whose threads have two channels each: two on each
/// scheduler. Of half as many some schedulers would have two and others one.
static constexpr int64_t kPairedWarps = 8;
/// Threads from a lane of a channel to the next one where they read 16 bytes of
/// shared memory: a warp takes two wavefronts, and not four, if each of them
/// reads what the thread beside it reads, or the one beyond that. Of what a
/// channel's lanes have in common that is the latter; of what channels have,
/// the former.
static constexpr int64_t kApart = 2;

/// GB/s of a multiprocessor that 16 warps which look back do not keep busy.
static constexpr int64_t kFastMemory = 20;

GPUChip GPUChip::forName(std::string_view name) {
  struct Entry {
    std::string_view name;
    int64_t multiprocessors, memoryRate, sharedKiB;
    bool isSlowInF64 = false;
  };
  // Of the data centre's card, or the largest with that chip: NVIDIA's
  // datasheets of T4, A100, A10, L40, H100 SXM, B200, RTX 5090; AMD's of
  // MI300X. Rates of f64 and shared memory of a block are of the CUDA C++
  // programming guide, tables of arithmetic instructions and of technical
  // specifications.
  static constexpr std::array<Entry, 8> kChips{{{"sm_75", 40, 320, 64, true},
                                                {"sm_80", 108, 2039, 163},
                                                {"sm_86", 72, 600, 99, true},
                                                {"sm_89", 142, 864, 99, true},
                                                {"sm_90", 132, 3350, 227},
                                                {"sm_100", 148, 8000, 227},
                                                {"sm_120", 170, 1792, 99, true},
                                                {"gfx942", 304, 5300, 64}}};
  // The letter of "sm_90a" says which instructions there are.
  bool hasGroups = name == "sm_90a";
  name = name.substr(0, name.find_last_of("0123456789") + 1);
  for (const Entry &entry : kChips)
    if (entry.name == name)
      return {entry.multiprocessors, !isAMDChip(name) && entry.name != "sm_75",
              entry.isSlowInF64,     entry.memoryRate,
              entry.sharedKiB << 10, hasGroups};
  GPUChip unknown = forName("sm_80");
  unknown.sharedBytes = GPUChip().sharedBytes;
  unknown.multipliesMatrices = !isSPIRVChip(name);
  return unknown;
}

/// Of so many channels beside each other, those of an access.
static int64_t countAccess(const GPUScanProblem &problem, int64_t channels) {
  return std::gcd(channels,
                  std::max<int64_t>(kAccessBytes / problem.elementBytes, 1));
}

/// Bytes of a step in two tiles.
static int64_t countStepBytes(const GPUScanProblem &problem) {
  return 2 * problem.sharedLoads * problem.states * problem.elementBytes;
}

/// Whether a block reads what its channels have in common once: enough of them
/// to fill a warp, and nothing else with a state and time.
static bool canShare(const GPUScanProblem &problem, int64_t lanes) {
  bool isAll =
      problem.sharedLoads > 0 && problem.sharedLoads == problem.stateLoads;
  return isAll && lanes > 1 &&
         lanes * countStepBytes(problem) <= kMaxTileBytes &&
         problem.neighbours.value_or(kWarp) * lanes >= kWarp;
}

/// Whether a thread has two channels, for which it reads what they share once.
/// It then has twice as much under way, and there are half as many warps.
static bool canPair(const GPUScanPlan &plan, const GPUScanProblem &problem,
                    const GPUChip &chip) {
  int64_t loads = 2 * plan.steps / plan.lanes * problem.channelLoads;
  int64_t warps = problem.rows.value_or(0) * plan.lanes / (2 * kWarp);
  return plan.width % 2 == 0 && plan.threads > kWarp &&
         problem.elementBytes <= 4 && loads <= kLoads &&
         warps >= kPairedWarps * chip.multiprocessors;
}

static void shareTiles(GPUScanPlan &plan, const GPUScanProblem &problem,
                       const GPUChip &chip) {
  plan.reason = "it is no plain recurrence, and channels share what they read";
  plan.shares = true;
  plan.apart = kApart;
  plan.steps = llvm::bit_floor<uint64_t>(kTileBytes / countStepBytes(problem));
  plan.steps = std::clamp(plan.steps, plan.lanes, kTurns * plan.lanes);
  if (problem.neighbours)
    plan.threads = std::clamp<int64_t>(
        llvm::PowerOf2Ceil(*problem.neighbours * plan.lanes), kWarp,
        plan.threads);
  // Channels of an access, whose steps a thread has at as many turns.
  if (problem.neighbours)
    plan.width = std::gcd(countAccess(problem, *problem.neighbours),
                          std::gcd(plan.steps, plan.threads) / plan.lanes);
  if (canPair(plan, problem, chip)) {
    plan.channels = 2;
    plan.threads /= 2;
    plan.warps = kPairedWarps;
  }
}

static GPUScanPlan planChannels(const GPUScanProblem &problem,
                                const GPUChip &chip) {
  GPUScanPlan plan;
  plan.reason =
      "it is no plain recurrence or scan over contiguous time or channels";
  // A lane reads the parameters of its states in one access.
  int64_t lanes = problem.states / kLaneStates;
  if (problem.states % kLaneStates == 0 && llvm::isPowerOf2_64(lanes))
    plan.lanes = lanes;
  int64_t loads =
      (problem.channelLoads + problem.stateLoads * problem.states) / plan.lanes;
  plan.steps = std::clamp<int64_t>(kLoads / std::max<int64_t>(loads, 1), 1,
                                   std::max<int64_t>(plan.lanes, 8));
  // A step for each lane, so that they take turns.
  if (plan.steps > plan.lanes)
    plan.steps -= plan.steps % plan.lanes;
  if (canShare(problem, plan.lanes))
    shareTiles(plan, problem, chip);
  return plan;
}

/// A warp has a line of neighbouring channels in so many of its lanes, and
/// steps in the others; a thread, as many channels as one access has if their
/// number allows.
static GPUScanPlan planColumns(const GPUScanProblem &problem,
                               const GPUChip &chip) {
  GPUScanPlan plan{GPUScanPlan::Kernel::ColumnScan};
  plan.reason = "it is a plain recurrence or scan over contiguous channels";
  // A thread has more under way than one of a row.
  plan.warps = 8;
  if (problem.neighbours)
    plan.width = countAccess(problem, *problem.neighbours);
  plan.columns =
      std::min(kLineBytes / (plan.width * problem.elementBytes), kWarp);
  // Of an item two operands, and what is kept; and what lanes, warps and the
  // threads in front have together.
  int64_t pair = plan.width * 2 * llvm::divideCeil(problem.elementBytes, 4);
  int64_t words = pair + plan.width * problem.keptWords;
  plan.items = 8;
  while (plan.items > 1 && plan.items * words + 3 * pair > kColumnWords)
    plan.items /= 2;
  // There are registers for another chunk of two operands of f32.
  plan.loadsAhead = problem.elementBytes == 4 && problem.keptWords == 0;
  // Few blocks have more warps, which scan more steps at a time.
  if (problem.rows) {
    int64_t blocks = *problem.rows / (plan.width * plan.columns);
    while (plan.threads < 256 &&
           blocks * plan.threads < kColumnThreads * chip.multiprocessors)
      plan.threads *= 2;
  }
  return plan;
}

GPUScanPlan GPUScanPlan::forProblem(const GPUScanProblem &problem,
                                    const GPUChip &chip) {
  if (problem.hasMatrices && chip.multipliesMatrices) {
    GPUScanPlan chunked{Kernel::ChunkedScan};
    chunked.reason = "the state is a matrix, and the tensor cores take bf16";
    return chunked;
  }
  if (problem.hasColumns)
    return planColumns(problem, chip);
  if (!problem.hasRows)
    return planChannels(problem, chip);
  int64_t items = std::max<int64_t>(kAccessBytes / problem.elementBytes, 1);
  GPUScanPlan rowScan{Kernel::RowScan, 128, items};
  // 8 warps x 4 chunks: one total for each lane of the warp that scans them. A
  // thread has up to 64 bytes of each operand in registers.
  GPUScanPlan lookBack{Kernel::LookBack, 256, items, 4};
  // Two operands, and what is kept.
  int64_t words = 2 * kAccessBytes / 4 + items * problem.keptWords;
  while (lookBack.chunks > 1 && lookBack.chunks * words > kRowWords)
    lookBack.chunks /= 2;
  // A block waits for what others find, and fast memory with it if others are
  // few; two operands of four bytes leave registers for more.
  if (words == 2 * kAccessBytes / 4 && items == 4 &&
      chip.memoryRate >= kFastMemory * chip.multiprocessors)
    lookBack.warps = 24;
  if (!problem.rows)
    rowScan.reason = "the number of rows is known at run time only, and taken "
                     "to fill the machine";
  else if (*problem.rows >= kBusyBlocks * chip.multiprocessors)
    rowScan.reason = "there are rows enough to fill the machine";
  else if (problem.length && lookBack.numTiles(*problem.length) == 1)
    rowScan.reason = "a row is not longer than one tile";
  else
    lookBack.reason = "there are too few rows to fill the machine";
  return *lookBack.reason ? lookBack : rowScan;
}

const char *ssm::stringify(GPUScanPlan::Kernel kernel) {
  switch (kernel) {
  case GPUScanPlan::Kernel::ChannelScan:
    return "channel_scan";
  case GPUScanPlan::Kernel::RowScan:
    return "row_scan";
  case GPUScanPlan::Kernel::ColumnScan:
    return "column_scan";
  case GPUScanPlan::Kernel::LookBack:
    return "look_back";
  case GPUScanPlan::Kernel::ChunkedScan:
    return "chunked_scan";
  }
  return "";
}
