//===- ChannelScan.cpp - Threads for each channel -------------------------===//
//
//   channel = one element of the parallel dimensions: `lanes` threads that
//             follow each other, each with some of its states in registers
//   for t in 0 .. L:  x_n = a_n x_n + b_n u  for every state n
//                     y_t = proj(sum_n c_n x_n), over the lanes by shuffles
//
// What a block of `steps` steps loads comes in front of what it computes, so
// that a thread waits for memory once. Elementwise ops around the recurrence
// are computed where their values are needed; values without time, once; values
// without state by the lanes in turn, a step each, and handed on by shuffles.
//
// Channels of a warp are neighbours along the result's last dimension but time,
// so a layout with channels last is read and written in whole sectors. There
// must be enough channels to fill the machine; each operand is read once for
// each channel that it concerns.
//
// Precondition: a diagonal transition; state dimensions of a static size, at
// most kMaxStates together; no dimensions that B or C alone sums or adds, which
// are products of matrices in front of it and behind it.
//
//===----------------------------------------------------------------------===//
#include "ChannelScan.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

/// Complex f32 states then fill 128 of a thread's 255 registers.
static constexpr int64_t kMaxStates = 64;
static constexpr int64_t kAccessBytes = 16;

std::optional<int64_t> countStates(LinearRecurrenceOp op) {
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  int64_t states = 1;
  for (unsigned dim : op.getDims().state) {
    if (ShapedType::isDynamic(sizes[dim]) || sizes[dim] == 0 ||
        sizes[dim] > kMaxStates)
      return std::nullopt;
    states *= sizes[dim];
    if (states > kMaxStates)
      return std::nullopt;
  }
  return states;
}

const char *refusesChannelScan(LinearRecurrenceOp op) {
  if (!op.isDiagonal())
    return "its transition mixes states; only diagonal ones are supported";
  if (!countStates(op))
    return "its state dimensions must be static and have 1 to 64 elements";
  return nullptr;
}

ChannelScan::ChannelScan(OpBuilder &b, Kernel &kernel,
                         const FusedRecurrence &fused, const GPUScanPlan &plan,
                         int64_t number)
    : b(b), k(kernel), fused(fused), op(fused.op), plan(plan),
      dims(op.getDims()), number(number), states(*countStates(op) / plan.lanes),
      complexState(isa<ComplexType>(op.getStateElementType())),
      point(b, kernel, op, states, [this](int64_t i) { return at(i); }) {}

SmallVector<Value> ChannelScan::at(int64_t i) {
  SmallVector<Value> indices = channel;
  Value n = k.constant(i);
  if (plan.lanes > 1)
    n = k.add(k.mul(lane, k.constant(states)), n);
  for (unsigned dim : llvm::reverse(dims.state)) {
    Value size = k.size(dim);
    indices[dim] = arith::RemUIOp::create(b, k.loc, n, size);
    n = arith::DivUIOp::create(b, k.loc, n, size);
  }
  return indices;
}

SmallVector<Value> ChannelScan::flatten(ArrayRef<Num> x) {
  SmallVector<Value> values;
  for (const Num &value : x) {
    values.push_back(value.re);
    if (complexState)
      values.push_back(value.isComplex() ? value.im : k.num.constant(0).re);
  }
  return values;
}

SmallVector<Num> ChannelScan::unflatten(ValueRange values) {
  SmallVector<Num> x;
  for (size_t i = 0; i < values.size(); i += 1 + complexState)
    x.push_back({values[i], complexState ? values[i + 1] : Value()});
  return x;
}

Num ChannelScan::receive(Num x, int64_t distance) {
  auto other = [&](Value part) {
    return k.shuffle(gpu::ShuffleMode::XOR, part, distance * plan.apart)
        .front();
  };
  return {other(x.re), x.isComplex() ? other(x.im) : Value()};
}

/// The sum over the lanes of a channel, in each of them.
Num ChannelScan::sumLanes(Num x) {
  for (int64_t distance = 1; distance < plan.lanes; distance *= 2)
    x = k.num.add(x, receive(x, distance));
  return x;
}

