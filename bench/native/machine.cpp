//===- machine.cpp - What the machine allows ------------------------------===//
//
// triad            c = a * b: two arrays read, one written, as in a scan
// multiply_adds    chains of fused multiply-adds in registers
// exponentials     2^x in registers, by the polynomial of the selective scan
//
//===----------------------------------------------------------------------===//
#include "simd.h"

template <bool Streaming>
static void triad(const float *a, const float *b, float *c, int64_t n,
                  int threads) {
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < n; i += kLanes)
      put<Streaming>(c + i, load(a + i) * load(b + i));
    if (Streaming)
      finishStreaming();
  }
}
/// All arrays are aligned to 64 bytes and n is a multiple of 16.
API void bench_triad(const float *a, const float *b, float *c, int64_t n,
                     int threads) {
  triad<false>(a, b, c, n, threads);
}
API void bench_triad_streaming(const float *a, const float *b, float *c,
                               int64_t n, int threads) {
  triad<true>(a, b, c, n, threads);
}

/// Does `rounds` of the operation on 12 vectors in each thread; the number of
/// elements it worked on.
template <typename Op>
static double inRegisters(int64_t rounds, int threads, Op op) {
  constexpr int kChains = 12;
#pragma omp parallel num_threads(threads)
  {
    Op own = op; // in this thread's registers
    Vec x[kChains];
    for (int j = 0; j < kChains; ++j)
      x[j] = splat(0.1f + 0.01f * j);
    for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
      for (int j = 0; j < kChains; ++j)
        x[j] = own(x[j]);
    for (int j = 0; j < kChains; ++j)
      asm volatile("" ::"v"(x[j])); // the results are used
  }
  return double(rounds) * kChains * kLanes * threads;
}
API double bench_multiply_adds(int64_t rounds, int threads) {
  Vec a = splat(0.999f), b = splat(0.001f);
  return inRegisters(rounds, threads, [=](Vec x) { return fma(x, a, b); });
}
API double bench_exponentials(int64_t rounds, int threads) {
  return inRegisters(rounds, threads, [](Vec x) { return exp2Poly(-x); });
}
