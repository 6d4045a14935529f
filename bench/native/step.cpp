//===- step.cpp - One step of S4D and of Mamba-1 by hand ------------------===//
//
//   S4D      x'[h, n] = a[h, n] x[h, n] + b[h, n] u[h]
//            y[h] = 2 Re sum_n c[h, n] x'[h, n]
//   Mamba-1  x'[d, n] = exp(dt[d] A[d, n]) x[d, n] + dt[d] B[n] u[d]
//            y[d] = sum_n C[n] x'[d, n] + skip[d] u[d]
//
// Lanes are states, as they lie in memory; complex numbers are interleaved.
// Mamba-1's sums of a vector of channels are made together, by the exchanges of
// a transpose.
//
//===----------------------------------------------------------------------===//
#include "simd.h"

/// Half of the lanes of `a` and `b`, by blocks of S, on top of the others.
template <int S, int... Lane>
INLINE Vec addBlocks(Vec a, Vec b, LaneList<Lane...>) {
  return __builtin_shufflevector(a, b,
                                 (Lane & S ? kLanes + Lane - S : Lane)...) +
         __builtin_shufflevector(a, b,
                                 (Lane & S ? kLanes + Lane : Lane + S)...);
}

/// The sum of rows[i] in lane i.
template <int S = kLanes / 2>
INLINE Vec sumRows(Vec *rows) {
  if constexpr (S == 0) {
    return rows[0];
  } else {
#pragma clang loop unroll(full)
    for (int i = 0; i < S; ++i)
      rows[i] = addBlocks<S>(rows[i], rows[i + S], kAllLanes);
    return sumRows<S / 2>(rows);
  }
}

template <int S = kLanes / 2>
INLINE float sumLanes(Vec v) {
  if constexpr (S == 0)
    return v[0];
  else
    return sumLanes<S / 2>(addBlocks<S>(v, v, kAllLanes));
}

/// a, b, c, x, next [H, N] complex; u, y [H]. 2 N is a multiple of the vector;
/// otherwise nothing is done and 1 is returned.
API int s4d_step(const float *a, const float *u, const float *b, const float *c,
                 const float *x, float *y, float *next, int64_t H, int64_t N,
                 int threads) {
  if (2 * N % kLanes)
    return 1;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t h = 0; h < H; ++h) {
    Vec sum{}, drive = splat(u[h]);
    for (int64_t i = h * 2 * N; i < (h + 1) * 2 * N; i += kLanes) {
      Vec after = multiplyComplex(load(a + i), load(x + i), kAllLanes);
      after = fma(load(b + i), drive, after);
      store(next + i, after);
      sum = fma(load(c + i), negateOdd(after, kAllLanes), sum);
    }
    y[h] = 2 * sumLanes(sum);
  }
  return 0;
}

/// dt, skip, u, y [D]; A, x, next [D, N]; B, C [N]. N is the vector's length
/// and D a multiple of it; otherwise nothing is done and 1 is returned.
API int mamba_step(const float *dt, const float *A, const float *B,
                   const float *C, const float *skip, const float *u,
                   const float *x, float *y, float *next, int64_t D, int64_t N,
                   int threads) {
  if (N != kLanes || D % kLanes)
    return 1;
  Vec in = load(B), out = load(C);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t d = 0; d < D; d += kLanes) {
    Vec rows[kLanes];
#pragma clang loop unroll(full)
    for (int i = 0; i < kLanes; ++i) {
      int64_t at = (d + i) * kLanes;
      float step = dt[d + i];
      Vec decay = exp2Poly(load(A + at) * splat(step * float(M_LOG2E)));
      Vec after = fma(decay, load(x + at), in * splat(step * u[d + i]));
      store(next + at, after);
      rows[i] = after * out;
    }
    store(y + d, fma(load(skip + d), load(u + d), sumRows(rows)));
  }
  return 0;
}
