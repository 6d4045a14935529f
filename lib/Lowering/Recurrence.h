//===- Recurrence.h - A diagonal linear recurrence as a scan ----*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_RECURRENCE_H
#define SSM_LIB_LOWERING_RECURRENCE_H

#include "Scan.h"
#include "ssm/IR/SSMOps.h"

namespace ssm {

/// `ssm.linear_recurrence` without input and output dimensions.
class RecurrenceScan : public ScanProblem {
public:
  RecurrenceScan(mlir::OpBuilder &b, LinearRecurrenceOp op);

  std::unique_ptr<ScanTile> makeTile(mlir::OpBuilder &b,
                                     const Tile &tile) override;
  llvm::SmallVector<mlir::Value> combine(mlir::OpBuilder &b, unsigned rank,
                                         mlir::ValueRange left,
                                         mlir::ValueRange right) override;

private:
  LinearRecurrenceOp op;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_RECURRENCE_H
