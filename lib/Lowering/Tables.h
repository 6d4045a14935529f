//===- Tables.h - Numbers in tables of their parts --------------*- C++ -*-===//
//
// Numbers of several parts are kept in as many tensors of one shape.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_TABLES_H
#define SSM_LIB_LOWERING_TABLES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace ssm {

/// `parts` uninitialised tables.
inline llvm::SmallVector<mlir::Value>
makeTables(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type,
           llvm::ArrayRef<mlir::OpFoldResult> shape, unsigned parts) {
  llvm::SmallVector<mlir::Value> tables;
  for (unsigned i = 0; i < parts; ++i)
    tables.push_back(mlir::tensor::EmptyOp::create(b, loc, shape, type));
  return tables;
}

/// The number at `place`.
inline llvm::SmallVector<mlir::Value> readEntry(mlir::OpBuilder &b,
                                                mlir::Location loc,
                                                mlir::ValueRange tables,
                                                mlir::ValueRange place) {
  llvm::SmallVector<mlir::Value> parts;
  for (mlir::Value table : tables)
    parts.push_back(mlir::tensor::ExtractOp::create(b, loc, table, place));
  return parts;
}

/// The tables with a number of these parts at `place`.
inline llvm::SmallVector<mlir::Value>
writeEntry(mlir::OpBuilder &b, mlir::Location loc, mlir::ValueRange parts,
           mlir::ValueRange tables, mlir::ValueRange place) {
  llvm::SmallVector<mlir::Value> written;
  for (auto [part, table] : llvm::zip_equal(parts, tables))
    written.push_back(
        mlir::tensor::InsertOp::create(b, loc, part, table, place));
  return written;
}

} // namespace ssm

#endif // SSM_LIB_LOWERING_TABLES_H
