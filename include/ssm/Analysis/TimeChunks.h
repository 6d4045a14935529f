//===- TimeChunks.h - Chunks of time of few channels ------------*- C++ -*-===//

#ifndef SSM_ANALYSIS_TIMECHUNKS_H
#define SSM_ANALYSIS_TIMECHUNKS_H

#include "ssm/IR/SSMOps.h"

namespace ssm {

/// Chunks that the time of few channels is cut into for several threads, see
/// Lowering/TimeChunks.cpp; one where it stays whole.
int64_t countTimeChunks(LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_ANALYSIS_TIMECHUNKS_H
