//===- Passes.h - Passes of the pipelines -----------------------*- C++ -*-===//
#ifndef SSM_PIPELINES_PASSES_H
#define SSM_PIPELINES_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Pipelines/Passes.h.inc"

} // namespace ssm

#endif // SSM_PIPELINES_PASSES_H
