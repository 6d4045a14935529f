//===- GPUFFTPlanTest.cpp - Rounds, threads and banks ---------------------===//
#include "ssm/Plan/GPUFFTPlan.h"
#include "ssm/Plan/GPUConvPlan.h"

#include "gtest/gtest.h"
#include <cmath>
#include <complex>
#include <set>

using namespace ssm;

/// Rows, and columns of passes.
static std::vector<GPUFFTPlan> allPlans() {
  std::vector<GPUFFTPlan> plans;
  for (int64_t log = 9; log <= 12; ++log)
    for (int64_t first : {0, 1})
      plans.push_back({log, 0, first, 0});
  for (int64_t first : {0, 1, 2})
    plans.push_back({13, 0, first, 0, 5});
  for (int64_t log = 2; log <= 8; ++log)
    for (int64_t first : {0, 1})
      plans.push_back({log, 12 - log, first, 1});
  return plans;
}

static int64_t indexOf(const GPUFFTPlan &plan, const GPUFFTPlan::Round &round,
                       int64_t thread, int64_t i) {
  return plan.threadPart(round, thread) + GPUFFTPlan::ownPart(round, i);
}

TEST(GPUFFTPlan, RoundsMultiplyToTheTransform) {
  for (const GPUFFTPlan &plan : allPlans()) {
    int64_t bits = 0;
    for (const GPUFFTPlan::Round &round : plan.rounds())
      bits += round.bits;
    EXPECT_EQ(bits, plan.logPoints);
  }
  EXPECT_EQ(GPUFFTPlan({12, 0, 0, 0}).rounds().size(), 3u);
  EXPECT_EQ(GPUFFTPlan({11, 0, 1, 0}).rounds().size(), 3u);
  EXPECT_EQ(GPUFFTPlan({7, 5, 0, 1}).rounds().size(), 2u);
  EXPECT_EQ(GPUFFTPlan({13, 0, 2, 0, 5}).rounds().size(), 3u);
}

TEST(GPUFFTPlan, EachPointHasAThreadInEachRound) {
  for (const GPUFFTPlan &plan : allPlans())
    for (const GPUFFTPlan::Round &round : plan.rounds()) {
      std::set<int64_t> indices, places;
      for (int64_t thread = 0; thread < plan.threads(); ++thread)
        for (int64_t i = 0; i < plan.perThread(); ++i) {
          indices.insert(indexOf(plan, round, thread, i));
          places.insert(plan.swizzle(indexOf(plan, round, thread, i)));
        }
      EXPECT_EQ(int64_t(indices.size()), plan.size());
      EXPECT_EQ(*indices.rbegin(), plan.size() - 1);
      EXPECT_EQ(places, indices);
    }
}

TEST(GPUFFTPlan, HalfWarpsAccessDifferentBanks) {
  for (const GPUFFTPlan &plan : allPlans())
    for (const GPUFFTPlan::Round &round : plan.rounds())
      for (int64_t first = 0; first < plan.threads(); first += 16)
        for (int64_t i = 0; i < plan.perThread(); ++i) {
          std::set<int64_t> banks;
          for (int64_t t = first; t < first + 16; ++t)
            banks.insert(plan.swizzle(indexOf(plan, round, t, i)) % 16);
          EXPECT_EQ(banks.size(), 16u);
        }
}

/// What the emitter relies on to place points by one exclusive or.
TEST(GPUFFTPlan, SwizzleIsLinear) {
  for (int64_t x : {0, 1, 17, 300, 4095})
    for (int64_t y : {0, 16, 256, 512, 3840})
      EXPECT_EQ(GPUFFTPlan::swizzle(x ^ y),
                GPUFFTPlan::swizzle(x) ^ GPUFFTPlan::swizzle(y));
}

/// Two neighbours, for accesses of 16 bytes, where the plan asks for them, and
/// neighbouring lanes beside each other.
TEST(GPUFFTPlan, LanesAreNeighboursAtBothEnds) {
  for (const GPUFFTPlan &plan : allPlans()) {
    auto rounds = plan.rounds();
    auto check = [&](const GPUFFTPlan::Round &round, int64_t log) {
      bool has = std::count(round.own.begin(), round.own.end(), 0) == 1;
      EXPECT_EQ(has, log > 0);
      for (int64_t thread = 0;
           thread < std::min<int64_t>(plan.columns(), 32) / 2; ++thread)
        EXPECT_EQ(plan.threadPart(round, thread), thread << log);
    };
    check(rounds.front(), plan.logFirst);
    if (plan.logColumns)
      check(rounds.back(), plan.logLast);
  }
}

using Complex = std::complex<double>;

static Complex root(int64_t turns, int64_t order) {
  return std::polar(1.0, -2 * M_PI * double(turns) / double(order));
}

/// The rounds of a plan, on numbers.
static void transform(const GPUFFTPlan &plan, std::vector<Complex> &z) {
  for (const GPUFFTPlan::Round &round : plan.rounds()) {
    int64_t radix = int64_t(1) << round.bits, size = plan.blockSize(round);
    std::vector<Complex> after(z.size());
    for (int64_t index = 0; index < plan.size(); ++index) {
      int64_t q = index >> round.low & (radix - 1);
      int64_t first = index - (q << round.low);
      Complex sum = 0;
      for (int64_t p = 0; p < radix; ++p)
        sum += z[first + (p << round.low)] * root(p * q, radix);
      after[index] = sum * root(q * plan.inBlock(round, index), size);
    }
    z = after;
  }
}

TEST(GPUFFTPlan, RoundsTransform) {
  for (GPUFFTPlan plan : {GPUFFTPlan{9, 0, 1, 0}, GPUFFTPlan{6, 3, 0, 1},
                          GPUFFTPlan{8, 4, 1, 1}}) {
    std::vector<Complex> z(plan.size());
    for (int64_t i = 0; i < plan.size(); ++i)
      z[i] = {std::sin(double(i * i)), std::cos(3.0 * double(i))};
    std::vector<Complex> x = z;
    transform(plan, z);
    for (int64_t place = 0; place < plan.points(); place += 5) {
      int64_t frequency = plan.frequencyAt(place);
      for (int64_t column = 0; column < plan.columns(); column += 3) {
        Complex want = 0;
        for (int64_t p = 0; p < plan.points(); ++p)
          want += x[(p << plan.logColumns) + column] *
                  root(p * frequency % plan.points(), plan.points());
        EXPECT_NEAR(std::abs(z[(place << plan.logColumns) + column] - want), 0,
                    1e-9);
      }
    }
  }
}
