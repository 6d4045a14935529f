//===- WarpMatrix.h - Matrices for the tensor cores -------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_WARPMATRIX_H
#define SSM_LIB_GPU_WARPMATRIX_H

#include "Kernel.h"

#include <array>

namespace ssm {

/// Elements of a unit: 16 bytes of bf16, a row of a matrix of the tensor cores.
inline constexpr int64_t kUnit = 8;

/// A matrix in shared memory. The place of a unit in its row depends on the
/// row, so that units of eight rows are in different banks. Rows have a
/// multiple of eight units.
class SharedTile {
public:
  SharedTile(mlir::OpBuilder &b, Kernel &kernel, llvm::StringRef name,
             int64_t rows, int64_t columns, int64_t alignment = 16);

  /// The same memory, with rows of so many columns.
  SharedTile reshaped(int64_t columns) const;

  // Rows are `row` + `below`, where below is a multiple of 8 that the access
  // itself adds: addresses of loops then share registers.
  void storeUnit(mlir::Value row, int64_t below, mlir::Value unit,
                 mlir::Value words);
  /// Copies a unit from global memory without registers; it is there for the
  /// threads that have waited for their copies, and others after a barrier.
  void copyUnit(mlir::Value row, int64_t below, mlir::Value unit,
                mlir::Value from);
  static void waitForCopies(mlir::OpBuilder &b, Kernel &kernel);
  /// The elements 2 pair and 2 pair + 1 of a unit, in a word.
  void storePair(mlir::Value row, int64_t below, mlir::Value unit,
                 mlir::Value pair, mlir::Value word);
  /// Of the unit at a place of a row, and so many units further.
  mlir::Value address(mlir::Value row, int64_t below, mlir::Value place,
                      int64_t further = 0);

private:
  mlir::Value placeOf(mlir::Value row, mlir::Value unit);

  mlir::OpBuilder &b;
  Kernel &k;
  mlir::Value base;
  int64_t units;
};

/// What a warp does with matrices in its registers. With g = lane / 4 and
/// t = lane % 4 a lane has the columns 2t and 2t + 1 of row g.
class WarpMatrix {
public:
  using Words = std::array<mlir::Value, 4>;
  /// Of 16 x 8 in f32: rows g and g + 8, two elements each.
  using Sums = llvm::MutableArrayRef<mlir::Value>;

  /// Of bf16 if not of f16. What packs and unpacks words is of bf16.
  WarpMatrix(mlir::OpBuilder &b, Kernel &kernel, bool isHalf = false);

  /// Where a block of 16 x 16 is: at a row that is a multiple of 8, and at a
  /// unit. The first parts may be null, for none; the second ones are known.
  struct Corner {
    mlir::Value row;
    int64_t below = 0;
    mlir::Value fromUnit; ///< Below 8 - unit % 8, or a multiple of 8.
    int64_t unit = 0;
  };
  /// The block as a left factor, as it is or transposed.
  Words left(SharedTile &tile, const Corner &corner);
  Words leftTransposed(SharedTile &tile, const Corner &corner);
  /// As a right factor: two words for each half of its columns.
  Words right(SharedTile &tile, const Corner &corner);
  Words rightTransposed(SharedTile &tile, const Corner &corner);

  /// Four matrices of 8 x 8, of which the lane has the address of row
  /// lane % 8 of number lane / 8.
  Words load(mlir::Value address, bool transposed);
  /// Sums of 16 columns as a left factor.
  Words asLeft(llvm::ArrayRef<mlir::Value> sums);

  /// sums += left * right, of 16 columns.
  void multiplyAdd(Sums sums, const Words &left, const Words &right);

  /// sums += left * right of eight columns, where left has two words, of its
  /// first or second eight columns, and right has one.
  void multiplyAddShort(Sums sums, llvm::ArrayRef<mlir::Value> left,
                        mlir::Value right);

  /// Two elements as a word of bf16, the first one low; and back.
  mlir::Value pack(mlir::Value low, mlir::Value high);
  std::pair<mlir::Value, mlir::Value> unpack(mlir::Value word);

  /// Four words of each of the four lanes of a row, transposed: the lane's i-th
  /// is then the t-th of lane i.
  void transposeQuad(llvm::MutableArrayRef<mlir::Value> words);

  /// From here on lanes are those of a thread index that has this value.
  void enter(mlir::Value thread);
  /// The lane's number in a group of so many.
  mlir::Value laneIn(int64_t count);
  /// Waits for the warp's lanes, and for what they have written.
  void synchronize();

  mlir::Value g, t; ///< Of the lane.
  /// lane % 8, lane / 8 % 2, lane / 16: of the row whose address it has.
  mlir::Value inMatrix, isOdd, isHigh;

private:
  mlir::Value thread;

  Words load(SharedTile &tile, const Corner &corner, bool rowsFirst,
             bool transposed);
  void multiplyAdd8(Sums sums, llvm::ArrayRef<mlir::Value> left,
                    llvm::ArrayRef<mlir::Value> right, llvm::StringRef name);

  mlir::OpBuilder &b;
  Kernel &k;
  bool isHalf;
};

} // namespace ssm

#endif // SSM_LIB_GPU_WARPMATRIX_H
