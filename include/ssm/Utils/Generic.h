//===- Generic.h - Building linalg.generic and sizes ------------*- C++ -*-===//

#ifndef SSM_UTILS_GENERIC_H
#define SSM_UTILS_GENERIC_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace ssm {

/// A value and its indexing map inside a linalg op.
struct Indexed {
  mlir::Value value;
  mlir::AffineMap map;
};

using ScalarBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// A linalg op over `numDims` dimensions; those that no out's map uses are
/// reductions. `body` gets the scalars of ins and outs and returns the outs'.
llvm::SmallVector<mlir::Value>
buildGeneric(mlir::OpBuilder &b, mlir::Location loc, unsigned numDims,
             llvm::ArrayRef<Indexed> ins, llvm::ArrayRef<Indexed> outs,
             ScalarBody body);

/// A tensor of `sizes` filled with the constant `value`.
mlir::Value buildFilled(mlir::OpBuilder &b, mlir::Location loc,
                        llvm::ArrayRef<mlir::OpFoldResult> sizes,
                        mlir::Type element, double value);

/// Affine arithmetic on sizes that folds constants.
mlir::OpFoldResult affine(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::AffineExpr expr,
                          llvm::ArrayRef<mlir::OpFoldResult> symbols);

/// `value` as an index-typed SSA value.
mlir::Value asValue(mlir::OpBuilder &b, mlir::Location loc,
                    mlir::OpFoldResult value);

} // namespace ssm

#endif // SSM_UTILS_GENERIC_H
