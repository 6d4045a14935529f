//===- pipeline.cpp - Causal convolution through FFTW's interface ---------===//
//
//   y[b, h, t] = sum_{s <= t} k[h, t - s] u[b, h, s]
//
// The best that a specialist builds on an FFT library: row by row, so that a
// row stays in cache from its padding to its result, with measured plans. Two
// forms of it: a real transform of the padded row (of length 2M), and a complex
// one of length M of the row weighted by w^t, w = exp(i pi / 2M), whose
// Re(w^-t z) is the causal result. Any library with FFTW's interface is loaded
// by its path, here FFTW itself and MKL.
//
//===----------------------------------------------------------------------===//
#include "simd.h"
#include <algorithm>
#include <complex>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <omp.h>
#include <vector>

using Complex = std::complex<float>;

/// The functions of fftw3.h that are used.
struct Library {
  void *(*planForward)(int, float *, Complex *, unsigned);
  void *(*planBackward)(int, Complex *, float *, unsigned);
  void *(*planComplex)(int, Complex *, Complex *, int, unsigned);
  void (*forward)(void *, float *, Complex *);
  void (*backward)(void *, Complex *, float *);
  void (*complex)(void *, Complex *, Complex *);
  void (*destroy)(void *);
  void *(*allocate)(size_t);
  void (*free)(void *);
};
constexpr unsigned kMeasure = 0;
constexpr int kForward = -1, kBackward = 1;

static bool loadLibrary(const char *path, Library &fft) {
  void *code = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  bool found = code;
  auto find = [&](auto &function, const char *name) {
    void *address = code ? dlsym(code, name) : nullptr;
    found &= address != nullptr;
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
  find(fft.planForward, "fftwf_plan_dft_r2c_1d");
  find(fft.planBackward, "fftwf_plan_dft_c2r_1d");
  find(fft.planComplex, "fftwf_plan_dft_1d");
  find(fft.forward, "fftwf_execute_dft_r2c");
  find(fft.backward, "fftwf_execute_dft_c2r");
  find(fft.complex, "fftwf_execute_dft");
  find(fft.destroy, "fftwf_destroy_plan");
  find(fft.allocate, "fftwf_malloc");
  find(fft.free, "fftwf_free");
  return found;
}

static void multiply(Complex *__restrict x, const Complex *__restrict y,
                     int64_t n) {
  float *a = (float *)x;
  const float *b = (const float *)y;
  for (int64_t i = 0; i < 2 * n; i += 2) {
    float re = a[i] * b[i] - a[i + 1] * b[i + 1];
    a[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
    a[i] = re;
  }
}

namespace {
/// What one thread works in.
struct Room {
  float *real;
  Complex *first, *second;
};
struct Pipeline {
  Library fft;
  bool rightAngle;
  int64_t L, H, M, bins; // complex numbers in a spectrum
  int64_t stride;        // from one spectrum to the next, alike aligned
  void *there, *back;
  std::vector<float> cosine, sine; // w^t
  std::vector<Room> rooms;
  Complex *spectra;
};
} // namespace

static void spectrum(Pipeline &p, Room &room, const float *row, Complex *out) {
  if (p.rightAngle) {
    float *z = (float *)room.first;
    for (int64_t t = 0; t < p.L; ++t) {
      z[2 * t] = row[t] * p.cosine[t];
      z[2 * t + 1] = row[t] * p.sine[t];
    }
    memset(z + 2 * p.L, 0, 8 * (p.M - p.L));
    p.fft.complex(p.there, room.first, out);
  } else {
    memcpy(room.real, row, 4 * p.L);
    memset(room.real + p.L, 0, 4 * (2 * p.M - p.L));
    p.fft.forward(p.there, room.real, out);
  }
}
static void inverse(Pipeline &p, Room &room, Complex *in, float *row) {
  if (p.rightAngle) {
    p.fft.complex(p.back, in, room.first);
    const float *z = (const float *)room.first;
    for (int64_t t = 0; t < p.L; ++t)
      row[t] = z[2 * t] * p.cosine[t] + z[2 * t + 1] * p.sine[t];
  } else {
    p.fft.backward(p.back, in, room.real);
    memcpy(row, room.real, 4 * p.L);
  }
}

/// For kernels [H, L] and a transform that holds M >= L samples; null if the
/// library cannot be loaded or makes no plan.
API void *pipeline_create(const char *path, int rightAngle, int64_t L,
                          int64_t H, int64_t M, int threads) {
  auto p = std::make_unique<Pipeline>();
  if (!loadLibrary(path, p->fft))
    return nullptr;
  p->rightAngle = rightAngle;
  p->L = L, p->H = H, p->M = M;
  p->bins = rightAngle ? M : M + 1;
  p->stride = (p->bins + 15) / 16 * 16;
  auto room = [&](int64_t floats) { return p->fft.allocate(floats * 4 + 64); };
  for (int i = 0; i < threads; ++i)
    p->rooms.push_back({(float *)room(2 * M), (Complex *)room(2 * p->stride),
                        (Complex *)room(2 * p->stride)});
  p->spectra = (Complex *)room(2 * p->stride * H);
  Room &r = p->rooms[0];
  if (rightAngle) {
    p->there = p->fft.planComplex(M, r.first, r.second, kForward, kMeasure);
    p->back = p->fft.planComplex(M, r.second, r.first, kBackward, kMeasure);
  } else {
    p->there = p->fft.planForward(2 * M, r.real, r.second, kMeasure);
    p->back = p->fft.planBackward(2 * M, r.second, r.real, kMeasure);
  }
  for (int64_t t = 0; t < L; ++t) {
    p->cosine.push_back(cos(M_PI * t / (2.0 * M)));
    p->sine.push_back(sin(M_PI * t / (2.0 * M)));
  }
  return p->there && p->back ? p.release() : nullptr;
}
API void pipeline_destroy(void *handle) {
  std::unique_ptr<Pipeline> p((Pipeline *)handle);
  for (void *plan : {p->there, p->back})
    p->fft.destroy(plan);
  for (Room &room : p->rooms)
    for (void *memory :
         {(void *)room.real, (void *)room.first, (void *)room.second})
      p->fft.free(memory);
  p->fft.free(p->spectra);
}

static void prepareRow(Pipeline &p, Room &room, const float *k, int64_t h) {
  Complex *out = p.spectra + h * p.stride;
  spectrum(p, room, k + h * p.L, out);
  float *values = (float *)out, scale = 1.f / (p.rightAngle ? p.M : 2 * p.M);
  for (int64_t i = 0; i < 2 * p.bins; ++i)
    values[i] *= scale;
}
/// y = k * u on [B, H, L]; `k` may be null, the spectra of the last call with a
/// kernel are taken then.
API void pipeline_run(void *handle, const float *k, const float *u, float *y,
                      int64_t B, int threads) {
  auto &p = *(Pipeline *)handle;
#pragma omp parallel num_threads(threads)
  {
    Room &room = p.rooms[omp_get_thread_num()];
#pragma omp for schedule(static)
    for (int64_t h = 0; h < p.H; ++h) {
      if (k)
        prepareRow(p, room, k, h);
      for (int64_t b = 0; b < B; ++b) {
        int64_t at = (b * p.H + h) * p.L;
        spectrum(p, room, u + at, room.second);
        multiply(room.second, p.spectra + h * p.stride, p.bins);
        inverse(p, room, room.second, y + at);
      }
    }
  }
}
