//===- GPUConvPlanTest.cpp - Points, threads and banks --------------------===//
#include "ssm/Plan/GPUConvPlan.h"

#include "gtest/gtest.h"
#include <set>

using namespace ssm;

static GPUConvPlan plan(int64_t length, int64_t kernels = 768,
                        int64_t signals = 8) {
  return GPUConvPlan::forProblem(length, kernels, signals,
                                 /*multiprocessors=*/132);
}

TEST(GPUConvPlan, TransformsAreAsShortAsAWarpAllows) {
  EXPECT_EQ(plan(0).points, 512);
  EXPECT_EQ(plan(513).points, 1024);
  EXPECT_EQ(plan(4096).points, 4096);
  EXPECT_EQ(plan(4096).threads(), 256);
}

TEST(GPUConvPlan, RoundsMultiplyToTheTransform) {
  for (int64_t length : {512, 1024, 2048, 4096}) {
    GPUConvPlan p = plan(length);
    int64_t product = 1;
    for (int64_t round = 0; round < p.numRounds(); ++round) {
      EXPECT_GE(p.radix(round), 2);
      product *= p.radix(round);
    }
    EXPECT_EQ(product, length);
  }
}

TEST(GPUConvPlan, EachPointHasAThreadInEachRound) {
  for (int64_t length : {512, 1024, 2048, 4096}) {
    GPUConvPlan p = plan(length);
    for (int64_t round = 0; round < p.numRounds(); ++round) {
      std::set<int64_t> points, places;
      for (int64_t thread = 0; thread < p.threads(); ++thread)
        for (int64_t q = 0; q < p.kPoints; ++q) {
          int64_t point = p.firstPoint(round, thread) + q * p.stride(round);
          points.insert(point);
          places.insert(p.swizzle(point));
        }
      EXPECT_EQ(int64_t(points.size()), p.points);
      EXPECT_EQ(*points.rbegin(), p.points - 1);
      EXPECT_EQ(places, points);
    }
  }
}

TEST(GPUConvPlan, HalfWarpsAccessDifferentBanks) {
  for (int64_t length : {512, 1024, 2048, 4096}) {
    GPUConvPlan p = plan(length);
    for (int64_t round = 0; round < p.numRounds(); ++round)
      for (int64_t first = 0; first < p.threads(); first += 16)
        for (int64_t q = 0; q < p.kPoints; ++q) {
          std::set<int64_t> banks;
          for (int64_t t = first; t < first + 16; ++t)
            banks.insert(
                p.swizzle(p.firstPoint(round, t) + q * p.stride(round)) % 16);
          EXPECT_EQ(banks.size(), 16u);
        }
  }
}

/// What the emitter relies on to place points by one exclusive or.
TEST(GPUConvPlan, SwizzleIsLinear) {
  for (int64_t x : {0, 1, 17, 300, 4095})
    for (int64_t y : {0, 16, 256, 512, 3840})
      EXPECT_EQ(GPUConvPlan::swizzle(x ^ y),
                GPUConvPlan::swizzle(x) ^ GPUConvPlan::swizzle(y));
}

TEST(GPUConvPlan, BlocksShareAKernelWhereThereAreEnough) {
  EXPECT_EQ(plan(4096, 768, 8).signals, 8);
  EXPECT_EQ(plan(4096, 768, 1).signals, 1);
  EXPECT_EQ(plan(4096, 132, 8).signals, 2);
  EXPECT_EQ(plan(4096, 8, 8).signals, 1);
  EXPECT_EQ(plan(4096, 0, 0).signals, 8);
  EXPECT_EQ(plan(4096, 768, 0).signals, 8);
}
