//===- StepLoop.cpp - Loops over time that no scan is ---------------------===//
//
//   thread = an element of the states, which are in registers
//   for every 8 steps, and then for each that is left:
//     load    what these steps read
//     step    the loop's body at the element, one step after the other
//
// For recurrences that are not linear, such as RWKV-4's, which carries a
// maximum beside its sums.
//
// Precondition: a scf.for from 0, by 1, of a number of steps that is known.
// States have one shape. A step reads and sets slices of tensors at its own
// time; all else in it is elementwise, at an element's own place.
//
//===----------------------------------------------------------------------===//
#include "StepLoop.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 64, kSteps = 8;

//===----------------------------------------------------------------------===//
// Which loops
//===----------------------------------------------------------------------===//

/// The dimension at which a slice is that of a step, and all of the others;
/// nothing if it is no such slice.
static std::optional<unsigned> findStepDim(OffsetSizeAndStrideOpInterface slice,
                                           ArrayRef<int64_t> shape,
                                           Value step) {
  std::optional<unsigned> found;
  SmallVector<OpFoldResult> offsets = slice.getMixedOffsets();
  for (unsigned dim = 0; dim < shape.size(); ++dim) {
    int64_t size = slice.getStaticSizes()[dim];
    if (slice.getStaticStrides()[dim] != 1)
      return std::nullopt;
    if (offsets[dim] == OpFoldResult(step) && size == 1 && !found)
      found = dim;
    else if (getConstantIntValue(offsets[dim]) != 0 || size != shape[dim])
      return std::nullopt;
  }
  return found;
}

static scf::ForOp getLoop(Operation *op) {
  return dyn_cast_or_null<scf::ForOp>(op ? op->getParentOp() : nullptr);
}

static std::optional<unsigned> findStepDim(tensor::ExtractSliceOp slice) {
  auto loop = getLoop(slice);
  if (!loop || loop.isDefinedOutsideOfLoop(slice.getResult()) ||
      !loop.isDefinedOutsideOfLoop(slice.getSource()) ||
      slice.getType().getRank() + 1 != slice.getSourceType().getRank())
    return std::nullopt;
  return findStepDim(slice, slice.getSourceType().getShape(),
                     loop.getInductionVar());
}

bool isStepSlice(Operation *op) {
  auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op);
  return slice && findStepDim(slice);
}

/// What a step sets of the loop's tensor of this number, which nothing else
/// reads.
static tensor::InsertSliceOp findSet(scf::ForOp loop, unsigned number) {
  auto set =
      loop.getYieldedValues()[number].getDefiningOp<tensor::InsertSliceOp>();
  BlockArgument own = loop.getRegionIterArgs()[number];
  return set && set.getDest() == own && own.hasOneUse() ? set : nullptr;
}

AffineMap StepLoop::stateMap() const {
  unsigned dims = mapWithTime(0).getNumDims();
  return AffineMap::getMultiDimIdentityMap(dims, op->getContext())
      .dropResult(0);
}

AffineMap StepLoop::mapWithTime(unsigned position) const {
  scf::ForOp loop = op;
  auto type = cast<RankedTensorType>(loop.getResult(states[0]).getType());
  SmallVector<unsigned> dims;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    dims.push_back(dim + 1);
  dims.insert(dims.begin() + position, 0);
  return AffineMap::getPermutationMap(dims, loop.getContext());
}

Mapped StepLoop::result(unsigned number) const {
  scf::ForOp loop = op;
  for (auto [output, time] : outputs)
    if (output == number)
      return {loop.getResult(number), mapWithTime(time)};
  return {loop.getResult(number), stateMap()};
}

/// What is computed in a step: states and what is set.
static SmallVector<Value> findComputed(scf::ForOp loop) {
  SmallVector<Value> values;
  for (auto [number, yielded] : llvm::enumerate(loop.getYieldedValues())) {
    auto set = findSet(loop, number);
    values.push_back(set ? set.getSource() : yielded);
  }
  return values;
}

