//===- SelectKernel.cpp - Which kernel a recurrence gets ------------------===//
#include "Row.h"

#include "ssm/IR/LoopDims.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

/// The product of the sizes, if all are known and it is no larger than i64.
static std::optional<int64_t> multiply(ArrayRef<int64_t> sizes,
                                       ArrayRef<unsigned> dims) {
  int64_t product = 1;
  for (unsigned dim : dims)
    if (ShapedType::isDynamic(sizes[dim]) ||
        llvm::MulOverflow(product, sizes[dim], product))
      return std::nullopt;
  return product;
}

static GPUScanProblem describe(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  GPUScanProblem problem{hasAffineRows(op), multiply(sizes, dims.parallel),
                         multiply(sizes, dims.time), 0};
  for (Value value : {op.getTransition(), op.getSignal(), op.getResult()}) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    int64_t bytes =
        getElementWidth(element) / 8 * (isa<ComplexType>(element) ? 2 : 1);
    problem.elementBytes = std::max(problem.elementBytes, bytes);
  }
  return problem;
}

GPUScanPlan selectKernel(LinearRecurrenceOp op, StringRef chip) {
  return GPUScanPlan::forProblem(describe(op),
                                 GPUChip::forName(std::string_view(chip)));
}

Launch emitKernel(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp function,
                  LinearRecurrenceOp op, const GPUScanPlan &plan) {
  bool looksBack = plan.kernel == GPUScanPlan::Kernel::LookBack;
  Kernel kernel(b, parent, function, op.getLoc(), getStaticLoopSizes(op),
                getRealType(op.getStateElementType()), plan.threads,
                /*hasWorkspace=*/looksBack);
  if (plan.kernel == GPUScanPlan::Kernel::ChannelScan)
    return emitChannelScan(b, kernel, op, plan);
  std::unique_ptr<Row> row = makeAffineRow(b, kernel, op, plan.items);
  return looksBack ? emitLookBack(b, kernel, *row, plan)
                   : emitRowScan(b, kernel, *row, plan);
}

} // namespace ssm
