//===- MatrixFFTPlanTest.cpp - Plans evaluated on numbers -----------------===//
#include "ssm/Plan/MatrixFFTPlan.h"

#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"

#include <cmath>
#include <complex>
#include <vector>

using namespace ssm;
using Complex = std::complex<double>;

static const double kPi = std::acos(-1.0);

/// exp(-2 pi i j / order).
static Complex root(int64_t j, int64_t order) {
  return std::polar(1.0, -2 * kPi * double(j % order) / double(order));
}

/// What the plan says: products with matrices of roots, twiddle factors, blocks
/// inside. Counts the multiplications of complex numbers by the matrices.
static void evaluate(const MatrixFFTPlan &plan, std::vector<Complex> &x,
                     int64_t base, int64_t level, int64_t &products) {
  if (level == plan.numRounds())
    return;
  int64_t block = plan.blockSize(level), part = plan.blockSize(level + 1),
          radix = plan.radices[level];
  for (int64_t k = 0; k < part; ++k) {
    std::vector<Complex> y(radix);
    for (int64_t q = 0; q < radix; ++q)
      for (int64_t j = 0; j < radix; ++j, ++products)
        y[q] += root(q * j, radix) * x[base + k + j * part];
    for (int64_t q = 0; q < radix; ++q)
      x[base + k + q * part] = y[q] * root(q * k, block);
  }
  for (int64_t q = 0; q < radix; ++q)
    evaluate(plan, x, base + q * part, level + 1, products);
}

static void expectTransform(const MatrixFFTPlan &plan) {
  int64_t size = plan.size(), products = 0;
  std::vector<Complex> x;
  for (int64_t j = 0; j < size; ++j)
    x.push_back({std::sin(1.0 + double(j * j)), std::cos(3.0 * double(j))});
  std::vector<Complex> result = x;
  evaluate(plan, result, 0, 0, products);
  EXPECT_EQ(plan.countProducts(), 4.0 * double(products));
  for (int64_t k = 0; k < size; ++k) {
    Complex expected;
    for (int64_t j = 0; j < size; ++j)
      expected += x[j] * root(j * k, size);
    EXPECT_LT(std::abs(result[plan.positionOf(k)] - expected), 1e-10 * size)
        << "size " << size << ", frequency " << k;
  }
}

TEST(MatrixFFTPlan, EqualsTheDefinition) {
  for (int64_t size : {1, 2, 7, 8, 9, 60, 64, 65, 100, 129, 700, 1024, 1100})
    expectTransform(MatrixFFTPlan::forAtLeast(size));
}

TEST(MatrixFFTPlan, HoldsWhatWasAskedFor) {
  for (int64_t size = 1; size <= 5000; ++size) {
    MatrixFFTPlan plan = MatrixFFTPlan::forAtLeast(size);
    EXPECT_GE(plan.size(), size);
    EXPECT_LE(plan.size(), 2 * size + MatrixFFTPlan::kRadixStep);
    for (int64_t radix : plan.radices)
      EXPECT_LE(radix, MatrixFFTPlan::kMaxRadix);
  }
}

TEST(MatrixFFTPlan, TakesPowersOfTwoAsTheyAre) {
  for (int64_t size = 1; size <= (int64_t(1) << 40); size *= 2)
    EXPECT_EQ(MatrixFFTPlan::forPowerOf2(size).size(), size);
}

/// As a transform's size grows, so do its rounds, but slowly.
TEST(MatrixFFTPlan, HasFewRounds) {
  EXPECT_EQ(MatrixFFTPlan::forAtLeast(32).numRounds(), 1);
  EXPECT_EQ(MatrixFFTPlan::forAtLeast(128).numRounds(), 2);
  EXPECT_LE(MatrixFFTPlan::forAtLeast(4096).numRounds(), 4);
  EXPECT_LE(MatrixFFTPlan::forAtLeast(1 << 20).numRounds(), 6);
}
