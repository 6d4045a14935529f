//===- GPUConvPlanTest.cpp - Windows, passes and blocks -------------------===//
#include "ssm/Plan/GPUConvPlan.h"

#include "gtest/gtest.h"
#include <numeric>

using namespace ssm;

static GPUConvProblem problem(std::optional<int64_t> length, int64_t taps) {
  GPUConvProblem p;
  p.length = length;
  p.kernels = 768;
  p.signals = 8;
  p.taps = taps;
  p.multiprocessors = 132;
  p.sharedBytes = 227 << 10;
  return p;
}

static GPUConvPlan plan(std::optional<int64_t> length, int64_t taps) {
  return *GPUConvPlan::forProblem(problem(length, taps));
}

TEST(GPUConvPlan, TransformsAreAsShortAsAWarpAllows) {
  EXPECT_EQ(plan(0, 0).points(), 512);
  EXPECT_EQ(plan(513, 513).points(), 1024);
  EXPECT_EQ(plan(4096, 4096).points(), 4096);
  EXPECT_EQ(plan(4096, 4096).rowPlan().threads(), 256);
  // What wraps around must not reach a result, no more.
  EXPECT_EQ(plan(1000, 25).points(), 512);
  EXPECT_EQ(plan(1000, 26).points(), 1024);
  GPUConvProblem complex = problem(700, 325);
  complex.isComplex = true;
  EXPECT_EQ(GPUConvPlan::forProblem(complex)->points(), 1024);
  ++complex.taps;
  EXPECT_EQ(GPUConvPlan::forProblem(complex)->points(), 2048);
}

/// Where tensors are, a thread has as many neighbours as cost no round.
TEST(GPUConvPlan, ThreadsAccessNeighbours) {
  auto first = [](int64_t length, bool isAligned, bool isComplex = false) {
    GPUConvProblem p = problem(length, length);
    p.isAligned = isAligned;
    p.isComplex = isComplex;
    GPUConvPlan plan = *GPUConvPlan::forProblem(p);
    return plan.hasPasses() ? plan.columnPlan(0).logFirst
                            : plan.rowPlan().logFirst;
  };
  EXPECT_EQ(first(512, true), 2);
  EXPECT_EQ(first(1024, true), 2);
  EXPECT_EQ(first(2048, true), 1);
  EXPECT_EQ(first(4096, true), 0);
  EXPECT_EQ(first(1024, false), 0);
  EXPECT_EQ(first(512, true, /*isComplex=*/true), 1);
  EXPECT_EQ(first(8192, true), 2);
  EXPECT_EQ(first(8192, false), 0);
  EXPECT_EQ(first(16384, true), 2);
  EXPECT_EQ(first(1 << 20, true), 2);
  EXPECT_EQ(first(1 << 20, false), 0);
}

TEST(GPUConvPlan, OneWindowHasEveryResult) {
  for (int64_t length : {1, 600, 4096, 5000})
    for (int64_t taps : {1, 300, 3000}) {
      GPUConvPlan p = plan(length, std::min(taps, length));
      EXPECT_TRUE(p.isOne);
      EXPECT_FALSE(p.hasPasses());
      EXPECT_EQ(p.step, length);
      EXPECT_GE(p.window(), length + std::min(taps, length) - 1);
    }
}

TEST(GPUConvPlan, ShortKernelsTakeWindowsThatOverlap) {
  for (int64_t taps : {1, 64, 1000, 4096, 6144, 12288})
    for (int64_t future : {int64_t(0), taps / 2}) {
      GPUConvProblem ofTaps = problem(1 << 20, taps);
      ofTaps.future = future;
      GPUConvPlan p = *GPUConvPlan::forProblem(ofTaps);
      EXPECT_FALSE(p.isOne);
      EXPECT_FALSE(p.hasPasses());
      // Results that nothing wraps around to, lines of memory apart.
      EXPECT_GE(p.overlap, taps - 1);
      EXPECT_GE(p.overlap, future);
      EXPECT_LE(p.overlap + p.step, p.window());
      EXPECT_EQ(p.step % 32, 0);
      EXPECT_EQ((p.overlap - future) % 32, 0);
      EXPECT_GE(p.step, p.window() / 8);
    }
  EXPECT_EQ(plan(1 << 20, 64).points(), 512);
  EXPECT_EQ(plan(1 << 20, 2048).points(), 4096);
  EXPECT_EQ(plan(10000, 2048).points(), 4096);
  EXPECT_EQ(plan(1 << 20, 2049).points(), 8192);
  EXPECT_EQ(plan(std::nullopt, 12288).points(), 8192);
  EXPECT_FALSE(GPUConvPlan::forProblem(problem(std::nullopt, 12289)));
}

