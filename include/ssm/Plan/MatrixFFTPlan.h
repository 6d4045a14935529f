//===- MatrixFFTPlan.h - A transform as products of matrices ----*- C++ -*-===//
//
// A transform of N = r s points is r-point transforms of every s-th number,
// twiddle factors, and s-point transforms of what comes out side by side. An
// r-point transform of many channels is a product with the matrix of r-th roots
// of unity; with radices far above those of FFTPlan.h there are few rounds, of
// more operations than a fast transform has, for a unit that multiplies
// matrices so much faster.
//
// One plan, three readers: the cost model counts its products, the unit test
// evaluates it on numbers, the lowering emits it.
//
// Reference: Dao et al., "Monarch: Expressive Structured Matrices for Efficient
// and Accurate Training" (2022); Fu et al., "FlashFFTConv: Efficient
// Convolutions for Long Sequences with Tensor Cores" (2023).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_MATRIXFFTPLAN_H
#define SSM_PLAN_MATRIXFFTPLAN_H

#include <cstdint>
#include <vector>

namespace ssm {

struct MatrixFFTPlan {
  /// Radices are multiples of this, but for a transform that is smaller.
  static constexpr int64_t kRadixStep = 8;
  /// A matrix of this radix still fits the first cache.
  static constexpr int64_t kMaxRadix = 64;

  /// Of the rounds, the outermost first.
  std::vector<int64_t> radices;

  /// The cheapest plan of at least `size` points, as many as a right-angle
  /// convolution of that length needs.
  static MatrixFFTPlan forAtLeast(int64_t size);
  /// The cheapest plan of a power of two.
  static MatrixFFTPlan forPowerOf2(int64_t size);

  int64_t numRounds() const { return radices.size(); }
  int64_t size() const { return blockSize(0); }
  /// Points of a block at `level`; level 0 is the whole transform.
  int64_t blockSize(int64_t level) const;
  /// The position of a frequency in the result.
  int64_t positionOf(int64_t frequency) const;

  /// Multiplications of real numbers in one transform's matrix products, each
  /// with an addition.
  double countProducts() const;
};

} // namespace ssm

#endif // SSM_PLAN_MATRIXFFTPLAN_H
