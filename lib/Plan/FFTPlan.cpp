//===- FFTPlan.cpp - How a transform is factored --------------------------===//
#include "ssm/Plan/FFTPlan.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace ssm;

FFTPlan FFTPlan::forSize(int64_t size) {
  // A leaf of 4, 8 or 16 points takes what is left by rounds of radix 8.
  int64_t bits = llvm::Log2_64(size);
  if (bits <= 4)
    return {size, 8, 0};
  int64_t levels = (bits - 2) / 3;
  return {int64_t(1) << (bits - 3 * levels), 8, levels};
}

FFTPlan FFTPlan::forConvolution(int64_t length) {
  return forSize(llvm::PowerOf2Ceil(std::max<int64_t>(length, 4)));
}

int64_t FFTPlan::size() const { return blockSize(0); }

int64_t FFTPlan::blockSize(int64_t level) const {
  int64_t size = leaf;
  for (int64_t i = level; i < levels; ++i)
    size *= radix;
  return size;
}

int64_t FFTPlan::frequencyAt(int64_t position) const {
  int64_t frequency = 0, weight = 1;
  for (int64_t level = 0; level < levels; ++level) {
    int64_t part = blockSize(level + 1);
    frequency += weight * (position / part);
    position %= part;
    weight *= radix;
  }
  return frequency + weight * position;
}

double ssm::countButterflyFlops(int64_t points) {
  // Split in halves: two butterflies of half the points, then one twiddle and
  // one complex sum and difference a pair. Twiddles by 1 and -i are free, those
  // by (1 - i) / sqrt(2) take two sums and two products.
  if (points <= 1)
    return 0;
  double twiddles = 0;
  for (int64_t k = 1; k < points / 2; ++k)
    if (4 * k != points)
      twiddles += 8 * k % points == 0 ? 4 : 6;
  return 2 * countButterflyFlops(points / 2) + twiddles + 2.0 * points;
}

double FFTPlan::countFlops() const {
  double points = size();
  double perRound =
      points / radix * (countButterflyFlops(radix) + 6 * (radix - 1));
  return levels * perRound + points / leaf * countButterflyFlops(leaf);
}
