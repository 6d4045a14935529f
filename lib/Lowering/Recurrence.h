//===- Recurrence.h - Linear recurrences as scans ---------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_RECURRENCE_H
#define SSM_LIB_LOWERING_RECURRENCE_H

#include "Scan.h"
#include "ssm/Analysis/Elementwise.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Num.h"

namespace ssm {

/// `ssm.linear_recurrence` without input and output dimensions, up to what its
/// transition does. What `consumer` computes from the output is stored in its
/// place.
class RecurrenceScan : public ScanProblem {
protected:
  RecurrenceScan(mlir::OpBuilder &b, LinearRecurrenceOp op,
                 Elementwise consumer);

  LinearRecurrenceOp op;
  Elementwise consumer;
};

/// The scan of a diagonal recurrence.
std::unique_ptr<ScanProblem> makeDiagonalScan(mlir::OpBuilder &b,
                                              LinearRecurrenceOp op,
                                              Elementwise consumer = {});

/// The scan of a recurrence whose transition is dense or of low rank.
std::unique_ptr<ScanProblem> makeMixingScan(mlir::OpBuilder &b,
                                            LinearRecurrenceOp op,
                                            Elementwise consumer = {});

/// b_t u_t.
Num multiplyDrive(NumBuilder &num, mlir::Location loc, Num input, Num signal);

} // namespace ssm

#endif // SSM_LIB_LOWERING_RECURRENCE_H
