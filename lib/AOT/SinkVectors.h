//===- SinkVectors.h - Compute vectors right before they are needed -------===//
#ifndef SSM_LIB_AOT_SINKVECTORS_H
#define SSM_LIB_AOT_SINKVECTORS_H

namespace llvm {
class Module;
} // namespace llvm

namespace ssm {

/// Moves each computation of a vector down to its first user.
void sinkVectors(llvm::Module &module);

} // namespace ssm

#endif // SSM_LIB_AOT_SINKVECTORS_H
