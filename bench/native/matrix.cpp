//===- matrix.cpp - Recurrences of matrix states by hand ------------------===//
//
//   S_t = decay_t S_{t-1} + k_t v_t^T  [K, V],  y_t = q_t^T S_t
//
// A vector of a row of S goes through four steps, whose outputs are sums in
// registers beside it, before the next row is read.
//
//   S_t = diag(w_t) S_{t-1} + p_t (q_t^T S_{t-1}) + k_t v_t^T,  y_t = r_t^T S_t
//
// Four vectors of a row at a time; the rows of S are read twice in a step.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <vector>

constexpr int kSteps = 4;

/// `steps` steps of `kLanes` columns of S. Rows of k, q and decay are `keys`
/// floats from step to step, those of v and y `values`.
template <int Steps>
INLINE void columns(float *S, const float *decay, const float *k,
                    const float *q, const float *v, float *y, int64_t K,
                    int64_t V, int64_t keys, int64_t values) {
  Vec signal[Steps], sum[Steps];
  for (int i = 0; i < Steps; ++i) {
    signal[i] = load(v + i * values);
    sum[i] = Vec{};
  }
  for (int64_t n = 0; n < K; ++n) {
    Vec x = load(S + n * V);
#pragma clang loop unroll(full)
    for (int i = 0; i < Steps; ++i) {
      x = fma(splat(decay[i * keys + n]), x,
              splat(k[i * keys + n]) * signal[i]);
      sum[i] = fma(splat(q[i * keys + n]), x, sum[i]);
    }
    store(S + n * V, x);
  }
  for (int i = 0; i < Steps; ++i)
    store(y + i * values, sum[i]);
}

/// decay, k, q [B, T, H, K]; v, y [B, T, H, V]. V is a multiple of the vector;
/// otherwise nothing is done and 1 is returned.
API int matrix_states(const float *decay, const float *k, const float *q,
                      const float *v, float *y, int64_t B, int64_t T, int64_t H,
                      int64_t K, int64_t V, int threads) {
  if (V % kLanes)
    return 1;
  int64_t keys = H * K, values = H * V;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t b = 0; b < B; ++b)
    for (int64_t h = 0; h < H; ++h) {
      std::vector<float> S(K * V);
      for (int64_t t = 0; t < T;) {
        bool whole = t + kSteps <= T;
        int64_t key = (b * T + t) * keys + h * K,
                value = (b * T + t) * values + h * V;
        for (int64_t d = 0; d < V; d += kLanes)
          (whole ? columns<kSteps> : columns<1>)(&S[d], decay + key, k + key,
                                                 q + key, v + value + d,
                                                 y + value + d, K, V, keys,
                                                 values);
        t += whole ? kSteps : 1;
      }
    }
  return 0;
}

/// One step of `kWide` vectors of columns of S.
constexpr int kWide = 4;
INLINE void updated(float *__restrict S, const float *w, const float *p,
                    const float *q, const float *k, const float *r,
                    const float *v, float *y, int64_t K, int64_t V) {
  Vec s[kWide], signal[kWide], sum[kWide];
  for (int i = 0; i < kWide; ++i) {
    s[i] = sum[i] = Vec{};
    signal[i] = load(v + i * kLanes);
  }
  for (int64_t n = 0; n < K; ++n)
#pragma clang loop unroll(full)
    for (int i = 0; i < kWide; ++i)
      s[i] = fma(splat(q[n]), load(S + n * V + i * kLanes), s[i]);
  for (int64_t n = 0; n < K; ++n)
#pragma clang loop unroll(full)
    for (int i = 0; i < kWide; ++i) {
      float *place = S + n * V + i * kLanes;
      Vec x = fma(splat(w[n]), load(place), splat(k[n]) * signal[i]);
      x = fma(splat(p[n]), s[i], x);
      sum[i] = fma(splat(r[n]), x, sum[i]);
      store(place, x);
    }
  for (int i = 0; i < kWide; ++i)
    store(y + i * kLanes, sum[i]);
}

/// w, p, q, k, r [B, T, H, K]; v, y [B, T, H, V]. V is a multiple of four
/// vectors; otherwise nothing is done and 1 is returned.
API int matrix_updates(const float *w, const float *p, const float *q,
                       const float *k, const float *r, const float *v, float *y,
                       int64_t B, int64_t T, int64_t H, int64_t K, int64_t V,
                       int threads) {
  if (V % (kWide * kLanes))
    return 1;
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t b = 0; b < B; ++b)
    for (int64_t h = 0; h < H; ++h) {
      std::vector<float> S(K * V);
      for (int64_t t = 0; t < T; ++t) {
        int64_t row = (b * T + t) * H + h;
        for (int64_t d = 0; d < V; d += kWide * kLanes)
          updated(&S[d], w + row * K, p + row * K, q + row * K, k + row * K,
                  r + row * K, v + row * V + d, y + row * V + d, K, V);
      }
    }
  return 0;
}
