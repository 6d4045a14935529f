//===- SharedSignal.h - Convolutions whose channels share one ---*- C++ -*-===//
#ifndef SSM_IR_SHAREDSIGNAL_H
#define SSM_IR_SHAREDSIGNAL_H

#include "ssm/IR/LoopDims.h"

namespace ssm {

/// Whether the last of the parallel dimensions, the lanes, is not the signal's,
/// and all of them are the kernel's. No two tiles then share a spectrum of the
/// kernel, and all share the signal's, which is the one to compute ahead.
inline bool sharesSignal(llvm::ArrayRef<unsigned> parallel,
                         mlir::AffineMap signal,
                         llvm::function_ref<bool(unsigned)> inKernel) {
  return !parallel.empty() && !uses(signal, parallel.back()) &&
         llvm::all_of(parallel, inKernel);
}

} // namespace ssm

#endif // SSM_IR_SHAREDSIGNAL_H
