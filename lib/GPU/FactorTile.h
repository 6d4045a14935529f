//===- FactorTile.h - A factor of a product in shared memory ----*- C++ -*-===//
//
// A block computes a tile of a product, and takes chunks of the sum one after
// the other. Of each factor it has two chunks in shared memory: one that
// threads read, and one that they write.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_FACTORTILE_H
#define SSM_LIB_GPU_FACTORTILE_H

#include "Pointwise.h"

namespace ssm {

/// What both factors of a block's tile have; its values are set when the
/// kernel begins.
struct ProductBlock {
  static constexpr int64_t kThreads = 256;

  llvm::SmallVector<unsigned> sum; ///< Loop dimensions that are summed.
  mlir::Value thread, total;       ///< Its number, and elements of the sum.
  llvm::SmallVector<mlir::Value> indices; ///< Of loop dimensions.
};

class FactorTile {
public:
  using Numbers = llvm::SmallVector<Num>;
  static constexpr int64_t kEdge = 64;

  /// A place of a chunk: the first of a step of places, and which of these.
  struct Place {
    mlir::Value step;
    int64_t i;
  };

  /// A factor whose dimension `own` the other one lacks, by chunks of so many
  /// places of the sum.
  FactorTile(mlir::OpBuilder &b, Kernel &kernel, const ProductBlock &block,
             Mapped factor, unsigned own, int64_t chunk);

  /// The thread's accesses of a chunk; zero beyond the factor.
  llvm::SmallVector<Numbers> load(mlir::Value number);
  void store(mlir::Value buffer, llvm::ArrayRef<Numbers> loaded);
  /// Elements that follow each other at a place of the chunk, in accesses of 16
  /// bytes at most.
  Numbers read(mlir::Value buffer, Place place, mlir::Value index,
               int64_t count);

  const unsigned own;
  mlir::Value first; ///< Of the tile, along `own`.

private:
  int64_t countAccesses() const { return kEdge * chunk / group; }
  int64_t countSwizzle() const;
  mlir::Value compare(mlir::Value x, mlir::Value y);
  std::pair<mlir::Value, mlir::Value> placeOf(mlir::Value access);
  llvm::SmallVector<mlir::Value> flatten(llvm::ArrayRef<Num> x) const;
  mlir::Value isInside(mlir::Value access, mlir::Value summed, mlir::Value at);
  mlir::Value join(llvm::ArrayRef<Num> x, int64_t part);
  void storeAccess(mlir::Value buffer, mlir::Value place, mlir::Value index,
                   llvm::ArrayRef<Num> numbers);
  mlir::Value addressOf(mlir::Value buffer, int64_t part, mlir::Value place,
                        mlir::Value index);

  mlir::OpBuilder &b;
  Kernel &k;
  const ProductBlock &block;
  KernelTensor tensor;
  mlir::Type real;
  int64_t chunk, realBytes, parts;
  bool alongSum;     ///< Whether its accesses are.
  int64_t group = 1; ///< Elements of one.
  mlir::Value memory;
};

} // namespace ssm

#endif // SSM_LIB_GPU_FACTORTILE_H
