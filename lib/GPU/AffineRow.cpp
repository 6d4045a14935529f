//===- AffineRow.cpp - The rows of a recurrence ---------------------------===//
//
// An element is (A, u) and acts on the state as A x + u; with i before j, two
// are (A_j A_i, A_j u_i + u_j). The carry is the state.
//
// Elementwise ops around the recurrence are computed on the way: those in front
// of it where elements are loaded, those behind it, with C and the projection,
// where carries are stored. All that a thread's items need of memory is loaded
// with them, each tensor once.
//
// Precondition: a diagonal transition, no state, input or output dimensions,
// time last in the layouts of all that varies in time.
//
//===----------------------------------------------------------------------===//
#include "Row.h"

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

bool hasAffineRows(const FusedRecurrence &fused) {
  LinearRecurrenceOp op = fused.op;
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!op.isDiagonal() || !dims.state.empty() || !dims.input.empty() ||
      !dims.output.empty())
    return false;
  SmallVector<Mapped> varying = findLeaves(fused.sources(), dims.time);
  varying.append(fused.results);
  return llvm::all_of(varying, [&](const Mapped &value) {
    return dimsOf(value.map).back() == dims.time;
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
            unsigned items);

  Parts neutral() override {
    return flatten(k.num.constant(1), k.num.constant(0));
  }
  Parts combine(const Parts &before, const Parts &after) override {
    auto [a, x] = takeApart(before);
    auto [b, y] = takeApart(after);
    return flatten(k.num.mul(b, a), k.num.mulAdd(b, x, y));
  }
  Parts apply(const Parts &element, const Parts &carry) override {
    auto [a, x] = takeApart(element);
    return flatten(k.num.mulAdd(a, takeState(carry), x), complexState);
  }
  SmallVector<Type> elementTypes() override {
    return SmallVector<Type>(2 + complexA + complexState, real);
  }
  SmallVector<Type> carryTypes() override {
    return SmallVector<Type>(1 + complexState, real);
  }

  Parts enter(Value number) override;
  void finish(const Parts &carry) override {
    if (final)
      k.store(final, k.offset(final, row), takeState(carry));
  }

protected:
  SmallVector<Parts> loadItems(Value place, unsigned count) override;
  SmallVector<Type> keptTypes() override;
  void storeItems(Value place, ArrayRef<Parts> carries,
                  ArrayRef<Parts> kept) override;
  bool stores() override { return !fused.results.empty(); }
  bool isExclusive() override { return op.getRead() == ReadPoint::Before; }

private:
  /// With an imaginary part if values of this kind have one.
  Parts flatten(Num x, bool isComplex) {
    if (!isComplex)
      return {x.re};
    return {x.re, x.isComplex() ? x.im : k.num.constant(0).re};
  }
  Parts flatten(Num a, Num x) {
    Parts parts = flatten(a, complexA);
    parts.append(flatten(x, complexState));
    return parts;
  }
  Num takeState(ArrayRef<Value> parts) {
    return {parts[0], complexState ? parts[1] : Value()};
  }
  std::pair<Num, Num> takeApart(const Parts &element) {
    return {{element[0], complexA ? element[1] : Value()},
            takeState(ArrayRef(element).drop_front(1 + complexA))};
  }
  SmallVector<Value> timesFrom(Value place, unsigned count);
  Num readDrive();
  Num readOutput(Num x);

  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  /// What is loaded, and what of it results need beside the state.
  SmallVector<Mapped> leaves, kept;
  KernelTensor final;
  bool complexA, complexState;
  Type real;
  std::optional<Pointwise> point;
};
} // namespace

AffineRow::AffineRow(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused,
                     unsigned items)
    : Row(b, kernel, LinearRecurrenceOp(fused.op).getDims().parallel,
          LinearRecurrenceOp(fused.op).getDims().time,
          LinearRecurrenceOp(fused.op).isBackward(),
          LinearRecurrenceOp(fused.op).getIndexingMapsArray()[0].getNumDims(),
          items),
      fused(fused), op(fused.op), leaves(findLeaves(fused.sources(), time)),
      kept(findKept(fused)),
      final(kernel.result(op.getFinal(), op.getFinalIndexingMap())),
      complexA(isa<ComplexType>(getElementTypeOrSelf(op.getTransition()))),
      complexState(isa<ComplexType>(op.getStateElementType())),
      real(getRealType(op.getStateElementType())) {}

