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
#include <complex>
#include <vector>

using Complex = std::complex<double>;
constexpr int kVectors = 4, kColumns = kVectors * kLanes, kRows = 4;

/// out[i * stride], i < count: Re and Im of first * ratio^i, the latter negated
/// where the product needs it.
static void powers(Complex first, Complex ratio, int64_t count, float *re,
                   float *im, int64_t stride, double sign) {
  double x = first.real(), y = first.imag(), r = ratio.real(), i = ratio.imag();
  for (int64_t k = 0; k < count; ++k) {
    re[k * stride] = float(x);
    im[k * stride] = float(sign * y);
    double next = x * r - y * i;
    y = x * i + y * r;
    x = next;
  }
}
static void channel(const std::complex<float> *a, const std::complex<float> *w,
                    float *K, int64_t N, int64_t L, float *left, float *right) {
  int64_t rows = (L + kColumns - 1) / kColumns,
          padded = (rows + kRows - 1) / kRows * kRows;
  for (int64_t n = 0; n < N; ++n) {
    Complex power = Complex(a[n]), stride = power;
    for (int s = 1; s < kColumns; s *= 2)
      stride *= stride;
    powers(1, power, kColumns, right + n * kColumns, right + (N + n) * kColumns,
           1, 1);
    powers(2.0 * Complex(w[n]), stride, padded, left + n, left + N + n, 2 * N,
           -1);
  }
  for (int64_t i = 0; i < padded; i += kRows) {
    Vec sum[kRows][kVectors] = {};
    for (int64_t q = 0; q < 2 * N; ++q) {
      Vec column[kVectors];
      for (int v = 0; v < kVectors; ++v)
        column[v] = load(right + q * kColumns + v * kLanes);
#pragma clang loop unroll(full)
      for (int r = 0; r < kRows; ++r)
#pragma clang loop unroll(full)
        for (int v = 0; v < kVectors; ++v)
          sum[r][v] =
              fma(splat(left[(i + r) * 2 * N + q]), column[v], sum[r][v]);
    }
    int64_t room = L - i * kColumns;
    if (room >= kRows * kColumns)
      memcpy(K + i * kColumns, sum, sizeof(sum));
    else if (room > 0)
      memcpy(K + i * kColumns, sum, room * 4);
  }
}

/// a, w [H, N] complex; K [H, L].
API void vandermonde(const float *a, const float *w, float *K, int64_t H,
                     int64_t N, int64_t L, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> left((L / kColumns + 1 + kRows) * 2 * N),
        right(2 * N * kColumns);
#pragma omp for schedule(static)
    for (int64_t h = 0; h < H; ++h)
      channel((const std::complex<float> *)a + h * N,
              (const std::complex<float> *)w + h * N, K + h * L, N, L,
              left.data(), right.data());
  }
}
