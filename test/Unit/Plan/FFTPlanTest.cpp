//===- FFTPlanTest.cpp - Plans evaluated on numbers -----------------------===//
#include "ssm/Plan/FFTPlan.h"

#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"

#include <cmath>
#include <complex>
#include <vector>

using namespace ssm;
using Complex = std::complex<double>;

static const double kPi = std::acos(-1.0);

/// The DFT by its definition.
static std::vector<Complex> transform(const std::vector<Complex> &x) {
  size_t n = x.size();
  std::vector<Complex> result(n);
  for (size_t k = 0; k < n; ++k)
    for (size_t j = 0; j < n; ++j)
      result[k] += x[j] * std::polar(1.0, -2 * kPi * double(j * k % n) / n);
  return result;
}

/// Butterflies of `radix` points of a block, with twiddles.
static void evaluateRound(std::vector<Complex> &x, int64_t base, int64_t block,
                          int64_t radix) {
  int64_t stride = block / radix;
  for (int64_t k = 0; k < stride; ++k) {
    std::vector<Complex> z;
    for (int64_t q = 0; q < radix; ++q)
      z.push_back(x[base + k + q * stride]);
    z = transform(z);
    for (int64_t q = 0; q < radix; ++q)
      x[base + k + q * stride] =
          z[q] * std::polar(1.0, -2 * kPi * double(q * k) / block);
  }
}

/// What the plan says: rounds of butterflies with twiddles, then leaves.
static void evaluate(const FFTPlan &plan, std::vector<Complex> &x, int64_t base,
                     int64_t level) {
  int64_t block = plan.blockSize(level);
  if (level == plan.numRounds()) {
    int64_t columns = plan.leafColumns(), rest = block / columns;
    evaluateRound(x, base, block, columns);
    for (int64_t begin = base; begin < base + block; begin += rest) {
      std::vector<Complex> part(x.begin() + begin, x.begin() + begin + rest);
      part = transform(part);
      std::copy(part.begin(), part.end(), x.begin() + begin);
    }
    return;
  }
  evaluateRound(x, base, block, plan.radixAt(level));
  for (int64_t q = 0; q < plan.radixAt(level); ++q)
    evaluate(plan, x, base + q * plan.blockSize(level + 1), level + 1);
}

/// The plan's transform in order of frequency.
static std::vector<Complex> evaluate(const FFTPlan &plan,
                                     std::vector<Complex> x) {
  evaluate(plan, x, 0, 0);
  std::vector<Complex> ordered;
  for (int64_t k = 0; k < plan.size(); ++k)
    ordered.push_back(x[plan.positionOf(k)]);
  return ordered;
}

static std::vector<Complex> makeSignal(int64_t size) {
  std::vector<Complex> x;
  for (int64_t j = 0; j < size; ++j)
    x.push_back({std::sin(1.0 + j * j), std::cos(3.0 * j)});
  return x;
}

static void expectEqual(const std::vector<Complex> &x,
                        const std::vector<Complex> &expected) {
  ASSERT_EQ(x.size(), expected.size());
  for (size_t k = 0; k < x.size(); ++k)
    EXPECT_LT(std::abs(x[k] - expected[k]), 1e-10 * x.size())
        << "size " << x.size() << ", frequency " << k;
}

TEST(FFTPlan, SizesAreWhatWasAskedFor) {
  for (int64_t size = 1; size <= (int64_t(1) << 40); size *= 2)
    EXPECT_EQ(FFTPlan::forSize(size).size(), size);
  for (int64_t size = 1; size <= 2048; ++size)
    if (FFTPlan::hasFactors(size))
      EXPECT_EQ(FFTPlan::forSize(size).size(), size);
}

TEST(FFTPlan, SizesWithALargePrimeFactorHaveNoFactors) {
  for (int64_t size : {1, 2, 61, 1024, 1000000, 3721, 64 * 61})
    EXPECT_TRUE(FFTPlan::hasFactors(size)) << size;
  for (int64_t size : {67, 134, 999983, 64 * 67})
    EXPECT_FALSE(FFTPlan::hasFactors(size)) << size;
}

