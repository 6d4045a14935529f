//===- simd.h - Vectors of the machine's width, for the code by hand ------===//
//
// Everything here is compiled with -march=native by one clang: vector types of
// its own instead of intrinsics keep the programs short and the same on every
// machine.
//
//===----------------------------------------------------------------------===//
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#ifdef __AVX512F__
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kLanes = kBytes / 4;
typedef float Vec __attribute__((vector_size(kBytes)));
typedef float LooseVec __attribute__((vector_size(kBytes), aligned(4)));
typedef int32_t IntVec __attribute__((vector_size(kBytes)));
#define INLINE static inline __attribute__((always_inline))
#define API extern "C" __attribute__((visibility("default")))

INLINE Vec load(const float *p) { return *(const LooseVec *)p; }
INLINE void store(float *p, Vec v) { *(LooseVec *)p = v; }
INLINE Vec splat(float x) { return x - Vec{}; }
INLINE Vec fma(Vec a, Vec b, Vec c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// Past the caches; `p` is aligned to the vector.
template <bool Streaming>
INLINE void put(float *p, Vec v) {
  if constexpr (Streaming)
    __builtin_nontemporal_store(v, (Vec *)p);
  else
    store(p, v);
}
/// Makes streamed data visible to other threads.
INLINE void finishStreaming() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// 2^x for |x| < 126, relative error 2e-7: a polynomial on [-1/2, 1/2] whose
/// exponent is then added to.
INLINE Vec exp2Poly(Vec x) {
  Vec whole = __builtin_elementwise_rint(x), r = x - whole;
  Vec p = splat(1.33335581e-3f);
  p = fma(p, r, splat(9.61812910e-3f));
  p = fma(p, r, splat(5.55041086e-2f));
  p = fma(p, r, splat(2.40226507e-1f));
  p = fma(p, r, splat(6.93147182e-1f));
  p = fma(p, r, splat(1.f));
  IntVec exponent = __builtin_convertvector(whole, IntVec) << 23;
  return (Vec)((IntVec)p + exponent);
}

/// The numbers of the lanes, for the indices of a shuffle.
template <int... Lane>
using LaneList = std::integer_sequence<int, Lane...>;
constexpr std::make_integer_sequence<int, kLanes> kAllLanes;

/// Transposes a square of kLanes vectors: swaps blocks of 1, 2, 4, ... lanes.
template <int Block, int... Lane>
INLINE void swapBlocks(Vec &low, Vec &high, LaneList<Lane...>) {
  Vec a = __builtin_shufflevector(
      low, high, (Lane & Block ? kLanes + Lane - Block : Lane)...);
  high = __builtin_shufflevector(
      low, high, (Lane & Block ? kLanes + Lane : Lane + Block)...);
  low = a;
}
template <int Block = 1>
INLINE void transpose(Vec (&rows)[kLanes]) {
  if constexpr (Block < kLanes) {
#pragma clang loop unroll(full)
    for (int i = 0; i < kLanes; ++i)
      if (!(i & Block))
        swapBlocks<Block>(rows[i], rows[i + Block], kAllLanes);
    transpose<2 * Block>(rows);
  }
}
