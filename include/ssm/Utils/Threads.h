//===- Threads.h - Which loops are worth threads ----------------*- C++ -*-===//
#ifndef SSM_UTILS_THREADS_H
#define SSM_UTILS_THREADS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace ssm {

/// On `scf.forall`: its iterations are less work than waking a thread.
inline constexpr llvm::StringLiteral kOneThreadAttrName = "ssm.one_thread";

/// On `scf.for`: no iteration reads or writes what another one writes, and all
/// together are worth threads.
inline constexpr llvm::StringLiteral kIndependentAttrName = "ssm.independent";

/// On a loop: what it writes lies in many places of memory in turn, and is to
/// be gathered by the caches.
inline constexpr llvm::StringLiteral kCachedAttrName = "ssm.cached";

/// On a loop: its body reads and writes memory in the order that it says.
inline constexpr llvm::StringLiteral kInOrderAttrName = "ssm.in_order";

/// Results of so many bytes, more than the second cache of today's cores has
/// (half to two MiB), are written past the caches.
inline constexpr int64_t kStreamedBytes = int64_t(1) << 21;

} // namespace ssm

#endif // SSM_UTILS_THREADS_H
