//===- CostModelTest.cpp - Counts turned into time ------------------------===//
#include "ssm/Strategy/Strategy.h"

#include "gtest/gtest.h"

using namespace ssm;

/// Round numbers: a cycle of 1 ns, 64 flops in it, levels of 4, 2 and 1 byte.
static TargetInfo makeTarget() {
  TargetInfo target;
  target.vectorBytes = 64;
  target.clock = 1e9;
  target.fmasPerCycle = 2;
  target.fmaLatency = 4;
  target.l2Bytes = 1000;
  target.l3Bytes = 80000;
  target.l2Bandwidth = 4e9;
  target.l3Bandwidth = 2e9;
  target.bandwidth = 1e9;
  target.callOverhead = 1e-3;
  target.tileOverhead = 0;
  target.forkJoin = 10e-9;
  return target;
}

static double nanoseconds(const OpCount &loop, double footprint = 0,
                          int64_t cores = 1) {
  Problem problem;
  problem.bytes = footprint;
  return 1e9 * secondsOf(loop, problem, makeTarget(), cores);
}

TEST(CostModel, TakesTheLongerOfChainAndWork) {
  OpCount loop{"steps"};
  loop.depth = 10;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 40);
  loop.flops = 64 * 50;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 50);
  loop.efficiency = 0.5;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 100);
  loop.elementBytes = 8;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 200);
  loop.cycles = 7;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 207);
}

TEST(CostModel, SharesTilesAmongCores) {
  OpCount loop{"steps"};
  loop.tiles = 3;
  loop.flops = 3 * 64 * 50;
  EXPECT_DOUBLE_EQ(nanoseconds(loop), 150);
  // Two of them come after each other on one core, and threads have to start.
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 0, 2), 100 + 10);
  loop.starts = 2;
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 0, 4), 50 + 20);
  // Where starting them takes longer than they save, there is one.
  loop.starts = 20;
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 0, 4), 150);
  loop.tiles = 0;
  EXPECT_EQ(nanoseconds(loop, 0, 4), 0);
}

TEST(CostModel, ReadsFromTheLevelThatHoldsTheProblem) {
  OpCount loop{"steps"};
  loop.bytes = 1200;
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 900), 300);
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 1001), 600);
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 1e6), 1200);
  // Two cores have two second caches, and twice the rate.
  loop.tiles = 2;
  EXPECT_DOUBLE_EQ(nanoseconds(loop, 1001, 2), 150 + 10);
}

/// Of the streams from memory of two cores, those of one add up.
TEST(CostModel, LetsCoresShareMemory) {
  OpCount loop{"steps"};
  loop.tiles = 2;
  loop.bytes = 1200;
  Problem problem;
  problem.bytes = 1e6;
  TargetInfo target = makeTarget();
  EXPECT_DOUBLE_EQ(1e9 * secondsOf(loop, problem, target, 2), 600 + 10);
  // A second thread of no use does not count.
  target.streamingCores = 1;
  EXPECT_DOUBLE_EQ(1e9 * secondsOf(loop, problem, target, 2), 1200);
}

TEST(CostModel, HasARateForEveryLevelOfEveryTarget) {
  for (const char *name : {"host", "x86-64-v3", "x86-64-v4", "sapphirerapids",
                           "emeraldrapids", "znver4", "znver5", "neoverse-v2",
                           "sm_80", "sm_90", "sm_100", "gfx942", "unknown"}) {
    TargetInfo target = TargetInfo::forName(name);
    for (double rate : {target.l2Bandwidth, target.l3Bandwidth,
                        target.bandwidth, target.streamingCores, target.clock})
      EXPECT_GT(rate, 0) << name;
  }
}

TEST(CostModel, KnowsMatrixUnits) {
  EXPECT_EQ(TargetInfo::forName("sapphirerapids").matrixFmas, 512);
  EXPECT_EQ(TargetInfo::forName("sm_90").matrixFmas, 2048);
  TargetInfo target = TargetInfo::forName("znver4");
  EXPECT_EQ(target.matrixFmas, 0);
  EXPECT_FALSE(errorToBool(target.readRates("matrixFmas = 16", "file")));
  EXPECT_EQ(target.matrixFmas, 16);
}

TEST(CostModel, KnowsWhereLinesAreFollowed) {
  EXPECT_EQ(TargetInfo::forName("emeraldrapids").aheadBytes, 4096);
  EXPECT_EQ(TargetInfo::forName("x86-64-v3").aheadBytes, 4096);
  EXPECT_EQ(TargetInfo::forName("znver3").aheadBytes, 0);
  EXPECT_EQ(TargetInfo::forName("znver4").aheadBytes, 0);
  EXPECT_EQ(TargetInfo::forName("znver4").complexAheadBytes, 0);
  EXPECT_EQ(TargetInfo::forName("znver5").aheadBytes, 0);
  EXPECT_EQ(TargetInfo::forName("znver5").complexAheadBytes, 512);
  EXPECT_EQ(TargetInfo::forName("emeraldrapids").cachedAheadBytes, 4096);
  EXPECT_EQ(TargetInfo::forName("znver4").cachedAheadBytes, 0);
  EXPECT_EQ(TargetInfo::forName("znver5").cachedAheadBytes, 960);
}

TEST(CostModel, AddsTheLoopsOfAPlan) {
  OpCount loop{"steps"};
  loop.depth = 10;
  StrategyPlan plan;
  plan.loops = {loop, loop};
  EXPECT_DOUBLE_EQ(secondsOf(plan, Problem(), makeTarget(), 1), 1e-3 + 80e-9);
}
