//===- Wide.h - Complex numbers in twice the working precision --*- C++ -*-===//
//
// a^l computed in the working precision is off by up to l roundings, because an
// error of a is an error of l times its size in a^l. Powers are therefore
// formed in twice the precision: f64 for f32, and for f64 the unevaluated sum
// of two f64 (double-double), whose products are exact up to the last part by
// FMA.
//
// Reference: Dekker, "A Floating-Point Technique for Extending the Available
// Precision" (1971); Joldes et al., "Tight and Rigorous Error Bounds for Basic
// Building Blocks of Double-Word Arithmetic" (2017).
//
//===----------------------------------------------------------------------===//

#ifndef SSM_UTILS_WIDE_H
#define SSM_UTILS_WIDE_H

#include "ssm/Utils/Num.h"

namespace ssm {

/// A wide real: one f64, or a high and a low f64.
struct WideReal {
  mlir::Value high, low;
};

/// A wide complex number.
struct Wide {
  WideReal re, im;
};

class WideBuilder {
public:
  /// `real` is the working precision: f32 or f64.
  WideBuilder(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real);

  /// Number of f64 values that hold one wide complex number.
  static unsigned numParts(mlir::Type real) { return real.isF64() ? 4 : 2; }

  Wide fromParts(mlir::ValueRange parts);
  llvm::SmallVector<mlir::Value> toParts(Wide x);
  /// Exact: a real number gets a zero imaginary part.
  Wide fromNum(Num x);
  /// Rounded to the working precision.
  Num toNum(Wide x);
  Wide one();
  Wide mul(Wide x, Wide y);
  /// x * y rounded to the working precision, for less than a wide product.
  Num mulRounded(Wide x, Wide y);

  WideReal mul(WideReal x, WideReal y);
  WideReal add(WideReal x, WideReal y);
  WideReal neg(WideReal x);
  /// x / y for an f64 y.
  WideReal div(WideReal x, mlir::Value y);
  WideReal constant(double high, double low);

protected:
  /// The exact sum of two f64 as high and low part.
  WideReal twoSum(mlir::Value x, mlir::Value y);

  mlir::OpBuilder &b;
  mlir::Location loc;

private:
  /// a * b + c * d rounded once.
  mlir::Value sumOfProducts(WideReal a, WideReal b, WideReal c, WideReal d);
  WideReal fastTwoSum(mlir::Value x, mlir::Value y);
  mlir::Value constant(double value);

  mlir::Type real;
  bool isDouble;
};

/// Double-double arithmetic whose low parts may grow beyond half a unit of the
/// last place of the high ones: for sums as long as those of a transform, about
/// half of the operations, and still far more exact than f64.
class LooseWideBuilder : public WideBuilder {
public:
  LooseWideBuilder(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real)
      : WideBuilder(b, loc, real) {}

  Wide add(Wide x, Wide y);
  Wide sub(Wide x, Wide y);
  Wide mul(Wide x, Wide y);
  /// The sum of both parts.
  Num toNum(Wide x);

private:
  WideReal add(WideReal x, WideReal y);
  WideReal mul(WideReal x, WideReal y);
};

} // namespace ssm

#endif // SSM_UTILS_WIDE_H
