//===- FFTPlan.h - How a transform is factored ------------------*- C++ -*-===//
//
// One plan, three readers: the cost model counts its operations, the unit test
// evaluates it on numbers, the lowering emits it.
//
// A transform of n = leaf * radix^levels points is decimated in frequency:
// `levels` rounds of radix-point butterflies with twiddle factors, then leaves
// computed in registers. The result is in digit-reversed order.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_FFTPLAN_H
#define SSM_PLAN_FFTPLAN_H

#include <cstdint>

namespace ssm {

struct FFTPlan {
  int64_t leaf = 1, radix = 8, levels = 0;

  /// The plan for a power of two.
  static FFTPlan forSize(int64_t size);
  /// The plan whose size is the smallest that a causal convolution of `length`
  /// outputs can use. By right-angle weighting, that is `length` itself.
  static FFTPlan forConvolution(int64_t length);
  /// The shape of plans for lengths known at run time only: their sizes are
  /// powers of four.
  static FFTPlan forDynamicSize() { return {4, 4, 0}; }

  int64_t size() const;
  /// Points of a block at `level`; level 0 is the whole transform.
  int64_t blockSize(int64_t level) const;
  /// Twiddle factors of all levels, w^(q k) with 0 < q < radix; those of a
  /// level start at size() - blockSize(level).
  int64_t numTwiddles() const { return size() - leaf; }
  /// The frequency of the value at `position` of the result.
  int64_t frequencyAt(int64_t position) const;

  /// Real additions and multiplications of one transform.
  double countFlops() const;
};

/// Real operations of a butterfly of `points` (2, 4, 8 or 16) without twiddles.
double countButterflyFlops(int64_t points);

} // namespace ssm

#endif // SSM_PLAN_FFTPLAN_H
