//===- WideNum.h - Numbers of more digits than f32 --------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_WIDENUM_H
#define SSM_LIB_GPU_WIDENUM_H

#include "ssm/Utils/Num.h"

namespace ssm {

/// In f64; or a sum of two of f32, whose second is at most half a unit in the
/// last place of the first. Of f64 there is no second.
struct WideNum {
  Num high, low;

  /// All that is there, as a loop carries it; and a number of the same kind.
  llvm::SmallVector<mlir::Value> parts() const;
  WideNum withParts(llvm::ArrayRef<mlir::Value> parts) const;
};

class WideNumBuilder {
public:
  WideNumBuilder(mlir::OpBuilder &b, mlir::Location loc, bool inPairs);

  /// Of f32 if it is to be a pair.
  WideNum widen(Num x);
  /// In a type that is no wider.
  Num narrow(const WideNum &x, mlir::Type real);
  WideNum one(bool isComplex);
  WideNum mul(const WideNum &x, const WideNum &y);
  WideNum select(mlir::Value condition, const WideNum &yes, const WideNum &no);

private:
  /// A real number as such a sum.
  struct Pair {
    mlir::Value high, low;
  };
  Pair mul(Pair x, Pair y);
  Pair add(Pair x, Pair y);
  Pair negate(Pair x);
  Pair normalize(Pair x);
  mlir::Value round(mlir::Value x, mlir::Value y);

  mlir::OpBuilder &b;
  mlir::Location loc;
  bool inPairs;
  NumBuilder num;
};

} // namespace ssm

#endif // SSM_LIB_GPU_WIDENUM_H
