//===- Num.h - Real or complex scalars in a loop body -----------*- C++ -*-===//
//
// MLIR vectors have no complex elements, so arithmetic on states is written on
// the real and imaginary parts from the start. A `Num` whose imaginary part is
// null is real; products with it cost what they should.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_UTILS_NUM_H
#define SSM_UTILS_NUM_H

#include "mlir/IR/Builders.h"

namespace ssm {

struct Num {
  mlir::Value re, im;
  bool isComplex() const { return bool(im); }
};

/// Arithmetic with fused multiply-adds allowed and nothing else.
class NumBuilder {
public:
  NumBuilder(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real)
      : b(b), loc(loc), real(real) {}

  mlir::OpBuilder &getBuilder() { return b; }

  /// Takes a scalar apart and converts it to the builder's real type.
  Num load(mlir::Value scalar);
  /// Puts the parts together as a scalar of type `element`, converted to it.
  mlir::Value store(Num x, mlir::Type element);

  Num add(Num x, Num y);
  Num sub(Num x, Num y);
  Num mul(Num x, Num y);
  /// x * y + z.
  Num mulAdd(Num x, Num y, Num z);
  /// x / divisor.
  Num divide(Num x, double divisor);
  /// Re(x * y), without the work for the imaginary part.
  Num realOfProduct(Num x, Num y);
  /// x / y without overflow or underflow on the way.
  Num divide(Num x, Num y);
  Num constant(double value);

  mlir::Value addf(mlir::Value x, mlir::Value y);
  mlir::Value subf(mlir::Value x, mlir::Value y);
  mlir::Value mulf(mlir::Value x, mlir::Value y);
  mlir::Value divf(mlir::Value x, mlir::Value y);
  mlir::Value negf(mlir::Value x);

private:
  mlir::Value convert(mlir::Value scalar, mlir::Type type);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type real;
};

} // namespace ssm

#endif // SSM_UTILS_NUM_H
