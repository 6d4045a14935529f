//===- GroupMatrix.h - Matrices for a group of warps ------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_GROUPMATRIX_H
#define SSM_LIB_GPU_GROUPMATRIX_H

#include "WarpMatrix.h"

namespace ssm {

/// Products of 64 rows and 64 or 128 columns that four warps compute together
/// while they go on: see GroupMatrix.cpp. A warp has 16 rows of them, as of 16
/// x 8 one beside the other in WarpMatrix.
class GroupMatrix {
public:
  /// Rows of a product; elements of a row of a tile.
  static constexpr int64_t kSize = 64;
  using Sums = llvm::MutableArrayRef<mlir::Value>;
  /// Of a left factor, in registers: 16 columns.
  using Words = WarpMatrix::Words;

  GroupMatrix(mlir::OpBuilder &b, Kernel &kernel) : b(b), k(kernel) {}

  /// A factor in shared memory, in rows of 64 elements from a multiple of 1024
  /// bytes on; what wider rows have further is so many rows below. The products
  /// are sums over what is beside each other in a row or, transposed, over
  /// rows.
  struct Factor {
    mlir::Value descriptor;
    bool isTransposed;
    int64_t panel;
  };
  Factor describe(SharedTile &tile, mlir::Value row, int64_t below,
                  bool isTransposed, int64_t panel = kSize);

  /// What was computed in registers, and what the thread has stored in shared
  /// memory, are there for products from here on; others' after a barrier.
  void enterRegisters();
  void enterMemory();
  /// left * right, sums over so many products. Until a wait, sums and factors
  /// are not to be touched, but by further products.
  llvm::SmallVector<mlir::Value> multiply(const Factor &left,
                                          const Factor &right, int64_t depth,
                                          int64_t columns);
  llvm::SmallVector<mlir::Value> multiply(llvm::ArrayRef<Words> left,
                                          const Factor &right);
  /// sums += left * right.
  void multiplyAdd(Sums sums, const Factor &left, const Factor &right,
                   int64_t depth);
  /// Ends a group of products.
  void commit();
  /// Waits for all but the last `left` groups, of which these are sums.
  void wait(int64_t left, llvm::ArrayRef<Sums> all);

private:
  mlir::Value place(const Factor &factor, int64_t step);
  llvm::SmallVector<mlir::Value> makeSums(int64_t columns);
  void multiply16(Sums sums, bool isFirst, mlir::ValueRange left,
                  mlir::Value right, llvm::ArrayRef<bool> transposed);
  llvm::SmallVector<mlir::Value> assemble(const llvm::Twine &code,
                                          llvm::StringRef factors,
                                          mlir::ValueRange operands, Sums sums);
  void callIntrinsic(llvm::StringRef name);

  mlir::OpBuilder &b;
  Kernel &k;
};

} // namespace ssm

#endif // SSM_LIB_GPU_GROUPMATRIX_H
