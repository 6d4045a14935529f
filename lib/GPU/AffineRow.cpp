//===- AffineRow.cpp - The rows of a recurrence ---------------------------===//
//
// An element is (A, u) and acts on the state as A x + u; with i before j, two
// are (A_j A_i, A_j u_i + u_j). The carry is the state. Of a transition that
// does not vary in time, elements have a power in common, and are u alone.
//
// Rows whose channels are contiguous are `width` together: an element then has
// the parts of each, one behind the other.
//
// Elementwise ops around the recurrence are computed on the way: those in front
// of it where elements are loaded, those behind it, with C and the projection,
// where carries are stored. All that a thread's items need of memory is loaded
// with them, each tensor once.
//
// Precondition: a diagonal transition, no state, input or output dimensions,
// and one dimension last in the layouts of all that varies in time: time, or a
// channel dimension (or none of both, for what channels share).
//
//===----------------------------------------------------------------------===//
#include "ChannelScan.h"
#include "Row.h"
#include "StepPowers.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;

namespace ssm {

/// The arguments that vary in time among what these are computed from.
static SmallVector<Mapped> findLeaves(ArrayRef<Mapped> sources, unsigned time) {
  llvm::SetVector<std::pair<Value, AffineMap>> leaves;
  for (const Mapped &source : sources)
    walkProducers(source, [&](Mapped value) {
      if (isa<BlockArgument>(value.tensor) && uses(value.map, time))
        leaves.insert({value.tensor, value.map});
    });
  return llvm::map_to_vector(
      leaves, [](const auto &leaf) { return Mapped{leaf.first, leaf.second}; });
}

/// Whether a state is one number for each row, and the layouts of all that
/// varies in time are of a kind.
static bool isScalar(const FusedRecurrence &fused,
                     function_ref<bool(AffineMap)> isOfKind) {
  LinearRecurrenceOp op = fused.op;
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!op.isDiagonal() || !dims.state.empty())
    return false;
  SmallVector<Mapped> varying = findLeaves(fused.sources(), dims.time);
  varying.append(fused.results);
  return llvm::all_of(varying,
                      [&](const Mapped &value) { return isOfKind(value.map); });
}

bool hasAffineRows(const FusedRecurrence &fused) {
  unsigned time = LinearRecurrenceOp(fused.op).getDims().time;
  return isScalar(fused,
                  [&](AffineMap map) { return dimsOf(map).back() == time; });
}

bool hasAffineColumns(const FusedRecurrence &fused) {
  std::optional<unsigned> channel = findNeighbours(fused.op);
  return channel && isScalar(fused, [&](AffineMap map) {
           return dimsOf(map).back() == *channel || !uses(map, *channel);
         });
}

/// What results need beside the state.
static SmallVector<Mapped> findKept(const FusedRecurrence &fused) {
  LinearRecurrenceOp op = fused.op;
  SmallVector<Mapped> behind(fused.results);
  if (Value output = op.getOutput())
    behind.push_back({output, op.getOutputIndexingMap()});
  return findLeaves(behind, op.getDims().time);
}

static int64_t countScalars(Type element) {
  return isa<ComplexType>(element) ? 2 : 1;
}

int64_t countKeptWords(const FusedRecurrence &fused) {
  int64_t words = 0;
  for (const Mapped &leaf : findKept(fused)) {
    Type element = getElementTypeOrSelf(leaf.tensor.getType());
    words +=
        countScalars(element) * llvm::divideCeil(getElementWidth(element), 32);
  }
  return words;
}

namespace {
class AffineRow : public Row {
public:
  AffineRow(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused,
            const GPUScanPlan &plan);