Num ChannelScan::chooseByBit(int64_t bit, Num clear, Num set) {
  Value isSet = arith::CmpIOp::create(
      b, k.loc, arith::CmpIPredicate::ne,
      arith::AndIOp::create(b, k.loc, lane, k.constant(bit)), k.constant(0));
  auto choose = [&](Value yes, Value no) -> Value {
    return yes ? arith::SelectOp::create(b, k.loc, isSet, yes, no).getResult()
               : Value();
  };
  return {choose(set.re, clear.re), choose(set.im, clear.im)};
}

/// Lane i of a channel gets the sum over the lanes of x[i]: each round hands
/// half of what is left to the lane that keeps it.
Num ChannelScan::sumForEach(SmallVector<Num> x) {
  for (size_t half = x.size() / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) {
      Num others = chooseByBit(half, x[i + half], x[i]);
      Num kept = chooseByBit(half, x[i], x[i + half]);
      x[i] = k.num.add(kept, receive(others, half));
    }
    x.resize(half);
  }
  return x.front();
}

/// The thread's part of sum_n c_n x_n
Num ChannelScan::emitOutput(ArrayRef<Num> x) {
  bool real = op.getProjection() != Projection::None;
  Num y;
  for (int64_t n = 0; n < states; ++n) {
    Num term = x[n];
    if (op.getOutput()) {
      Num c = point.read({op.getOutput(), op.getOutputIndexingMap()}, n);
      term = real ? k.num.realOfProduct(c, x[n]) : k.num.mul(c, x[n]);
    }
    y = n ? k.num.add(y, term) : term;
  }
  if (real)
    y.im = Value();
  return y;
}

/// y = proj(sum)
Num ChannelScan::finishOutput(Num sum) {
  return op.getProjection() == Projection::TwiceReal
             ? k.num.mul(sum, k.num.constant(2))
             : sum;
}

ArrayRef<Num> ChannelScan::readPoint(ArrayRef<Num> before,
                                     ArrayRef<Num> after) {
  return op.getRead() == ReadPoint::Before ? before : after;
}

SmallVector<Num> ChannelScan::emitStep(ArrayRef<Num> x) {
  SmallVector<Num> next;
  for (int64_t n = 0; n < states; ++n) {
    Num a = point.read({op.getTransition(), op.getTransitionMap()}, n);
    Num drive = point.read({op.getSignal(), op.getSignalMap()}, n);
    if (op.getInput())
      drive = k.num.mul(
          point.read({op.getInput(), op.getInputIndexingMap()}, n), drive);
    next.push_back(k.num.mulAdd(a, x[n], drive));
  }
  return next;
}

/// The number of a step as time.
Value ChannelScan::timeOf(Value step) {
  if (!op.isBackward())
    return step;
  Value last = arith::SubIOp::create(b, k.loc, length, k.constant(1));
  return arith::SubIOp::create(b, k.loc, last, step);
}

/// The results at the time of `turn`, where the recurrence's is `y`.
void ChannelScan::storeResults(const Turn &turn, Num y) {
  point.enter(turn.time);
  point.define({op.getResult(), op.getResultIndexingMap()}, y);
  SmallVector<Num> values = llvm::map_to_vector(
      fused.results, [&](const Mapped &result) { return point.read(result); });
  k.when(turn.writes, [&] {
    SmallVector<Value> indices = at(0);
    indices[dims.time] = turn.time;
    for (auto [result, value] : llvm::zip_equal(fused.results, values)) {
      KernelTensor tensor = k.result(result.tensor, result.map);
      k.store(tensor, k.offset(tensor, indices), value);
    }
  });
}

