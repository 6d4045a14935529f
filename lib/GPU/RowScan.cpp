//===- RowScan.cpp - One block for each row of contiguous time ------------===//
//
//   for every chunk of threads x items, one after the other:
//     load     16 bytes of each operand a thread
//     thread   (A, x) of its items: with i before j, (A_j A_i, A_j x_i + x_j)
//     warp     inclusive scan by 5 shuffles
//     block    totals of the warps through shared memory, folded by each thread
//     store    x_t = A_t x_start + x_t
//
// One barrier a chunk: the totals of odd and even chunks have separate memory.
// Elements beyond the row are the neutral (1, 0), so the carry after the last
// chunk is the final state.
//
// Precondition: a diagonal transition, no state, input or output dimensions,
// time last in the layouts of signal and result, and in the transition's if it
// varies; forward.
//
// Reference: Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190).
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 128, kWarp = 32;
static constexpr int64_t kWarps = kThreads / kWarp;
static constexpr int64_t kAccessBytes = 16;

bool isRowScan(LinearRecurrenceOp op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  auto timeIsLast = [&](AffineMap map) {
    return map.getNumResults() && dimsOf(map).back() == dims.time;
  };
  AffineMap a = op.getTransitionMap();
  return op.isDiagonal() && dims.state.empty() && dims.input.empty() &&
         dims.output.empty() && !op.getInput() && !op.getOutput() &&
         !op.isBackward() && op.getProjection() == Projection::None &&
         timeIsLast(op.getSignalMap()) &&
         timeIsLast(op.getResultIndexingMap()) &&
         (!uses(a, dims.time) || timeIsLast(a));
}

namespace {
/// What a run of elements does to a state: x -> product x + state.
struct Affine {
  Num product, state;
};

class RowScan {
public:
  RowScan(OpBuilder &b, Kernel &kernel)
      : b(b), k(kernel), op(kernel.op), dims(op.getDims()),
        complexA(isa<ComplexType>(kernel.transition.element)),
        complexState(isa<ComplexType>(op.getStateElementType())) {
    unsigned widest = 0;
    for (const KernelTensor *tensor : {&k.transition, &k.signal, &k.result})
      if (*tensor)
        widest =
            std::max(widest, getElementWidth(tensor->element) / 8 *
                                 (isa<ComplexType>(tensor->element) ? 2 : 1));
    items = kAccessBytes / widest;
  }

  Launch emit();

private:
  using Affines = SmallVector<Affine>;

  /// after * before, where `before` comes first in time.
  Affine combine(const Affine &before, const Affine &after) {
    return {k.num.mul(after.product, before.product),
            k.num.mulAdd(after.product, before.state, after.state)};
  }
  Num apply(const Affine &f, const Num &x) {
    return k.num.mulAdd(f.product, x, f.state);
  }
  Affine neutral() {
    return {typed(k.num.constant(1), complexA),
            typed(k.num.constant(0), complexState)};
  }
  /// With an imaginary part if values of this kind have one.
  Num typed(Num x, bool isComplex) {
    if (isComplex && !x.isComplex())
      x.im = k.num.constant(0).re;
    return x;
  }

  Num emitChunk(Value chunk, Num carry);
  Affines load(Value time);
  Affine loadOne(Value time);
  SmallVector<Num> loadSignal(Value time, unsigned count);
  void store(Value time, ArrayRef<Num> x);
  Affine scanWarp(Affine total);
  Affine shuffleUp(const Affine &x, int64_t distance);
  Affine select(Value condition, const Affine &x, const Affine &y);
  std::pair<Num, Num> foldWarps(const Affine &inclusive, Value chunk,
                                Num carry);
  SmallVector<Value> flatten(ArrayRef<Affine> values);
  Affines unflatten(ValueRange values);
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, predicate, x, y);
  }
  /// Values from one of two ways, of which one is taken.
  ValueRange branch(Value condition, function_ref<SmallVector<Value>()> yes,
                    function_ref<SmallVector<Value>()> no);
  SmallVector<Value> at(Value time) {
    SmallVector<Value> indices = row;
    indices[dims.time] = time;
    return indices;
  }

  OpBuilder &b;
  Kernel &k;
  LinearRecurrenceOp op;
  LinearRecurrenceOp::Dims dims;
  bool complexA, complexState;
  unsigned items = 1;
  SmallVector<Value> row;
  Value thread, lane, warp, length, totals;
  std::optional<Num> fixedA;
};
} // namespace

SmallVector<Value> RowScan::flatten(ArrayRef<Affine> values) {
  SmallVector<Value> flat;
  for (const Affine &value : values)
    for (auto [x, isComplex] : {std::pair{value.product, complexA},
                                std::pair{value.state, complexState}}) {
      Num full = typed(x, isComplex);
      flat.push_back(full.re);
      if (isComplex)
        flat.push_back(full.im);
    }
  return flat;
}

