//===- Passes.h - Rewrites within the language ------------------*- C++ -*-===//
#ifndef SSM_TRANSFORMS_PASSES_H
#define SSM_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Transforms/Passes.h.inc"

} // namespace ssm

#endif // SSM_TRANSFORMS_PASSES_H