Parts AffineRow::enter(Value number) {
  Row::enter(number);
  point.emplace(b, k, op, /*states=*/1, [this](int64_t) { return row; });
  Num start = k.num.constant(0);
  if (Value init = op.getInit())
    start = point->read({init, op.getInitIndexingMap()});
  return flatten(start, complexState);
}

SmallVector<Value> AffineRow::timesFrom(Value place, unsigned count) {
  SmallVector<Value> times{place};
  for (unsigned i = 1; i < count; ++i)
    times.push_back(k.add(place, k.constant(i)));
  return times;
}

/// What a step adds to the state.
Num AffineRow::readDrive() {
  Num drive = point->read({op.getSignal(), op.getSignalMap()});
  if (Value input = op.getInput())
    drive = k.num.mul(point->read({input, op.getInputIndexingMap()}), drive);
  return drive;
}

SmallVector<Parts> AffineRow::loadItems(Value place, unsigned count) {
  SmallVector<Value> times = timesFrom(place, count);
  for (const Mapped &leaf : leaves) {
    KernelTensor tensor = k.argument(leaf.tensor, leaf.map);
    int64_t width = countScalars(tensor.element);
    Parts all = k.loadScalars(tensor, k.offset(tensor, at(place)), count);
    for (auto [i, time] : llvm::enumerate(times)) {
      point->enter(time);
      point->setScalars(leaf, Parts(ArrayRef(all).slice(i * width, width)));
    }
  }
  SmallVector<Parts> loaded;
  for (Value time : times) {
    point->enter(time);
    Num a = point->read({op.getTransition(), op.getTransitionMap()});
    loaded.push_back(flatten(a, readDrive()));
    for (const Mapped &leaf : kept)
      loaded.back().append(point->readScalars(leaf));
  }
  return loaded;
}

SmallVector<Type> AffineRow::keptTypes() {
  SmallVector<Type> types;
  for (const Mapped &leaf : kept) {
    Type element = getElementTypeOrSelf(leaf.tensor.getType());
    types.append(countScalars(element), getRealType(element));
  }
  return types;
}

/// proj(C x)
Num AffineRow::readOutput(Num x) {
  bool real = op.getProjection() != Projection::None;
  if (Value output = op.getOutput()) {
    Num c = point->read({output, op.getOutputIndexingMap()});
    x = real ? k.num.realOfProduct(c, x) : k.num.mul(c, x);
  }
  if (real)
    x.im = Value();
  return op.getProjection() == Projection::TwiceReal
             ? k.num.mul(x, k.num.constant(2))
             : x;
}

void AffineRow::storeItems(Value place, ArrayRef<Parts> carries,
                           ArrayRef<Parts> keptParts) {
  SmallVector<SmallVector<Num>> values(fused.results.size());
  SmallVector<Value> times = timesFrom(place, carries.size());
  for (auto [time, carry, parts] : llvm::zip_equal(times, carries, keptParts)) {
    point->enter(time);
    ArrayRef<Value> left = parts;
    for (const Mapped &leaf : kept) {
      int64_t width = countScalars(getElementTypeOrSelf(leaf.tensor.getType()));
      point->setScalars(leaf, Parts(left.take_front(width)));
      left = left.drop_front(width);
    }
    point->define({op.getResult(), op.getResultIndexingMap()},
                  readOutput(takeState(carry)));
    for (auto [result, of] : llvm::zip_equal(fused.results, values))
      of.push_back(point->read(result));
  }
  for (auto [result, of] : llvm::zip_equal(fused.results, values)) {
    KernelTensor tensor = k.result(result.tensor, result.map);
    k.store(tensor, k.offset(tensor, at(place)), of);
  }
}

std::unique_ptr<Row> makeAffineRow(OpBuilder &b, Kernel &kernel,
                                   const FusedRecurrence &fused,
                                   unsigned items) {
  return std::make_unique<AffineRow>(b, kernel, fused, items);
}

} // namespace ssm
