//===- MatrixRoots.cpp - What transforms by matrices multiply by ----------===//
//
// An exponent is a product of two digits, whose parts are of the lane, of the
// warp, or known: a root is a product of few that the lane computes, and what
// is known turns it.
//
//===----------------------------------------------------------------------===//
#include "MatrixRoots.h"
#include "Roots.h"
#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

namespace {
class RootMaker {
public:
  RootMaker(OpBuilder &b, Kernel &kernel, WarpMatrix &matrix, Value warp,
            const GPUMatrixFFTPlan &plan, bool isShifted)
      : b(b), k(kernel), matrix(matrix), plan(plan), radix(plan.tileRadix()),
        order(4 * plan.points()), shift(isShifted ? 1 : 0), g(matrix.g),
        column(times(matrix.t, 2)), warp(warp),
        from(times(warp, GPUMatrixFFTPlan::kNeighbours)) {}

  using Numbers = MatrixRoots::Numbers;
  using Factor = MatrixRoots::Factor;
  using OfTiles = MatrixRoots::OfTiles;

  void makeFirst(MatrixRoots &made);
  void makeSecond(MatrixRoots &made);
  std::array<Factor, GPUMatrixFFTPlan::kTiles> makeThird();
  OfTiles makeOfKernel();
  Numbers makeOuter();

private:
  using Words = WarpMatrix::Words;
  /// Of a tile's number, its third digit and which of the k2.
  struct Digits {
    Value third, group;
  };

  Value times(Value x, int64_t y) { return k.mul(x, k.constant(y)); }
  Value plus(Value x, int64_t y) { return k.add(x, k.constant(y)); }
  Num mul(Num x, Num y) { return k.num.mul(x, y); }
  Num root(Value exponent, int64_t of) {
    return emitRootOfUnity(b, k, exponent, of);
  }
  /// Times exp(2 pi i exponent / order), which is known and not negative.
  Num turned(Num x, int64_t exponent, int64_t of) {
    return rotate(k.num, x, exponent, of, /*inverse=*/true);
  }
  /// Four times a frequency less its shift; not negative.
  Value shifted(Value frequency) {
    return plus(times(frequency, 4), shift ? order - shift : 0);
  }
  Digits digitsOf(Value x);
  Num orZero(Value condition, Num x);
  Factor makeRight(function_ref<Num(int64_t, int64_t, int64_t)> of, Value sign);
  static Factor asLeft(Factor factor);

  OpBuilder &b;
  Kernel &k;
  WarpMatrix &matrix;
  const GPUMatrixFFTPlan &plan;
  /// Of n3 or m; 4 N; of frequencies, in quarters.
  int64_t radix, order, shift;
  Value g, column, warp, from; ///< 2 t; the first n3 of the warp.
};
} // namespace

Num RootMaker::orZero(Value condition, Num x) {
  Value zero = k.num.constant(0).re;
  return {arith::SelectOp::create(b, k.loc, condition, x.re, zero),
          arith::SelectOp::create(b, k.loc, condition, x.im, zero)};
}

/// A right factor of what `of` gives for (j, a, e): rows 2 t + e + 8 j and
/// columns g + 8 a; those of j = 1 times (-1)^sign.
RootMaker::Factor
RootMaker::makeRight(function_ref<Num(int64_t, int64_t, int64_t)> of,
                     Value sign) {
  Value odd = arith::TruncIOp::create(b, k.loc, b.getI1Type(), sign);
  auto word = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(value));
  };
  Value signs = arith::SelectOp::create(
      b, k.loc, odd, word(static_cast<int32_t>(0x80008000)), word(0));
  Factor factor;
  for (int64_t a = 0; a < 2; ++a)
    for (int64_t j = 0; j < 2; ++j) {
      Num low = of(j, a, 0), high = of(j, a, 1);
      Value re = matrix.pack(low.re, high.re);
      Value im = matrix.pack(low.im, high.im);
      auto flip = [&](Value x) -> Value {
        return j ? arith::XOrIOp::create(b, k.loc, x, signs).getResult() : x;
      };
      factor.re[2 * a + j] = flip(re);
      factor.im[2 * a + j] = flip(im);
    }
  return factor;
}

/// The transposed one: rows g + 8 a.
RootMaker::Factor RootMaker::asLeft(Factor factor) {
  std::swap(factor.re[1], factor.re[2]);
  std::swap(factor.im[1], factor.im[2]);
  return factor;
}

//===----------------------------------------------------------------------===//
// The digits n1 and n2
//===----------------------------------------------------------------------===//

