//===- scan.cpp - x_t = a_t x_{t-1} + b_t by hand -------------------------===//
//
// Channel-last: time streams by in whole rows, the state of a row stays in the
// first-level cache. Channel-first: a scan within each vector (Hillis and
// Steele's), which no chain of multiply-adds holds up; a single channel is cut
// between the threads. Complex numbers are interleaved.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>

constexpr int64_t kWidth = 4096; // floats of state, 16 KiB

/// `width` columns of rows of `row` floats, a multiple of the vector.
template <bool Streaming, bool Complex>
static void columns(const float *a, const float *b, float *x, int64_t L,
                    int64_t row, int64_t width) {
  alignas(64) float state[kWidth];
  std::fill_n(state, width, 0.f);
  for (int64_t t = 0; t < L; ++t, a += row, b += row, x += row)
    for (int64_t d = 0; d < width; d += kLanes) {
      Vec s = load(state + d);
      if constexpr (Complex)
        s = multiplyComplex(load(a + d), s, kAllLanes) + load(b + d);
      else
        s = fma(load(a + d), s, load(b + d));
      store(state + d, s);
      put<Streaming>(x + d, s);
    }
  if (Streaming)
    finishStreaming();
}
static void column(const float *a, const float *b, float *x, int64_t L,
                   int64_t row) {
  float state = 0;
  for (int64_t t = 0; t < L; ++t)
    x[t * row] = state = a[t * row] * state + b[t * row];
}
template <bool Streaming, bool Complex>
static void scanRows(const float *a, const float *b, float *x, int64_t B,
                     int64_t L, int64_t row, int threads) {
  int64_t vectors = row % 16 ? 0 : row / 16;
  int64_t parts = std::max((row + kWidth - 1) / kWidth,
                           std::min<int64_t>(vectors, (threads + B - 1) / B));
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t i = 0; i < B; ++i)
    for (int64_t k = 0; k < parts; ++k) {
      int64_t from = vectors * k / parts * 16,
              to = vectors * (k + 1) / parts * 16;
      int64_t at = i * L * row;
      if (vectors)
        columns<Streaming, Complex>(a + at + from, b + at + from, x + at + from,
                                    L, row, to - from);
      else
        for (int64_t d = row * k / parts; d < row * (k + 1) / parts; ++d)
          column(a + at + d, b + at + d, x + at + d, L, row);
    }
}
/// [B, L, D]. Streamed: x is aligned to 64 bytes and D a multiple of 16.
API void scan_last(const float *a, const float *b, float *x, int64_t B,
                   int64_t L, int64_t D, int threads) {
  scanRows<false, false>(a, b, x, B, L, D, threads);
}
API void scan_last_streaming(const float *a, const float *b, float *x,
                             int64_t B, int64_t L, int64_t D, int threads) {
  scanRows<true, false>(a, b, x, B, L, D, threads);
}
/// [B, L, D] of interleaved complex numbers, D a multiple of 8.
API void scan_complex_last(const float *a, const float *b, float *x, int64_t B,
                           int64_t L, int64_t D, int threads) {
  scanRows<false, true>(a, b, x, B, L, 2 * D, threads);
}
API void scan_complex_last_streaming(const float *a, const float *b, float *x,
                                     int64_t B, int64_t L, int64_t D,
                                     int threads) {
  scanRows<true, true>(a, b, x, B, L, 2 * D, threads);
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
/// Scans from `state`; without output only the map is computed.
enum class Output { None, Cached, Streamed };
template <Output Kind>
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
      if constexpr (Kind == Output::None)
        product *= p[j][kLanes - 1];
      else
        put<Kind == Output::Streamed>(x + t + j * kLanes,
                                      fma(p[j], splat(state), s[j]));
      state = p[j][kLanes - 1] * state + s[j][kLanes - 1];
    }
  }
  for (; t < L; ++t) {
    state = a[t] * state + b[t];
    product *= a[t];
    if (Kind != Output::None)
      x[t] = state;
  }
  if (Kind == Output::Streamed)
    finishStreaming();
  return {product, state};
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
      carries[i] = scanRow<Output::Cached>(a, b, x, length(i), 0);
    else if (i + 1 < threads)
      carries[i] =
          scanRow<Output::None>(a + i * part, b + i * part, x, length(i), 0);
  for (int i = 1; i + 1 < threads; ++i)
    carries[i].sum += carries[i].product * carries[i - 1].sum;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int i = 1; i < threads; ++i)
    scanRow<Output::Cached>(a + i * part, b + i * part, x + i * part, length(i),
                            carries[i - 1].sum);
}
template <Output Kind>
static void scanFirst(const float *a, const float *b, float *x, int64_t rows,
                      int64_t L, int threads) {
  if (rows < threads) {
    for (int64_t r = 0; r < rows; ++r)
      splitRow(a + r * L, b + r * L, x + r * L, L, threads);
    return;
  }
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t r = 0; r < rows; ++r)
    scanRow<Kind>(a + r * L, b + r * L, x + r * L, L, 0);
}
/// [B, D, L] as rows = B * D. Streamed: x is aligned to 64 bytes and L a
/// multiple of 16; a single channel on several threads is not streamed.
API void scan_first(const float *a, const float *b, float *x, int64_t rows,
                    int64_t L, int threads) {
  scanFirst<Output::Cached>(a, b, x, rows, L, threads);
}
API void scan_first_streaming(const float *a, const float *b, float *x,
                              int64_t rows, int64_t L, int threads) {
  scanFirst<Output::Streamed>(a, b, x, rows, L, threads);
}