/// Whether a step computes this at an element's own place, from states, slices
/// at its time, and what is outside of the loop.
static bool isOfElement(const StepLoop &loop, Value value) {
  scf::ForOp op = loop.op;
  AffineMap own = loop.stateMap();
  auto isState = [&](Value value) {
    return llvm::any_of(loop.states, [&](unsigned number) {
      return op.getRegionIterArgs()[number] == value;
    });
  };
  bool isOwn = true;
  const char *reason = walkProducers({value, own}, [&](Mapped read) {
    if (op.isDefinedOutsideOfLoop(read.tensor))
      return;
    Operation *from = read.tensor.getDefiningOp();
    if (!from || isStepSlice(from))
      isOwn &= read.map == own && (from || isState(read.tensor));
    else
      isOwn &= !isComputedApart(read.tensor);
  });
  return isOwn && !reason;
}

std::optional<StepLoop> findStepLoop(Operation *op) {
  auto loop = dyn_cast_or_null<scf::ForOp>(op);
  if (!loop || getConstantIntValue(loop.getLowerBound()) != 0 ||
      getConstantIntValue(loop.getStep()) != 1 || !loop.getStaticTripCount())
    return std::nullopt;
  StepLoop found{loop, {}, {}};
  int64_t steps = loop.getStaticTripCount()->getSExtValue();
  for (unsigned number = 0; number < loop.getNumResults(); ++number) {
    auto type = dyn_cast<RankedTensorType>(loop.getResult(number).getType());
    if (!type || !isa<FloatType>(type.getElementType()))
      return std::nullopt;
    tensor::InsertSliceOp set = findSet(loop, number);
    if (!set) {
      found.states.push_back(number);
      continue;
    }
    auto time = findStepDim(set, type.getShape(), loop.getInductionVar());
    if (!time || type.getDimSize(*time) != steps)
      return std::nullopt;
    found.outputs.push_back({number, *time});
  }
  if (found.states.empty())
    return std::nullopt;
  auto shapeOf = [&](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  ArrayRef<int64_t> shape = shapeOf(loop.getResult(found.states[0]));
  for (Value value : findComputed(loop))
    if (shapeOf(value) != shape || !isOfElement(found, value))
      return std::nullopt;
  return found;
}

SmallVector<Value> findRead(const StepLoop &loop) {
  scf::ForOp op = loop.op;
  SmallVector<Value> read;
  for (unsigned state : loop.states)
    read.push_back(op.getInitArgs()[state]);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getRegion(), captured);
  for (Value value : captured)
    if (isa<RankedTensorType>(value.getType()) &&
        !value.getDefiningOp<tensor::EmptyOp>())
      read.push_back(value);
  return read;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {
class StepLoopEmitter {
public:
  StepLoopEmitter(OpBuilder &b, Kernel &kernel, const StepLoop &loop,
                  ArrayRef<Mapped> results)
      : b(b), k(kernel), loop(loop), results(results),
        indices(loop.stateMap().getNumDims()) {}

  Launch emit();

private:
  SmallVector<GridFactor> findElement();
  std::unique_ptr<Pointwise> enter(Value time);
  void load(Pointwise &point);
  SmallVector<Value> step(Pointwise &point, ArrayRef<Value> states);
  SmallVector<Value> steps(Value first, int64_t count,
                           SmallVector<Value> states);
  void store(Pointwise &point, Value time);

  OpBuilder &b;
  Kernel &k;
  StepLoop loop;
  ArrayRef<Mapped> results;
  SmallVector<Value> indices;
  Value exists;
};
} // namespace

/// Threads beyond the last element have that.
SmallVector<GridFactor> StepLoopEmitter::findElement() {
  SmallVector<GridFactor> grid{{{}, kThreads}};
  SmallVector<unsigned> dims = dimsOf(loop.stateMap());
  Value count = k.constant(1);
  for (unsigned dim : dims) {
    grid[0].elements.push_back(k.launchSize(dim));
    count = k.mul(count, k.size(dim));
  }
  Value element =
      k.add(k.mul(k.blockIndex(), k.constant(kThreads)), k.threadIndex());
  exists = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, element,
                                 count);
  Value last = arith::SubIOp::create(b, k.loc, count, k.constant(1));
  k.split(arith::MinUIOp::create(b, k.loc, element, last), dims, indices);
  return grid;
}

std::unique_ptr<Pointwise> StepLoopEmitter::enter(Value time) {
  auto point = std::make_unique<Pointwise>(
      b, k, /*time=*/0, ArrayRef<unsigned>(), /*states=*/1, /*neighbours=*/1,
      [this, time](int64_t) {
        SmallVector<Value> at = indices;
        at[0] = time;
        return at;
      });
  point->enter(time);
  return point;
}

