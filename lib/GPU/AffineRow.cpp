//===- AffineRow.cpp - The rows of a recurrence ---------------------------===//
//
// An element is (A, u) and acts on the state as A x + u; with i before j, two
// are (A_j A_i, A_j u_i + u_j). The carry is the state.
//
// Precondition: a diagonal transition, no state, input or output dimensions,
// time last in the layouts of signal and result, and in the transition's if it
// varies.
//
//===----------------------------------------------------------------------===//
#include "Row.h"

#include "ssm/IR/LoopDims.h"

using namespace mlir;

namespace ssm {

bool hasAffineRows(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  auto timeIsLast = [&](AffineMap map) {
    return map.getNumResults() && dimsOf(map).back() == dims.time;
  };
  AffineMap a = op.getTransitionMap();
  return op.isDiagonal() && dims.state.empty() && dims.input.empty() &&
         dims.output.empty() && !op.getInput() && !op.getOutput() &&
         op.getProjection() == Projection::None &&
         timeIsLast(op.getSignalMap()) &&
         timeIsLast(op.getResultIndexingMap()) &&
         (!uses(a, dims.time) || timeIsLast(a));
}

namespace {
class AffineRow : public Row {
public:
  AffineRow(OpBuilder &b, Kernel &kernel, LinearRecurrenceOp op, unsigned items)
      : Row(b, kernel, op.getDims().parallel, op.getDims().time,
            op.isBackward(), op.getIndexingMapsArray()[0].getNumDims(), items),
        op(op),
        transition(kernel.argument(op.getTransition(), op.getTransitionMap())),
        signal(kernel.argument(op.getSignal(), op.getSignalMap())),
        init(kernel.argument(op.getInit(), op.getInitIndexingMap())),
        result(kernel.result(op.getResult(), op.getResultIndexingMap())),
        final(kernel.result(op.getFinal(), op.getFinalIndexingMap())),
        complexA(isa<ComplexType>(transition.element)),
        complexState(isa<ComplexType>(op.getStateElementType())),
        real(getRealType(op.getStateElementType())) {}

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
  SmallVector<Parts> loadItems(Value time, unsigned count) override;
  void storeItems(Value time, ArrayRef<Parts> carries) override;
  bool stores() override { return bool(result); }
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

  LinearRecurrenceOp op;
  KernelTensor transition, signal, init, result, final;
  bool complexA, complexState;
  Type real;
  std::optional<Num> fixedA;
};
} // namespace

Parts AffineRow::enter(Value number) {
  Row::enter(number);
  if (!uses(transition.map, time))
    fixedA = k.load(transition, k.offset(transition, row)).front();
  Num start = k.num.constant(0);
  if (init)
    start = k.load(init, k.offset(init, row)).front();
  return flatten(start, complexState);
}

SmallVector<Parts> AffineRow::loadItems(Value time, unsigned count) {
  SmallVector<Num> a(count, fixedA.value_or(Num()));
  if (!fixedA)
    a = k.load(transition, k.offset(transition, at(time)), count);
  SmallVector<Num> u = k.load(signal, k.offset(signal, at(time)), count);
  SmallVector<Parts> loaded;
  for (unsigned i = 0; i < count; ++i)
    loaded.push_back(flatten(a[i], u[i]));
  return loaded;
}

void AffineRow::storeItems(Value time, ArrayRef<Parts> carries) {
  SmallVector<Num> x = llvm::map_to_vector(
      carries, [&](const Parts &carry) { return takeState(carry); });
  k.store(result, k.offset(result, at(time)), x);
}

std::unique_ptr<Row> makeAffineRow(OpBuilder &b, Kernel &kernel,
                                   LinearRecurrenceOp op, unsigned items) {
  return std::make_unique<AffineRow>(b, kernel, op, items);
}

} // namespace ssm
