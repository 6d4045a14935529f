//===- FFTConv.cpp - Long convolutions by transforms ----------------------===//
//
//   block = one kernel and some windows of some of its signals
//   K = F(w^p k_p), in registers
//   for every window:  z = F^-1(K F(w^p u_p)) w^-p;  y_p = z_p
//
// Of real numbers, the right-angle convolution: with N points and
// w = exp(i pi / 2N), w^N = i, so that the product's second half, which wraps
// around, is the imaginary part: a transform has no room for zeros. What has
// more than N numbers has its second half as imaginary part too, and so do
// results behind point N; what is more than 2N apart wraps around with a sign.
// Of complex numbers the cyclic convolution, w = 1.
//
// Global memory is read and written once, but for a kernel by each of its
// blocks, and for what windows have in common; lanes access neighbours.
//
// Precondition: time last in every layout, or in the copy that Transpose.cpp
// makes.
//
// Reference: Nussbaumer, "Fast Fourier Transform and Convolution Algorithms"
// (1981), 3.3 (negacyclic convolutions).
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

namespace {
class FFTConv {
public:
  FFTConv(OpBuilder &b, Kernel &kernel, const ConvShape &shape,
          const GPUConvPlan &plan)
      : b(b), k(kernel), shape(shape), plan(plan),
        operands(b, kernel, shape, plan), fft(b, kernel, plan.rowPlan()) {}

  SmallVector<GridFactor> emit();

private:
  using Numbers = SmallVector<Num>;

  std::pair<Value, Value> takeGroup(Value &block, Value count,
                                    int64_t perBlock);
  /// Calls for each access with its first point, how far that is from the
  /// thread's, and the numbers of its points among the thread's.
  void forAccesses(function_ref<void(Value, int64_t, ArrayRef<int64_t>)> body);
  Numbers transformKernel();
  void convolve(const Numbers &spectrum, Value first);

  OpBuilder &b;
  Kernel &k;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  ConvOperands operands;
  BlockFFT fft;
};
} // namespace

void FFTConv::forAccesses(
    function_ref<void(Value, int64_t, ArrayRef<int64_t>)> body) {
  for (ArrayRef<int64_t> run : fft.runs(0, int64_t(1) << plan.logAccess)) {
    int64_t own = fft.ownPart(0, run.front());
    body(k.add(fft.threadPart(0), k.constant(own)), own, run);
  }
}

FFTConv::Numbers FFTConv::transformKernel() {
  Numbers z(GPUFFTPlan::kPoints);
  forAccesses([&](Value point, int64_t own, ArrayRef<int64_t> run) {
    for (auto [i, x] :
         llvm::zip_equal(run, operands.loadTaps(point, own, run.size())))
      z[i] = x;
  });
  fft.forward(z);
  Num scale = k.num.constant(1.0 / plan.points());
  for (Num &x : z)
    x = k.num.mul(x, scale);
  return z;
}

void FFTConv::convolve(const Numbers &spectrum, Value first) {
  Value base = operands.baseOf(first);
  Numbers z(GPUFFTPlan::kPoints);
  forAccesses([&](Value point, int64_t own, ArrayRef<int64_t> run) {
    for (auto [i, x] : llvm::zip_equal(
             run, operands.loadSignal(base, point, own, run.size())))
      z[i] = x;
  });
  fft.forward(z);
  for (auto [x, factor] : llvm::zip_equal(z, spectrum))
    x = k.num.mul(x, factor);
  fft.inverse(z);
  forAccesses([&](Value point, int64_t own, ArrayRef<int64_t> run) {
    operands.storeResult(
        first, point, own,
        llvm::map_to_vector(run, [&](int64_t i) { return z[i]; }));
  });
}

/// From and to: the block's share of `count`, where `block` numbers the groups;
/// what is left of its number.
std::pair<Value, Value> FFTConv::takeGroup(Value &block, Value count,
                                           int64_t perBlock) {
  Value per = k.constant(perBlock);
  Value groups = arith::CeilDivUIOp::create(b, k.loc, count, per);
  Value from = k.mul(arith::RemUIOp::create(b, k.loc, block, groups), per);
  block = arith::DivUIOp::create(b, k.loc, block, groups);
  return {from, arith::MinUIOp::create(b, k.loc, k.add(from, per), count)};
}

SmallVector<GridFactor> FFTConv::emit() {
  Value block = k.blockIndex(), step = k.constant(plan.step);
  Value windows =
      plan.isOne
          ? k.constant(1)
          : arith::CeilDivUIOp::create(b, k.loc, k.size(shape.time), step)
                .getResult();
  auto ofWindows = takeGroup(block, windows, plan.windows);
  auto ofSignals =
      takeGroup(block, operands.countRows(shape.signalDims), plan.signals);
  operands.enter(block, shape.kernelDims);
  fft.setFactor(operands.weightOf(fft, fft.threadPart(0)));
  Numbers spectrum = transformKernel();
  // The first exchange of a window writes what others read in the kernel's.
  gpu::BarrierOp::create(b, k.loc);
  k.loop(ofSignals.first, ofSignals.second, 1, {},
         [&](Value number, SmallVector<Value> none) {
           operands.enter(number, shape.signalDims);
           return k.loop(ofWindows.first, ofWindows.second, 1, none,
                         [&](Value window, SmallVector<Value> none) {
                           convolve(spectrum, k.mul(window, step));
                           return none;
                         });
         });
  SmallVector<GridFactor> grid{
      operands.rowFactor(shape.kernelDims),
      operands.rowFactor(shape.signalDims, plan.signals)};
  if (!plan.isOne)
    grid.push_back(operands.rowFactor(shape.time, plan.step * plan.windows));
  return grid;
}

void emitFFTConv(ConvKernels &kernels) {
  int64_t threads = kernels.plan.rowPlan().threads();
  Kernel kernel = kernels.begin(threads);
  kernels.end(FFTConv(kernels.b, kernel, kernels.shape, kernels.plan).emit());
}

} // namespace ssm