TEST(FFTPlan, OddRadicesComeFirst) {
  EXPECT_EQ(FFTPlan::forSize(16 * 3 * 7 * 3 * 11).outer,
            std::vector<int64_t>({11, 7, 3, 3}));
  // The leaf of an odd size is written out if it can be.
  EXPECT_EQ(FFTPlan::forSize(105).leaf, 3);
  EXPECT_EQ(FFTPlan::forSize(11).leaf, 1);
}

TEST(FFTPlan, ConvolutionNeedsNoZeroPadding) {
  for (int64_t length = 4; length <= 1 << 20; length *= 2)
    EXPECT_EQ(FFTPlan::forConvolution(length).size(), length);
  for (int64_t length : {1000, 4097, 5000, 12289, 100000}) {
    EXPECT_GE(FFTPlan::forConvolution(length).size(), length);
    EXPECT_LT(FFTPlan::forConvolution(length).size(), length * 9 / 8);
  }
  EXPECT_EQ(FFTPlan::forConvolution(0).size(), 4);
}

TEST(FFTPlan, PaddedSizesAreTheCheapest) {
  for (int64_t size : {1, 2, 5, 97, 1025, 2041, 12289, 1999965}) {
    FFTPlan plan = FFTPlan::forAtLeast(size);
    EXPECT_GE(plan.size(), size);
    EXPECT_LE(plan.countFlops(),
              FFTPlan::forSize(llvm::PowerOf2Ceil(size)).countFlops());
    for (int64_t radix : plan.outer)
      EXPECT_LE(radix, FFTPlan::kMaxUnrolledRadix);
  }
  // 1025 points are far from the next power of two.
  EXPECT_LT(FFTPlan::forAtLeast(1025).size(), 1200);
}

TEST(FFTPlan, EvaluatesToTheTransform) {
  for (int64_t size = 1; size <= 128; ++size)
    if (FFTPlan::hasFactors(size))
      expectEqual(evaluate(FFTPlan::forSize(size), makeSignal(size)),
                  transform(makeSignal(size)));
  for (int64_t size : {256, 512, 2048, 1000, 1001, 729, 625, 343, 1440})
    expectEqual(evaluate(FFTPlan::forSize(size), makeSignal(size)),
                transform(makeSignal(size)));
}

TEST(FFTPlan, ChirpEvaluatesToTheTransform) {
  for (auto [n, wide] : std::vector<std::pair<int64_t, bool>>(
           {{2, 0}, {3, 0}, {67, 0}, {100, 0}, {67, 1}, {134, 1}})) {
    FFTPlan plan = wide ? FFTPlan::forWideChirp(n) : FFTPlan::forChirp(n);
    int64_t m = plan.size();
    auto chirp = [n = n](int64_t k) {
      return std::polar(1.0, kPi * double(k * k % (2 * n)) / n);
    };
    std::vector<Complex> x = makeSignal(n), z(m), kernel(m);
    for (int64_t k = 0; k < n; ++k) {
      z[k] = x[k] * std::conj(chirp(k));
      kernel[k] = kernel[k == 0 ? 0 : m - k] = chirp(k);
    }
    z = evaluate(plan, z);
    kernel = evaluate(plan, kernel);
    for (int64_t k = 0; k < m; ++k)
      z[k] = std::conj(z[k] * kernel[k]);
    z = evaluate(plan, z);
    std::vector<Complex> result;
    for (int64_t k = 0; k < n; ++k)
      result.push_back(std::conj(chirp(k) * z[k]) / double(m));
    expectEqual(result, transform(x));
  }
}

TEST(FFTPlan, ButterfliesHaveTheirTextbookCounts) {
  EXPECT_EQ(countButterflyFlops(2), 4);
  EXPECT_EQ(countButterflyFlops(4), 16);
  // 52 additions and 4 multiplications.
  EXPECT_EQ(countButterflyFlops(8), 56);
}

TEST(FFTPlan, TwiddlesOfAllLevelsFillTheirTable) {
  for (int64_t size : {1 << 14, 1000, 2187, 11 * 61 * 8}) {
    FFTPlan plan = FFTPlan::forSize(size);
    int64_t count = 0;
    for (int64_t level = 0; level < plan.numRounds(); ++level) {
      EXPECT_EQ(count, plan.size() - plan.blockSize(level));
      count += (plan.radixAt(level) - 1) * plan.blockSize(level + 1);
    }
    EXPECT_EQ(count, plan.numTwiddles());
  }
}
