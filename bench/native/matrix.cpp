//===- matrix.cpp - Recurrences of matrix states by hand ------------------===//
//
//   S_t = decay_t S_{t-1} + k_t v_t^T  [K, V],  y_t = q_t^T S_t
//
// A vector of a row of S goes through four steps, whose outputs are sums in
// registers beside it, before the next row is read.
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
