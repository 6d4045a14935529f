//===- TileProducts.h - Products of bf16 matrices in tiles ------*- C++ -*-===//
#ifndef SSM_LIB_AOT_TILEPRODUCTS_H
#define SSM_LIB_AOT_TILEPRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <map>

namespace ssm {

/// The products of a function that are computed in tiles.
class TileProducts {
public:
  /// Replaces C += A B, on buffers of known sizes whose rows lie side by side.
  /// False, and nothing changed, if there are no registers left.
  bool emit(mlir::linalg::GenericOp op);

private:
  /// Rows, and bytes of one.
  using Shape = std::pair<int64_t, int64_t>;

  bool reserveRegisters(int64_t rows, int64_t depth, int64_t columns);
  /// Where the loop or function around `op` puts pairs.
  mlir::Value getBuffer(mlir::Operation *op);

  /// Registers of each shape. One keeps its shape for as long as a function
  /// runs.
  std::map<Shape, int64_t> registers;
  llvm::DenseMap<mlir::Block *, mlir::Value> buffers;
};

} // namespace ssm

#endif // SSM_LIB_AOT_TILEPRODUCTS_H
