//===- FFTConv.cpp - Long convolutions by transforms ----------------------===//
//
//   block = one kernel and some of its signals, a row of time each
//   K = F(w^p k_p), in registers
//   for every signal:  z = F^-1(K F(w^p u_p)) w^-p;  y_p = Re z_p
//
// The right-angle convolution: with N points and w = exp(i pi / 2N), w^N = i,
// so that the product's second half, which wraps around, is the imaginary part:
// a transform has no room for zeros. A kernel of more than N taps, with lags of
// the future, has its second half as imaginary part too, and so do results
// behind point N.
//
// Global memory is read and written once, but for a kernel by each of its
// blocks; lanes access neighbours.
//
// Precondition: time last in every layout; real numbers of at most 32 bits;
// static lengths of at most GPUConvPlan::kMaxPoints.
//
// Reference: Nussbaumer, "Fast Fourier Transform and Convolution Algorithms"
// (1981), 3.3 (negacyclic convolutions).
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"

#include "BlockFFT.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

int64_t getTaps(LongConvOp op) {
  AffineMap map = op.getIndexingMapsArray()[1];
  return cast<RankedTensorType>(op.getKernel().getType())
      .getDimSize(*positionOf(map, op.getTime()));
}

const char *refusesFFTConv(LongConvOp op) {
  if (op.getNumerics() == Numerics::Strict)
    return "numerics<strict> asks for exact causality, which rounding in a "
           "transform breaks; numerics<norm> allows it";
  for (AffineMap map : op.getIndexingMapsArray())
    if (dimsOf(map).back() != op.getTime())
      return "time must be the last dimension of signal, kernel and result";
  for (Value value : {op.getSignal(), op.getKernel()}) {
    Type element = getElementTypeOrSelf(value.getType());
    if (isa<ComplexType>(element) || getElementWidth(element) > 32)
      return "signal and kernel must be real, of f32 or narrower";
  }
  int64_t length = getStaticLoopSizes(op)[op.getTime()];
  if (ShapedType::isDynamic(length) || ShapedType::isDynamic(getTaps(op)))
    return "the lengths of signal and kernel must be static";
  if (length > GPUConvPlan::kMaxPoints)
    return "it has more than 4096 steps, which do not fit into the shared "
           "memory of a block";
  return nullptr;
}

namespace {
class FFTConv {
public:
  FFTConv(OpBuilder &b, Kernel &kernel, LongConvOp op, const GPUConvPlan &plan);

  Launch emit();

private:
  using Numbers = SmallVector<Num>;

  Value countOf(ArrayRef<unsigned> dims);
  Num weightOf(int64_t i);
  Value readOrZero(const KernelTensor &tensor, Value offset, Value inside);
  Value isBelow(Value x, int64_t bound) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt, x,
                                 k.constant(bound));
  }
  Value pointOf(int64_t i) {
    return k.add(thread, k.constant(i * plan.threads()));
  }
  Value stepOf(Value point);
  void storeStep(Value step, Value isStep, Value y);
  Numbers transformKernel();
  void convolve(const Numbers &spectrum);

  OpBuilder &b;
  Kernel &k;
  LongConvOp op;
  const GPUConvPlan &plan;
  BlockFFT fft;
  KernelTensor signal, kernel, result;
  SmallVector<unsigned> kernelDims, signalDims; ///< Without time.
  int64_t length;
  /// Taps that reach a result: so many, of which the one for lag `future` is at
  /// this place; those in front are left out.
  int64_t taps, skipped, future;
  SmallVector<Value> indices;
  Value thread;
};
} // namespace

FFTConv::FFTConv(OpBuilder &b, Kernel &k, LongConvOp op,
                 const GPUConvPlan &plan)
    : b(b), k(k), op(op), plan(plan), fft(b, k, plan, 4 * plan.points),
      signal(k.argument(op.getSignal(), op.getIndexingMapsArray()[0])),
      kernel(k.argument(op.getKernel(), op.getIndexingMapsArray()[1])),
      result(k.result(op.getResult(), op.getIndexingMapsArray()[2])),
      length(getStaticLoopSizes(op)[op.getTime()]) {
  for (unsigned dim : dimsOf(result.map))
    if (dim != op.getTime())
      (uses(kernel.map, dim) ? kernelDims : signalDims).push_back(dim);
  int64_t all = getTaps(op);
  int64_t center = op.getDirection() == Direction::TwoSided ? all / 2 : 0;
  future = std::clamp<int64_t>(length - 1, 0, center);
  skipped = center - future;
  taps = std::min(all - skipped, future + length);
}

Value FFTConv::countOf(ArrayRef<unsigned> dims) {
  Value count = k.constant(1);
  for (unsigned dim : dims)
    count = k.mul(count, k.size(dim));
  return count;
}

/// w^(p - thread) at the thread's i-th point p; the transform has the rest.
Num FFTConv::weightOf(int64_t i) {
  double angle = 2 * llvm::numbers::pi * i / (4 * plan.kPoints);
  return {k.num.constant(std::cos(angle)).re,
          k.num.constant(std::sin(angle)).re};
}

