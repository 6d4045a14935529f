//===- StepPowers.h - A transition that all steps have ----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_STEPPOWERS_H
#define SSM_LIB_GPU_STEPPOWERS_H

#include "Kernel.h"
#include "WideNum.h"

#include <map>

namespace ssm {

/// Powers of a number, each computed once, where this is made. They are formed
/// in f64, or pairs of f32: one rounding of the number is n roundings of its
/// n-th power, all in one direction.
class StepPowers {
public:
  StepPowers(mlir::OpBuilder &b, Kernel &kernel, Num x, bool inPairs);

  /// To the power of `steps`, or so many times a number below kWarp that is
  /// known there already.
  Num power(int64_t steps, mlir::Value times = mlir::Value());

private:
  WideNum widePower(int64_t steps);
  WideNum widePower(WideNum x, mlir::Value times);

  mlir::OpBuilder &b;
  Kernel &k;
  WideNumBuilder wide;
  bool isComplex;
  mlir::Operation *last;              ///< Of those that compute powers.
  llvm::SmallVector<WideNum> squares; ///< The i-th is to the power of 2^i.
  std::map<std::pair<int64_t, void *>, Num> known;
};

} // namespace ssm

#endif // SSM_LIB_GPU_STEPPOWERS_H
