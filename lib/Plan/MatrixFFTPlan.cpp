//===- MatrixFFTPlan.cpp - A transform as products of matrices ------------===//
#include "ssm/Plan/MatrixFFTPlan.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace ssm;

/// What a point costs besides the products of a round, counted in the radices
/// that would take as long: twiddle factor, rounding to bf16, and a row of
/// memory read and written (measured on a Zen 4).
static constexpr double kRoundCost = 12;

namespace {
/// Walks all plans whose radices do not grow inwards.
struct Search {
  int64_t target;
  bool isExact;
  MatrixFFTPlan plan, best;
  double bestCost = std::numeric_limits<double>::infinity();

  /// `perPoint` is what the plan's rounds cost each of `size` points.
  void extend(double size, double perPoint) {
    if (size * perPoint >= bestCost)
      return;
    if (size >= target && (!isExact || size == target)) {
      bestCost = size * perPoint;
      best = plan;
    }
    if (size >= target)
      return;
    int64_t largest =
        plan.radices.empty() ? MatrixFFTPlan::kMaxRadix : plan.radices.back();
    for (int64_t radix = largest; radix > 0;
         radix -= MatrixFFTPlan::kRadixStep) {
      plan.radices.push_back(radix);
      extend(size * radix, perPoint + radix + kRoundCost);
      plan.radices.pop_back();
    }
  }
};
} // namespace

static MatrixFFTPlan findPlan(int64_t size, bool isExact) {
  if (size < MatrixFFTPlan::kRadixStep)
    return {{std::max<int64_t>(size, 1)}};
  Search search{size, isExact, {}, {}};
  search.extend(/*size=*/1, /*perPoint=*/0);
  return search.best;
}

MatrixFFTPlan MatrixFFTPlan::forAtLeast(int64_t size) {
  return findPlan(size, /*isExact=*/false);
}

MatrixFFTPlan MatrixFFTPlan::forPowerOf2(int64_t size) {
  return findPlan(size, /*isExact=*/true);
}

int64_t MatrixFFTPlan::blockSize(int64_t level) const {
  int64_t size = 1;
  for (int64_t i = level; i < numRounds(); ++i)
    size *= radices[i];
  return size;
}

int64_t MatrixFFTPlan::positionOf(int64_t frequency) const {
  int64_t position = 0;
  for (int64_t level = 0; level < numRounds(); ++level) {
    position += frequency % radices[level] * blockSize(level + 1);
    frequency /= radices[level];
  }
  return position;
}

double MatrixFFTPlan::countProducts() const {
  double perPoint = 0;
  for (int64_t radix : radices)
    perPoint += 4.0 * radix;
  return size() * perPoint;
}
