//===- scan.cpp - x_t = a_t x_{t-1} + b_t by hand -------------------------===//
//
// Channel-last: 4 vectors of channels keep their state in registers while time
// streams by. Channel-first: squares of kLanes channels by kLanes steps are
// transposed in registers; what is left over, and single channels, go through
// a scan within each vector (Hillis and Steele's), which no chain of
// multiply-adds holds up. Complex numbers are interleaved.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>

constexpr int kTile = 4; // vectors side by side

template <bool Streaming, int Vectors>
static void lastTile(const float *a, const float *b, float *x, int64_t L,
                     int64_t D) {
  Vec state[Vectors] = {};
  for (int64_t t = 0; t < L; ++t, a += D, b += D, x += D)
#pragma clang loop unroll(full)
    for (int v = 0; v < Vectors; ++v) {
      state[v] = fma(load(a + v * kLanes), state[v], load(b + v * kLanes));
      put<Streaming>(x + v * kLanes, state[v]);
    }
  if (Streaming)
    finishStreaming();
}
static void lastColumn(const float *a, const float *b, float *x, int64_t L,
                       int64_t D) {
  float state = 0;
  for (int64_t t = 0; t < L; ++t)
    x[t * D] = state = a[t * D] * state + b[t * D];
}
template <bool Streaming>
static void scanLast(const float *a, const float *b, float *x, int64_t B,
                     int64_t L, int64_t D, int threads) {
  // A tile for each vector where that is what keeps all threads busy.
  bool wide =
      B * (D / (kTile * kLanes)) >= threads && D % (kTile * kLanes) == 0;
  int64_t width = (wide ? kTile : 1) * kLanes, tiles = (D + width - 1) / width;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t i = 0; i < B; ++i)
    for (int64_t k = 0; k < tiles; ++k) {
      int64_t at = i * L * D + k * width;
      if (wide)
        lastTile<Streaming, kTile>(a + at, b + at, x + at, L, D);
      else if ((k + 1) * width <= D && D % kLanes == 0)
        lastTile<Streaming, 1>(a + at, b + at, x + at, L, D);
      else
        for (int64_t d = 0; d < std::min(width, D - k * width); ++d)
          lastColumn(a + at + d, b + at + d, x + at + d, L, D);
    }
}
/// [B, L, D]; x is aligned to 64 bytes.
API void scan_last(const float *a, const float *b, float *x, int64_t B,
                   int64_t L, int64_t D, int threads) {
  scanLast<false>(a, b, x, B, L, D, threads);
}
API void scan_last_streaming(const float *a, const float *b, float *x,
                             int64_t B, int64_t L, int64_t D, int threads) {
  scanLast<true>(a, b, x, B, L, D, threads);
}

