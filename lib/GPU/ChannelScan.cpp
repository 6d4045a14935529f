//===- ChannelScan.cpp - One thread for each channel ----------------------===//
//
//   thread = one element of the parallel dimensions; its states in registers
//   for t in 0 .. L:  x_n = a_n x_n + b_n u  for every state n
//                     y_t = proj(sum_n c_n x_n)
//
// The threads of a warp are neighbours along the result's last dimension but
// time, so a layout with channels last is read and written in whole sectors.
// There must be enough channels to fill the machine; each operand is read once
// for each channel that it concerns.
//
// Precondition: a diagonal transition; state dimensions of a static size, at
// most kMaxStates together; no dimensions that B or C alone sums or adds.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

/// Complex f32 states then fill 128 of a thread's 255 registers.
static constexpr int64_t kMaxStates = 64;

/// Number of states of a channel, or nothing if it is not known or overflows.
static std::optional<int64_t> countStates(LinearRecurrenceOp op) {
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  int64_t states = 1;
  for (unsigned dim : op.getDims().state) {
    if (ShapedType::isDynamic(sizes[dim]) || sizes[dim] > kMaxStates)
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
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!dims.input.empty() || !dims.output.empty())
    return "it has input or output dimensions; multiply by B and C outside of "
           "it";
  if (!countStates(op))
    return "its state dimensions must be static and have at most 64 elements";
  return nullptr;
}

namespace {
class ChannelScan {
public:
  ChannelScan(OpBuilder &b, Kernel &kernel, LinearRecurrenceOp op,
              int64_t threads)
      : b(b), k(kernel), op(op), tensors(kernel, op), dims(op.getDims()),
        threads(threads), states(*countStates(op)),
        complexState(isa<ComplexType>(op.getStateElementType())) {}

  Launch emit();

private:
  /// The thread's index in each parallel dimension; its number is below `all`.
  SmallVector<Value> findChannel(Value number);
  void emitThread(ArrayRef<Value> channel);
  SmallVector<Num> emitStep(ArrayRef<Num> x, Value time);

  /// The channel's index with those of state `n`, and of time.
  SmallVector<Value> at(int64_t n, Value time);
  /// Loads an element; those that time does not change, in front of the loop.
  Num read(const KernelTensor &tensor, int64_t n, Value time) {
    return k.load(tensor, k.offset(tensor, at(n, time))).front();
  }
  bool varies(const KernelTensor &tensor) {
    return uses(tensor.map, dims.time);
  }
  SmallVector<Num> readAll(const KernelTensor &tensor, Value time);
  SmallVector<Value> flatten(ArrayRef<Num> x);
  SmallVector<Num> unflatten(ValueRange values);

  OpBuilder &b;
  Kernel &k;
  LinearRecurrenceOp op;
  RecurrenceTensors tensors;
  LinearRecurrenceOp::Dims dims;
  int64_t threads, states;
  bool complexState;
  SmallVector<unsigned> parallel; ///< Neighbouring threads' dimension last.
  SmallVector<Value> channel;
  SmallVector<Num> fixedA, fixedB, fixedC;
};
} // namespace

SmallVector<Value> ChannelScan::at(int64_t n, Value time) {
  SmallVector<Value> indices = channel;
  for (unsigned dim : llvm::reverse(dims.state)) {
    int64_t size = getStaticLoopSizes(op)[dim];
    indices[dim] = k.constant(n % size);
    n /= size;
  }
  indices[dims.time] = time;
  return indices;
}