  Parts neutral() override {
    return forEach([&](unsigned) {
      return flatten(k.num.constant(1), k.num.constant(0));
    });
  }
  Parts common(int64_t steps, Value times = Value()) override {
    Parts all;
    for (StepPowers &powers : ofChannels)
      all.append(flatten(powers.power(steps, times), complexA));
    return all;
  }
  Parts joinCommon(const Parts &x, const Parts &y) override;
  Parts combine(const Parts &before, const Parts &after,
                const Parts &common) override {
    return forEach([&](unsigned i) {
      auto [a, x] = takeApart(before, common, i);
      auto [b, y] = takeApart(after, common, i);
      return flatten(isSteady ? a : k.num.mul(b, a), k.num.mulAdd(b, x, y));
    });
  }
  Parts apply(const Parts &element, const Parts &carry,
              const Parts &common) override {
    return forEach([&](unsigned i) {
      auto [a, x] = takeApart(element, common, i);
      return flatten(k.num.mulAdd(a, takeState(carry, i), x), complexState);
    });
  }
  SmallVector<Type> elementTypes() override {
    return SmallVector<Type>(width * (partsOfA() + 1 + complexState), real);
  }
  SmallVector<Type> carryTypes() override {
    return SmallVector<Type>(width * (1 + complexState), real);
  }

  Parts enter(Value number) override;

protected:
  Parts outside(Value time) override;
  void storeEnd(const Parts &carry) override;
  SmallVector<Parts> loadItems(Value place, unsigned count) override;
  SmallVector<Type> keptTypes() override;
  void storeItems(Value place, ArrayRef<Parts> carries,
                  ArrayRef<Parts> kept) override;
  SmallVector<KernelTensor> findTensors();
  Value placeOfRow() override;
  bool areRowsAligned() override;
  bool stores() override { return !fused.results.empty(); }
  bool isExclusive() override { return op.getRead() == ReadPoint::Before; }

private:
  /// The parts of all channels.
  Parts forEach(function_ref<Parts(unsigned)> partsOf) {
    Parts all;
    for (unsigned i = 0; i < width; ++i)
      all.append(partsOf(i));
    return all;
  }
  /// With an imaginary part if values of this kind have one.
  Parts flatten(Num x, bool isComplex) {
    if (!isComplex)
      return {x.re};
    return {x.re, x.isComplex() ? x.im : k.num.constant(0).re};
  }
  Parts flatten(Num a, Num x) {
    Parts parts;
    if (!isSteady)
      parts = flatten(a, complexA);
    parts.append(flatten(x, complexState));
    return parts;
  }
  /// Of each element.
  unsigned partsOfA() { return isSteady ? 0 : 1 + complexA; }
  /// Of the i-th channel.
  Num takeState(ArrayRef<Value> carry, unsigned i) {
    const Value *parts = carry.slice(i * (1 + complexState)).begin();
    return {parts[0], complexState ? parts[1] : Value()};
  }
  Num takeTransition(ArrayRef<Value> parts, unsigned i) {
    parts = parts.slice(i * (1 + complexA));
    return {parts[0], complexA ? parts[1] : Value()};
  }
  std::pair<Num, Num> takeApart(ArrayRef<Value> element, ArrayRef<Value> common,
                                unsigned i) {
    element = element.slice(i * (partsOfA() + 1 + complexState));
    return {isSteady ? takeTransition(common, i) : takeTransition(element, 0),
            takeState(element.drop_front(partsOfA()), 0)};
  }
  SmallVector<Value> timesFrom(Value place, unsigned count);
  void loadLeaf(Mapped leaf, Value place, ArrayRef<Value> times);
  /// How many of the channels have a value of their own.
  unsigned countOwn(Mapped value) { return point->hasState(value) ? width : 1; }
  Num readDrive(unsigned i);
  Num readOutput(Num x, unsigned i);
  void storeResult(Mapped result, Value place, ArrayRef<Value> times);

  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  /// What is loaded, and what of it results need beside the state.
  SmallVector<Mapped> leaves, kept;
  KernelTensor final;
  bool complexA, complexState;
  bool isSteady; ///< Whether the transition does not vary in time.
  Type real;
  bool inPairs; ///< Whether powers are formed in pairs of f32.
  std::optional<Pointwise> point;
  SmallVector<StepPowers> ofChannels; ///< If it does not.
  Parts init;
};
} // namespace

