//===- FFTNumbers.h - Arithmetic on rows of numbers -------------*- C++ -*-===//
//
// Linalg ops on rows of a work tile, whose bodies see numbers where the rows
// are their parts: two of a complex number, four of a wide one.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_FFTNUMBERS_H
#define SSM_LIB_LOWERING_FFTNUMBERS_H

#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Wide.h"

namespace ssm {

inline Num makeNumber(NumBuilder &, llvm::ArrayRef<mlir::Value> parts) {
  return {parts[0], parts[1]};
}
inline Wide makeNumber(LooseWideBuilder &wide,
                       llvm::ArrayRef<mlir::Value> parts) {
  return wide.fromParts(parts);
}
inline llvm::SmallVector<mlir::Value> getParts(NumBuilder &, Num x) {
  return {x.re, x.im};
}
inline llvm::SmallVector<mlir::Value> getParts(LooseWideBuilder &wide, Wide x) {
  return wide.toParts(x);
}

/// Runs `body` on rows of numbers in place; `extra` rows are read beside them.
template <typename Builder, typename Body>
llvm::SmallVector<mlir::Value>
mapNumbers(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
           unsigned numParts, mlir::ValueRange rows, mlir::ValueRange extra,
           Body body) {
  using Number = decltype(makeNumber(std::declval<Builder &>(), {}));
  mlir::AffineMap identity = b.getMultiDimIdentityMap(1);
  llvm::SmallVector<Indexed> ins, outs;
  for (mlir::Value value : extra)
    ins.push_back({value, identity});
  for (mlir::Value value : rows)
    outs.push_back({value, identity});
  return buildGeneric(
      b, loc, 1, ins, outs,
      [&](mlir::OpBuilder &nested, mlir::Location at, mlir::ValueRange args) {
        Builder num(nested, at, real);
        auto group = [&](mlir::ValueRange scalars) {
          llvm::SmallVector<Number> numbers;
          for (size_t i = 0, n = scalars.size() / numParts; i < n; ++i) {
            llvm::SmallVector<mlir::Value> parts;
            for (unsigned part = 0; part < numParts; ++part)
              parts.push_back(scalars[part * n + i]);
            numbers.push_back(makeNumber(num, parts));
          }
          return numbers;
        };
        llvm::SmallVector<Number> x = group(args.take_front(ins.size()));
        llvm::SmallVector<Number> z = group(args.drop_front(ins.size()));
        body(num, llvm::MutableArrayRef<Number>(z), llvm::ArrayRef<Number>(x));
        llvm::SmallVector<mlir::Value> values(args.size() - ins.size());
        for (auto [i, number] : llvm::enumerate(z))
          for (auto [part, value] : llvm::enumerate(getParts(num, number)))
            values[part * z.size() + i] = value;
        return values;
      });
}

} // namespace ssm

#endif // SSM_LIB_LOWERING_FFTNUMBERS_H
