//===- Lines.h - Steps that lie side by side --------------------*- C++ -*-===//

#ifndef SSM_IR_LINES_H
#define SSM_IR_LINES_H

#include "ssm/IR/SSMOps.h"

namespace ssm {

/// Whether steps next to each other in time are so in memory, in an operand or
/// result of the op with this map: no dimension but those of size one comes
/// after time.
bool isLine(LinearRecurrenceOp op, mlir::AffineMap map);

/// Whether the op is a scan of lines: one state a channel, and any order of
/// sums and products will do.
bool scansLines(LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_IR_LINES_H
