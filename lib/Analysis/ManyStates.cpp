//===- ManyStates.cpp - States beyond the registers -----------------------===//
#include "ssm/Analysis/ManyStates.h"

#include "ssm/Analysis/Elementwise.h"
#include "ssm/IR/LoopDims.h"

using namespace mlir;
using namespace ssm;

/// Whether a tile computes a transition of each lane and state at each step, as
/// Mamba's exp(dt A), from operands that are less. Those in memory are read
/// where they lie, and side by side best in squares of lanes and states.
static bool computesTransitions(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (dims.parallel.empty())
    return false;
  auto isOfEach = [&](AffineMap map) {
    return map && uses(map, dims.time) && uses(map, dims.state.front()) &&
           uses(map, dims.parallel.back());
  };
  AffineMap map = op.getTransitionMap();
  Elementwise producer = findProducer(op.getTransition(), map);
  return producer && isOfEach(map) && llvm::none_of(producer.maps, isOfEach);
}

bool ssm::hasManyStates(LinearRecurrenceOp op) {
  // What computes transitions takes half of the registers: 16 states of Mamba
  // take 0.94 of the time that they take step by step, 20 of them 0.85 (Zen 5).
  // 16 that decay by constants are as fast in registers.
  constexpr int64_t kMany = 32, kManyComputed = 16;
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!op.isDiagonal() || !op.getOutput() || dims.state.size() != 1)
    return false;
  int64_t states = getStaticLoopSizes(op)[dims.state.front()];
  return !ShapedType::isDynamic(states) &&
         states >= (computesTransitions(op) ? kManyComputed : kMany);
}

bool ssm::walksRows(LinearRecurrenceOp op) {
  // Fewer are in registers.
  constexpr int64_t kFewest = 8;
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!op.getLeft() || !dims.rank.empty() || !op.getOutput() ||
      dims.parallel.empty() || dims.state != ArrayRef{*dims.row})
    return false;
  int64_t rows = getStaticLoopSizes(op)[*dims.row];
  return ShapedType::isDynamic(rows) || rows >= kFewest;
}
