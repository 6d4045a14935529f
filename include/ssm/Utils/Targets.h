//===- Targets.h - LLVM's code generators -----------------------*- C++ -*-===//
#ifndef SSM_UTILS_TARGETS_H
#define SSM_UTILS_TARGETS_H

namespace ssm {

/// Registers all code generators of LLVM, once for the process: two threads
/// that registered one at the same time would link LLVM's list to a ring, and
/// whoever looks for a target would go around in it forever.
void registerTargets();

} // namespace ssm

#endif // SSM_UTILS_TARGETS_H
