//===- Roots.h - Roots of unity that a thread computes ----------*- C++ -*-===//
#ifndef SSM_LIB_GPU_ROOTS_H
#define SSM_LIB_GPU_ROOTS_H

#include "Kernel.h"

namespace ssm {

/// exp(2 pi i j / order) for an i64 j >= 0 and a power of two of at least 8.
Num emitRootOfUnity(mlir::OpBuilder &b, Kernel &kernel, mlir::Value j,
                    int64_t order);

} // namespace ssm

#endif // SSM_LIB_GPU_ROOTS_H
