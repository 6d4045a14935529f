//===- selective.cpp - Mamba-1's selective scan by hand -------------------===//
//
//   h[d, n] = exp(dt[t, d] A[d, n]) h[d, n] + dt[t, d] B[t, n] u[t, d]
//   y[t, d] = sum_n C[t, n] h[d, n] + skip[d] u[t, d]
//
// Lanes are channels, all states of a vector of channels are in registers, and
// a few steps of time pass before the next vector: its rows of dt, u and y then
// share their cache lines' pages, and B and C stay in the first-level cache.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>
#include <vector>

constexpr int64_t kSteps = 8;

template <int N>
static void tile(const float *dt, const float *A, const float *B,
                 const float *C, const float *skip, const float *u, float *y,
                 float *states, int64_t steps, int64_t D) {
  Vec h[N];
#pragma clang loop unroll(full)
  for (int n = 0; n < N; ++n)
    h[n] = load(states + n * kLanes);
  for (int64_t t = 0; t < steps; ++t) {
    Vec step = load(dt + t * D), x = load(u + t * D), drive = step * x;
    Vec even = load(skip) * x, odd{};
#pragma clang loop unroll(full)
    for (int n = 0; n < N; ++n) {
      Vec decay = exp2Poly(step * load(A + n * kLanes));
      h[n] = fma(decay, h[n], drive * splat(B[t * N + n]));
      Vec &sum = n % 2 ? odd : even;
      sum = fma(h[n], splat(C[t * N + n]), sum);
    }
    store(y + t * D, even + odd);
  }
#pragma clang loop unroll(full)
  for (int n = 0; n < N; ++n)
    store(states + n * kLanes, h[n]);
}

/// dt, u, y [batch, L, D]; A [D, N]; B, C [batch, L, N]; skip [D]. N is 16 and
/// D a multiple of the vector; otherwise nothing is done and 1 is returned.
API int selective_scan(const float *dt, const float *A, const float *B,
                       const float *C, const float *skip, const float *u,
                       float *y, int64_t batch, int64_t L, int64_t D, int64_t N,
                       int threads) {
  if (N != 16 || D % kLanes)
    return 1;
  // exp(x) = 2^(x log2 e); A by lanes.
  std::vector<float> scaled(D * N), states(batch * D * N);
  for (int64_t d = 0; d < D; ++d)
    for (int64_t n = 0; n < N; ++n)
      scaled[(d / kLanes * N + n) * kLanes + d % kLanes] =
          A[d * N + n] * float(M_LOG2E);
  int64_t vectors = D / kLanes, parts = std::min<int64_t>(threads, vectors);
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads)
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t p = 0; p < parts; ++p)
      for (int64_t t = 0; t < L; t += kSteps)
        for (int64_t v = vectors * p / parts; v < vectors * (p + 1) / parts;
             ++v) {
          int64_t at = (b * L + t) * D + v * kLanes;
          tile<16>(dt + at, scaled.data() + v * kLanes * N, B + (b * L + t) * N,
                   C + (b * L + t) * N, skip + v * kLanes, u + at, y + at,
                   states.data() + (b * D + v * kLanes) * N,
                   std::min(kSteps, L - t), D);
        }
  return 0;
}