/// Loads what all steps need, then computes them. What has no state is computed
/// by one lane for each step, if there are as many steps as lanes, or a
/// multiple.
SmallVector<Num> ChannelScan::emitSteps(ArrayRef<Num> x, Value first,
                                        int64_t steps) {
  int64_t share = steps % plan.lanes == 0 ? plan.lanes : 1;
  SmallVector<Value> times;
  SmallVector<Turn> turns;
  for (int64_t i = 0; i < steps; ++i)
    times.push_back(timeOf(k.add(first, k.constant(i))));
  for (int64_t i = 0; i < steps; i += share)
    turns.push_back(
        share == 1
            ? Turn{times[i], isWriter}
            : Turn{timeOf(k.add(k.add(first, k.constant(i)), lane)), isInside});
  point.stopSharing();
  if (share > 1)
    for (const Mapped &operand : fused.operands())
      point.share(operand);
  for (Value time : times) {
    point.enter(time);
    for (const Mapped &operand : fused.operands())
      point.prefetch(operand);
  }
  for (const Turn &turn : turns) {
    point.enter(turn.time);
    for (const Mapped &result : fused.results)
      point.prefetch(result);
    point.computeShared();
  }
  SmallVector<Num> states(x), outputs;
  for (auto [i, time] : llvm::enumerate(times)) {
    point.enter(time);
    point.receiveShared(turns[i / share].time, laneOfWarp(i % share));
    SmallVector<Num> next = emitStep(states);
    if (!fused.results.empty())
      outputs.push_back(emitOutput(readPoint(states, next)));
    states = std::move(next);
  }
  if (!fused.results.empty())
    for (auto [i, turn] : llvm::enumerate(turns))
      storeResults(
          turn,
          finishOutput(share == 1
                           ? sumLanes(outputs[i])
                           : sumForEach(SmallVector<Num>(
                                 ArrayRef(outputs).slice(i * share, share)))));
  return states;
}

/// Lane `i` of the channel as one of the warp.
Value ChannelScan::laneOfWarp(int64_t i) {
  Value inWarp =
      arith::RemUIOp::create(b, k.loc, k.threadIndex(), k.constant(kWarp));
  Value first = arith::SubIOp::create(b, k.loc, inWarp,
                                      k.mul(lane, k.constant(plan.apart)));
  Value other = k.add(first, k.constant(i * plan.apart));
  return arith::TruncIOp::create(b, k.loc, b.getI32Type(), other);
}

SmallVector<Num> ChannelScan::emitLoop(Value from, Value to, int64_t steps,
                                       ArrayRef<Num> x) {
  return unflatten(k.loop(from, to, steps, flatten(x),
                          [&](Value i, const SmallVector<Value> &carried) {
                            return flatten(
                                emitSteps(unflatten(carried), i, steps));
                          }));
}

SmallVector<unsigned> findParallel(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  SmallVector<unsigned> parallel;
  for (unsigned dim : dimsOf(op.getResultIndexingMap()))
    if (llvm::is_contained(dims.parallel, dim))
      parallel.push_back(dim);
  return parallel;
}

std::optional<unsigned> findNeighbours(LinearRecurrenceOp op) {
  SmallVector<unsigned> parallel = findParallel(op);
  return parallel.empty() ? std::nullopt : std::optional(parallel.back());
}

int64_t countBytes(Type element) {
  return getElementWidth(element) / 8 * (isa<ComplexType>(element) ? 2 : 1);
}

bool isSharedRun(Mapped value, LinearRecurrenceOp op) {
  std::optional<int64_t> states = countStates(op);
  std::optional<unsigned> neighbours = findNeighbours(op);
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!isa<BlockArgument>(value.tensor) || !neighbours || !states ||
      dims.state.empty() || uses(value.map, *neighbours))
    return false;
  // States are the run: time and the rest are in front of them.
  SmallVector<unsigned> all = dimsOf(value.map);
  SmallVector<unsigned> run(dims.state.begin(), dims.state.end());
  bool isRun = all.size() > run.size() &&
               ArrayRef(all).take_back(run.size()) == ArrayRef(run);
  return isRun &&
         *states * countBytes(getElementTypeOrSelf(value.tensor.getType())) %
                 kAccessBytes ==
             0;
}