/// (4 k1 - f) (n1 / 64 + n3 / 4 N), k1 = g + 8 a and n1 = 2 t + e + 8 j; and of
/// k1 = 2 t + e + 8 j and n1 = g + 8 a.
void RootMaker::makeFirst(MatrixRoots &made) {
  int64_t period = plan.points() / 16;
  Value theta = shifted(g), thetaBack = shifted(column);
  auto place = [&](Value n1) { return k.add(times(n1, period), from); };
  Num w = root(k.mul(theta, place(column)), order), byE = root(theta, 64);
  Num back = root(k.mul(thetaBack, place(g)), order);
  Num backByE = root(place(g), plan.points());
  Num step = root(theta, order), backStep = root(thetaBack, order);
  // Of eight more k1.
  Num further = root(from, order / 32);
  // What makeThird has more of m where h = 1.
  Num ofHalf = root(plus(times(warp, -2), 32), 32);
  for (int64_t i = 0; i < GPUMatrixFFTPlan::kNeighbours; ++i) {
    Num away = turned(further, 32 * i, order);
    std::array<Num, 2> near{w, mul(w, byE)};
    std::array<Num, 2> nearBack{back, turned(mul(back, backByE), 4 * i, order)};
    std::array<Num, 2> far, farBack;
    for (int64_t e = 0; e < 2; ++e) {
      far[e] = turned(mul(near[e], away), 32 * e, 64);
      farBack[e] = mul(nearBack[e], away);
    }
    auto withHalf = [&](Num x) {
      return i % plan.halves() ? mul(x, turned(ofHalf, 32 - i / 2, 32)) : x;
    };
    made.first[i] = asLeft(makeRight(
        [&](int64_t j, int64_t a, int64_t e) {
          return withHalf(turned((a ? far : near)[e], 64 - 8 * shift * j, 64));
        },
        g));
    made.firstBack[i] = makeRight(
        [&](int64_t j, int64_t a, int64_t e) {
          return withHalf(turned((j ? farBack : nearBack)[e],
                                 32 * a * e + 64 - 8 * shift * a, 64));
        },
        g);
    w = mul(w, step);
    back = mul(back, backStep);
  }
}

/// n2 k2 / 16 - f (n2 + k2) / 1024, n2 = 2 t + e + 8 j and k2 = g + 8 a:
/// symmetric.
void RootMaker::makeSecond(MatrixRoots &made) {
  std::array<Num, 2> w;
  for (int64_t e = 0; e < 2; ++e) {
    Value n2 = plus(column, e);
    Value linear = plus(times(k.add(g, n2), -shift), 1024);
    w[e] = root(k.add(times(k.mul(g, n2), 64), linear), 1024);
  }
  auto of = [&](int64_t j, int64_t a, int64_t e) {
    return turned(w[e], 512 * a * e + 1024 - 8 * shift * (a + j), 1024);
  };
  made.second = makeRight(of, g);
  for (Num &x : w)
    x = mul(x, k.num.constant(MatrixRoots::kSign));
  made.secondBack = asLeft(makeRight(of, g));
}

/// k1 n2 / 256, k1 = g + 8 a and n2 = 2 t + e + 8 j; on the way back n2 and k1.
RootMaker::Numbers RootMaker::makeOuter() {
  Num base = root(k.mul(g, column), 256), byRow = root(column, 32);
  Num byE = root(g, 256), byJ = root(g, 32);
  Numbers made;
  for (int64_t i = 0; i < 8; ++i) {
    int64_t e = i % 2, a = i / 2 % 2, j = i / 4;
    Num w = a ? mul(base, byRow) : base;
    if (e)
      w = mul(w, byE);
    if (j)
      w = mul(w, byJ);
    made.push_back(turned(w, 8 * a * e + 64 * a * j, 256));
  }
  return made;
}

//===----------------------------------------------------------------------===//
// The digit n3
//===----------------------------------------------------------------------===//

/// Of a lane's number of a tile. What is further by a number below eight and
/// even, or by eight, has no bit in common with it.
RootMaker::Digits RootMaker::digitsOf(Value x) {
  // By bits of k2 / 2 of the warp's tiles.
  Value swapped = arith::RemUIOp::create(
      b, k.loc,
      arith::DivUIOp::create(b, k.loc, warp,
                             k.constant(int64_t(1) << plan.swapBit())),
      k.constant(plan.rowParts()));
  x = arith::XOrIOp::create(b, k.loc, x, times(swapped, 2 * plan.rowWords()));
  Value divisor = k.constant(radix);
  return {arith::RemUIOp::create(b, k.loc, x, divisor),
          arith::DivUIOp::create(b, k.loc, x, divisor)};
}

