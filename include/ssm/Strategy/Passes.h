//===- Passes.h - Choice ----------------------------------------*- C++ -*-===//
#ifndef SSM_STRATEGY_PASSES_H
#define SSM_STRATEGY_PASSES_H

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Strategy/Passes.h.inc"

} // namespace ssm

#endif // SSM_STRATEGY_PASSES_H