RowScan::Affines RowScan::unflatten(ValueRange values) {
  Affines all;
  for (size_t i = 0; i < values.size();) {
    auto next = [&](bool isComplex) {
      Num x{values[i], isComplex ? values[i + 1] : Value()};
      i += 1 + isComplex;
      return x;
    };
    Num product = next(complexA);
    all.push_back({product, next(complexState)});
  }
  return all;
}

ValueRange RowScan::branch(Value condition,
                           function_ref<SmallVector<Value>()> yes,
                           function_ref<SmallVector<Value>()> no) {
  auto body = [&](function_ref<SmallVector<Value>()> emit) {
    return [&, emit](OpBuilder &nested, Location loc) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(nested.getInsertionBlock(),
                          nested.getInsertionPoint());
      scf::YieldOp::create(b, loc, emit());
    };
  };
  return scf::IfOp::create(b, k.loc, condition, body(yes), body(no))
      .getResults();
}

/// The element at a time, neutral beyond the row.
Affine RowScan::loadOne(Value time) {
  Value inside = compare(arith::CmpIPredicate::slt, time, length);
  ValueRange parts = branch(
      inside,
      [&] {
        Num a = fixedA ? *fixedA
                       : k.load(k.transition, k.offset(k.transition, at(time)))
                             .front();
        Num u = k.load(k.signal, k.offset(k.signal, at(time))).front();
        return flatten(Affine{a, u});
      },
      [&] { return flatten(neutral()); });
  return unflatten(parts).front();
}

/// The thread's items; at once where all are inside and rows are aligned.
RowScan::Affines RowScan::load(Value time) {
  Value end = k.add(time, k.constant(items));
  Value inside = compare(arith::CmpIPredicate::sle, end, length);
  Value rest = arith::RemUIOp::create(b, k.loc, length, k.constant(items));
  Value aligned = compare(arith::CmpIPredicate::eq, rest, k.constant(0));
  ValueRange parts = branch(
      arith::AndIOp::create(b, k.loc, inside, aligned),
      [&] {
        SmallVector<Num> a(items, fixedA.value_or(Num()));
        if (!fixedA)
          a = k.load(k.transition, k.offset(k.transition, at(time)), items);
        SmallVector<Num> u =
            k.load(k.signal, k.offset(k.signal, at(time)), items);
        Affines all;
        for (unsigned i = 0; i < items; ++i)
          all.push_back({a[i], u[i]});
        return flatten(all);
      },
      [&] {
        Affines all;
        for (unsigned i = 0; i < items; ++i)
          all.push_back(loadOne(k.add(time, k.constant(i))));
        return flatten(all);
      });
  return unflatten(parts);
}

void RowScan::store(Value time, ArrayRef<Num> x) {
  Value end = k.add(time, k.constant(items));
  Value inside = compare(arith::CmpIPredicate::sle, end, length);
  Value rest = arith::RemUIOp::create(b, k.loc, length, k.constant(items));
  Value aligned = compare(arith::CmpIPredicate::eq, rest, k.constant(0));
  branch(
      arith::AndIOp::create(b, k.loc, inside, aligned),
      [&] {
        k.store(k.result, k.offset(k.result, at(time)), x);
        return SmallVector<Value>();
      },
      [&] {
        for (unsigned i = 0; i < items; ++i) {
          Value one = k.add(time, k.constant(i));
          branch(
              compare(arith::CmpIPredicate::slt, one, length),
              [&] {
                k.store(k.result, k.offset(k.result, at(one)), x[i]);
                return SmallVector<Value>();
              },
              [] { return SmallVector<Value>(); });
        }
        return SmallVector<Value>();
      });
}

Affine RowScan::shuffleUp(const Affine &x, int64_t distance) {
  Value d = arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(distance));
  Value width = arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(kWarp));
  SmallVector<Value> received;
  for (Value part : flatten(x))
    received.push_back(gpu::ShuffleOp::create(b, k.loc, part.getType(),
                                              b.getI1Type(), part, d, width,
                                              gpu::ShuffleMode::UP)
                           .getShuffleResult());
  return unflatten(received).front();
}

Affine RowScan::select(Value condition, const Affine &x, const Affine &y) {
  SmallVector<Value> chosen;
  for (auto [yes, no] : llvm::zip_equal(flatten(x), flatten(y)))
    chosen.push_back(arith::SelectOp::create(b, k.loc, condition, yes, no));
  return unflatten(chosen).front();
}

/// Inclusive prefixes of the lanes' totals (Kogge and Stone).
Affine RowScan::scanWarp(Affine total) {
  for (int64_t distance = 1; distance < kWarp; distance *= 2) {
    Affine before = shuffleUp(total, distance);
    Value has = compare(arith::CmpIPredicate::sge, lane, k.constant(distance));
    total = select(has, combine(before, total), total);
  }
  return total;
}

