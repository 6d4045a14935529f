//===- ProductResults.h - What a product's kernel stores --------*- C++ -*-===//
//
// A block has a tile of rows and columns of a product of two matrices; what is
// computed elementwise from its sums is stored.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_PRODUCTRESULTS_H
#define SSM_LIB_GPU_PRODUCTRESULTS_H

#include "Pointwise.h"

namespace ssm {

/// What the loop dimensions of a product are, and which factor is which:
/// columns are the dimension that is last in the result, and in one factor, the
/// right one; rows are of the left one.
struct ProductShape {
  Mapped left, right;
  unsigned row, column;
  llvm::SmallVector<unsigned> outer, sum;

  /// Nothing if it is no product of two matrices.
  static std::optional<ProductShape> find(const Product &product);
};

/// A block's part of the result.
struct ProductTile {
  mlir::Value row, column, total; ///< Its first ones; elements of the sum.
  llvm::SmallVector<mlir::Value> indices; ///< Of outer dimensions.
  llvm::SmallVector<GridFactor, 2> grid;
};
/// Of so many rows and columns. Blocks are numbered over what both factors
/// have, and tiles of rows and columns.
ProductTile takeTile(mlir::OpBuilder &b, Kernel &kernel,
                     const ProductShape &shape, int64_t rows, int64_t columns);

/// The columns of a thread are the same in each of its rows.
class ProductResults {
public:
  /// A thread has so many columns.
  ProductResults(mlir::OpBuilder &b, Kernel &kernel, const Product &product,
                 const ProductShape &shape, llvm::ArrayRef<Mapped> results,
                 int64_t own);

  /// Begins to store at these indices of the outer dimensions; the thread's
  /// i-th column is columnOf(i), where runs of `run` follow each other.
  void begin(llvm::ArrayRef<mlir::Value> indices,
             std::function<mlir::Value(int64_t)> columnOf);
  /// What is made from a row's sums.
  void storeRow(mlir::Value row, llvm::ArrayRef<Num> sums);

  /// Columns that follow each other, a power of two.
  int64_t getRun() const { return run; }

private:
  int64_t findRun();
  mlir::Value compare(mlir::Value x, mlir::Value y);
  llvm::SmallVector<mlir::Value> at(int64_t i);

  mlir::OpBuilder &b;
  Kernel &k;
  const Product &product;
  const ProductShape &shape;
  llvm::ArrayRef<Mapped> results;
  int64_t own, run;
  llvm::SmallVector<mlir::Value> indices;
  std::function<mlir::Value(int64_t)> columnOf;
  std::optional<Pointwise> point;
};

} // namespace ssm

#endif // SSM_LIB_GPU_PRODUCTRESULTS_H
