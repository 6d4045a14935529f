//===- AbsorbContractions.h - Products around the recurrence ----*- C++ -*-===//

#ifndef SSM_LIB_TRANSFORMS_ABSORBCONTRACTIONS_H
#define SSM_LIB_TRANSFORMS_ABSORBCONTRACTIONS_H

#include "ssm/Analysis/ProductForm.h"
#include "ssm/IR/SSMOps.h"

namespace ssm {

/// The recurrence whose states the value is, by copies that nothing else reads;
/// `states` is its result in the value's place.
LinearRecurrenceOp findStates(Mapped value, Mapped &states);

/// Sums of products of states to which something was added -> sums of products
/// of states, and the rest; see SplitOutputs.cpp.
void populateSplitOutputsPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_TRANSFORMS_ABSORBCONTRACTIONS_H
