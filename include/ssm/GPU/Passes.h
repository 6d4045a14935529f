//===- Passes.h - From the language to GPU kernels --------------*- C++ -*-===//
#ifndef SSM_GPU_PASSES_H
#define SSM_GPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/GPU/Passes.h.inc"

} // namespace ssm

#endif // SSM_GPU_PASSES_H
