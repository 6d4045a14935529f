//===- Contraction.h - Sums of products over loop dimensions ----*- C++ -*-===//

#ifndef SSM_LIB_TRANSFORMS_CONTRACTION_H
#define SSM_LIB_TRANSFORMS_CONTRACTION_H

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

namespace ssm {

/// out = proj(sum of x * y over the loop dimensions that `outMap` lacks), with
/// sums in the operands' working type; the result is stored as `stored`.
mlir::Value contract(mlir::OpBuilder &b, mlir::Location loc,
                     llvm::ArrayRef<mlir::OpFoldResult> loopSizes, Indexed x,
                     Indexed y, mlir::AffineMap outMap, mlir::Type stored,
                     Projection projection);

/// Drops the loop dimensions that no map uses; those in `dims` move along.
llvm::SmallVector<mlir::AffineMap>
dropUnusedLoops(llvm::ArrayRef<mlir::AffineMap> maps,
                llvm::ArrayRef<uint64_t *> dims = {});

/// The loop dimensions that a recurrence names by attributes.
struct LoopAttrs {
  explicit LoopAttrs(LinearRecurrenceOp op)
      : time(op.getTime()), row(op.getRow()), column(op.getColumn()) {}

  llvm::SmallVector<uint64_t *> list() {
    llvm::SmallVector<uint64_t *> dims = {&time};
    for (std::optional<uint64_t> *dim : {&row, &column})
      if (*dim)
        dims.push_back(&**dim);
    return dims;
  }
  mlir::IntegerAttr rowAttr(mlir::Builder &b) { return attr(b, row); }
  mlir::IntegerAttr columnAttr(mlir::Builder &b) { return attr(b, column); }

  uint64_t time;
  std::optional<uint64_t> row, column;

private:
  static mlir::IntegerAttr attr(mlir::Builder &b, std::optional<uint64_t> dim) {
    return dim ? b.getI64IntegerAttr(*dim) : mlir::IntegerAttr();
  }
};

/// The op with other operands; maps and types are given in operand order.
LinearRecurrenceOp rebuild(mlir::OpBuilder &b, LinearRecurrenceOp op,
                           mlir::TypeRange types, mlir::Value signal,
                           mlir::Value input, mlir::Value output,
                           llvm::ArrayRef<mlir::AffineMap> maps,
                           Projection projection);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_CONTRACTION_H
