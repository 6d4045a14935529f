//===- MatrixFFTConv.cpp - Long convolutions on tensor cores --------------===//
//
//   block = one kernel and some windows of some of its signals
//   K = F(w^p k_p), in shared memory
//   for every window:  z = F^-1(K F(w^p u_p)) w^-p;  y_p = z_p
//
// As FFTConv.cpp, but that F is products of matrices, which have the weights in
// them. Factors are rounded to bf16, K is one of them.
//
// Precondition: time last in every layout, or in the copy that Transpose.cpp
// makes; a chip that multiplies matrices.
//
// Reference: Dao, Fu, Ermon et al., "FlashFFTConv" (2023).
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"
#include "MatrixFFT.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

namespace {
class MatrixFFTConv {
public:
  MatrixFFTConv(OpBuilder &b, Kernel &kernel, const ConvShape &shape,
                const GPUConvPlan &plan)
      : operands(b, kernel, shape, plan), b(b), k(kernel), plan(plan),
        fft(b, kernel, plan.matrixPlan(), /*isShifted=*/!plan.isComplex),
        matrix(b, kernel),
        spectrum(k.addShared("spectrum", 4 * plan.points())) {}

  void emit();

  ConvOperands operands;

private:
  using Numbers = MatrixFFT::Numbers;
  using Columns = SmallVector<MatrixFFT::Column>;
  /// Numbers of an access, by how far its first point is from the thread's.
  using Load = function_ref<Numbers(int64_t own)>;

  SmallVector<Value> loadWords(bool hasImag, Load load);
  Columns loadWindow(Value isKernel, Value base);
  Value place(Value tile, int64_t word);
  void setSpectrum(Value tile, ArrayRef<Num> x);
  Numbers multiply(Value tile, ArrayRef<Num> x);
  void storeWindow(Value first);
  void transform(Value number, Value first);

  int64_t perAccess() const { return int64_t(1) << plan.logAccess; }

  OpBuilder &b;
  Kernel &k;
  const GPUConvPlan &plan;
  MatrixFFT fft;
  WarpMatrix matrix;
  Value spectrum; ///< A word for each frequency, where its lane has it.
};
} // namespace

/// Words of all columns, of both parts if the block has imaginary ones at all.
SmallVector<Value> MatrixFFTConv::loadWords(bool hasImag, Load load) {
  constexpr int64_t kRow = MatrixFFT::kNeighbours;
  Value zero = k.num.constant(0).re;
  SmallVector<Value> words(4 * kRow * (hasImag ? 2 : 1));
  for (int64_t word = 0; word < 4; ++word)
    for (int64_t i = 0; i < kRow; i += perAccess()) {
      int64_t number = 2 * word * kRow + i;
      Numbers low = load(fft.ownPoint(number));
      Numbers high = load(fft.ownPoint(number + kRow));
      for (int64_t j = 0; j < perAccess(); ++j) {
        auto pack = [&](Value Num::*part) {
          Value x = low[j].*part, y = high[j].*part;
          return matrix.pack(x ? x : zero, y ? y : zero);
        };
        words[4 * (i + j) + word] = pack(&Num::re);
        if (hasImag)
          words[4 * (kRow + i + j) + word] = pack(&Num::im);
      }
    }
  return words;
}

MatrixFFTConv::Columns MatrixFFTConv::loadWindow(Value isKernel, Value base) {
  bool hasImag = plan.isComplex || operands.hasSecondHalf();
  SmallVector<Value> words = k.branch(
      isKernel,
      [&] {
        Value thread = fft.threadPoint();
        return loadWords(hasImag, [&](int64_t own) {
          return operands.takeTaps(thread, own, perAccess());
        });
      },
      [&] {
        Value thread = fft.threadPoint();
        return loadWords(hasImag, [&](int64_t own) {
          return operands.takeSignal(base, thread, own, perAccess());
        });
      });
  Columns z(MatrixFFT::kNeighbours);
  for (auto [i, column] : llvm::enumerate(z)) {
    auto from = [&](size_t first) {
      MatrixFFT::Words taken;
      llvm::copy(ArrayRef(words).slice(4 * first, 4), taken.begin());
      return taken;
    };
    column.re = from(i);
    if (hasImag)
      column.im = from(z.size() + i);
  }
  return z;
}

/// Of four of a tile's words of the spectrum.
Value MatrixFFTConv::place(Value tile, int64_t word) {
  Value lane = k.add(k.mul(matrix.g, k.constant(4)), matrix.t);
  Value unit = k.add(k.mul(tile, k.constant(2 * kWarp)), lane);
  return k.sharedPlace(spectrum, VectorType::get(4, b.getI32Type()),
                       k.add(unit, k.constant(word / 4 * kWarp)));
}

