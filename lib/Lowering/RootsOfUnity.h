//===- RootsOfUnity.h - Tables of roots of unity ----------------*- C++ -*-===//
//
// exp(2 pi i j / order), rounded once, for an order that may be known at run
// time only. Two tables of about sqrt(order) entries hold the roots with
// j < 2^s and those whose j are multiples of 2^s, in twice the working
// precision (Wide.h); every root is a product of two entries.
//
// The tables are products as well: entry j is the entry without the lowest bit
// of j times the root of that bit, and the roots of the bits are squares of the
// first, exp(2 pi i / order), a Taylor series. The series and the squares are
// double-double for every working precision: squaring doubles an error.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_ROOTSOFUNITY_H
#define SSM_LIB_LOWERING_ROOTSOFUNITY_H

#include "ssm/Utils/Wide.h"

namespace ssm {

class RootsOfUnity {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  /// Emits the tables; `order` is at least 2.
  RootsOfUnity(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
               mlir::OpFoldResult order);

  /// exp(2 pi i j / order) for 0 <= j < order, rounded once.
  Num lookUp(mlir::Value j);
  /// The same, not rounded.
  Wide lookUpWide(mlir::Value j);

private:
  mlir::Value index(int64_t value);
  /// exp(2 pi i / order), as four parts.
  Values emitFirst(mlir::Value order);
  /// exp(2 pi i 2^k / order) for all k.
  Values emitBits(mlir::Value order);
  /// Products of the roots of bits `firstBit` and up.
  Values emitTable(mlir::OpFoldResult count, mlir::ValueRange bits,
                   mlir::Value firstBit);
  Wide readAt(mlir::ValueRange table, mlir::Value i);
  std::pair<Wide, Wide> readFactors(mlir::Value j);

  mlir::OpBuilder &b;
  mlir::Location loc;
  WideBuilder wide;
  mlir::Type real;
  mlir::Value lowBits;
  Values low, high;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_ROOTSOFUNITY_H
