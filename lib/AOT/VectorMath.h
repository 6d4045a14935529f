//===- VectorMath.h - Vector versions of libm functions ---------*- C++ -*-===//
#ifndef SSM_LIB_AOT_VECTORMATH_H
#define SSM_LIB_AOT_VECTORMATH_H

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Target/TargetMachine.h"

namespace ssm {

/// What LLVM may assume about the C library of `machine`: on x86-64 Linux,
/// glibc's libmvec, which comes with -lm.
llvm::TargetLibraryInfoImpl getLibraryInfo(const llvm::TargetMachine &machine);

} // namespace ssm

#endif // SSM_LIB_AOT_VECTORMATH_H
