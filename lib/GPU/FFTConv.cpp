//===- FFTConv.cpp - Long convolutions by transforms ----------------------===//
//
//   block = one kernel and some windows of some of its signals
//   K = F(w^p k_p), in registers, or in shared memory where threads have 32
//                   points
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
  bool hasSecondPart(int64_t own) const;
  /// Registers have no room for two numbers of each point of the next window,
  /// if a thread has 32.
  bool loadsAhead() const { return !fft.isFull() || !hasSecondPart(0); }
  using Place = ConvOperands::Place;
  Place after(const Place &place, const ConvOperands::Share &share);
  SmallVector<Value>
  load(function_ref<Numbers(int64_t own, int64_t count)> read);
  SmallVector<Value> loadKernel();
  SmallVector<Value> loadWindow(const Place &place, Value isThere = {});
  Numbers weigh(ArrayRef<Value> parts);
  void scale(MutableArrayRef<Num> z);
  void storeWindow(const Place &place, ArrayRef<Num> z);
  void emitLoopOfWindows(const ConvOperands::Share &share);
  void emitLoopWithKernel(const ConvOperands::Share &share);

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

/// Whether load has second parts of the access so far behind the thread's first
/// point. Those that are known to be zero have no value, unless kernel and
/// windows are loaded alike.
bool FFTConv::hasSecondPart(int64_t own) const {
  if (fft.isFull())
    return plan.isComplex || operands.hasSecondHalf();
  return operands.hasSecondPart(own);
}

/// Numbers as they are in memory, by their parts.
SmallVector<Value>
FFTConv::load(function_ref<Numbers(int64_t own, int64_t count)> read) {
  SmallVector<Value> parts;
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    for (const Num &x : read(own, run.size())) {
      parts.push_back(x.re);
      if (hasSecondPart(own))
        parts.push_back(x.im ? x.im : k.num.constant(0).re);
    }
  });
  return parts;
}

SmallVector<Value> FFTConv::loadKernel() {
  return load([&](int64_t own, int64_t count) {
    return operands.takeTaps(fft.threadPart(0), own, count);
  });
}

/// Of a window, if there is one.
SmallVector<Value> FFTConv::loadWindow(const Place &place, Value isThere) {
  operands.enterSignal(place.signal);
  Value base = operands.baseOf(operands.resultOf(place.window));
  return load([&](int64_t own, int64_t count) {
    return operands.takeSignal(base, fft.threadPart(0), own, count, isThere);
  });
}

/// What was loaded, with its weights.
FFTConv::Numbers FFTConv::weigh(ArrayRef<Value> parts) {
  Numbers z(fft.perThread());
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    Numbers x;
    for (size_t i = 0; i < run.size(); ++i) {
      bool hasImag = hasSecondPart(own);
      x.push_back({parts[0], hasImag ? parts[1] : Value()});
      parts = parts.drop_front(hasImag ? 2 : 1);
    }
    for (auto [i, y] : llvm::zip_equal(run, operands.weigh(own, x)))
      z[i] = y;
  });
  return z;
}

/// A kernel's spectrum, by what the two transforms of a window leave.
void FFTConv::scale(MutableArrayRef<Num> z) {
  Num scale = k.num.constant(1.0 / plan.points());
  for (Num &x : z)
    x = k.num.mul(x, scale);
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

/// The spectrum is in registers, and the next window is loaded while one is
/// transformed.
void FFTConv::emitLoopOfWindows(const ConvOperands::Share &share) {
  Numbers spectrum(fft.perThread());
  forAccesses([&](int64_t own, ArrayRef<int64_t> run) {
    for (auto [i, x] : llvm::zip_equal(
             run, operands.weigh(own, operands.takeTaps(fft.threadPart(0), own,
                                                        run.size()))))
      spectrum[i] = x;
  });
  fft.forward(spectrum);
  scale(spectrum);
  // The first exchange of a window writes what others read in the kernel's.
  gpu::BarrierOp::create(b, k.loc);
  SmallVector<Value> first = loadWindow({share.firstSignal, share.firstWindow});
  auto convolve = [&](const Place &place, ArrayRef<Value> loaded) {
    Numbers z = weigh(loaded);
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

/// The kernel, number -1, is in front of the windows, and its code is theirs.
/// The spectrum is in shared memory, where a thread reads what it has written.
void FFTConv::emitLoopWithKernel(const ConvOperands::Share &share) {
  // LLVM would look for pairs of numbers for longer than all else takes.
  k.refuseVectors();
  Value spectrum = k.addShared("spectrum", 8 * plan.points());
  auto inSpectrum = [&](int64_t i) {
    return k.add(k.threadIndex(), k.constant(i * fft.threads()));
  };
  Value all = operands.countWindows(share);
  SmallVector<Value> none;
  auto transform = [&](Value number, ArrayRef<Value> loaded) {
    auto isBelow = [&](Value x, Value bound) {
      return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt, x,
                                   bound);
    };
    Value isKernel = isBelow(number, k.constant(0));
    Place place = operands.placeOf(
        share, arith::MaxSIOp::create(b, k.loc, number, k.constant(0)));
    Numbers z = weigh(loadsAhead() ? SmallVector<Value>(loaded)
                                   : k.branch(
                                         isKernel, [&] { return loadKernel(); },
                                         [&] { return loadWindow(place); }));
    SmallVector<Value> ahead;
    if (loadsAhead()) {
      Value next = k.add(number, k.constant(1));
      ahead = loadWindow(operands.placeOf(share, next), isBelow(next, all));
    }
    fft.forward(z);
    k.branch(
        isKernel,
        [&] {
          Numbers scaled = z;
          scale(scaled);
          for (auto [i, x] : llvm::enumerate(scaled))
            fft.store(spectrum, inSpectrum(i), x);
          // The next exchange writes what others read in this one.
          gpu::BarrierOp::create(b, k.loc);
          return none;
        },
        [&] {
          for (auto [i, x] : llvm::enumerate(z))
            x = k.num.mul(x, fft.load(spectrum, inSpectrum(i)));
          fft.inverse(z);
          storeWindow(place, z);
          return none;
        });
    return ahead;
  };
  k.loop(k.constant(-1), all, 1, loadsAhead() ? loadKernel() : none,
         [&](Value number, SmallVector<Value> loaded) {
           return transform(number, loaded);
         });
}

void FFTConv::emit() {
  ConvOperands::Share share = operands.findShare();
  fft.setFactor(operands.weightOf(fft.threadPart(0)));
  fft.isFull() ? emitLoopWithKernel(share) : emitLoopOfWindows(share);
}

void emitFFTConv(ConvKernels &kernels) {
  int64_t threads = kernels.plan.rowPlan().threads();
  Kernel kernel = kernels.begin(threads);
  FFTConv conv(kernels.b, kernel, kernels.shape, kernels.plan);
  conv.emit();
  kernels.end(conv.operands.gridOfShares());
}

} // namespace ssm
