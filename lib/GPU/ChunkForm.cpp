//===- ChunkForm.cpp - Which recurrences products of matrices compute -----===//
#include "Pointwise.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;

namespace ssm {

const char *refusesChunks(const FusedRecurrence &fused) {
  LinearRecurrenceOp op = fused.op;
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  if (dims.state.size() != 1 || !op.getInput() || !op.getOutput() ||
      (sizes[dims.state[0]] != 64 && sizes[dims.state[0]] != 128))
    return "the state is no matrix of 64 or 128 rows";
  if (op.isBackward() || op.getRead() == ReadPoint::Before ||
      op.getProjection() != Projection::None)
    return "it is not read forward, after each step";
  unsigned state = dims.state[0];
  unsigned column = dimsOf(op.getResultIndexingMap()).back();
  auto endsWith = [](AffineMap map, unsigned dim) {
    return dimsOf(map).back() == dim;
  };
  AffineMap b = op.getInputIndexingMap(), c = op.getOutputIndexingMap();
  if (column == dims.time || !endsWith(op.getSignalMap(), column) ||
      !endsWith(b, state) || !endsWith(c, state) ||
      sizes[column] % kChunkColumns != 0)
    return "its columns are not contiguous, or no multiple of 64";
  for (AffineMap map : {op.getTransitionMap(), b, c})
    if (uses(map, column))
      return "its transition, B or C depends on the column";
  if (uses(op.getTransitionMap(), state))
    return "its transition depends on the row";
  for (Value factor : {op.getSignal(), op.getInput(), op.getOutput()})
    if (!getElementTypeOrSelf(factor.getType()).isBF16())
      return "signal, B and C are not in bf16";
  for (Value memory : {op.getInput(), op.getOutput(), op.getInit()})
    if (memory && !isa<BlockArgument>(memory))
      return "B, C or the first state is computed";
  if (!op.getStateElementType().isF32() || fused.results.empty())
    return "its state is not in f32, or only the last one comes out";
  for (const Mapped &result : fused.results)
    if (!endsWith(result.map, column))
      return "the columns of a result are not contiguous";
  return nullptr;
}

} // namespace ssm
