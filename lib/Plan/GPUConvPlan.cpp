//===- GPUConvPlan.cpp - How a GPU convolves ------------------------------===//
#include "ssm/Plan/GPUConvPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace ssm;

/// Blocks for each multiprocessor, two at a time, below which it is better to
/// transform a kernel again than to leave some of them idle.
static constexpr int64_t kBusyBlocks = 4;
/// Beyond this many windows a kernel's transform costs less than 1/16 of all.
static constexpr int64_t kMostWindows = 8;
/// Of the passes: 256 points of 16 columns, two sectors of f32, fill a block.
/// Rows of 2048 points take three rounds with two neighbours for a thread.
static constexpr int64_t kLogPass = 12, kLogMostColumns = 8, kLogRows = 11;
/// Windows begin at whole lines of memory.
static constexpr int64_t kLine = 32;
/// A warp, of 16 points for each lane, and eight of them.
static constexpr int64_t kLogLeast = 9, kLogUsual = 12;

/// What a window must have so that one is enough.
static int64_t wholeWindow(const GPUConvProblem &p) {
  return std::max(*p.length + p.taps - 1 - p.future, p.future + *p.length);
}

static int64_t logPointsOf(int64_t window, const GPUConvProblem &p) {
  int64_t points = p.isComplex ? window : llvm::divideCeil(window, 2);
  return std::max<int64_t>(llvm::Log2_64_Ceil(std::max<int64_t>(points, 1)),
                           p.hasMatrices ? GPUMatrixFFTPlan::kLogLeast
                                         : kLogLeast);
}

/// Of a point in shared memory: transforms exchange numbers of f32, and have
/// the spectrum there if their threads have 32 points; products of matrices
/// have it too, and two exchanges, all of bf16.
static int64_t pointBytes(const GPUConvProblem &p, int64_t logPoints) {
  if (p.hasMatrices)
    return 3 * 4;
  return logPoints > kLogUsual ? 2 * 8 : 8;
}

/// Of a window that a block holds.
static int64_t logMostOfBlock(const GPUConvProblem &p) {
  int64_t log =
      p.hasMatrices ? GPUMatrixFFTPlan::kLogMost : GPUFFTPlan::kLogMost;
  while (pointBytes(p, log) << log > p.sharedBytes)
    --log;
  return log;
}

/// The same, unless a quarter at most of shorter windows, of which a
/// multiprocessor may have several, would overlap.
static int64_t logLongest(const GPUConvProblem &p) {
  int64_t most = logMostOfBlock(p);
  return logPointsOf(4 * p.taps, p) > kLogUsual ? most
                                                : std::min(most, kLogUsual);
}

/// Windows that overlap, where the kernel fills at most 3/4 of one: beyond, the
/// passes move fewer bytes. Where it is short, so are windows.
static bool planOverlap(GPUConvPlan &plan, const GPUConvProblem &p) {
  plan.logPoints = std::min(logPointsOf(8 * p.taps, p), logLongest(p));
  if (p.taps > plan.window() / 4 * 3)
    return false;
  // The window begins at `future - overlap` from a result's line.
  plan.overlap =
      p.future +
      llvm::alignTo(std::max<int64_t>(p.taps - 1 - p.future, 0), kLine);
  plan.step = llvm::alignDown(plan.window() - plan.overlap, kLine);
  return true;
}

static void planPasses(GPUConvPlan &plan) {
  int64_t left = plan.logPoints - kLogRows;
  // Longer rows are better than another pass.
  if (left % kLogMostColumns == 1)
    --left;
  int64_t passes = llvm::divideCeil(left, kLogMostColumns);
  for (int64_t i = 0; i < passes; ++i)
    plan.logColumns.push_back((left + i) / passes);
}

/// Blocks that there would be, each with one window or row; nothing if it is
/// not known.
static std::optional<int64_t> countBlocks(const GPUConvPlan &plan,
                                          const GPUConvProblem &p) {
  if (!p.kernels || !p.signals || !p.length)
    return std::nullopt;
  int64_t each = plan.hasPasses() ? plan.points() / plan.rowPlan().points()
                                  : llvm::divideCeil(*p.length, plan.step);
  int64_t all = 0;
  if (llvm::MulOverflow(*p.kernels, *p.signals, all) ||
      llvm::MulOverflow(all, each, all))
    return std::nullopt;
  return all;
}

/// Unknown numbers are taken to fill the machine.
static void countWork(GPUConvPlan &plan, const GPUConvProblem &p) {
  int64_t most = kMostWindows;
  if (auto blocks = countBlocks(plan, p))
    most = std::clamp<int64_t>(*blocks / (kBusyBlocks * p.multiprocessors), 1,
                               kMostWindows);
  plan.signals = std::clamp<int64_t>(p.signals.value_or(most), 1, most);
  if (!plan.isOne)
    plan.windows = most / plan.signals;
}

int64_t GPUConvPlan::mostOfBlock(const GPUConvProblem &problem) {
  return int64_t(problem.isComplex ? 1 : 2) << logMostOfBlock(problem);
}

std::optional<GPUConvPlan>
GPUConvPlan::forProblem(const GPUConvProblem &problem) {
  GPUConvPlan plan;
  plan.isComplex = problem.isComplex;
  plan.hasMatrices = problem.hasMatrices;
  // 16 bytes of f32.
  if (problem.isAligned)
    plan.logAccess = problem.isComplex ? 1 : 2;
  int64_t logWhole = problem.length ? logPointsOf(wholeWindow(problem), problem)
                                    : kLogMost + 1;
  bool fitsBlock = logWhole <= logLongest(problem);
  if (!fitsBlock && planOverlap(plan, problem)) {
    countWork(plan, problem);
    return plan;
  }
  if (logWhole > kLogMost || (!fitsBlock && problem.hasMatrices))
    return std::nullopt;
  plan.isOne = true;
  plan.logPoints = logWhole;
  plan.overlap = problem.future;
  plan.step = std::max<int64_t>(*problem.length, 1);
  if (!fitsBlock)
    planPasses(plan);
  countWork(plan, problem);
  return plan;
}

int64_t GPUConvPlan::logRows(int64_t pass) const {
  int64_t log = logPoints;
  for (int64_t i = 0; i <= pass; ++i)
    log -= logColumns[i];
  return log;
}

/// Threads have neighbours where tensors are, as many as an access has, unless
/// that would be another round.
static GPUFFTPlan accessTogether(GPUFFTPlan plan, int64_t logAccess) {
  size_t rounds = plan.rounds().size();
  GPUFFTPlan together = plan;
  for (together.logFirst = logAccess; together.logFirst > 0;
       --together.logFirst)
    if (together.rounds().size() <= rounds)
      return together;
  return plan;
}

GPUFFTPlan GPUConvPlan::rowPlan() const {
  // 256 threads; fewer with 16 points each.
  if (!hasPasses())
    return accessTogether(
        {logPoints, 0, 0, 0, std::max<int64_t>(logPoints - 8, 4)}, logAccess);
  return {logRows(logColumns.size() - 1), 0, 1, 0};
}

GPUFFTPlan GPUConvPlan::columnPlan(int64_t pass) const {
  int64_t log = logColumns[pass];
  GPUFFTPlan columns{log, kLogPass - log, pass > 0, 1};
  return pass > 0 ? columns : accessTogether(columns, logAccess);
}