/// What a step reads of tensors with time.
void StepLoopEmitter::load(Pointwise &point) {
  loop.op.walk([&](tensor::ExtractSliceOp slice) {
    if (auto time = findStepDim(slice))
      point.prefetch({slice.getSource(), loop.mapWithTime(*time)});
  });
}

/// The states after a step, and what is set in it.
SmallVector<Value> StepLoopEmitter::step(Pointwise &point,
                                         ArrayRef<Value> states) {
  AffineMap own = loop.stateMap();
  loop.op.walk([&](tensor::ExtractSliceOp slice) {
    if (auto time = findStepDim(slice))
      point.setScalars(
          {slice.getResult(), own},
          point.readScalars({slice.getSource(), loop.mapWithTime(*time)}));
  });
  for (auto [number, state] : llvm::zip_equal(loop.states, states))
    point.setScalars({loop.op.getRegionIterArgs()[number], own}, {state});
  SmallVector<Value> computed = findComputed(loop.op), next;
  for (unsigned number : loop.states)
    next.push_back(point.readScalars({computed[number], own}).front());
  for (auto [number, time] : loop.outputs)
    point.setScalars(loop.result(number),
                     point.readScalars({computed[number], own}));
  return next;
}

void StepLoopEmitter::store(Pointwise &point, Value time) {
  for (const Mapped &result : results) {
    if (uses(result.map, 0) != bool(time))
      continue;
    KernelTensor tensor = k.result(result.tensor, result.map);
    Num value = point.read(result);
    k.when(exists,
           [&] { k.store(tensor, k.offset(tensor, point.at(0)), value); });
  }
}

SmallVector<Value> StepLoopEmitter::steps(Value first, int64_t count,
                                          SmallVector<Value> states) {
  SmallVector<Value> times;
  SmallVector<std::unique_ptr<Pointwise>> points;
  for (int64_t i = 0; i < count; ++i) {
    times.push_back(k.add(first, k.constant(i)));
    points.push_back(enter(times.back()));
    load(*points.back());
  }
  for (auto [point, time] : llvm::zip_equal(points, times)) {
    states = step(*point, states);
    store(*point, time);
  }
  return states;
}

Launch StepLoopEmitter::emit() {
  Launch launch;
  launch.kernel = "step_loop";
  launch.threads = kThreads;
  launch.grid = findElement();
  SmallVector<Value> states;
  std::unique_ptr<Pointwise> begin = enter(nullptr);
  for (unsigned number : loop.states)
    states.push_back(
        begin->readScalars({loop.op.getInitArgs()[number], loop.stateMap()})
            .front());
  int64_t count = loop.op.getStaticTripCount()->getSExtValue();
  int64_t whole = count / kSteps * kSteps;
  auto run = [&](int64_t from, int64_t to, int64_t each) {
    states = k.loop(
        k.constant(from), k.constant(to), each, states,
        [&](Value first, const SmallVector<Value> &carried) {
          return steps(first, each, carried);
        },
        /*mayUnroll=*/false);
  };
  run(0, whole, kSteps);
  run(whole, count, 1);
  std::unique_ptr<Pointwise> end = enter(nullptr);
  for (auto [number, state] : llvm::zip_equal(loop.states, states))
    end->setScalars(loop.result(number), {state});
  store(*end, nullptr);
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitStepLoop(OpBuilder &b, const KernelFrame &frame,
                    const StepLoop &loop, ArrayRef<Mapped> results) {
  scf::ForOp op = loop.op;
  auto type = cast<RankedTensorType>(op.getResult(loop.states[0]).getType());
  SmallVector<int64_t> sizes{op.getStaticTripCount()->getSExtValue()};
  llvm::append_range(sizes, type.getShape());
  SmallVector<Type> elements{type.getElementType()};
  for (const Mapped &result : results)
    elements.push_back(getElementTypeOrSelf(result.tensor));
  Kernel k(b, frame, op.getLoc(), sizes, getWorkingType(elements), kThreads);
  return StepLoopEmitter(b, k, loop, results).emit();
}

} // namespace ssm
