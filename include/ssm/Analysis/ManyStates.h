//===- ManyStates.h - States beyond the registers ---------------*- C++ -*-===//

#ifndef SSM_ANALYSIS_MANYSTATES_H
#define SSM_ANALYSIS_MANYSTATES_H

#include "ssm/IR/SSMOps.h"

namespace ssm {

/// Whether the registers do not hold the states of a channel beside what a step
/// computes with them: several steps are best taken together then, see
/// Lowering/StepsTogether.cpp.
bool hasManyStates(LinearRecurrenceOp op);

/// Whether the state is a matrix that updates of rank one mix, of which a step
/// walks the rows, see Lowering/MixingScan.cpp.
bool walksRows(LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_ANALYSIS_MANYSTATES_H
