//===- kernel.cpp - K_l = 2 Re sum_n w_n a_n^l by hand --------------------===//
//
// With l = i S + j the power splits, a^l = a^(i S) a^j: for each channel the
// kernel is a real matrix product of [L / S, 2 N] (left factors, times w) and
// [2 N, S] (right factors). The factors are formed in double precision and
// rounded once.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>
#include <vector>

constexpr double kSmallest = 1e-37; // well above the denormal numbers
constexpr int kVectors = 4, kColumns = kVectors * kLanes, kRows = 4, kSide = 8;
typedef double Double __attribute__((vector_size(8 * kSide)));
typedef float Float __attribute__((vector_size(4 * kSide), aligned(4)));

struct Wide {
  Double re, im;
};
INLINE Wide operator*(Wide a, Wide b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
/// Rounded; denormal factors would slow each product down tenfold.
INLINE Float round(Double x) {
  Double size = __builtin_elementwise_abs(x);
  return __builtin_convertvector(size < kSmallest ? Double{} : x, Float);
}

/// Multiplies `power` by `ratio` again and again: re[k * stride] and
/// im[k * stride], the latter times `sign`, are what there was before.
static Wide ladder(Wide power, Wide ratio, int64_t count, float *re, float *im,
                   int64_t stride, double sign) {
  for (int64_t k = 0; k < count; ++k, re += stride, im += stride) {
    *(Float *)re = round(power.re);
    *(Float *)im = round(sign * power.im);
    power = power * ratio;
  }
  return power;
}

/// `left` is [L / S][2N], `right` [2N][S].
static void channel(const float *a, const float *w, float *K, int64_t N,
                    int64_t L, float *left, float *right) {
  int64_t rows = (L + kColumns - 1) / kColumns;
  int64_t padded = (rows + kRows - 1) / kRows * kRows;
  for (int64_t n0 = 0; n0 < N; n0 += kSide) {
    Wide stride, first;
    for (int j = 0; j < kSide; ++j) {
      int64_t n = n0 + j;
      // Lanes are 1, a, ..., a^7; they go on by a^8.
      Wide z = {Double{} + 1, Double{}};
      Wide power = {Double{} + a[2 * n], Double{} + a[2 * n + 1]};
      for (int bit = 1; bit < kSide; bit *= 2, power = power * power)
        for (int lane = 0; lane < kSide; ++lane)
          if (lane & bit) {
            Wide product = z * power;
            z.re[lane] = product.re[lane];
            z.im[lane] = product.im[lane];
          }
      z = ladder(z, power, kColumns / kSide, right + n * kColumns,
                 right + (N + n) * kColumns, kSide, 1);
      stride.re[j] = z.re[0], stride.im[j] = z.im[0]; // a^S
      first.re[j] = 2.0 * w[2 * n], first.im[j] = 2.0 * w[2 * n + 1];
    }
    ladder(first, stride, padded, left + n0, left + N + n0, 2 * N, -1);
  }
  for (int64_t i = 0; i < padded; i += kRows) {
    Vec sum[kRows][kVectors] = {};
    for (int64_t q = 0; q < 2 * N; ++q) {
      Vec column[kVectors];
#pragma clang loop unroll(full)
      for (int v = 0; v < kVectors; ++v)
        column[v] = load(right + q * kColumns + v * kLanes);
#pragma clang loop unroll(full)
      for (int r = 0; r < kRows; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < kVectors; ++v)
          sum[r][v] =
              fma(splat(left[(i + r) * 2 * N + q]), column[v], sum[r][v]);
    }
    // The last rows may reach beyond the end.
    float tail[kRows * kColumns];
    bool whole = L - i * kColumns >= kRows * kColumns;
    float *out = whole ? K + i * kColumns : tail;
#pragma clang loop unroll(full)
    for (int r = 0; r < kRows; ++r)
#pragma clang loop unroll(full)
      for (int v = 0; v < kVectors; ++v)
        store(out + r * kColumns + v * kLanes, sum[r][v]);
    if (!whole && L > i * kColumns)
      memcpy(K + i * kColumns, tail, (L - i * kColumns) * 4);
  }
}

/// a, w [H, N] complex, N a multiple of 8; K [H, L].
API void vandermonde(const float *a, const float *w, float *K, int64_t H,
                     int64_t N, int64_t L, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> left((L / kColumns + 1 + kRows) * 2 * N);
    std::vector<float> right(2 * N * kColumns);
#pragma omp for schedule(static)
    for (int64_t h = 0; h < H; ++h)
      channel(a + 2 * h * N, w + 2 * h * N, K + h * L, N, L, left.data(),
              right.data());
  }
}
