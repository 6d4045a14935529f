//===- Passes.h - Lowering passes -------------------------------*- C++ -*-===//
#ifndef SSM_LOWERING_PASSES_H
#define SSM_LOWERING_PASSES_H

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Lowering/Passes.h.inc"

} // namespace ssm

#endif // SSM_LOWERING_PASSES_H
