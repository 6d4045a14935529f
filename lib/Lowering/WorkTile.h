//===- WorkTile.h - Rows of numbers, by their parts -------------*- C++ -*-===//
//
// A work tile is a tensor [rows, parts, lanes]. The parts of a row lie beside
// each other, so that what reads both reads one stretch of memory: as two
// tensors, real and imaginary parts were twice as many streams.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_WORKTILE_H
#define SSM_LIB_LOWERING_WORKTILE_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace ssm {

/// An uninitialised work tile.
mlir::Value makeWorkTile(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Type real, mlir::OpFoldResult rows,
                         int64_t parts, int64_t lanes);
int64_t countParts(mlir::Value work);
int64_t countLanes(mlir::Value work);

/// `width` lanes of one part of a row: a vector, or without a dimension if
/// `rank` is 0 and `width` 1.
mlir::Value readPart(mlir::OpBuilder &b, mlir::Location loc, mlir::Value work,
                     mlir::OpFoldResult row, int64_t part,
                     mlir::OpFoldResult width, unsigned rank = 1);
/// `work` with such a value in its place.
mlir::Value writePart(mlir::OpBuilder &b, mlir::Location loc, mlir::Value work,
                      mlir::OpFoldResult row, int64_t part,
                      mlir::OpFoldResult width, mlir::Value value);

/// The same for all parts of a row.
llvm::SmallVector<mlir::Value>
readParts(mlir::OpBuilder &b, mlir::Location loc, mlir::Value work,
          mlir::OpFoldResult row, mlir::OpFoldResult width, unsigned rank = 1);
mlir::Value writeParts(mlir::OpBuilder &b, mlir::Location loc, mlir::Value work,
                       mlir::OpFoldResult row, mlir::OpFoldResult width,
                       mlir::ValueRange values);

} // namespace ssm

#endif // SSM_LIB_LOWERING_WORKTILE_H