TEST(GPUConvPlan, LongKernelsTakePasses) {
  for (int64_t log = 14; log <= 28; ++log) {
    GPUConvPlan p = plan(int64_t(1) << log, int64_t(1) << log);
    EXPECT_TRUE(p.isOne);
    EXPECT_EQ(p.logPoints, log);
    EXPECT_EQ(int64_t(p.logColumns.size()), log <= 20 ? 1 : 2);
    int64_t sum = std::accumulate(p.logColumns.begin(), p.logColumns.end(),
                                  p.rowPlan().logPoints);
    EXPECT_EQ(sum, log);
    for (size_t pass = 0; pass < p.logColumns.size(); ++pass) {
      // A block's columns are a part of a row.
      EXPECT_EQ(p.columnPlan(pass).threads(), 256);
      EXPECT_LE(p.columnPlan(pass).logColumns, p.logRows(pass));
      EXPECT_GE(p.columnPlan(pass).columns(), 16);
    }
  }
  EXPECT_FALSE(GPUConvPlan::forProblem(problem((1 << 28) + 1, (1 << 28) + 1)));
}

/// Windows of 8192 points need 64 KiB for an exchange and 64 for the spectrum,
/// or 96 for two and the spectrum of bf16.
TEST(GPUConvPlan, SharedMemoryLimitsWindows) {
  GPUConvProblem p = problem(8192, 8192);
  auto hasPasses = [&](int64_t kibibytes) {
    p.sharedBytes = kibibytes << 10;
    auto plan = GPUConvPlan::forProblem(p);
    return !plan || plan->hasPasses();
  };
  EXPECT_TRUE(hasPasses(99));
  EXPECT_FALSE(hasPasses(128));
  EXPECT_EQ(GPUConvPlan::forProblem(p)->rowPlan().threads(), 256);
  p.hasMatrices = true;
  EXPECT_TRUE(hasPasses(64));
  EXPECT_FALSE(hasPasses(96));
  EXPECT_EQ(GPUConvPlan::forProblem(p)->matrixPlan().warps(), 8);
}

static std::pair<int64_t, int64_t> work(std::optional<int64_t> kernels,
                                        std::optional<int64_t> signals,
                                        int64_t length, int64_t taps) {
  GPUConvProblem p = problem(length, taps);
  p.kernels = kernels;
  p.signals = signals;
  GPUConvPlan plan = *GPUConvPlan::forProblem(p);
  return {plan.signals, plan.windows};
}

TEST(GPUConvPlan, BlocksShareAKernelWhereThereAreEnough) {
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(work(768, 8, 4096, 4096), Pair(8, 1));
  EXPECT_EQ(work(768, 1, 4096, 4096), Pair(1, 1));
  EXPECT_EQ(work(132, 8, 4096, 4096), Pair(2, 1));
  EXPECT_EQ(work(8, 8, 4096, 4096), Pair(1, 1));
  EXPECT_EQ(work(std::nullopt, std::nullopt, 4096, 4096), Pair(8, 1));
  EXPECT_EQ(work(768, std::nullopt, 4096, 4096), Pair(8, 1));
  // Windows of one signal too.
  EXPECT_EQ(work(768, 2, 1 << 20, 4096), Pair(2, 4));
  EXPECT_EQ(work(1, 1, 1 << 20, 4096), Pair(1, 1));
}
