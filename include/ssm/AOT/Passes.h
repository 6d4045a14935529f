//===- Passes.h - Passes between tensors and the C ABI ----------*- C++ -*-===//
#ifndef SSM_AOT_PASSES_H
#define SSM_AOT_PASSES_H

#include "ssm/Utils/Threads.h"

#include "mlir/Pass/Pass.h"

namespace ssm {

#define GEN_PASS_DECL
#include "ssm/AOT/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "ssm/AOT/Passes.h.inc"

} // namespace ssm

#endif // SSM_AOT_PASSES_H
