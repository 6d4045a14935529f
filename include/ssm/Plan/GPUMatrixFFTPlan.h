//===- GPUMatrixFFTPlan.h - Transforms on tensor cores ----------*- C++ -*-===//
//
// A block transforms N = 256 R complex numbers by products with matrices of 16
// x 16. With n = 16 R n1 + R n2 + n3 and k = k1 + 16 k2 + 256 k3
//
//   exp(-2 pi i n (k - f) / N) = exp(-2 pi i n1 (k1 - f) / 16)
//       exp(-2 pi i (R n2 + n3) (k1 - f) / N) exp(-2 pi i n2 k2 / 16)
//       exp(-2 pi i n3 k2 / 16 R) exp(-2 pi i n3 k3 / R)
//
// for any shift f: a quarter is the weight of right-angle convolutions, and the
// matrix of n1 has it in. A warp has matrices over n1 and n2, for four n3. Both
// sums are products in its registers, since what one leaves the lanes is what
// the next one takes as a left factor. The third digit comes through shared
// memory, and so does the first one on the way back.
//
// A third digit of R = 32 is one of 16 and one of 2, n3 = 2 m + h and k3 = k +
// 16 r: products sum over m, and sums and differences of two of them over h.
//
// Roots of (R n2 + n3) (k1 - f) / N, but for those of k1 n2 / 256, are in the
// matrices of n1 and n2, and those of n3 k2 / 16 R are in one of n3 that each
// k2 has of its own. The matrices of n2 and n3 are symmetric, with roots of f
// k2 / 256 and k2 k3 / 16 R that are taken out of the kernel's frequencies: so
// the way back has the same ones. Those of h (k2 + 16 k) / 512 are in the
// second of two matrices of m, with roots of h m / 32 that are taken out of
// n1's.
//
// Shared memory has units of 16 bytes, eight numbers of bf16.
//
// Read by the emitter and by the unit test.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_GPUMATRIXFFTPLAN_H
#define SSM_PLAN_GPUMATRIXFFTPLAN_H

#include <cstdint>

namespace ssm {

struct GPUMatrixFFTPlan {
  static constexpr int64_t kRadix = 16;
  static constexpr int64_t kLogLeast = 10, kLogMost = 13; ///< Of the points.
  static constexpr int64_t kUnit = 8;
  /// n3 of a warp, and tiles of it, which are matrices over k1 and 16 numbers
  /// (k2, n3): every warps()-th one, or all h of every warps()-th k2.
  static constexpr int64_t kNeighbours = 4, kTiles = 4;

  int64_t logPoints = kLogLeast;

  int64_t points() const { return int64_t(1) << logPoints; }
  int64_t lastRadix() const { return points() / (kRadix * kRadix); }
  int64_t warps() const { return lastRadix() / kNeighbours; }
  /// Of h, and what is left for products.
  int64_t halves() const { return lastRadix() > kRadix ? 2 : 1; }
  int64_t tileRadix() const { return lastRadix() / halves(); }
  /// Different k2 in a tile.
  int64_t groups() const { return kRadix / tileRadix(); }
  /// How far a warp's i-th tile is behind its first one, in tiles of one k2
  /// after the other.
  int64_t tilesBehind(int64_t i) const {
    return i / halves() * halves() * warps() + i % halves();
  }

  /// One part of (k1, k2, n3) is in a unit with those of eight n3, or m of one
  /// h, or of four and another k2. Eight k1 are accessed together, or halves or
  /// quarters of a unit of the lanes that have (k1, k2) of a product, unless a
  /// lane has all of it: units have the parts that these are elsewhere, by an
  /// exclusive or with bits 1, 2 of k2. All tiles of a warp have the same bits.
  int64_t rowUnits() const { return kRadix * lastRadix() / kUnit; }
  int64_t placeRow(int64_t k1, int64_t unit) const {
    return k1 * rowUnits() +
           (unit ^ (unit >> 1 & 4) ^ (k1 & 7) ^ (k1 & 1) << 2);
  }
  /// Words of two numbers that a lane accesses together, and how many of these
  /// a unit has.
  int64_t rowWords() const { return lastRadix() < kUnit ? 4 : 2 / halves(); }
  int64_t rowParts() const { return 4 / rowWords(); }
  /// The bit of a warp's number where those of k2 / 2 of its tiles begin.
  int64_t swapBit() const { return tileRadix() / kRadix; }

  /// Both parts of every second of eight (k1, k2, n3) are in a unit, of which
  /// there are four. Eight k2 are accessed together, or those of the lanes that
  /// have (k1, n3) of a product.
  int64_t placeColumn(int64_t k1, int64_t k2, int64_t n3) const {
    int64_t unit = (n3 * kRadix + k2) * 4 + k1 / kUnit * 2 + k1 % 2;
    return unit ^ (k2 >> 1 & 3) ^ (n3 / halves() & 6);
  }
};

} // namespace ssm

#endif // SSM_PLAN_GPUMATRIXFFTPLAN_H
