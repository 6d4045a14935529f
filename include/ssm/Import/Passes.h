//===- Passes.h - Other forms into the language -----------------*- C++ -*-===//
#ifndef SSM_IMPORT_PASSES_H
#define SSM_IMPORT_PASSES_H

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "ssm/Import/Passes.h.inc"

} // namespace ssm

#endif // SSM_IMPORT_PASSES_H
