//===- MatrixFFT.cpp - Transforms by products of matrices -----------------===//
//
//   forward       for every n3 of the warp: over n1, times roots, over n2; to
//                 shared memory, rows of k1
//   tiles         over n3 with rows of k1: frequencies; of two tiles where n3
//                 is more than a product sums over. Back: over k3; to shared
//                 memory, rows of k2
//   inverse       for every n3 of the warp: over k2, times roots, over k1
//
// Factors are rounded to bf16; sums, and the roots between products, are in
// f32. What a product leaves the lanes, a lane's columns in pairs, are the
// words of the next one's left factor, so that the next sum is over columns. On
// the way back both parts of a number are together in shared memory, as columns
// of a right factor, whose products with real and imaginary parts are then
// added.
//
// References: Fu et al., "FlashFFTConv" (2023); Li et al., "tcFFT" (2021).
//
//===----------------------------------------------------------------------===//
#include "MatrixFFT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace ssm {

MatrixFFT::MatrixFFT(OpBuilder &b, Kernel &kernel, const GPUMatrixFFTPlan &plan,
                     bool isShifted)
    : b(b), k(kernel), plan(plan), isShifted(isShifted), matrix(b, kernel),
      warp(
          arith::DivUIOp::create(b, k.loc, k.threadIndex(), k.constant(kWarp))),
      rows(k.addShared("rows", 4 * plan.points())),
      columns(k.addShared("columns", 4 * plan.points())),
      roots(b, kernel, matrix, warp, plan, isShifted) {}

/// n1 = 2 t, n2 = g, and the first n3 of the warp.
Value MatrixFFT::threadPoint() {
  int64_t radix = plan.lastRadix();
  Value point =
      k.add(k.add(scale(matrix.t, 2 * 16 * radix), scale(matrix.g, radix)),
            scale(warp, kNeighbours));
  return k.opaque(point,
                  (3 * 2 * 16 + 7) * radix + (plan.warps() - 1) * kNeighbours);
}

/// Rows are 0, 1, 8, 9.
int64_t MatrixFFT::ownPoint(int64_t i) const {
  int64_t row = i / kNeighbours % 4, half = i / kNeighbours / 4;
  return plan.lastRadix() * (16 * (row % 2 + row / 2 * 8) + 8 * half) +
         i % kNeighbours;
}

//===----------------------------------------------------------------------===//
// Words and numbers
//===----------------------------------------------------------------------===//

Value MatrixFFT::exclusiveOr(Value x, Value y) {
  return arith::XOrIOp::create(b, k.loc, x, y);
}

Value MatrixFFT::bitsOf(Value x, int64_t shift, int64_t mask) {
  return arith::AndIOp::create(
      b, k.loc, arith::ShRUIOp::create(b, k.loc, x, k.constant(shift)),
      k.constant(mask));
}

/// Of pairs of bf16.
MatrixFFT::Words MatrixFFT::negate(Words words) {
  Value signs = arith::ConstantOp::create(
      b, k.loc, b.getI32IntegerAttr(static_cast<int32_t>(0x80008000)));
  for (Value &word : words)
    word = exclusiveOr(word, signs);
  return words;
}

/// Times roots, or their conjugates: no loop then keeps negative ones too.
void MatrixFFT::turn(Numbers &x, ArrayRef<Num> by, bool inverse) {
  NumBuilder &num = k.num;
  for (auto [z, w] : llvm::zip_equal(x, by))
    z = inverse ? num.mul(z, w)
                : Num{num.addf(num.mulf(z.re, w.re), num.mulf(z.im, w.im)),
                      num.subf(num.mulf(z.im, w.re), num.mulf(z.re, w.im))};
}

static SmallVector<Value> partsOf(ArrayRef<Num> x, Value Num::*part) {
  return llvm::map_to_vector(x, [&](const Num &n) { return n.*part; });
}

