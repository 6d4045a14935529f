//===- FFTConv.cpp - Long convolutions by transforms ----------------------===//
//
//   block = one kernel and some windows of some of its signals
//   K = F(w^p k_p), in registers
//   for every window:  z = F^-1(K F(w^p u_p)) w^-p;  y_p = z_p, while the next
//                      one's u are loaded
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
      : operands(b, kernel, shape, plan), b(b), k(kernel), plan(plan),
        fft(b, kernel, plan.rowPlan()) {}

  void emit();

  ConvOperands operands;

private:
  using Numbers = SmallVector<Num>;

  /// Calls for each access with how far its first point is from the thread's,
  /// and the numbers of its points among the thread's.
  void forAccesses(function_ref<void(int64_t, ArrayRef<int64_t>)> body);
  Numbers transformKernel();
  /// Where a window is.
  struct Place {
    Value signal, window;
  };
  Place after(const Place &place, const ConvOperands::Share &share);
  SmallVector<Value> loadWindow(const Place &place, Value isThere);
  Numbers weighWindow(ArrayRef<Value> parts);
  void storeWindow(const Place &place, ArrayRef<Num> z);

  OpBuilder &b;
  Kernel &k;
  const GPUConvPlan &plan;
  BlockFFT fft;
};
} // namespace

void FFTConv::forAccesses(function_ref<void(int64_t, ArrayRef<int64_t>)> body) {
  for (ArrayRef<int64_t> run : fft.runs(0, int64_t(1) << plan.logAccess))
    body(fft.ownPart(0, run.front()), run);
}

FFTConv::Numbers FFTConv::transformKernel() {
  Numbers z(GPUFFTPlan::kPoints);
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    for (auto [i, x] : llvm::zip_equal(
             run, operands.weigh(own, operands.takeTaps(fft.threadPart(0), own,
                                                        run.size()))))
      z[i] = x;
  });
  fft.forward(z);
  Num scale = k.num.constant(1.0 / plan.points());
  for (Num &x : z)
    x = k.num.mul(x, scale);
  return z;
}

/// The numbers of a window, if there is one, as they are in memory: parts that
/// are known to be zero have no value.
SmallVector<Value> FFTConv::loadWindow(const Place &place, Value isThere) {
  operands.enterSignal(place.signal);
  Value base = operands.baseOf(operands.resultOf(place.window));
  SmallVector<Value> parts;
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    for (const Num &x : operands.takeSignal(base, fft.threadPart(0), own,
                                            run.size(), isThere)) {
      parts.push_back(x.re);
      if (x.im)
        parts.push_back(x.im);
    }
  });
  return parts;
}

/// What loadWindow loaded, with its weights.
FFTConv::Numbers FFTConv::weighWindow(ArrayRef<Value> parts) {
  Numbers z(GPUFFTPlan::kPoints);
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    Numbers x;
    for (size_t i = 0; i < run.size(); ++i) {
      bool hasImag = operands.hasSecondPart(own);
      x.push_back({parts[0], hasImag ? parts[1] : Value()});
      parts = parts.drop_front(hasImag ? 2 : 1);
    }
    for (auto [i, y] : llvm::zip_equal(run, operands.weigh(own, x)))
      z[i] = y;
  });
  return z;
}

void FFTConv::storeWindow(const Place &place, ArrayRef<Num> z) {
  operands.enterSignal(place.signal);
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    operands.putResult(
        operands.resultOf(place.window), fft.threadPart(0), own,
        operands.unweigh(
            own, llvm::map_to_vector(run, [&](int64_t i) { return z[i]; })));
  });
}

/// The window behind this one, of this signal or of the next one.
FFTConv::Place FFTConv::after(const Place &place,
                              const ConvOperands::Share &share) {
  Value window = k.add(place.window, k.constant(1));
  Value isLast = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::eq,
                                       window, share.endWindow);
  auto select = [&](Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, k.loc, isLast, yes, no);
  };
  return {select(k.add(place.signal, k.constant(1)), place.signal),
          select(share.firstWindow, window)};
}

/// The next window is loaded while this one is transformed.
void FFTConv::emit() {
  ConvOperands::Share share = operands.findShare();
  fft.setFactor(operands.weightOf(fft.threadPart(0)));
  Numbers spectrum = transformKernel();
  // The first exchange of a window writes what others read in the kernel's.
  gpu::BarrierOp::create(b, k.loc);
  SmallVector<Value> first =
      loadWindow({share.firstSignal, share.firstWindow}, /*isThere=*/{});
  auto convolve = [&](const Place &place, ArrayRef<Value> loaded) {
    Numbers z = weighWindow(loaded);
    Place next = after(place, share);
    SmallVector<Value> ahead = loadWindow(
        next, arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult,
                                    next.signal, share.endSignal));
    fft.forward(z);
    for (auto [x, factor] : llvm::zip_equal(z, spectrum))
      x = k.num.mul(x, factor);
    fft.inverse(z);
    storeWindow(place, z);
    return ahead;
  };
  k.loop(share.firstSignal, share.endSignal, 1, first,
         [&](Value signal, SmallVector<Value> loaded) {
           return k.loop(share.firstWindow, share.endWindow, 1, loaded,
                         [&](Value window, SmallVector<Value> loaded) {
                           return convolve({signal, window}, loaded);
                         });
         });
}

void emitFFTConv(ConvKernels &kernels) {
  int64_t threads = kernels.plan.rowPlan().threads();
  Kernel kernel = kernels.begin(threads);
  FFTConv conv(kernels.b, kernel, kernels.shape, kernels.plan);
  conv.emit();
  kernels.end(conv.operands.gridOfShares());
}

} // namespace ssm
