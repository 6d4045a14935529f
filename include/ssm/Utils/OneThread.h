//===- OneThread.h - Loops too small for threads ----------------*- C++ -*-===//
#ifndef SSM_UTILS_ONETHREAD_H
#define SSM_UTILS_ONETHREAD_H

#include "llvm/ADT/StringRef.h"

namespace ssm {

/// On `scf.forall`: its iterations are less work than waking a thread.
inline constexpr llvm::StringLiteral kOneThreadAttrName = "ssm.one_thread";

} // namespace ssm

#endif // SSM_UTILS_ONETHREAD_H
