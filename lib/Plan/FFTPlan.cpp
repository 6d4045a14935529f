//===- FFTPlan.cpp - How a transform is factored --------------------------===//
#include "ssm/Plan/FFTPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace ssm;

bool FFTPlan::hasFactors(int64_t size) {
  for (int64_t radix = 2; radix <= kMaxRadix; ++radix)
    while (size % radix == 0)
      size /= radix;
  return size == 1;
}

/// Rounds of radix 8, and a leaf of 4, 8 or 16 points that takes what is left.
static FFTPlan planPowerOf2(int64_t size) {
  int64_t bits = llvm::Log2_64(size);
  if (bits <= 4)
    return {{}, 8, 0, size};
  int64_t levels = (bits - 2) / 3;
  return {{}, 8, levels, int64_t(1) << (bits - 3 * levels)};
}

FFTPlan FFTPlan::forSize(int64_t size) {
  int64_t odd = size >> llvm::countr_zero(uint64_t(size));
  FFTPlan plan = planPowerOf2(size / odd);
  for (int64_t prime = 3; odd > 1; prime += 2)
    for (; odd % prime == 0; odd /= prime)
      plan.outer.push_back(prime);
  std::reverse(plan.outer.begin(), plan.outer.end());
  if (plan.leaf == 1 && !plan.outer.empty() &&
      plan.outer.back() <= kMaxUnrolledRadix) {
    plan.leaf = plan.outer.back();
    plan.outer.pop_back();
  }
  return plan;
}

FFTPlan FFTPlan::forAtLeast(int64_t size) {
  FFTPlan best = planPowerOf2(llvm::PowerOf2Ceil(size));
  // Every odd factor that is smaller, with the power of two that it needs.
  for (int64_t sevens = 1; sevens < size; sevens *= 7)
    for (int64_t fives = sevens; fives < size; fives *= 5)
      for (int64_t odd = fives; odd < size; odd *= 3) {
        int64_t rest = llvm::PowerOf2Ceil(llvm::divideCeil(size, odd));
        FFTPlan plan = forSize(odd * rest);
        if (plan.countFlops() < best.countFlops())
          best = plan;
      }
  return best;
}

FFTPlan FFTPlan::forConvolution(int64_t length) {
  return forAtLeast(std::max<int64_t>(length, 4));
}

FFTPlan FFTPlan::forWideChirp(int64_t points) {
  int64_t bits = llvm::Log2_64_Ceil(2 * points - 1);
  int64_t levels = (bits - 1) / 2;
  return {{}, 4, levels, int64_t(1) << (bits - 2 * levels)};
}

int64_t FFTPlan::blockSize(int64_t level) const {
  int64_t size = leaf;
  for (int64_t i = level; i < numRounds(); ++i)
    size *= radixAt(i);
  return size;
}

int64_t FFTPlan::positionOf(int64_t frequency) const {
  int64_t position = 0;
  for (int64_t level = 0; level < numRounds(); ++level) {
    position += frequency % radixAt(level) * blockSize(level + 1);
    frequency /= radixAt(level);
  }
  int64_t columns = leafColumns();
  return position + frequency % columns * (leaf / columns) +
         frequency / columns;
}

/// A twiddle factor exp(-2 pi i k / points) that is a constant.
static double countRotationFlops(int64_t k, int64_t points) {
  // By 1, -1, i and -i they are free, those by (1 - i) / sqrt(2) and its like
  // take two sums and two products.
  if (4 * k % points == 0)
    return 0;
  return 8 * k % points == 0 ? 4 : 6;
}

double ssm::countButterflyFlops(int64_t points) {
  if (points <= 1)
    return 0;
  if (points % 2 == 1) {
    // Sums and differences of pairs, then two real combinations of each.
    double pairs = double(points - 1) / 2;
    return 4 * pairs + 2 * pairs + 8 * pairs * pairs + 4 * pairs;
  }
  // Split in halves: two butterflies of half the points, then one twiddle and
  // one complex sum and difference a pair.
  double twiddles = 0;
  for (int64_t k = 1; k < points / 2; ++k)
    twiddles += countRotationFlops(k, points);
  return 2 * countButterflyFlops(points / 2) + twiddles + 2.0 * points;
}

static double countLeafFlops(const FFTPlan &plan) {
  int64_t columns = plan.leafColumns(), rest = plan.leaf / columns;
  double flops =
      columns * countButterflyFlops(rest) + rest * countButterflyFlops(columns);
  for (int64_t q = 1; q < columns; ++q)
    for (int64_t k = 1; k < rest; ++k)
      flops += countRotationFlops(q * k, plan.leaf);
  return flops;
}

double FFTPlan::countFlops() const {
  double points = size();
  double flops = points / leaf * countLeafFlops(*this);
  for (int64_t level = 0; level < numRounds(); ++level) {
    int64_t r = radixAt(level);
    flops += points / r * (countButterflyFlops(r) + 6 * (r - 1));
  }
  return flops;
}