/// n3 k3 / R + k2 (n3 + k3) / 16 R of numbers 2 t + e + 8 j and g + 8 a of a
/// tile: symmetric, and zero where they have different k2. From one tile to the
/// next k2 grows by four. Of m and k where there are h; from those of h = 0 and
/// 1 to the next ones k2 grows by eight, and of h = 1 m / 32 + k / 32 + k2 /
/// 512 more.
std::array<MatrixRoots::Factor, GPUMatrixFFTPlan::kTiles>
RootMaker::makeThird() {
  int64_t of = 16 * radix;
  Digits row = digitsOf(column), col = digitsOf(g);
  Value k2 = k.add(times(warp, plan.groups()), row.group);
  Value sum = k.add(row.third, col.third);
  // By one more n3, as each has them; by one more k3.
  Value byRow = k.add(times(col.third, 16), k2);
  Value byColumn = k.add(times(row.third, 16), k2);
  Num base = root(k.add(k.mul(row.third, byRow), k.mul(k2, col.third)), of);
  Num byE = root(byRow, of), step = root(times(sum, 4 * plan.halves()), of);
  Num far = root(times(byRow, 8 % radix), of);
  Num farColumn = root(times(byColumn, 8 % radix), of);
  Num farGroup = root(times(sum, 8 / radix), of);
  std::array<Num, 8> w;
  auto thirdOf = [&](int64_t known) { return known % radix; };
  for (int64_t i = 0; i < 8; ++i) {
    int64_t e = i % 2, a = i / 2 % 2, j = i / 4;
    int64_t n3 = thirdOf(e + 8 * j), k3 = thirdOf(8 * a), more = 8 * j / radix;
    w[i] = e ? mul(base, byE) : base;
    if (j)
      w[i] = mul(w[i], radix > 8 ? far : farGroup);
    if (a && radix > 8)
      w[i] = mul(w[i], farColumn);
    w[i] = turned(w[i], (16 * n3 * k3 + more * (n3 + k3)) % of, of);
    Value isSame = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::eq,
                                         plus(row.group, more),
                                         plus(col.group, 8 * a / radix));
    w[i] = orZero(isSame, w[i]);
  }
  std::array<Factor, GPUMatrixFFTPlan::kTiles> made;
  int64_t further = 4 * plan.halves();
  auto stepOf = [&](int64_t i) {
    int64_t known = thirdOf(i % 2 + i / 4 * 8) + thirdOf(i / 2 % 2 * 8);
    return turned(step, known * further, 16 * radix);
  };
  Num ofHalf = root(k2, 32 * radix);
  for (int64_t tile = 0; tile < GPUMatrixFFTPlan::kTiles; ++tile) {
    made[tile] = makeRight(
        [&](int64_t j, int64_t a, int64_t e) {
          int64_t i = 4 * j + 2 * a + e;
          if (tile % plan.halves() == 0)
            return w[i];
          return mul(w[i],
                     turned(mul(stepOf(i), ofHalf), tile / 2 * 8, 32 * radix));
        },
        k.constant(0));
    if ((tile + 1) % plan.halves() == 0)
      for (int64_t i = 0; i < 8; ++i)
        w[i] = mul(w[i], stepOf(i));
  }
  return made;
}

/// k2 k3 / 16 R - f k2 / 1024 of a tile's columns 2 t + e + 8 j, with what
/// transforms leave. For one kernel alone: no loop keeps them.
RootMaker::OfTiles RootMaker::makeOfKernel() {
  int64_t perThird = 64 / radix;
  Digits digits = digitsOf(column);
  Value k2 = k.opaque(k.add(times(warp, plan.groups()), digits.group), 15);
  Value k3 = k.opaque(digits.third, radix - 1);
  Value turns = plus(times(k3, perThird), 1024 - shift);
  Num base = mul(root(k.mul(k2, turns), 1024),
                 k.num.constant(MatrixRoots::kSign / plan.points()));
  Num byE = root(times(k2, perThird), 1024);
  Num far =
      root(radix > 8 ? times(k2, 8 * perThird) : times(turns, 8 / radix), 1024);
  int64_t further = 256 / plan.halves();
  Num step = root(turns, further);
  OfTiles made;
  for (int64_t i = 0; i < 8; ++i) {
    int64_t e = i % 2, j = i / 4, n3 = (e + 8 * j) % radix;
    Num w = e ? mul(base, byE) : base;
    if (j)
      w = turned(mul(w, far), 8 / radix * n3 * perThird, 1024);
    for (auto [tile, all] : llvm::enumerate(made)) {
      all.push_back(w);
      if ((tile + 1) % plan.halves() == 0)
        w = mul(w, turned(step, n3 * perThird, further));
    }
  }
  return made;
}

MatrixRoots::MatrixRoots(OpBuilder &b, Kernel &kernel, WarpMatrix &matrix,
                         Value warp, const GPUMatrixFFTPlan &plan,
                         bool isShifted) {
  RootMaker maker(b, kernel, matrix, warp, plan, isShifted);
  maker.makeFirst(*this);
  maker.makeSecond(*this);
  third = maker.makeThird();
  outer = maker.makeOuter();
}

MatrixRoots::OfTiles MatrixRoots::makeOfKernel(OpBuilder &b, Kernel &kernel,
                                               WarpMatrix &matrix, Value warp,
                                               const GPUMatrixFFTPlan &plan,
                                               bool isShifted) {
  return RootMaker(b, kernel, matrix, warp, plan, isShifted).makeOfKernel();
}

} // namespace ssm
