//===- FFTEmitter.h - Transforms of work tiles ------------------*- C++ -*-===//
//
// Emits a plan (FFTPlan.h) on a work tile: two real tensors [size, lanes], the
// real and imaginary parts of `lanes` transforms side by side. Every butterfly
// is arithmetic on rows, and twiddle factors are scalars.
//
// Blocks are walked depth first. The leaves are visited in order; before leaf i
// come the rounds of all blocks that begin there, from the largest down, and
// after it the inverse rounds of those that end there. A block that fits a
// cache is then finished while it is there, and the code is the same for every
// size.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_FFTEMITTER_H
#define SSM_LIB_LOWERING_FFTEMITTER_H

#include "ssm/Plan/FFTPlan.h"
#include "ssm/Utils/Num.h"

#include "TileLoop.h"

namespace ssm {

class FFTEmitter {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  /// A transform of static size.
  FFTEmitter(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
             FFTPlan plan, int64_t lanes);
  /// A transform that holds `length` points, known at run time.
  FFTEmitter(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
             mlir::Value length, int64_t lanes);

  mlir::OpFoldResult getSize() { return size; }

  /// Twiddle factors; to be called once, before the others.
  void emitTwiddles();
  /// exp(i pi t / 2 size) for t < size: cosines and sines.
  Values emitWeights();

  /// An uninitialised work tile: real and imaginary part.
  Values makeWork();
  /// Forward transform in digit-reversed order.
  Values emitForward(mlir::ValueRange work);
  /// Forward transform, product with `spectrum`, inverse transform times size.
  Values emitConvolution(mlir::ValueRange work, mlir::ValueRange spectrum);
  /// The frequency of the value at `position` of a forward transform.
  mlir::Value emitFrequency(mlir::Value position);

private:
  void emitRoots();
  /// exp(2 pi i j / 4 size) in f64.
  Num lookUpRoot(mlir::Value j);
  mlir::Value blockSize(mlir::Value level);

  Values readRows(mlir::ValueRange work, llvm::ArrayRef<mlir::Value> rows);
  Values writeRows(mlir::ValueRange work, llvm::ArrayRef<mlir::Value> rows,
                   mlir::ValueRange values);
  llvm::SmallVector<mlir::Value> rowsFrom(mlir::Value base, mlir::Value stride,
                                          int64_t count);

  /// One round over the block that begins at `base`.
  Values emitRound(mlir::ValueRange work, mlir::Value base, mlir::Value level,
                   bool inverse);
  Values emitRoundsBefore(mlir::ValueRange work, mlir::Value leafNumber);
  Values emitRoundsAfter(mlir::ValueRange work, mlir::Value leafNumber);
  Values emitLeaf(mlir::ValueRange work, mlir::ValueRange spectrum,
                  mlir::Value base);
  /// Rounds whose block begins with leaf `leafNumber`.
  mlir::Value countRounds(mlir::Value leafNumber);

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value shl(mlir::Value x, mlir::Value bits);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type real;
  int64_t leaf, radix, lanes;
  mlir::OpFoldResult size, levels;
  Values twiddles;
  /// Roots of unity as products: exp(2 pi i j / 4 size) = high * low.
  Values lowRoots, highRoots;
  mlir::Value lowBits;
};

/// The discrete Fourier transform of 2, 4, 8 or 16 numbers, in place.
void emitButterfly(NumBuilder &num, llvm::MutableArrayRef<Num> z, bool inverse);

} // namespace ssm

#endif // SSM_LIB_LOWERING_FFTEMITTER_H
