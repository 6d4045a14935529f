//===- FFTPlan.h - How a transform is factored ------------------*- C++ -*-===//
//
// One plan, three readers: the cost model counts its operations, the unit test
// evaluates it on numbers, the lowering emits it.
//
// A transform is decimated in frequency: rounds of butterflies with twiddle
// factors, the outermost first, then leaves computed in registers. The result
// is in digit-reversed order. A leaf of 16 points is a round and four leaves in
// turn: as one butterfly, all its numbers wait for each other, and there are
// not enough registers for them.
//
// Odd radices come first: their rounds are rare in a depth-first walk, and the
// rounds that are common then have powers of two as their block sizes. Primes
// up to 7 are written out; larger ones are loops over their (p - 1)^2 / 2 real
// products, which up to kMaxRadix cost less than a chirp transform does.
//
// The chirp transform (Bluestein) computes any other size by a convolution:
// with c_k = exp(i pi k^2 / n), jk = (j^2 + k^2 - (k - j)^2) / 2 gives
//
//   X_k = conj(c_k) sum_j conj(c_j) x_j c_{k-j},
//
// by transforms of at least 2n - 1 points.
//
// Reference: Bluestein, "A linear filtering approach to the computation of the
// discrete Fourier transform" (1970).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_FFTPLAN_H
#define SSM_PLAN_FFTPLAN_H

#include <cstdint>
#include <vector>

namespace ssm {

struct FFTPlan {
  /// The largest prime radix.
  static constexpr int64_t kMaxRadix = 61;
  /// The largest radix that is not a power of two and is written out.
  static constexpr int64_t kMaxUnrolledRadix = 7;
  /// Transforms of this many points are worth several threads each.
  static constexpr int64_t kSharedPoints = 1 << 12;
  /// The factors of a transform of at most so many points are constants: 144
  /// KiB of them in f32.
  static constexpr int64_t kConstantPoints = 1 << 14;
  /// Tiles of a convolution have as many lanes at least: one number at a time
  /// takes longer than two.
  static constexpr int64_t kFewestLanes = 2;

  /// Radices that are no powers of two, outermost first; equal ones adjacent.
  std::vector<int64_t> outer;
  /// Then `levels` rounds of a power of two, then leaves.
  int64_t radix = 8, levels = 0, leaf = 1;

  /// Whether `size` is a product of radices.
  static bool hasFactors(int64_t size);
  /// The plan for a size that has.
  static FFTPlan forSize(int64_t size);
  /// The cheapest plan of at least `size` points whose rounds are all written
  /// out, as a convolution needs them.
  static FFTPlan forAtLeast(int64_t size);
  /// The cheapest plan that a causal convolution of `length` outputs can use.
  /// By right-angle weighting, it needs `length` points only.
  static FFTPlan forConvolution(int64_t length);
  /// The plan of the convolution in a chirp transform of `points`.
  static FFTPlan forChirp(int64_t points) { return forAtLeast(2 * points - 1); }
  /// The same for wide numbers, whose butterflies are large: a power of two in
  /// rounds of radix 4.
  static FFTPlan forWideChirp(int64_t points);
  /// Plans for lengths known at run time only have a border of this radix,
  /// radix 3 or none, rounds of the radix, radix 4 or none, radix 2 or none,
  /// and such leaves. So their sizes are three quarters of a power of two, or
  /// all of it.
  static constexpr int64_t kDynamicRadix = 8, kDynamicLeaf = 8,
                           kMinDynamicSize = 64;

  int64_t numRounds() const { return outer.size() + levels; }
  int64_t radixAt(int64_t level) const {
    return level < int64_t(outer.size()) ? outer[level] : radix;
  }
  int64_t size() const { return blockSize(0); }
  /// Points of a block at `level`; level 0 is the whole transform.
  int64_t blockSize(int64_t level) const;
  /// The radix of the round within a leaf; 1 if there is none.
  int64_t leafColumns() const { return leaf == 16 ? 4 : 1; }
  /// Twiddle factors of all levels, w^(q k) with 0 < q < radix; those of a
  /// level start at size() - blockSize(level).
  int64_t numTwiddles() const { return size() - leaf; }
  /// The position of a frequency in the result.
  int64_t positionOf(int64_t frequency) const;

  /// Real additions and multiplications of one transform.
  double countFlops() const;
};

/// Real operations of a butterfly of `points` without twiddles.
double countButterflyFlops(int64_t points);

} // namespace ssm

#endif // SSM_PLAN_FFTPLAN_H
