//===- DimDropper.h - Values without a dimension ----------------*- C++ -*-===//
//
// A value is constant along a dimension if it was repeated along it (a
// broadcast, a splat, a constant, a loop that writes one value to every place)
// or is an elementwise function of values that are. The proof and the rewrite
// are one recursion over the computation: without a builder it only proves,
// with one it makes the value that lacks the dimension.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_ANALYSIS_DIMDROPPER_H
#define SSM_LIB_ANALYSIS_DIMDROPPER_H

#include "ssm/IR/SSMOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ssm {

/// Proves values constant along a dimension and, with a builder, drops it.
class DimDropper {
public:
  explicit DimDropper(mlir::OpBuilder *b) : b(b) {}
  ~DimDropper() {
    for (mlir::func::CallOp call : inlined)
      call->erase();
  }

  /// The value without the dimension (while proving: any value), or null.
  mlir::Value drop(mlir::Value value, unsigned dim);

  /// The innermost value that could not be proved constant.
  mlir::Value blocker;

private:
  mlir::Value dropUncached(mlir::Value value, unsigned dim);
  mlir::Value ofConstant(mlir::Value value, mlir::DenseElementsAttr elements,
                         unsigned dim);
  mlir::Value ofArgument(mlir::BlockArgument argument, unsigned dim);
  mlir::Value ofFunctionArgument(mlir::func::FuncOp function,
                                 mlir::BlockArgument argument, unsigned dim);
  mlir::Value ofCall(mlir::func::CallOp call, mlir::Value value, unsigned dim);
  mlir::Value ofLoop(mlir::scf::ForOp loop, mlir::Value value, unsigned dim);
  mlir::Value ofLinalg(mlir::linalg::LinalgOp op, mlir::Value value,
                       unsigned dim);
  mlir::Value rebuildLinalg(mlir::linalg::LinalgOp op, unsigned loopDim,
                            mlir::ValueRange inputs, mlir::Value init);
  mlir::Value ofFill(mlir::linalg::FillOp op, mlir::Value value, unsigned dim);
  mlir::Value ofElementwise(mlir::Operation *op, mlir::Value value,
                            unsigned dim);
  mlir::Value ofDiscretize(DiscretizeOp op, mlir::Value value, unsigned dim);
  mlir::Value ofSlice(mlir::tensor::ExtractSliceOp op, unsigned dim);
  mlir::Value ofReshape(mlir::Operation *op,
                        llvm::ArrayRef<mlir::ReassociationIndices> groups,
                        bool expands, mlir::Value value, unsigned dim);

  /// Sizes of `value` but for `dim`.
  llvm::SmallVector<mlir::OpFoldResult> otherSizes(mlir::Value value,
                                                   unsigned dim);
  mlir::RankedTensorType typeWithout(mlir::Value value, unsigned dim) {
    auto type = llvm::cast<mlir::RankedTensorType>(value.getType());
    return mlir::RankedTensorType::Builder(type).dropDim(dim);
  }
  /// Puts the builder behind the value's definition; false while proving.
  bool builds(mlir::Value value) {
    if (b)
      b->setInsertionPointAfterValue(value);
    return b;
  }
  mlir::Value blocked(mlir::Value value) {
    if (!blocker)
      blocker = value;
    return {};
  }

  mlir::OpBuilder *b;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, mlir::Value> done;
  /// Calls whose callee is being looked into, while proving.
  llvm::SmallVector<mlir::func::CallOp> calls;
  /// Calls that were inlined: their results are keys of `done`.
  llvm::SmallVector<mlir::func::CallOp> inlined;
  unsigned depth = 0;
  /// Chains of this many ops are given up, so that the stack is bounded.
  static constexpr unsigned kMaxDepth = 256;
};

/// The map without loop dimension `gone` and without the results that use it.
mlir::AffineMap dropLoop(mlir::AffineMap map, unsigned gone);

} // namespace ssm

#endif // SSM_LIB_ANALYSIS_DIMDROPPER_H
