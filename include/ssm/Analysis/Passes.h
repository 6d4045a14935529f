//===- Passes.h - Analyses made visible -------------------------*- C++ -*-===//
#ifndef SSM_ANALYSIS_PASSES_H
#define SSM_ANALYSIS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Analysis/Passes.h.inc"

} // namespace ssm

#endif // SSM_ANALYSIS_PASSES_H