/// One step of the scan within a vector: lanes combine with those `By` before.
template <int By, int... Lane>
INLINE void combine(Vec &a, Vec &b, LaneList<Lane...>) {
  Vec one = splat(1), zero{};
  Vec a0 = __builtin_shufflevector(one, a,
                                   (Lane < By ? Lane : kLanes + Lane - By)...);
  Vec b0 = __builtin_shufflevector(zero, b,
                                   (Lane < By ? Lane : kLanes + Lane - By)...);
  b = fma(a, b0, b);
  a = a * a0;
}
template <int By = 1>
INLINE void scanVector(Vec &a, Vec &b) {
  if constexpr (By < kLanes) {
    combine<By>(a, b, kAllLanes);
    scanVector<2 * By>(a, b);
  }
}
/// The affine map of a stretch of time: x -> product * x + sum.
struct Carry {
  float product, sum;
};
/// Scans from `state`; without Write only the map is computed.
template <bool Write>
static Carry scanRow(const float *a, const float *b, float *x, int64_t L,
                     float state) {
  constexpr int kUnroll = 4;
  float product = 1;
  int64_t t = 0;
  for (; t + kUnroll * kLanes <= L; t += kUnroll * kLanes) {
    Vec p[kUnroll], s[kUnroll];
#pragma clang loop unroll(full)
    for (int j = 0; j < kUnroll; ++j) {
      p[j] = load(a + t + j * kLanes);
      s[j] = load(b + t + j * kLanes);
      scanVector(p[j], s[j]);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < kUnroll; ++j) {
      if constexpr (Write)
        store(x + t + j * kLanes, fma(p[j], splat(state), s[j]));
      else
        product *= p[j][kLanes - 1];
      state = p[j][kLanes - 1] * state + s[j][kLanes - 1];
    }
  }
  for (; t < L; ++t) {
    state = a[t] * state + b[t];
    product *= a[t];
    if (Write)
      x[t] = state;
  }
  return {product, state};
}
static void firstSquare(const float *a, const float *b, float *x, int64_t L) {
  Vec state{};
  for (int64_t t = 0; t < L; t += kLanes) {
    Vec as[kLanes], bs[kLanes];
#pragma clang loop unroll(full)
    for (int i = 0; i < kLanes; ++i) {
      as[i] = load(a + i * L + t);
      bs[i] = load(b + i * L + t);
    }
    transpose(as);
    transpose(bs);
#pragma clang loop unroll(full)
    for (int i = 0; i < kLanes; ++i)
      bs[i] = state = fma(as[i], state, bs[i]);
    transpose(bs);
#pragma clang loop unroll(full)
    for (int i = 0; i < kLanes; ++i)
      store(x + i * L + t, bs[i]);
  }
}
/// One channel on several threads: reduce each part but the last, combine the
/// carries, scan each part.
static void splitRow(const float *a, const float *b, float *x, int64_t L,
                     int threads) {
  Carry carries[64];
  threads = std::min(threads, 64);
  int64_t part = (L / threads) / 64 * 64;
  auto length = [&](int i) { return i + 1 < threads ? part : L - i * part; };
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int i = 0; i < threads; ++i)
    if (i == 0)
      carries[i] = scanRow<true>(a, b, x, length(i), 0);
    else if (i + 1 < threads)
      carries[i] = scanRow<false>(a + i * part, b + i * part, x, length(i), 0);
  for (int i = 1; i + 1 < threads; ++i)
    carries[i].sum += carries[i].product * carries[i - 1].sum;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int i = 1; i < threads; ++i)
    scanRow<true>(a + i * part, b + i * part, x + i * part, length(i),
                  carries[i - 1].sum);
}
/// [B, D, L] as rows = B * D.
API void scan_first(const float *a, const float *b, float *x, int64_t rows,
                    int64_t L, int threads) {
  if (rows < threads)
    for (int64_t r = 0; r < rows; ++r)
      splitRow(a + r * L, b + r * L, x + r * L, L, threads);
  else if (rows % kLanes == 0 && L % kLanes == 0) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; r += kLanes)
      firstSquare(a + r * L, b + r * L, x + r * L, L);
  } else {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t r = 0; r < rows; ++r)
      scanRow<true>(a + r * L, b + r * L, x + r * L, L, 0);
  }
}

template <int... Pair>
INLINE Vec multiplyComplex(Vec a, Vec x, LaneList<Pair...>) {
  // (re, im) lanes: a.re * x + (-a.im, a.im) * (x.im, x.re)
  Vec re = __builtin_shufflevector(a, a, (Pair & ~1)...);
  Vec im = __builtin_shufflevector(a, a, (Pair | 1)...);
  Vec swapped = __builtin_shufflevector(x, x, (Pair ^ 1)...);
  Vec sign = {(Pair & 1 ? 1.f : -1.f)...};
  return fma(re, x, im * sign * swapped);
}
/// [B, L, D] of interleaved complex numbers; x is aligned to 64 bytes and 2 D a
/// multiple of 4 vectors.
API void scan_complex_last(const float *a, const float *b, float *x, int64_t B,
                           int64_t L, int64_t D, int threads) {
  int64_t row = 2 * D, tiles = row / (kTile * kLanes);
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t i = 0; i < B; ++i)
    for (int64_t k = 0; k < tiles; ++k) {
      int64_t at = i * L * row + k * kTile * kLanes;
      Vec state[kTile] = {};
      for (int64_t t = 0; t < L; ++t, at += row)
#pragma clang loop unroll(full)
        for (int v = 0; v < kTile; ++v) {
          state[v] =
              multiplyComplex(load(a + at + v * kLanes), state[v], kAllLanes) +
              load(b + at + v * kLanes);
          put<true>(x + at + v * kLanes, state[v]);
        }
      finishStreaming();
    }
}