AffineRow::AffineRow(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused,
                     const GPUScanPlan &plan)
    : Row(b, kernel, findParallel(fused.op),
          LinearRecurrenceOp(fused.op).getDims().time,
          LinearRecurrenceOp(fused.op).isBackward(),
          LinearRecurrenceOp(fused.op).getIndexingMapsArray()[0].getNumDims(),
          plan),
      fused(fused), op(fused.op), leaves(findLeaves(fused.sources(), time)),
      kept(findKept(fused)),
      final(kernel.result(op.getFinal(), op.getFinalIndexingMap())),
      complexA(isa<ComplexType>(getElementTypeOrSelf(op.getTransition()))),
      complexState(isa<ComplexType>(op.getStateElementType())),
      isSteady(!uses(op.getTransitionMap(), time)),
      real(getRealType(op.getStateElementType())),
      inPairs(plan.avoidsF64 && real.isF32()) {}

Parts AffineRow::enter(Value number) {
  Row::enter(number);
  // Neighbouring channels are a thread's as states of one are.
  SmallVector<unsigned> channel;
  if (width > 1)
    channel.push_back(parallel.back());
  point.emplace(b, k, time, channel, width, width, [this](int64_t i) {
    SmallVector<Value> indices = row;
    if (width > 1)
      indices[parallel.back()] = k.add(indices[parallel.back()], k.constant(i));
    return indices;
  });
  init = forEach([&](unsigned i) {
    Num start = k.num.constant(0);
    if (Value init = op.getInit())
      start = point->read({init, op.getInitIndexingMap()}, i);
    return flatten(start, complexState);
  });
  for (unsigned i = 0; isSteady && i < width; ++i)
    ofChannels.emplace_back(
        b, k, point->read({op.getTransition(), op.getTransitionMap()}, i),
        inPairs);
  if (!isSteady || !begin)
    return init;
  Value isFirst = compare(arith::CmpIPredicate::eq, begin, k.constant(0));
  return select(isFirst, init, neutral());
}

/// In front of a row's elements transitions act too: only at the last place is
/// the initial state there.
Parts AffineRow::outside(Value time) {
  if (!isSteady || !begin)
    return neutral();
  Value next = k.add(time, k.constant(1));
  return select(compare(arith::CmpIPredicate::eq, next, begin), init,
                neutral());
}

Parts AffineRow::joinCommon(const Parts &x, const Parts &y) {
  Parts all;
  for (unsigned i = 0; isSteady && i < width; ++i)
    all.append(flatten(k.num.mul(takeTransition(x, i), takeTransition(y, i)),
                       complexA));
  return all;
}

void AffineRow::storeEnd(const Parts &carry) {
  if (!final)
    return;
  int64_t group = point->countNeighbours(final);
  for (unsigned i = 0; i < width; i += group) {
    SmallVector<Num> states;
    for (unsigned j = i; j < i + group; ++j)
      states.push_back(takeState(carry, j));
    k.store(final, k.offset(final, point->at(i)), states);
  }
}

SmallVector<KernelTensor> AffineRow::findTensors() {
  SmallVector<KernelTensor> tensors;
  for (const Mapped &leaf : leaves)
    tensors.push_back(k.argument(leaf.tensor, leaf.map));
  for (const Mapped &result : fused.results)
    tensors.push_back(k.result(result.tensor, result.map));
  return tensors;
}

Value AffineRow::placeOfRow() {
  SmallVector<KernelTensor> tensors = findTensors();
  bool areAlike = llvm::all_of(tensors, [&](const KernelTensor &tensor) {
    return tensor.map == tensors[0].map && tensor.padding == tensors[0].padding;
  });
  return tensors.empty() || !areAlike ? Value() : k.offset(tensors[0], row);
}

bool AffineRow::areRowsAligned() {
  return llvm::all_of(findTensors(), [&](const KernelTensor &tensor) {
    return tensor.padding % (2 * items) == 0;
  });
}

SmallVector<Value> AffineRow::timesFrom(Value place, unsigned count) {
  SmallVector<Value> times{place};
  for (unsigned i = 1; i < count; ++i)
    times.push_back(k.add(place, k.constant(i)));
  return times;
}