/// Blocks that share tiles have channels along the last dimension only, others
/// along all of them.
SmallVector<GridFactor> ChannelScan::findChannel() {
  int64_t perBlock = plan.numChannels();
  parallel = findParallel(op);
  ArrayRef<unsigned> inBlock(parallel), outside;
  if (plan.shares) {
    outside = inBlock.drop_back();
    inBlock = inBlock.take_back();
  }
  GridFactor outer{{}, 1}, channels{{}, perBlock};
  for (unsigned dim : outside)
    outer.elements.push_back(k.launchSize(dim));
  Value all = k.constant(1);
  for (unsigned dim : inBlock) {
    channels.elements.push_back(k.launchSize(dim));
    all = k.mul(all, k.size(dim));
  }
  auto divide = [&](Value x, Value y) {
    return arith::DivUIOp::create(b, k.loc, x, y);
  };
  auto rest = [&](Value x, Value y) {
    return arith::RemUIOp::create(b, k.loc, x, y);
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, predicate, x, y);
  };
  Value thread = k.threadIndex(), apart = k.constant(plan.apart);
  Value group = divide(thread, apart), lanes = k.constant(plan.lanes);
  lane = rest(group, lanes);
  place = k.add(k.mul(divide(group, lanes), apart), rest(thread, apart));
  place = k.add(place, k.constant(number * (plan.threads / plan.lanes)));
  Value block = k.blockIndex(), row;
  if (plan.shares) {
    Value blocks =
        arith::CeilDivUIOp::create(b, k.loc, all, k.constant(perBlock));
    row = divide(block, blocks);
    block = rest(block, blocks);
  }
  firstOfBlock = k.mul(block, k.constant(perBlock));
  Value inRow = k.add(firstOfBlock, place);
  isInside = compare(arith::CmpIPredicate::ult, inRow, all);
  isWriter = arith::AndIOp::create(
      b, k.loc, isInside,
      compare(arith::CmpIPredicate::eq, lane, k.constant(0)));
  // Threads beyond the last channel repeat it: all lanes take part in shuffles.
  inRow = arith::MinUIOp::create(
      b, k.loc, inRow, arith::SubIOp::create(b, k.loc, all, k.constant(1)));
  channel.resize(op.getIndexingMapsArray()[0].getNumDims());
  k.split(inRow, inBlock, channel);
  if (row)
    k.split(row, outside, channel);
  length = k.size(dims.time);
  return outside.empty() ? SmallVector<GridFactor>{channels}
                         : SmallVector<GridFactor>{outer, channels};
}

SmallVector<Num> ChannelScan::loadInit() {
  SmallVector<Num> x(states, k.num.constant(0));
  if (op.getInit())
    for (int64_t n = 0; n < states; ++n)
      x[n] = point.read({op.getInit(), op.getInitIndexingMap()}, n);
  return x;
}

/// Neighbouring states in one access.
void ChannelScan::storeFinal(ArrayRef<Num> x) {
  KernelTensor final = k.result(op.getFinal(), op.getFinalIndexingMap());
  if (!final)
    return;
  int64_t group = point.countNeighbours(final);
  k.when(isInside, [&] {
    for (int64_t n = 0; n < states; n += group)
      k.store(final, k.offset(final, at(n)), x.slice(n, group));
  });
}

Launch emitChannelScan(OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused, const GPUScanPlan &plan) {
  Launch launch;
  launch.threads = plan.threads;
  ChannelScans scans;
  SmallVector<Num> x;
  for (int64_t i = 0; i < plan.channels; ++i) {
    scans.push_back(std::make_unique<ChannelScan>(b, kernel, fused, plan, i));
    launch.grid = scans.back()->findChannel();
    x.append(scans.back()->loadInit());
  }
  Value length = scans.front()->length;
  Value rest = arith::RemUIOp::create(b, kernel.loc, length,
                                      kernel.constant(plan.steps));
  Value whole = arith::SubIOp::create(b, kernel.loc, length, rest);
  x = plan.shares
          ? emitChannelTiles(scans, x)
          : scans.front()->emitLoop(kernel.constant(0), whole, plan.steps, x);
  for (auto &scan : scans) {
    SmallVector<Num> own(
        ArrayRef(x).slice(scan->number * scan->states, scan->states));
    if (plan.steps > 1)
      own = scan->emitLoop(whole, length, 1, own);
    scan->storeFinal(own);
  }
  gpu::ReturnOp::create(b, kernel.loc);
  return launch;
}

} // namespace ssm