/// An element for each state; one load if the tensor lacks the state.
SmallVector<Num> ChannelScan::readAll(const KernelTensor &tensor, Value time) {
  SmallVector<Num> all;
  if (!tensor)
    return all;
  bool shared = llvm::none_of(
      dims.state, [&](unsigned dim) { return uses(tensor.map, dim); });
  for (int64_t n = 0; n < states; ++n)
    all.push_back(shared && n ? all.front() : read(tensor, n, time));
  return all;
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

SmallVector<Num> ChannelScan::emitStep(ArrayRef<Num> x, Value time) {
  auto current = [&](const KernelTensor &tensor, ArrayRef<Num> fixed) {
    return tensor && varies(tensor) ? readAll(tensor, time)
                                    : SmallVector<Num>(fixed);
  };
  SmallVector<Num> a = current(tensors.transition, fixedA);
  SmallVector<Num> drive = readAll(tensors.signal, time);
  SmallVector<Num> in = current(tensors.input, fixedB);
  SmallVector<Num> out = current(tensors.output, fixedC);
  SmallVector<Num> next;
  for (int64_t n = 0; n < states; ++n)
    next.push_back(k.num.mulAdd(
        a[n], x[n], tensors.input ? k.num.mul(in[n], drive[n]) : drive[n]));
  if (!tensors.result)
    return next;
  ArrayRef<Num> seen = op.getRead() == ReadPoint::Before ? x : next;
  bool real = op.getProjection() != Projection::None;
  Num y;
  for (int64_t n = 0; n < states; ++n) {
    Num term = !tensors.output ? seen[n]
               : real          ? k.num.realOfProduct(out[n], seen[n])
                               : k.num.mul(out[n], seen[n]);
    y = n ? k.num.add(y, term) : term;
  }
  if (real)
    y.im = Value();
  if (op.getProjection() == Projection::TwiceReal)
    y = k.num.mul(y, k.num.constant(2));
  k.store(tensors.result, k.offset(tensors.result, at(0, time)), y);
  return next;
}

void ChannelScan::emitThread(ArrayRef<Value> indices) {
  channel.assign(indices.begin(), indices.end());
  auto readFixed = [&](const KernelTensor &tensor) {
    return tensor && !varies(tensor) ? readAll(tensor, Value())
                                     : SmallVector<Num>();
  };
  fixedA = readFixed(tensors.transition);
  fixedB = readFixed(tensors.input);
  fixedC = readFixed(tensors.output);
  SmallVector<Num> start(states, k.num.constant(0));
  if (tensors.init)
    start = readAll(tensors.init, Value());
  Value length = k.size(dims.time);
  auto loop = scf::ForOp::create(
      b, k.loc, k.constant(0), length, k.constant(1), flatten(start),
      [&](OpBuilder &nested, Location loc, Value i, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(),
                            nested.getInsertionPoint());
        Value time = i;
        if (op.isBackward())
          time = arith::SubIOp::create(
              b, loc, arith::SubIOp::create(b, loc, length, k.constant(1)), i);
        scf::YieldOp::create(b, loc,
                             flatten(emitStep(unflatten(carried), time)));
      });
  if (!tensors.final)
    return;
  SmallVector<Num> last = unflatten(loop.getResults());
  for (int64_t n = 0; n < states; ++n)
    k.store(tensors.final, k.offset(tensors.final, at(n, Value())), last[n]);
}

SmallVector<Value> ChannelScan::findChannel(Value number) {
  SmallVector<Value> indices(op.getIndexingMapsArray()[0].getNumDims());
  for (unsigned dim : llvm::reverse(parallel)) {
    indices[dim] = arith::RemUIOp::create(b, k.loc, number, k.size(dim));
    number = arith::DivUIOp::create(b, k.loc, number, k.size(dim));
  }
  return indices;
}

Launch ChannelScan::emit() {
  GridFactor channels{{}, threads};
  for (unsigned dim : dimsOf(op.getResultIndexingMap()))
    if (llvm::is_contained(dims.parallel, dim)) {
      parallel.push_back(dim);
      channels.elements.push_back(k.launchSize(dim));
    }
  Value all = k.constant(1);
  for (unsigned dim : parallel)
    all = k.mul(all, k.size(dim));
  Value number =
      k.add(k.mul(k.blockIndex(), k.constant(threads)), k.threadIndex());
  Value inside =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, number, all);
  auto guard = scf::IfOp::create(b, k.loc, inside, /*withElseRegion=*/false);
  b.setInsertionPointToStart(guard.thenBlock());
  emitThread(findChannel(number));
  b.setInsertionPointAfter(guard);
  gpu::ReturnOp::create(b, k.loc);
  return {threads, {channels}};
}

Launch emitChannelScan(OpBuilder &b, Kernel &kernel, LinearRecurrenceOp op,
                       const GPUScanPlan &plan) {
  return ChannelScan(b, kernel, op, plan.threads).emit();
}

} // namespace ssm