/// Of all these times, or of all channels at each, in one access.
void AffineRow::loadLeaf(Mapped leaf, Value place, ArrayRef<Value> times) {
  if (!isContiguous()) {
    for (Value time : times) {
      point->enter(time);
      point->readScalars(leaf);
    }
    return;
  }
  KernelTensor tensor = k.argument(leaf.tensor, leaf.map);
  int64_t scalars = countScalars(tensor.element);
  Parts all = k.loadScalars(tensor, k.offset(tensor, at(place)), times.size());
  for (auto [i, time] : llvm::enumerate(times)) {
    point->enter(time);
    point->setScalars(leaf, Parts(ArrayRef(all).slice(i * scalars, scalars)));
  }
}

/// What a step adds to the state.
Num AffineRow::readDrive(unsigned i) {
  Num drive = point->read({op.getSignal(), op.getSignalMap()}, i);
  if (Value input = op.getInput())
    drive = k.num.mul(point->read({input, op.getInputIndexingMap()}, i), drive);
  return drive;
}

SmallVector<Parts> AffineRow::loadItems(Value place, unsigned count) {
  SmallVector<Value> times = timesFrom(place, count);
  for (const Mapped &leaf : leaves)
    loadLeaf(leaf, place, times);
  SmallVector<Parts> loaded;
  for (Value time : times) {
    point->enter(time);
    loaded.push_back(forEach([&](unsigned i) {
      Num a;
      if (!isSteady)
        a = point->read({op.getTransition(), op.getTransitionMap()}, i);
      return flatten(a, readDrive(i));
    }));
    for (const Mapped &leaf : kept)
      for (unsigned i = 0; i < countOwn(leaf); ++i)
        loaded.back().append(point->readScalars(leaf, i));
  }
  return loaded;
}

SmallVector<Type> AffineRow::keptTypes() {
  SmallVector<Type> types;
  for (const Mapped &leaf : kept) {
    Type element = getElementTypeOrSelf(leaf.tensor.getType());
    types.append(countOwn(leaf) * countScalars(element), getRealType(element));
  }
  return types;
}

/// proj(C x)
Num AffineRow::readOutput(Num x, unsigned i) {
  bool real = op.getProjection() != Projection::None;
  if (Value output = op.getOutput()) {
    Num c = point->read({output, op.getOutputIndexingMap()}, i);
    x = real ? k.num.realOfProduct(c, x) : k.num.mul(c, x);
  }
  if (real)
    x.im = Value();
  return op.getProjection() == Projection::TwiceReal
             ? k.num.mul(x, k.num.constant(2))
             : x;
}

/// As loadLeaf loads.
void AffineRow::storeResult(Mapped result, Value place, ArrayRef<Value> times) {
  KernelTensor tensor = k.result(result.tensor, result.map);
  SmallVector<Num> values;
  for (Value time : times) {
    point->enter(time);
    for (unsigned i = 0; i < width; ++i)
      values.push_back(point->read(result, i));
    if (isContiguous())
      continue;
    k.store(tensor, k.offset(tensor, at(time)), values);
    values.clear();
  }
  if (isContiguous())
    k.store(tensor, k.offset(tensor, at(place)), values);
}

void AffineRow::storeItems(Value place, ArrayRef<Parts> carries,
                           ArrayRef<Parts> keptParts) {
  SmallVector<Value> times = timesFrom(place, carries.size());
  for (auto [time, carry, parts] : llvm::zip_equal(times, carries, keptParts)) {
    point->enter(time);
    ArrayRef<Value> left = parts;
    for (const Mapped &leaf : kept)
      for (unsigned i = 0; i < countOwn(leaf); ++i) {
        int64_t scalars =
            countScalars(getElementTypeOrSelf(leaf.tensor.getType()));
        point->setScalars(leaf, Parts(left.take_front(scalars)), i);
        left = left.drop_front(scalars);
      }
    for (unsigned i = 0; i < width; ++i)
      point->define({op.getResult(), op.getResultIndexingMap()},
                    readOutput(takeState(carry, i), i), i);
  }
  for (const Mapped &result : fused.results)
    storeResult(result, place, times);
}

std::unique_ptr<Row> makeAffineRow(OpBuilder &b, Kernel &kernel,
                                   const FusedRecurrence &fused,
                                   const GPUScanPlan &plan) {
  return std::make_unique<AffineRow>(b, kernel, fused, plan);
}

} // namespace ssm
