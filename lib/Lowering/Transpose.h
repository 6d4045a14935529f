//===- Transpose.h - Tiles between layouts ----------------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TRANSPOSE_H
#define SSM_LIB_LOWERING_TRANSPOSE_H

#include "Tile.h"

namespace ssm {

/// Steps of time that are transposed at once: a few cache lines of each
/// channel, and blocks of a handful of operands that fit the first cache.
constexpr int64_t kBlockSteps = 64;

/// Rows and columns of the squares that are transposed in registers: a vector
/// of f32, sixteen times.
constexpr int64_t kSquare = 16;

/// Whether steps of time lie next to each other and lanes do not.
bool isTimeContiguous(mlir::AffineMap map, unsigned time, unsigned lane);

/// `map` with its lanes behind everything else.
mlir::AffineMap lanesLast(mlir::AffineMap map, unsigned lane);

/// The part of an operand in `block`, with all dimensions of its map. If its
/// time is contiguous it is copied so that the lanes are.
Indexed packBlock(mlir::OpBuilder &b, mlir::Location loc, Indexed operand,
                  const Tile &block, unsigned time, unsigned lane);

/// `to.value` with its part in `tile` copied from `from.value`. Both have all
/// of the tile's dimensions that their maps use, `row` and `column` among them,
/// in different orders; squares of the two are transposed in registers.
mlir::Value transposeTile(mlir::OpBuilder &b, mlir::Location loc, Indexed from,
                          Indexed to, const Tile &tile, unsigned row,
                          unsigned column);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TRANSPOSE_H
