//===- Passes.h - Passes between tensors and the C ABI ----------*- C++ -*-===//
#ifndef SSM_AOT_PASSES_H
#define SSM_AOT_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#include "ssm/AOT/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "ssm/AOT/Passes.h.inc"

} // namespace ssm

#endif // SSM_AOT_PASSES_H