/// The states at the start of the thread's warp and after the chunk.
std::pair<Num, Num> RowScan::foldWarps(const Affine &inclusive, Value chunk,
                                       Num carry) {
  Location loc = k.loc;
  int64_t parts = 2 + complexA + complexState;
  Value buffer = k.mul(arith::AndIOp::create(b, loc, chunk, k.constant(1)),
                       k.constant(kWarps * parts));
  auto place = [&](Value ofWarp, int64_t part) {
    Value index = k.add(
        buffer, k.add(k.mul(ofWarp, k.constant(parts)), k.constant(part)));
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), index)
        .getResult();
  };
  Value isLast = compare(arith::CmpIPredicate::eq, lane, k.constant(kWarp - 1));
  branch(
      isLast,
      [&] {
        for (auto [i, part] : llvm::enumerate(flatten(inclusive)))
          memref::StoreOp::create(b, loc, part, totals, place(warp, i));
        return SmallVector<Value>();
      },
      [] { return SmallVector<Value>(); });
  gpu::BarrierOp::create(b, loc);
  Num mine = carry, end = carry;
  for (int64_t w = 0; w < kWarps; ++w) {
    SmallVector<Value> loaded;
    for (int64_t i = 0; i < parts; ++i)
      loaded.push_back(memref::LoadOp::create(
          b, loc, totals, ValueRange{place(k.constant(w), i)}));
    end = typed(apply(unflatten(loaded).front(), end), complexState);
    Value before = compare(arith::CmpIPredicate::slt, k.constant(w), warp);
    auto choose = [&](Value yes, Value no) {
      return arith::SelectOp::create(b, loc, before, yes, no).getResult();
    };
    mine = {choose(end.re, mine.re),
            complexState ? choose(end.im, mine.im) : Value()};
  }
  return {mine, end};
}

Num RowScan::emitChunk(Value chunk, Num carry) {
  Value first = k.add(k.mul(chunk, k.constant(kThreads)), thread);
  Value time = k.mul(first, k.constant(items));
  Affines local = load(time);
  for (unsigned i = 1; i < items; ++i)
    local[i] = combine(local[i - 1], local[i]);
  Affine inclusive = scanWarp(local.back());
  auto [warpStart, end] = foldWarps(inclusive, chunk, carry);
  Value isFirst = compare(arith::CmpIPredicate::eq, lane, k.constant(0));
  Affine exclusive = select(isFirst, neutral(), shuffleUp(inclusive, 1));
  Num start = apply(exclusive, warpStart);
  if (k.result) {
    SmallVector<Num> x;
    bool before = op.getRead() == ReadPoint::Before;
    if (before)
      x.push_back(start);
    for (unsigned i = 0; i < items - before; ++i)
      x.push_back(apply(local[i], start));
    store(time, x);
  }
  return end;
}

Launch RowScan::emit() {
  Location loc = k.loc;
  Launch launch{kThreads, 1, {}};
  length = k.size(dims.time);
  thread = k.threadIndex();
  lane = arith::RemUIOp::create(b, loc, thread, k.constant(kWarp));
  warp = arith::DivUIOp::create(b, loc, thread, k.constant(kWarp));
  auto space =
      gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  totals = k.kernel.addWorkgroupAttribution(
      MemRefType::get({2 * kWarps * (2 + complexA + complexState)},
                      getRealType(op.getStateElementType()),
                      MemRefLayoutAttrInterface(), space),
      loc);
  row.resize(op.getIndexingMapsArray()[0].getNumDims());
  Value number = k.blockIndex();
  for (unsigned dim : llvm::reverse(dims.parallel)) {
    row[dim] = arith::RemUIOp::create(b, loc, number, k.size(dim));
    number = arith::DivUIOp::create(b, loc, number, k.size(dim));
    launch.elements.push_back(k.launchSize(dim));
  }
  if (!uses(k.transition.map, dims.time))
    fixedA = k.load(k.transition, k.offset(k.transition, row)).front();
  Num carry = k.num.constant(0);
  if (k.init)
    carry = k.load(k.init, k.offset(k.init, row)).front();
  carry = typed(carry, complexState);
  Value chunks =
      arith::CeilDivUIOp::create(b, loc, length, k.constant(kThreads * items));
  SmallVector<Value> carried{carry.re};
  if (complexState)
    carried.push_back(carry.im);
  auto loop = scf::ForOp::create(
      b, loc, k.constant(0), chunks, k.constant(1), carried,
      [&](OpBuilder &nested, Location, Value chunk, ValueRange values) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(),
                            nested.getInsertionPoint());
        Num end =
            emitChunk(chunk, {values[0], complexState ? values[1] : Value()});
        SmallVector<Value> next{end.re};
        if (complexState)
          next.push_back(end.im);
        scf::YieldOp::create(b, loc, next);
      });
  if (k.final) {
    Num last{loop.getResult(0), complexState ? loop.getResult(1) : Value()};
    branch(
        compare(arith::CmpIPredicate::eq, thread, k.constant(0)),
        [&] {
          k.store(k.final, k.offset(k.final, row), last);
          return SmallVector<Value>();
        },
        [] { return SmallVector<Value>(); });
  }
  gpu::ReturnOp::create(b, loc);
  return launch;
}

Launch emitRowScan(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp function,
                   LinearRecurrenceOp op) {
  Kernel kernel(b, parent, function, op, kThreads);
  return RowScan(b, kernel).emit();
}

} // namespace ssm
