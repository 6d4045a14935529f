//===- Recurrence.h - Linear recurrences as scans ---------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_RECURRENCE_H
#define SSM_LIB_LOWERING_RECURRENCE_H

#include "Scan.h"
#include "ssm/IR/SSMOps.h"

namespace ssm {

/// `ssm.linear_recurrence` without input and output dimensions, up to what its
/// transition does.
class RecurrenceScan : public ScanProblem {
protected:
  RecurrenceScan(mlir::OpBuilder &b, LinearRecurrenceOp op);

  LinearRecurrenceOp op;
};

/// The scan of a diagonal recurrence.
std::unique_ptr<ScanProblem> makeDiagonalScan(mlir::OpBuilder &b,
                                              LinearRecurrenceOp op);

/// The scan of a recurrence whose transition is dense or of low rank.
std::unique_ptr<ScanProblem> makeMixingScan(mlir::OpBuilder &b,
                                            LinearRecurrenceOp op);

} // namespace ssm

#endif // SSM_LIB_LOWERING_RECURRENCE_H