/// The element at an offset, where it is inside.
Value FFTConv::readOrZero(const KernelTensor &tensor, Value offset,
                          Value inside) {
  auto read = scf::IfOp::create(
      b, k.loc, inside,
      [&](OpBuilder &nested, Location loc) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(),
                            nested.getInsertionPoint());
        scf::YieldOp::create(b, loc, k.load(tensor, offset).front().re);
      },
      [&](OpBuilder &nested, Location loc) {
        Value zero =
            arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(0));
        scf::YieldOp::create(nested, loc, zero);
      });
  return read.getResult(0);
}

FFTConv::Numbers FFTConv::transformKernel() {
  // The loop's size of time is that of the signal.
  Value row =
      k.offset({kernel.pointer, kernel.map.dropResult(kernelDims.size()),
                kernel.element},
               indices);
  Value first = k.mul(row, k.constant(getTaps(op)));
  Numbers z;
  for (int64_t i = 0; i < plan.kPoints; ++i) {
    Value point = pointOf(i);
    auto tap = [&](int64_t offset) {
      return readOrZero(
          kernel, k.add(k.add(first, point), k.constant(skipped + offset)),
          isBelow(point, taps - offset));
    };
    Num both{tap(0), taps > plan.points ? tap(plan.points) : Value()};
    z.push_back(k.num.mul(weightOf(i), both));
  }
  fft.forward(z);
  Num scale = k.num.constant(1.0 / plan.points);
  for (Num &x : z)
    x = k.num.mul(x, scale);
  return z;
}

/// Time, or time from the end.
Value FFTConv::stepOf(Value point) {
  if (op.getDirection() != Direction::Backward)
    return point;
  return arith::SubIOp::create(b, k.loc, k.constant(length - 1), point);
}

void FFTConv::storeStep(Value step, Value isStep, Value y) {
  k.when(isStep, [&] {
    indices[op.getTime()] = stepOf(step);
    k.store(result, k.offset(result, indices), Num{y, Value()});
  });
}

void FFTConv::convolve(const Numbers &spectrum) {
  Numbers z;
  for (int64_t i = 0; i < plan.kPoints; ++i) {
    Value point = pointOf(i);
    indices[op.getTime()] = stepOf(point);
    Value u =
        readOrZero(signal, k.offset(signal, indices), isBelow(point, length));
    z.push_back(k.num.mul(weightOf(i), Num{u, Value()}));
  }
  fft.forward(z);
  for (auto [x, factor] : llvm::zip_equal(z, spectrum))
    x = k.num.mul(x, factor);
  fft.inverse(z);
  for (int64_t i = 0; i < plan.kPoints; ++i) {
    Num weight = weightOf(i);
    Num y = k.num.mul(z[i], {weight.re, k.num.negf(weight.im)});
    // Point p is step p - future, or p + N - future in the second half.
    Value point = pointOf(i);
    Value step = k.add(point, k.constant(-future));
    Value isStep = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult,
                                         step, k.constant(length));
    storeStep(step, isStep, y.re);
    if (future + length > plan.points)
      storeStep(k.add(step, k.constant(plan.points)),
                isBelow(step, length - plan.points), y.im);
  }
}

Launch FFTConv::emit() {
  indices.resize(result.map.getNumDims());
  thread = k.threadIndex();
  Value per = k.constant(plan.signals), count = countOf(signalDims);
  Value groups = arith::CeilDivUIOp::create(b, k.loc, count, per);
  Value block = k.blockIndex();
  k.split(arith::DivUIOp::create(b, k.loc, block, groups), kernelDims, indices);
  Value from = k.mul(arith::RemUIOp::create(b, k.loc, block, groups), per);
  Value to = arith::MinUIOp::create(b, k.loc, k.add(from, per), count);
  Numbers spectrum = transformKernel();
  // The first exchange of a signal writes what others read in the kernel's.
  gpu::BarrierOp::create(b, k.loc);
  k.loop(from, to, 1, {}, [&](Value number, SmallVector<Value> none) {
    k.split(number, signalDims, indices);
    convolve(spectrum);
    return none;
  });
  gpu::ReturnOp::create(b, k.loc);
  auto factor = [&](ArrayRef<unsigned> dims, int64_t perBlock) {
    GridFactor factor{{}, perBlock};
    for (unsigned dim : dims)
      factor.elements.push_back(k.launchSize(dim));
    return factor;
  };
  Launch launch;
  launch.threads = plan.threads();
  launch.grid = {factor(kernelDims, 1), factor(signalDims, plan.signals)};
  return launch;
}

/// The number of rows over these dimensions; 0: unknown.
static int64_t countRows(ArrayRef<int64_t> sizes, LongConvOp op,
                         bool ofKernel) {
  AffineMap map = op.getIndexingMapsArray()[1];
  int64_t rows = 1;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (dim == op.getTime() || uses(map, dim) != ofKernel)
      continue;
    if (ShapedType::isDynamic(size) || llvm::MulOverflow(rows, size, rows))
      return 0;
  }
  return rows;
}

Launch emitFFTConv(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp function,
                   LongConvOp op, StringRef chip) {
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  GPUConvPlan plan = GPUConvPlan::forProblem(
      sizes[op.getTime()], countRows(sizes, op, /*ofKernel=*/true),
      countRows(sizes, op, /*ofKernel=*/false),
      GPUChip::forName(std::string_view(chip)).multiprocessors);
  Kernel kernel(b, parent, function, op.getLoc(), sizes, b.getF32Type(),
                plan.threads());
  return FFTConv(b, kernel, op, plan).emit();
}

} // namespace ssm
