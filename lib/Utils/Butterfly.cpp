//===- Butterfly.cpp - Transforms of a few numbers ------------------------===//
//
// Powers of two are decimated in time. An odd p uses the symmetry of the roots:
// with a_j = x_j + x_{p-j} and b_j = x_j - x_{p-j},
//
//   X_k, X_{p-k} = x_0 + sum_j cos(2 pi jk/p) a_j -+ i sum_j sin(2 pi jk/p)
//   b_j,
//
// chains of fused multiply-adds.
//
//===----------------------------------------------------------------------===//
#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace ssm;

std::pair<double, double> ssm::rootOfUnity(int64_t k, int64_t n) {
  // In more than f64.
  long double angle = 2 * 3.14159265358979323846264338327950288L * k / n;
  return {double(std::cos(angle)), double(std::sin(angle))};
}

Num ssm::rotate(NumBuilder &num, Num z, int64_t k, int64_t n, bool inverse) {
  k %= n;
  if (k == 0)
    return z;
  if (4 * k == n) {
    Value negative = num.negf(inverse ? z.im : z.re);
    return inverse ? Num{negative, z.re} : Num{z.im, negative};
  }
  if (4 * k > n)
    // A quarter turn, and the rest.
    return rotate(num, rotate(num, z, 1, 4, inverse), k - n / 4, n, inverse);
  auto [re, im] = rootOfUnity(k, n);
  Num w{num.constant(re).re, num.constant(inverse ? im : -im).re};
  if (8 * k == n) {
    // (1 -+ i) / sqrt(2)
    Value sum = num.mulf(num.addf(z.re, z.im), w.re);
    if (!inverse)
      return {sum, num.mulf(num.subf(z.im, z.re), w.re)};
    return {num.mulf(num.subf(z.re, z.im), w.re), sum};
  }
  return num.mul(z, w);
}

/// Of up to four numbers: k / n is 0 or 1/4.
static Wide rotate(LooseWideBuilder &wide, Wide z, int64_t k, int64_t n,
                   bool inverse) {
  if (k == 0)
    return z;
  return inverse ? Wide{wide.neg(z.im), z.re} : Wide{z.im, wide.neg(z.re)};
}

template <typename Builder, typename Number>
static void emitPowerOf2(Builder &num, MutableArrayRef<Number> z,
                         bool inverse) {
  size_t n = z.size();
  if (n == 1)
    return;
  SmallVector<Number> even, odd;
  for (size_t i = 0; i < n; i += 2) {
    even.push_back(z[i]);
    odd.push_back(z[i + 1]);
  }
  emitPowerOf2<Builder, Number>(num, even, inverse);
  emitPowerOf2<Builder, Number>(num, odd, inverse);
  for (size_t k = 0; k < n / 2; ++k) {
    Number t = rotate(num, odd[k], k, n, inverse);
    z[k] = num.add(even[k], t);
    z[k + n / 2] = num.sub(even[k], t);
  }
}

static void emitOdd(NumBuilder &num, MutableArrayRef<Num> z, bool inverse) {
  int64_t p = z.size(), pairs = (p - 1) / 2;
  SmallVector<Num> sum(pairs + 1), difference(pairs + 1);
  Num first = z[0];
  for (int64_t j = 1; j <= pairs; ++j) {
    sum[j] = num.add(z[j], z[p - j]);
    difference[j] = num.sub(z[j], z[p - j]);
    z[0] = num.add(z[0], sum[j]);
  }
  for (int64_t k = 1; k <= pairs; ++k) {
    Num even = first, odd;
    for (int64_t j = 1; j <= pairs; ++j) {
      auto [cosine, sine] = rootOfUnity(j * k % p, p);
      even = num.mulAdd(num.constant(cosine), sum[j], even);
      Num s = num.constant(sine);
      odd = j == 1 ? num.mul(s, difference[j])
                   : num.mulAdd(s, difference[j], odd);
    }
    Num below{num.addf(even.re, odd.im), num.subf(even.im, odd.re)};
    Num above{num.subf(even.re, odd.im), num.addf(even.im, odd.re)};
    z[k] = inverse ? above : below;
    z[p - k] = inverse ? below : above;
  }
}

void ssm::emitButterfly(NumBuilder &num, MutableArrayRef<Num> z, bool inverse) {
  if (z.size() % 2 == 1 && z.size() > 1)
    emitOdd(num, z, inverse);
  else
    emitPowerOf2(num, z, inverse);
}

void ssm::emitButterfly(LooseWideBuilder &wide, MutableArrayRef<Wide> z,
                        bool inverse) {
  emitPowerOf2(wide, z, inverse);
}
