// CUB's scan of the pairs (a, u) of a recurrence x_t = a_t x_{t-1} + u_t, of
// which only x is stored: 12 bytes a step, as ours. A row begins where the
// step has none of the bits of a mask: there a = 0.
//
//   nvcc -O3 -std=c++17 -arch=sm_90 -shared -Xcompiler -fPIC cub_scan.cu -o
//   cub_scan.so

#include <cub/device/device_scan.cuh>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/iterator/transform_output_iterator.h>

struct alignas(8) Step {
  float a, u;
};

struct Load {
  const float *a, *u;
  long long mask;
  __device__ Step operator()(long long t) const {
    return {(t & mask) == 0 ? 0.0f : a[t], u[t]};
  }
};

struct Combine {
  __device__ Step operator()(Step first, Step second) const {
    return {first.a * second.a, second.a * first.u + second.u};
  }
};

struct State {
  __device__ float operator()(Step step) const { return step.u; }
};

/// As CUB's own: without `workspace`, says how many bytes it needs.
extern "C" int cub_scan(void *workspace, size_t *bytes, const float *a,
                        const float *u, float *y, long long count,
                        long long mask) {
  auto in = thrust::make_transform_iterator(thrust::make_counting_iterator(0LL),
                                            Load{a, u, mask});
  auto out = thrust::make_transform_output_iterator(y, State{});
  return cub::DeviceScan::InclusiveScan(workspace, *bytes, in, out, Combine{},
                                        count);
}
