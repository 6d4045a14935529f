//===- ConvToRecurrence.cpp - A kernel's convolution as a recurrence ------===//
//
//   K_l = C A^l B for every lag,  y = K * u   ->   x = A x + B u,  y = C x
//
// The inverse of RecurrenceToConv. Precondition: the kernel has as many taps as
// there are steps, all on one side; it is projected only if the signal is real.
//
//===----------------------------------------------------------------------===//
#include "ConvToRecurrence.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Whether no lag that a signal of that many steps reaches is cut off.
static bool coversSteps(LongConvOp op, MaterializeKernelOp kernel) {
  unsigned lag = *positionOf(kernel.getResultMap(0), kernel.getTimeDim());
  unsigned time = *positionOf(op.getIndexingMapsArray()[0], op.getTimeDim());
  auto signal = cast<RankedTensorType>(op.getSignal().getType());
  if (!kernel.getLength())
    return !signal.isDynamicDim(time) &&
           kernel.getType().getDimSize(lag) >= signal.getDimSize(time);
  auto dim = kernel.getLength().getDefiningOp<tensor::DimOp>();
  return dim && dim.getSource() == op.getSignal() &&
         dim.getConstantIndex() == time;
}

namespace {
/// The loops of a kernel and of its convolution as those of one op.
struct MergedLoops {
  MergedLoops(LongConvOp op, MaterializeKernelOp kernel)
      : renamed(kernel.getNumLoops()), count(op.getNumLoops()) {
    for (auto [from, to] : llvm::zip(dimsOf(kernel.getResultMap(0)),
                                     op.getIndexingMapsArray()[1].getResults()))
      renamed[from] = to;
    for (AffineExpr &expr : renamed)
      if (!expr)
        expr = getAffineDimExpr(count++, op.getContext());
  }

  AffineMap ofKernel(AffineMap map) const {
    return map.replaceDimsAndSymbols(renamed, {}, count, 0);
  }
  AffineMap ofConv(AffineMap map) const {
    return AffineMap::get(count, 0, map.getResults(), map.getContext());
  }
  IntegerAttr rename(Builder &b, std::optional<uint64_t> dim) const {
    return dim ? b.getI64IntegerAttr(
                     cast<AffineDimExpr>(renamed[*dim]).getPosition())
               : IntegerAttr();
  }

  SmallVector<AffineExpr> renamed;
  unsigned count;
};
} // namespace

/// The state has the result's dimensions but for time, and what is summed.
static AffineMap makeStateMap(LongConvOp op, MaterializeKernelOp kernel,
                              const MergedLoops &loops) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dimsOf(op.getResultMap(0)))
    if (dim != op.getTimeDim())
      exprs.push_back(getAffineDimExpr(dim, op.getContext()));
  SmallVector<AffineMap> maps = kernel.getIndexingMapsArray();
  for (unsigned dim = 0; dim < kernel.getNumLoops(); ++dim) {
    bool isRead = llvm::any_of(ArrayRef(maps).take_front(3),
                               [&](AffineMap map) { return uses(map, dim); });
    if (isRead && !uses(kernel.getResultMap(0), dim) &&
        kernel.getColumn() != dim)
      exprs.push_back(loops.renamed[dim]);
  }
  return AffineMap::get(loops.count, 0, exprs, op.getContext());
}

Value ssm::convToRecurrence(OpBuilder &b, LongConvOp op) {
  auto kernel = op.getKernel().getDefiningOp<MaterializeKernelOp>();
  bool complexSignal =
      isa<ComplexType>(getElementTypeOrSelf(op.getSignal().getType()));
  if (op.getDirection() == Direction::TwoSided || !kernel ||
      !coversSteps(op, kernel) ||
      (complexSignal && kernel.getProjection() != Projection::None))
    return Value();
  MergedLoops loops(op, kernel);
  SmallVector<AffineMap> maps = kernel.getIndexingMapsArray(), all;
  all.push_back(loops.ofKernel(maps[0]));
  all.push_back(loops.ofConv(op.getIndexingMapsArray()[0]));
  for (AffineMap map : ArrayRef(maps).drop_front().drop_back())
    all.push_back(loops.ofKernel(map));
  all.push_back(loops.ofConv(op.getResultMap(0)));
  all.push_back(makeStateMap(op, kernel, loops));
  return LinearRecurrenceOp::create(
             b, op.getLoc(), kernel.getTransition(), op.getSignal(),
             kernel.getInput(), kernel.getOutput(), /*init=*/Value(),
             kernel.getLeft(), kernel.getRight(), b.getAffineMapArrayAttr(all),
             op.getTimeAttr(), loops.rename(b, kernel.getRow()),
             loops.rename(b, kernel.getColumn()), op.getDirectionAttr(),
             kernel.getProjectionAttr(),
             ReadPointAttr::get(op.getContext(), ReadPoint::After),
             op.getNumericsAttr(), StrategyAttr())
      .getResult();
}
