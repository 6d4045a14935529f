//===- CombinerChannel.cpp - A thread for each channel of a scan ----------===//
//
//   channel = one element of the dimensions but the scan's: a thread
//   for t in 0 .. L:  s = combine(s, e_t)
//
// `steps` elements are loaded in front of what is computed from them.
// Neighbours along the last dimension are neighbouring threads, so layouts with
// channels last are read and written in whole sectors.
//
// Precondition: refusesCombiner; enough channels to fill the machine.
//
//===----------------------------------------------------------------------===//
#include "Row.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;

namespace ssm {

namespace {
class CombinerChannel {
public:
  CombinerChannel(OpBuilder &b, Kernel &kernel, AssociativeScanOp op,
                  const GPUScanPlan &plan)
      : b(b), k(kernel), op(op), plan(plan), time(op.getDimension()) {
    auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
    AffineMap map = b.getMultiDimIdentityMap(type.getRank());
    for (Value input : op.getInputs())
      inputs.push_back(kernel.argument(input, map));
    for (Value result : op.getResults())
      results.push_back(kernel.result(result, map));
    indices.resize(type.getRank());
    for (unsigned dim = 0; dim < indices.size(); ++dim)
      if (dim != time)
        channelDims.push_back(dim);
  }

  Launch emit();

private:
  void goTo(Value step);
  Parts emitSteps(Value first, int64_t steps, Parts carry);

  OpBuilder &b;
  Kernel &k;
  AssociativeScanOp op;
  const GPUScanPlan &plan;
  unsigned time;
  SmallVector<KernelTensor> inputs, results;
  SmallVector<unsigned> channelDims;
  SmallVector<Value> indices;
  Value isInside;
};
} // namespace

/// A step of the scan, which may be one from the end.
void CombinerChannel::goTo(Value step) {
  indices[time] = step;
  if (op.getDirection() == Direction::Backward)
    indices[time] = arith::SubIOp::create(b, k.loc, k.size(time),
                                          k.add(step, k.constant(1)));
}

Parts CombinerChannel::emitSteps(Value first, int64_t steps, Parts carry) {
  SmallVector<Parts> elements(steps);
  for (int64_t i = 0; i < steps; ++i) {
    goTo(k.add(first, k.constant(i)));
    for (const KernelTensor &input : inputs)
      elements[i].append(k.loadScalars(input, k.offset(input, indices)));
  }
  for (int64_t i = 0; i < steps; ++i) {
    Parts both = carry;
    both.append(elements[i]);
    Parts next = inlineBlock(b, op.getCombiner().front(), both);
    const Parts &stored = op.getExclusive() ? carry : next;
    goTo(k.add(first, k.constant(i)));
    k.when(isInside, [&] {
      for (auto [result, part] : llvm::zip_equal(results, stored))
        if (result)
          k.storeScalars(result, k.offset(result, indices), {part});
    });
    carry = next;
  }
  return carry;
}

Launch CombinerChannel::emit() {
  GridFactor channels{{}, plan.threads};
  Value all = k.constant(1);
  for (unsigned dim : channelDims) {
    channels.elements.push_back(k.launchSize(dim));
    all = k.mul(all, k.size(dim));
  }
  Value number =
      k.add(k.mul(k.blockIndex(), k.constant(plan.threads)), k.threadIndex());
  isInside =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, number, all);
  // Threads beyond the last channel repeat it.
  Value last = arith::SubIOp::create(b, k.loc, all, k.constant(1));
  k.split(arith::MinUIOp::create(b, k.loc, number, last), channelDims, indices);

  Parts carry;
  for (Value constant : op.getIdentity())
    carry.push_back(b.clone(*constant.getDefiningOp())->getResult(0));
  Value length = k.size(time);
  Value rest = arith::RemUIOp::create(b, k.loc, length, k.constant(plan.steps));
  Value whole = arith::SubIOp::create(b, k.loc, length, rest);
  auto steps = [&](int64_t count) {
    return [this, count](Value first, Parts parts) {
      return emitSteps(first, count, parts);
    };
  };
  carry = k.loop(k.constant(0), whole, plan.steps, carry, steps(plan.steps));
  k.loop(whole, length, 1, carry, steps(1));
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.threads = plan.threads;
  launch.grid = {channels};
  return launch;
}

Launch emitCombinerChannel(OpBuilder &b, Kernel &kernel, AssociativeScanOp op,
                           const GPUScanPlan &plan) {
  return CombinerChannel(b, kernel, op, plan).emit();
}

} // namespace ssm
