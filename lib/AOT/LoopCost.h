//===- LoopCost.h - How long a loop of known size takes ---------*- C++ -*-===//

#ifndef SSM_LIB_AOT_LOOPCOST_H
#define SSM_LIB_AOT_LOOPCOST_H

#include "mlir/IR/Operation.h"

namespace ssm {

/// Cycles of one core that all iterations of the loops in and under `op` take,
/// within a factor of about two: an op on 64 bytes is half a cycle. Infinite
/// where a size is known at run time only, or code is called that is not seen.
double cyclesOf(mlir::Operation *op);

} // namespace ssm

#endif // SSM_LIB_AOT_LOOPCOST_H
