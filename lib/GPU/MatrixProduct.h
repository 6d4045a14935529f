//===- MatrixProduct.h - Sums of products by tiles --------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_MATRIXPRODUCT_H
#define SSM_LIB_GPU_MATRIXPRODUCT_H

#include "Pointwise.h"

#include "ssm/Analysis/ProductForm.h"

namespace ssm {

/// The reason is null if the product is of two matrices, else why not: see
/// MatrixProduct.cpp.
const char *refusesMatrixProduct(const Product &product);

/// `results` are elementwise of the product, over its loop dimensions.
Launch emitMatrixProduct(mlir::OpBuilder &b, const KernelFrame &frame,
                         const Product &product, llvm::ArrayRef<Mapped> results,
                         llvm::StringRef chip);

} // namespace ssm

#endif // SSM_LIB_GPU_MATRIXPRODUCT_H
