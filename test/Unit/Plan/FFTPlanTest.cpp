//===- FFTPlanTest.cpp - Plans evaluated on numbers -----------------------===//
#include "ssm/Plan/FFTPlan.h"

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

/// What the plan says: rounds of butterflies with twiddles, then leaves.
static void evaluate(const FFTPlan &plan, std::vector<Complex> &x, int64_t base,
                     int64_t level) {
  int64_t block = plan.blockSize(level);
  if (level == plan.levels) {
    std::vector<Complex> part(x.begin() + base, x.begin() + base + block);
    part = transform(part);
    std::copy(part.begin(), part.end(), x.begin() + base);
    return;
  }
  int64_t stride = plan.blockSize(level + 1);
  for (int64_t k = 0; k < stride; ++k) {
    std::vector<Complex> z;
    for (int64_t q = 0; q < plan.radix; ++q)
      z.push_back(x[base + k + q * stride]);
    z = transform(z);
    for (int64_t q = 0; q < plan.radix; ++q)
      x[base + k + q * stride] =
          z[q] * std::polar(1.0, -2 * kPi * double(q * k) / block);
  }
  for (int64_t q = 0; q < plan.radix; ++q)
    evaluate(plan, x, base + q * stride, level + 1);
}

TEST(FFTPlan, SizesAreWhatWasAskedFor) {
  for (int64_t size = 1; size <= (int64_t(1) << 40); size *= 2)
    EXPECT_EQ(FFTPlan::forSize(size).size(), size);
}

TEST(FFTPlan, ConvolutionNeedsNoZeroPadding) {
  EXPECT_EQ(FFTPlan::forConvolution(4096).size(), 4096);
  EXPECT_EQ(FFTPlan::forConvolution(4097).size(), 8192);
  EXPECT_EQ(FFTPlan::forConvolution(0).size(), 4);
}

TEST(FFTPlan, EvaluatesToTheTransformInDigitReversedOrder) {
  for (int64_t size : {2, 4, 16, 32, 64, 256, 512, 2048}) {
    FFTPlan plan = FFTPlan::forSize(size);
    std::vector<Complex> x;
    for (int64_t j = 0; j < size; ++j)
      x.push_back({std::sin(1.0 + j * j), std::cos(3.0 * j)});
    std::vector<Complex> expected = transform(x);
    evaluate(plan, x, 0, 0);
    for (int64_t position = 0; position < size; ++position)
      EXPECT_LT(std::abs(x[position] - expected[plan.frequencyAt(position)]),
                1e-10 * size)
          << "size " << size << ", position " << position;
  }
}

TEST(FFTPlan, ButterfliesHaveTheirTextbookCounts) {
  EXPECT_EQ(countButterflyFlops(2), 4);
  EXPECT_EQ(countButterflyFlops(4), 16);
  // 52 additions and 4 multiplications.
  EXPECT_EQ(countButterflyFlops(8), 56);
}

TEST(FFTPlan, TwiddlesOfAllLevelsFillTheirTable) {
  FFTPlan plan = FFTPlan::forSize(1 << 14);
  int64_t count = 0;
  for (int64_t level = 0; level < plan.levels; ++level) {
    EXPECT_EQ(count, plan.size() - plan.blockSize(level));
    count += (plan.radix - 1) * plan.blockSize(level + 1);
  }
  EXPECT_EQ(count, plan.numTwiddles());
}