static SmallVector<Num> join(ArrayRef<Value> re, ArrayRef<Value> im) {
  SmallVector<Num> x;
  for (auto [real, imag] : llvm::zip_equal(re, im))
    x.push_back({real, imag});
  return x;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Over n1: rows of the points, with the conjugate of a left factor.
MatrixFFT::Numbers MatrixFFT::overFirst(const Column &z, const Factor &left) {
  SmallVector<Value> re(kPerLane, k.num.constant(0).re), im = re;
  matrix.multiplyAdd(re, left.re, z.re);
  matrix.multiplyAdd(im, left.im, negate(z.re));
  if (z.im) {
    matrix.multiplyAdd(re, left.im, *z.im);
    matrix.multiplyAdd(im, left.re, *z.im);
  }
  return join(re, im);
}

/// A part of the sum over columns, with a right factor or its conjugate.
SmallVector<Value> MatrixFFT::multiplyPart(const Factor &left,
                                           const Factor &right, bool conjugate,
                                           bool imag) {
  SmallVector<Value> sums(kPerLane, k.num.constant(0).re);
  matrix.multiplyAdd(sums, imag ? left.im : left.re, right.re);
  const Words &other = imag ? left.re : left.im;
  matrix.multiplyAdd(sums, imag == conjugate ? negate(other) : other, right.im);
  return sums;
}

MatrixFFT::Numbers MatrixFFT::multiply(const Factor &left, const Factor &right,
                                       bool conjugate) {
  return join(multiplyPart(left, right, conjugate, /*imag=*/false),
              multiplyPart(left, right, conjugate, /*imag=*/true));
}

/// The same over n3 or k3: eight columns at a time, where those of another k2
/// add nothing.
MatrixFFT::Numbers MatrixFFT::multiplyTile(const Factor &left,
                                           const Factor &right,
                                           bool conjugate) {
  if (plan.groups() == 1)
    return multiply(left, right, conjugate);
  SmallVector<Value> re(kPerLane, k.num.constant(0).re), im = re;
  Words sine = conjugate ? left.im : negate(left.im);
  Words cosine = conjugate ? negate(left.re) : left.re;
  for (int64_t a = 0; a < 2; ++a) {
    auto add = [&](MutableArrayRef<Value> sums, const Words &factor,
                   const Words &by) {
      matrix.multiplyAddShort(sums.slice(4 * a, 4),
                              ArrayRef(factor).slice(2 * a, 2), by[3 * a]);
    };
    add(re, left.re, right.re);
    add(re, sine, right.im);
    add(im, left.im, right.re);
    add(im, cosine, right.im);
  }
  return join(re, im);
}

MatrixFFT::Factor MatrixFFT::asLeft(ArrayRef<Num> x) {
  return {matrix.asLeft(partsOf(x, &Num::re)),
          matrix.asLeft(partsOf(x, &Num::im))};
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// See GPUMatrixFFTPlan::placeRow.
Value MatrixFFT::swizzleRow(Value k1, Value unit) {
  Value low = exclusiveOr(bitsOf(unit, 1, 4), bitsOf(k1, 0, 7));
  low = exclusiveOr(low, scale(bitsOf(k1, 0, 1), 4));
  return k.add(scale(k1, plan.rowUnits()), exclusiveOr(unit, low));
}

/// Bits of the thread's and of the own part of a place are different ones.
Value MatrixFFT::place(Value thread, int64_t own) {
  return k.add(exclusiveOr(thread, k.constant(own % 8)),
               k.constant(own / 8 * 8));
}

Value MatrixFFT::wholeUnit(Value memory, Value unit) {
  return k.sharedPlace(memory, VectorType::get(4, b.getI32Type()), unit);
}

/// Numbers of the lane's (k1, k2), of each n3: parts of units, of both h, or
/// whole ones of two k2.
void MatrixFFT::storeRows(ArrayRef<Numbers> all) {
  int64_t radix = plan.lastRadix(), halves = plan.halves();
  int64_t width = plan.rowWords(), parts = plan.rowParts();
  Type words = VectorType::get(width, b.getI32Type());
  Value thread =
      swizzleRow(matrix.g, k.add(scale(matrix.t, radix / 4),
                                 bitsOf(warp, llvm::Log2_64(parts), 1)));
  Value inUnit = bitsOf(exclusiveOr(matrix.t, warp), 0, parts - 1);
  auto store = [&](int64_t j, int64_t half, int64_t part) {
    int64_t row = j / 2 % 2 * 8, column = j % 2 + j / 4 * 8;
    Value joined = LLVM::PoisonOp::create(b, k.loc, words);
    for (int64_t word = 0; word < width; ++word) {
      auto number = [&](int64_t i) {
        const Num &x = all[(word % 2 * 2 + i) * halves + half][j + word / 2];
        return part ? x.im : x.re;
      };
      joined = LLVM::InsertElementOp::create(b, k.loc, joined,
                                             matrix.pack(number(0), number(1)),
                                             k.laneNumber(word));
    }
    int64_t own =
        plan.placeRow(row, column * radix / GPUMatrixFFTPlan::kUnit + 2 * half);
    Value unit = place(thread, own + part * plan.rowUnits() * 16);
    LLVM::StoreOp::create(
        b, k.loc, joined,
        k.sharedPlace(rows, words, k.add(scale(unit, parts), inUnit)),
        /*alignment=*/4 * width);
  };
  for (int64_t j = 0; j < kPerLane; j += std::max<int64_t>(width / 2, 1))
    for (int64_t half = 0; half < halves; ++half)
      for (int64_t part : {0, 1})
        store(j, half, part);
}

Value MatrixFFT::tileOf(int64_t i) {
  return k.add(warp, k.constant(plan.warps() * i));
}

/// Over n3, or m.
MatrixFFT::Numbers MatrixFFT::loadTile(int64_t i) {
  Value k1 = k.add(matrix.inMatrix, scale(matrix.isOdd, 8));
  Value thread =
      swizzleRow(k1, k.add(scale(warp, 2 * plan.halves()), matrix.isHigh));
  auto part = [&](int64_t part) {
    int64_t own = plan.placeRow(0, 2 * plan.tilesBehind(i));
    return matrix.load(
        wholeUnit(rows, place(thread, own + part * plan.rowUnits() * 16)),
        /*transposed=*/false);
  };
  return multiplyTile({part(0), part(1)}, roots.third[i], /*conjugate=*/true);
}

/// Numbers of the lane's k1 and (k2, n3).
void MatrixFFT::storeColumns(int64_t tile, ArrayRef<Num> x) {
  int64_t radix = plan.tileRadix(), halves = plan.halves();
  Value column =
      exclusiveOr(scale(matrix.t, 2),
                  scale(bitsOf(warp, plan.swapBit(), plan.rowParts() - 1),
                        2 * plan.rowWords()));
  Value n = bitsOf(column, 0, radix - 1);
  Value second =
      k.add(scale(warp, plan.groups()),
            arith::DivUIOp::create(b, k.loc, column, k.constant(radix)));
  // See GPUMatrixFFTPlan::placeColumn.
  Value thread = k.add(scale(k.add(scale(n, 16 * halves), second), 4),
                       bitsOf(matrix.g, 0, 1));
  thread =
      exclusiveOr(thread, exclusiveOr(bitsOf(second, 1, 3), bitsOf(n, 0, 6)));
  for (int64_t i = 0; i < kPerLane; ++i) {
    int64_t further = i % 2 + i / 4 * 8;
    int64_t own = plan.placeColumn(
        i / 2 % 2 * 8,
        plan.warps() * plan.groups() * (tile / halves) + further / radix,
        further % radix * halves + tile % halves);
    Value word = k.add(scale(place(thread, own), 4), bitsOf(matrix.g, 1, 3));
    LLVM::StoreOp::create(b, k.loc, matrix.pack(x[i].re, x[i].im),
                          k.sharedPlace(columns, b.getI32Type(), word),
                          /*alignment=*/4);
  }
}

/// A right factor of 16 rows k2, whose columns are both parts of eight k1: real
/// and imaginary parts of the left one make two parts of the result each.
MatrixFFT::Numbers MatrixFFT::overSecondBack(int64_t i) {
  Value second = k.add(matrix.inMatrix, scale(matrix.isOdd, 8));
  Value thread = k.add(k.add(scale(second, 4), matrix.isHigh),
                       scale(warp, 64 * kNeighbours));
  Value n = scale(warp, kNeighbours / plan.halves());
  thread =
      exclusiveOr(thread, exclusiveOr(bitsOf(second, 1, 3), bitsOf(n, 0, 6)));
  Numbers x(kPerLane);
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<Value> byReal(kPerLane, k.num.constant(0).re), byImag = byReal;
    Words right = matrix.load(
        wholeUnit(columns, place(thread, plan.placeColumn(8 * half, 0, i))),
        /*transposed=*/true);
    matrix.multiplyAdd(byReal, roots.secondBack.re, right);
    matrix.multiplyAdd(byImag, roots.secondBack.im, right);
    for (int64_t j = 0; j < kPerLane; j += 2)
      x[4 * half + j % 4 + j / 4] = {k.num.subf(byReal[j], byImag[j + 1]),
                                     k.num.addf(byReal[j + 1], byImag[j])};
  }
  return x;
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

void MatrixFFT::forward(ArrayRef<Column> z) {
  SmallVector<Numbers> all;
  for (auto [column, left] : llvm::zip_equal(z, roots.first)) {
    Numbers x = overFirst(column, left);
    turn(x, roots.outer, /*inverse=*/false);
    all.push_back(multiply(asLeft(x), roots.second, /*conjugate=*/true));
  }
  storeRows(all);
}

/// Over h or r, of tiles that differ in it.
void MatrixFFT::addHalves(MutableArrayRef<Numbers> tiles) {
  if (tiles.size() == 1)
    return;
  for (auto [x, y] : llvm::zip_equal(tiles[0], tiles[1])) {
    Num sum = k.num.add(x, y);
    y = k.num.sub(x, y);
    x = sum;
  }
}

/// Calls with all tiles that have the same k2, from a number on.
void MatrixFFT::forTiles(
    function_ref<void(int64_t, MutableArrayRef<Numbers>)> body) {
  for (int64_t i = 0; i < GPUMatrixFFTPlan::kTiles; i += plan.halves()) {
    SmallVector<Numbers, 2> tiles;
    for (int64_t h = 0; h < plan.halves(); ++h)
      tiles.push_back(loadTile(i + h));
    addHalves(tiles);
    body(i, tiles);
  }
}

void MatrixFFT::forKernel(function_ref<void(Value, Numbers)> body) {
  MatrixRoots::OfTiles factors =
      MatrixRoots::makeOfKernel(b, k, matrix, warp, plan, isShifted);
  forTiles([&](int64_t first, MutableArrayRef<Numbers> tiles) {
    for (auto [h, x] : llvm::enumerate(tiles)) {
      turn(x, factors[first + h], /*inverse=*/true);
      body(tileOf(first + h), x);
    }
  });
}

void MatrixFFT::changeTiles(function_ref<Numbers(Value, Numbers)> change) {
  forTiles([&](int64_t first, MutableArrayRef<Numbers> tiles) {
    for (auto [h, x] : llvm::enumerate(tiles))
      x = change(tileOf(first + h), x);
    addHalves(tiles);
    for (auto [h, x] : llvm::enumerate(tiles))
      storeColumns(first + h, multiplyTile(asLeft(x), roots.third[first + h],
                                           /*conjugate=*/false));
  });
}

MatrixFFT::Factor MatrixFFT::beforeInverse(int64_t i) {
  // Not loaded ahead: registers are scarce.
  if (i > 0)
    NVVM::SyncWarpOp::create(
        b, k.loc, arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(-1)));
  Numbers x = overSecondBack(i);
  turn(x, roots.outer, /*inverse=*/true);
  return asLeft(x);
}

std::array<Value, MatrixFFT::kPerLane>
MatrixFFT::inverse(int64_t i, const Factor &x, bool imag) {
  SmallVector<Value> y =
      multiplyPart(x, roots.firstBack[i], /*conjugate=*/false, imag);
  std::array<Value, kPerLane> ordered;
  for (int64_t element = 0; element < kPerLane; ++element) {
    int64_t half = element / 2 % 2, row = element % 2 + element / 4 * 2;
    ordered[4 * half + row] = y[element];
  }
  return ordered;
}

} // namespace ssm
