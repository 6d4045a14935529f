//===- MmaProduct.h - Products on the tensor cores --------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_MMAPRODUCT_H
#define SSM_LIB_GPU_MMAPRODUCT_H

#include "ProductResults.h"

namespace ssm {

/// Whether the tensor cores take the factors as they are: both of bf16 or of
/// f16, in accesses of 16 bytes.
bool takesTensorCores(Kernel &kernel, const ProductShape &shape);

/// See MmaProduct.cpp.
Launch emitMmaProduct(mlir::OpBuilder &b, Kernel &kernel,
                      const Product &product, const ProductShape &shape,
                      llvm::ArrayRef<Mapped> results);

} // namespace ssm

#endif // SSM_LIB_GPU_MMAPRODUCT_H