void MatrixFFTConv::setSpectrum(Value tile, ArrayRef<Num> x) {
  for (int64_t i = 0; i < MatrixFFT::kPerLane; i += 4) {
    Value words =
        LLVM::PoisonOp::create(b, k.loc, VectorType::get(4, b.getI32Type()));
    for (int64_t j = 0; j < 4; ++j)
      words = LLVM::InsertElementOp::create(
          b, k.loc, words, matrix.pack(x[i + j].re, x[i + j].im),
          k.laneNumber(j));
    LLVM::StoreOp::create(b, k.loc, words, place(tile, i), /*alignment=*/16);
  }
}

MatrixFFTConv::Numbers MatrixFFTConv::multiply(Value tile, ArrayRef<Num> x) {
  Numbers product;
  for (int64_t i = 0; i < MatrixFFT::kPerLane; i += 4) {
    Value words =
        LLVM::LoadOp::create(b, k.loc, VectorType::get(4, b.getI32Type()),
                             place(tile, i), /*alignment=*/16);
    for (int64_t j = 0; j < 4; ++j) {
      auto [re, im] = matrix.unpack(
          LLVM::ExtractElementOp::create(b, k.loc, words, k.laneNumber(j)));
      product.push_back(k.num.mul(x[i + j], {re, im}));
    }
  }
  return product;
}

/// The numbers of an access at a time, and their parts one after the other
/// where these are results of their own: registers are scarce.
void MatrixFFTConv::storeWindow(Value first) {
  Value thread = fft.threadPoint();
  for (int64_t i = 0; i < MatrixFFT::kNeighbours; i += perAccess()) {
    SmallVector<MatrixFFT::Factor> x;
    for (int64_t j = i; j < i + perAccess(); ++j)
      x.push_back(fft.beforeInverse(j));
    auto part = [&](bool imag) {
      SmallVector<std::array<Value, MatrixFFT::kPerLane>> all;
      for (auto [j, factor] : llvm::enumerate(x))
        all.push_back(fft.inverse(i + j, factor, imag));
      return all;
    };
    auto forAccesses = [&](function_ref<void(int64_t, int64_t)> put) {
      for (int64_t row = 0; row < MatrixFFT::kPerLane; ++row)
        put(fft.ownPoint(row * MatrixFFT::kNeighbours + i), row);
    };
    if (plan.isComplex) {
      auto re = part(/*imag=*/false), im = part(/*imag=*/true);
      forAccesses([&](int64_t own, int64_t row) {
        Numbers y;
        for (auto [real, imag] : llvm::zip_equal(re, im))
          y.push_back({real[row], imag[row]});
        operands.putResult(first, thread, own, y);
      });
      continue;
    }
    for (int64_t half = 0; half < (operands.hasSecondResults() ? 2 : 1);
         ++half) {
      auto all = part(/*imag=*/half == 1);
      forAccesses([&](int64_t own, int64_t row) {
        operands.putHalf(
            first, thread, own, half,
            llvm::map_to_vector(all, [&](const auto &y) { return y[row]; }));
      });
    }
  }
}

/// The kernel's taps, number -1, leave their spectrum, and windows their
/// results.
void MatrixFFTConv::transform(Value number, Value first) {
  Value isKernel = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt,
                                         number, k.constant(0));
  fft.forward(loadWindow(isKernel, operands.baseOf(first)));
  gpu::BarrierOp::create(b, k.loc);
  SmallVector<Value> none;
  k.branch(
      isKernel,
      [&] {
        fft.forKernel([&](Value tile, Numbers x) { setSpectrum(tile, x); });
        return none;
      },
      [&] {
        fft.changeTiles(
            [&](Value tile, Numbers x) { return multiply(tile, x); });
        return none;
      });
  gpu::BarrierOp::create(b, k.loc);
  k.branch(
      isKernel, [&] { return none; },
      [&] {
        storeWindow(first);
        return none;
      });
}

/// The kernel is in front of the block's windows, and its code is theirs.
void MatrixFFTConv::emit() {
  ConvOperands::Share share = operands.findShare();
  Value all = operands.countWindows(share);
  k.loop(k.constant(-1), all, 1, {}, [&](Value i, SmallVector<Value> none) {
    ConvOperands::Place place = operands.placeOf(
        share, arith::MaxSIOp::create(b, k.loc, i, k.constant(0)));
    operands.enterSignal(place.signal);
    transform(i, operands.resultOf(place.window));
    return none;
  });
}

void emitMatrixFFTConv(ConvKernels &kernels) {
  int64_t threads = kernels.plan.matrixPlan().warps() * kWarp;
  Kernel kernel = kernels.begin(threads);
  MatrixFFTConv conv(kernels.b, kernel, kernels.shape, kernels.plan);
  conv.emit();
  kernels.end(conv.operands.gridOfShares());
}

} // namespace ssm
