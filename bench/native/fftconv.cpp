//===- fftconv.cpp - Causal FFT convolution by hand, channel-last ---------===//
//
//   y[b, t, h] = sum_{s <= t} k[t - s, h] u[b, s, h]
//
// Lanes are channels, so butterflies are plain vector arithmetic. Signal and
// kernel are weighted by w^t, w = exp(i pi / 2M): a complex transform of length
// M >= L then holds the causal result in Re(w^-t z), without zero padding.
// Decimation in frequency forward and in time inverse needs no bit reversal;
// the recursion is depth first, and a block that fits registers is transformed,
// multiplied by the kernel's spectrum and transformed back at once.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>
#include <complex>
#include <cstdlib>
#include <memory>
#include <omp.h>
#include <vector>

namespace {
struct Wide {
  Vec re, im;
};
INLINE Wide operator+(Wide a, Wide b) { return {a.re + b.re, a.im + b.im}; }
INLINE Wide operator-(Wide a, Wide b) { return {a.re - b.re, a.im - b.im}; }
INLINE Wide operator*(Wide a, Wide b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
INLINE Wide times(Wide a, float re, float im) {
  return {a.re * re - a.im * im, a.re * im + a.im * re};
}

constexpr double kPi = 3.14159265358979323846;
/// cos and sin of 2 pi k / 16 for the twiddles within registers.
constexpr double kCos[] = {1, 0.92387953251128674, 0.70710678118654752,
                           0.38268343236508977, 0};

/// Multiplies by exp(-+ 2 pi i K / N), + if Inverse. N divides 16.
template <int K, int N, bool Inverse>
INLINE Wide rotate(Wide z) {
  constexpr int k = K * (16 / N) % 16, q = k % 4;
  if constexpr (k >= 8)
    return Wide{} - rotate<k - 8, 16, Inverse>(z);
  else if constexpr (k >= 4) {
    Wide r = rotate<k - 4, 16, Inverse>(z);
    return Inverse ? Wide{-r.im, r.re} : Wide{r.im, -r.re};
  } else if constexpr (k == 0)
    return z;
  else if constexpr (k == 2) {
    float c = kCos[2];
    return Inverse ? Wide{(z.re - z.im) * c, (z.re + z.im) * c}
                   : Wide{(z.re + z.im) * c, (z.im - z.re) * c};
  } else
    return times(z, kCos[q], Inverse ? kCos[4 - q] : -kCos[4 - q]);
}

/// DFT of N points z[0], z[Step], ... in registers, in natural order: an even
/// and an odd half, decimated in time.
template <int N, bool Inverse, int Step = 1>
struct DFT {
  template <int... K>
  INLINE void merge(const Wide *even, const Wide *odd, Wide *out,
                    LaneList<K...>) {
    ((out[K] = even[K] + rotate<K, N, Inverse>(odd[K]),
      out[K + N / 2] = even[K] - rotate<K, N, Inverse>(odd[K])),
     ...);
  }
  INLINE void run(const Wide *z, Wide *out) {
    if constexpr (N == 1)
      out[0] = z[0];
    else {
      Wide even[N / 2], odd[N / 2];
      DFT<N / 2, Inverse, 2 * Step>::run(z, even);
      DFT<N / 2, Inverse, 2 * Step>::run(z + Step, odd);
      merge(even, odd, out, std::make_integer_sequence<int, N / 2>());
    }
  }
};

constexpr int kRadix = 8, kLeaf = 16;

/// Everything that depends on the length alone.
struct Plan {
  int64_t length;
  std::vector<std::complex<float>> weights; // w^t
  std::vector<std::complex<float>>
      twiddles[40]; // by log2 n: exp(-2 pi i q k / n), 7 for each k

  explicit Plan(int64_t n) : length(n), weights(n) {
    for (int64_t t = 0; t < n; ++t)
      weights[t] = std::polar(1.0, kPi * t / (2.0 * n));
    for (; n > kLeaf; n /= kRadix) {
      auto &table = twiddles[__builtin_ctzll(n)];
      for (int64_t k = 0; k < n / kRadix; ++k)
        for (int q = 1; q < kRadix; ++q)
          table.emplace_back(
              std::polar(1.0, -2 * kPi * double(q * k) / double(n)));
    }
  }
  const std::complex<float> *twiddlesOf(int64_t n) const {
    return twiddles[__builtin_ctzll(n)].data();
  }
};

/// One pass forward over n points; `at(i)` gives the weighted point i.
template <typename At>
INLINE void split(Wide *d, int64_t n, const Plan &plan, At at) {
  const std::complex<float> *w = plan.twiddlesOf(n);
  int64_t m = n / kRadix;
  for (int64_t k = 0; k < m; ++k, w += kRadix - 1) {
    Wide z[kRadix], out[kRadix];
#pragma clang loop unroll(full)
    for (int j = 0; j < kRadix; ++j)
      z[j] = at(k + j * m);
    DFT<kRadix, false>::run(z, out);
    d[k] = out[0];
#pragma clang loop unroll(full)
    for (int q = 1; q < kRadix; ++q)
      d[k + q * m] = times(out[q], w[q - 1].real(), w[q - 1].imag());
  }
}
/// The way back; `put(i, z)` takes point i.
template <typename Put>
INLINE void join(const Wide *d, int64_t n, const Plan &plan, Put put) {
  const std::complex<float> *w = plan.twiddlesOf(n);
  int64_t m = n / kRadix;
  for (int64_t k = 0; k < m; ++k, w += kRadix - 1) {
    Wide z[kRadix], out[kRadix];
    z[0] = d[k];
#pragma clang loop unroll(full)
    for (int q = 1; q < kRadix; ++q)
      z[q] = times(d[k + q * m], w[q - 1].real(), -w[q - 1].imag());
    DFT<kRadix, true>::run(z, out);
#pragma clang loop unroll(full)
    for (int j = 0; j < kRadix; ++j)
      put(k + j * m, out[j]);
  }
}

template <int N, bool Multiply>
INLINE void leaf(Wide *d, const Wide *spectrum) {
  Wide z[N], out[N];
#pragma clang loop unroll(full)
  for (int i = 0; i < N; ++i)
    z[i] = d[i];
  DFT<N, false>::run(z, out);
  if constexpr (!Multiply)
    memcpy(d, out, sizeof(out));
  else {
#pragma clang loop unroll(full)
    for (int i = 0; i < N; ++i)
      out[i] = out[i] * spectrum[i];
    DFT<N, true>::run(out, z);
    memcpy(d, z, sizeof(z));
  }
}
/// Forward, product, inverse of n points; forward only without Multiply.
template <bool Multiply>
void block(Wide *d, const Wide *spectrum, int64_t n, const Plan &plan) {
  switch (n) {
  case 2:
    return leaf<2, Multiply>(d, spectrum);
  case 4:
    return leaf<4, Multiply>(d, spectrum);
  case 8:
    return leaf<8, Multiply>(d, spectrum);
  case 16:
    return leaf<16, Multiply>(d, spectrum);
  }
  split(d, n, plan, [=](int64_t i) { return d[i]; });
  for (int q = 0; q < kRadix; ++q)
    block<Multiply>(d + q * (n / kRadix), spectrum + q * (n / kRadix),
                    n / kRadix, plan);
  if constexpr (Multiply)
    join(d, n, plan, [=](int64_t i, Wide z) { d[i] = z; });
}

using Buffer = std::unique_ptr<Wide, decltype(&free)>;
Buffer allocate(int64_t count) {
  return {(Wide *)aligned_alloc(64, (count * sizeof(Wide) + 63) / 64 * 64),
          &free};
}

struct Convolution {
  Plan plan;
  int64_t L, H;
  Buffer spectra; // [H / kLanes][length]
  std::vector<Buffer> scratch;

  Convolution(int64_t L, int64_t H, int threads)
      : plan(
            std::max<int64_t>(32, int64_t(1) << (64 - __builtin_clzll(L - 1)))),
        L(L), H(H), spectra(allocate(plan.length * (H / kLanes))) {
    for (int i = 0; i < threads; ++i)
      scratch.push_back(allocate(plan.length));
  }
};
} // namespace

/// A handle for kernels of length L >= 2 and H channels, a multiple of the
/// vector; null for others.
API void *fftconv_create(int64_t L, int64_t H, int threads) {
  return L < 2 || H % kLanes ? nullptr : new Convolution(L, H, threads);
}
API void fftconv_destroy(void *handle) { delete (Convolution *)handle; }

/// Transforms the kernel [L, H].
API void fftconv_prepare(void *handle, const float *k, int threads) {
  auto &c = *(Convolution *)handle;
  int64_t n = c.plan.length;
  const std::complex<float> *w = c.plan.weights.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t g = 0; g < c.H / kLanes; ++g) {
    Wide *d = c.spectra.get() + g * n;
    for (int64_t t = 0; t < n; ++t) {
      Vec x = t < c.L ? load(k + t * c.H + g * kLanes) / float(n) : Vec{};
      d[t] = {x * w[t].real(), x * w[t].imag()};
    }
    block<false>(d, d, n, c.plan);
  }
}

