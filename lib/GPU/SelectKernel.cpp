//===- SelectKernel.cpp - Which kernel a recurrence gets ------------------===//
#include "ChannelScan.h"
#include "Row.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace ssm {

/// Of an element of the widest tensor.
static int64_t countBytes(ValueRange tensors) {
  int64_t widest = 1;
  for (Value tensor : tensors)
    widest =
        std::max(widest, countBytes(getElementTypeOrSelf(tensor.getType())));
  return widest;
}

static GPUScanProblem describe(const FusedRecurrence &fused) {
  LinearRecurrenceOp op = fused.op;
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  GPUScanProblem problem;
  problem.hasRows = hasAffineRows(fused);
  problem.hasColumns = hasAffineColumns(fused);
  if (problem.hasRows || problem.hasColumns)
    problem.keptWords = countKeptWords(fused);
  problem.hasMatrices = !refusesChunks(fused);
  problem.rows = multiply(sizes, dims.parallel);
  problem.length = multiply(sizes, dims.time);
  // Without a number the state is a matrix: see refusesKernels.
  problem.states = countStates(op).value_or(0);
  SmallVector<Value> tensors;
  for (const Mapped &result : fused.results)
    tensors.push_back(result.tensor);
  DenseSet<std::pair<Value, AffineMap>> read;
  for (const Mapped &source : fused.sources())
    walkProducers(source, [&](Mapped value) {
      if (isa<BlockArgument>(value.tensor) && uses(value.map, dims.time)) {
        read.insert({value.tensor, value.map});
        tensors.push_back(value.tensor);
      }
    });
  problem.elementBytes = countBytes(tensors);
  problem.channelLoads = llvm::count_if(read, [&](const auto &value) {
    return llvm::none_of(dims.state,
                         [&](unsigned dim) { return uses(value.second, dim); });
  });
  problem.stateLoads = read.size() - problem.channelLoads;
  problem.sharedLoads = llvm::count_if(read, [&](const auto &value) {
    return isSharedRun({value.first, value.second}, op);
  });
  if (std::optional<unsigned> dim = findNeighbours(op))
    problem.neighbours = multiply(sizes, *dim);
  return problem;
}

const char *refusesKernels(const FusedRecurrence &fused, StringRef chip) {
  bool multiplies = GPUChip::forName(std::string_view(chip)).multipliesMatrices;
  return multiplies && !refusesChunks(fused) ? nullptr
                                             : refusesChannelScan(fused.op);
}

GPUScanPlan selectKernel(const FusedRecurrence &fused, StringRef chip) {
  GPUChip model = GPUChip::forName(std::string_view(chip));
  GPUScanPlan plan = GPUScanPlan::forProblem(describe(fused), model);
  plan.avoidsF64 = model.isSlowInF64;
  return plan;
}

/// Left alone, ptxas would rather spill on some chips, for more warps.
static void allowRegisters(Kernel &kernel, const GPUScanPlan &plan,
                           StringRef chip) {
  std::string_view name(chip);
  if (isAMDChip(name) || isSPIRVChip(name) ||
      plan.kernel == GPUScanPlan::Kernel::ChunkedScan)
    return;
  kernel.kernel->setAttr(
      NVVM::NVVMDialect::getMinctasmAttrName(),
      OpBuilder(kernel.kernel)
          .getI32IntegerAttr(plan.warps * kWarp / plan.threads));
}

/// What the launch of every scan says.
static Launch finish(Launch launch, Kernel &kernel, const GPUScanPlan &plan,
                     StringRef chip) {
  allowRegisters(kernel, plan, chip);
  launch.entry = kernel.kernel.getName().str();
  launch.kernel = stringify(plan.kernel);
  launch.reason = plan.reason;
  return launch;
}

Launch emitKernel(OpBuilder &b, const KernelFrame &frame,
                  const FusedRecurrence &fused, const GPUScanPlan &plan,
                  StringRef chip) {
  LinearRecurrenceOp op = fused.op;
  bool looksBack = plan.kernel == GPUScanPlan::Kernel::LookBack;
  Kernel kernel(b, frame, op.getLoc(), getStaticLoopSizes(op),
                getRealType(op.getStateElementType()), plan.threads,
                /*hasWorkspace=*/looksBack);
  auto emit = [&] {
    if (plan.kernel == GPUScanPlan::Kernel::ChannelScan)
      return emitChannelScan(b, kernel, fused, plan);
    if (plan.kernel == GPUScanPlan::Kernel::ChunkedScan)
      return emitChunkedScan(
          b, kernel, fused,
          GPUChip::forName(std::string_view(chip)).multipliesInGroups);
    std::unique_ptr<Row> row = makeAffineRow(b, kernel, fused, plan);
    return looksBack ? emitLookBack(b, kernel, *row, plan)
                     : emitRowScan(b, kernel, *row, plan);
  };
  return finish(emit(), kernel, plan, chip);
}

GPUScanPlan selectKernel(AssociativeScanOp op, StringRef chip) {
  ArrayRef<int64_t> sizes =
      cast<RankedTensorType>(op.getInputs()[0].getType()).getShape();
  unsigned last = sizes.size() - 1;
  GPUScanProblem problem;
  unsigned time = op.getDimension();
  problem.hasRows = time == last;
  problem.hasColumns = time != last;
  problem.neighbours = multiply(sizes, last);
  auto parallel = llvm::to_vector(llvm::seq<unsigned>(0, sizes.size()));
  parallel.erase(parallel.begin() + time);
  problem.rows = multiply(sizes, parallel);
  problem.length = multiply(sizes, time);
  problem.channelLoads = op.getInputs().size();
  problem.elementBytes = countBytes(op.getInputs());
  return GPUScanPlan::forProblem(problem,
                                 GPUChip::forName(std::string_view(chip)));
}

Launch emitKernel(OpBuilder &b, const KernelFrame &frame, AssociativeScanOp op,
                  const GPUScanPlan &plan, StringRef chip) {
  bool looksBack = plan.kernel == GPUScanPlan::Kernel::LookBack;
  auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
  Kernel kernel(b, frame, op.getLoc(), type.getShape(), b.getF32Type(),
                plan.threads, /*hasWorkspace=*/looksBack);
  std::unique_ptr<Row> row = makeCombinerRow(b, kernel, op, plan);
  return finish(looksBack ? emitLookBack(b, kernel, *row, plan)
                          : emitRowScan(b, kernel, *row, plan),
                kernel, plan, chip);
}

} // namespace ssm
