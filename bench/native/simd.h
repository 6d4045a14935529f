//===- simd.h - Vectors of the machine's width, for the code by hand ------===//
//
// Everything here is compiled with -march=native by one clang: its vector types
// instead of intrinsics keep the programs short and the same on every machine.
// Only 2^x has two instructions of its own where the machine has them.
//
//===----------------------------------------------------------------------===//
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

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
#ifdef __AVX512DQ__
  Vec r = _mm512_reduce_ps(x, 0);
#else
  Vec whole = __builtin_elementwise_rint(x), r = x - whole;
#endif
  Vec p = splat(1.33335581e-3f);
  p = fma(p, r, splat(9.61812910e-3f));
  p = fma(p, r, splat(5.55041086e-2f));
  p = fma(p, r, splat(2.40226507e-1f));
  p = fma(p, r, splat(6.93147182e-1f));
  p = fma(p, r, splat(1.f));
#ifdef __AVX512DQ__
  return _mm512_scalef_ps(p, x - r);
#else
  IntVec exponent = __builtin_convertvector(whole, IntVec) << 23;
  return (Vec)((IntVec)p + exponent);
#endif
}

/// The numbers of the lanes, for the indices of a shuffle.
template <int... Lane>
using LaneList = std::integer_sequence<int, Lane...>;
constexpr std::make_integer_sequence<int, kLanes> kAllLanes;

/// Complex numbers, interleaved: (re, im) lanes times each other.
template <int... Lane>
INLINE Vec negateOdd(Vec v, LaneList<Lane...>) {
  return v * Vec{(Lane & 1 ? -1.f : 1.f)...};
}
template <int... Pair>
INLINE Vec multiplyComplex(Vec a, Vec x, LaneList<Pair...>) {
  // a.re * x + (-a.im, a.im) * (x.im, x.re)
  Vec re = __builtin_shufflevector(a, a, (Pair & ~1)...);
  Vec im = __builtin_shufflevector(a, a, (Pair | 1)...);
  Vec swapped = __builtin_shufflevector(x, x, (Pair ^ 1)...);
  Vec sign = {(Pair & 1 ? 1.f : -1.f)...};
  return fma(re, x, im * sign * swapped);
}