template <bool Padded>
static void convolve(const Convolution &c, const float *u, float *y,
                     const Wide *spectrum, Wide *d) {
  const std::complex<float> *w = c.plan.weights.data();
  int64_t n = c.plan.length, H = c.H, L = c.L;
  split(d, n, c.plan, [=](int64_t t) {
    Vec x = Padded && t >= L ? Vec{} : load(u + t * H);
    return Wide{x * w[t].real(), x * w[t].imag()};
  });
  for (int q = 0; q < kRadix; ++q)
    block<true>(d + q * (n / kRadix), spectrum + q * (n / kRadix), n / kRadix,
                c.plan);
  join(d, n, c.plan, [=](int64_t t, Wide z) {
    if (!Padded || t < L)
      store(y + t * H, z.re * w[t].real() + z.im * w[t].imag());
  });
}
/// u, y [B, L, H].
API void fftconv_run(void *handle, const float *u, float *y, int64_t B,
                     int threads) {
  auto &c = *(Convolution *)handle;
  int64_t groups = c.H / kLanes, n = c.plan.length;
#pragma omp parallel num_threads(threads)
  {
    Wide *d = c.scratch[omp_get_thread_num()].get();
#pragma omp for collapse(2) schedule(static)
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t b = 0; b < B; ++b) {
        int64_t at = b * c.L * c.H + g * kLanes;
        const Wide *spectrum = c.spectra.get() + g * n;
        if (n == c.L)
          convolve<false>(c, u + at, y + at, spectrum, d);
        else
          convolve<true>(c, u + at, y + at, spectrum, d);
      }
  }
}
