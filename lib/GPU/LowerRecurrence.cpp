//===- LowerRecurrence.cpp - A recurrence and what is around it -----------===//
//
// Precondition: a function of one recurrence, with elementwise ops around it;
// what is not is an error.
//
//===----------------------------------------------------------------------===//
#include "LowerToGPU.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace ssm;

/// The recurrence of a function and what is computed around it; nothing after
/// an error.
static std::optional<FusedRecurrence> findRecurrence(func::FuncOp function,
                                                     StringRef chip) {
  auto refuse = [&](Location loc,
                    const Twine &found) -> std::optional<FusedRecurrence> {
    emitError(loc) << "a function for a GPU must be one ssm.linear_recurrence "
                      "with elementwise ops around it, but '"
                   << function.getName() << "' " << found
                   << "; put the recurrence into a function of its own";
    return std::nullopt;
  };
  if (function.isExternal())
    return refuse(function.getLoc(), "has no body");
  Block &body = function.getBody().front();
  for (BlockArgument arg : body.getArguments())
    if (!isa<RankedTensorType>(arg.getType()) || arg.use_empty())
      return refuse(arg.getLoc(), "has an argument that is no tensor, or that "
                                  "nothing reads");
  auto ops = llvm::to_vector(body.getOps<LinearRecurrenceOp>());
  if (ops.empty()) {
    function.emitError("'")
        << function.getName()
        << "' has no recurrence, product of matrices, reduction of rows or "
           "loop "
           "over time that has a GPU kernel; compile it for the CPU, without a "
           "target";
    return std::nullopt;
  }
  FusedRecurrence fused{ops.front(), {}};
  LinearRecurrenceOp op = fused.op;
  SmallPtrSet<Value, 4> distinct;
  for (Value value : body.getTerminator()->getOperands()) {
    if (!distinct.insert(value).second)
      return refuse(body.getTerminator()->getLoc(), "returns a value twice");
    if (value == op.getFinal())
      continue;
    auto map = findResultMap(value, op);
    if (!map)
      return refuse(body.getTerminator()->getLoc(),
                    "returns something that is not computed elementwise from "
                    "the recurrence's result");
    fused.results.push_back({value, *map});
  }
  if (distinct.empty())
    return refuse(body.getTerminator()->getLoc(), "returns nothing");
  for (const Mapped &source : fused.sources()) {
    Value last;
    if (const char *reason =
            walkProducers(source, [&](Mapped value) { last = value.tensor; }))
      return refuse(last.getLoc(),
                    Twine("has ") + reason + ", '" +
                        last.getDefiningOp()->getName().getStringRef() + "'");
  }
  if (const char *reason = refusesKernels(fused, chip)) {
    op.emitError("the recurrence has no GPU kernel: ") << reason;
    return std::nullopt;
  }
  return fused;
}

Signature ssm::describeTensors(func::FuncOp function, const TensorMaps &maps,
                               ArrayRef<int64_t> sizes) {
  SmallVector<DimSpec> dims;
  for (int64_t size : sizes) {
    int symbol = llvm::count_if(dims, [](DimSpec d) { return !d.isStatic(); });
    dims.push_back(ShapedType::isDynamic(size) ? DimSpec{0, symbol}
                                               : DimSpec{size, -1});
  }
  auto describe = [&](Value value, const Twine &name) {
    TensorSpec spec{name.str(), getElementTypeOrSelf(value.getType()), {}};
    for (unsigned dim : dimsOf(maps.lookup(value)))
      spec.shape.push_back(dims[dim]);
    return spec;
  };
  Signature signature;
  for (BlockArgument arg : function.getArguments())
    signature.inputs.push_back(describe(arg, "a" + Twine(arg.getArgNumber())));
  Operation *back = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(back->getOperands()))
    signature.outputs.push_back(describe(value, "r" + Twine(i)));
  return signature;
}

std::optional<Launch>
ssm::lowerRecurrence(OpBuilder &b, const KernelFrame &frame, StringRef chip) {
  auto fused = findRecurrence(frame.function, chip);
  if (!fused)
    return std::nullopt;
  LinearRecurrenceOp op = fused->op;
  TensorMaps maps;
  for (const Mapped &source : fused->sources())
    walkProducers(
        source, [&](Mapped value) { maps.insert({value.tensor, value.map}); });
  maps.insert({op.getFinal(), op.getFinalIndexingMap()});
  GPUScanPlan plan = selectKernel(*fused, chip);
  Signature signature =
      describeTensors(frame.function, maps, getStaticLoopSizes(op));
  Launch launch = emitKernel(b, frame, *fused, plan, chip);
  launch.signature = std::move(signature);
  return launch;
}
