//===- LongFFTConv.cpp - Transforms of more points than a block holds -----===//
//
// A window's points are a matrix of R x S in global memory, point r S + s:
//
//   columns   for kernel and signal: W = D F_R(w^p x_p) for every column s
//   rows      F_S^-1(F_S(K) F_S(U)) for every row, in place, while the next
//             signal's is loaded
//   columns   y = w^-p F_R^-1(D^-1 W)
//
// where D is exp(-2 pi i f s / R S) at frequency f, which the rows apply: they
// know theirs. Rows that are too long for a block have columns again. A block
// has 4096 points: 16 columns at least, so that lines are read whole, or a row.
// Frequencies are where the transforms leave them.
//
// Each pass but the first and the last reads and writes 8 bytes of each point;
// w^p is the weight of FFTConv.cpp.
//
// Reference: Bailey, "FFTs in External or Hierarchical Memory" (1990).
//
//===----------------------------------------------------------------------===//
#include "FFTConv.h"
#include "Roots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

namespace {
using Numbers = SmallVector<Num>;
enum class Side { Kernel, Signal };

/// What the kernels have in common: a block's points in the workspace.
class Pass {
public:
  Pass(OpBuilder &b, Kernel &kernel, const ConvShape &shape,
       const GPUConvPlan &plan, const GPUFFTPlan &fftPlan, int64_t logRow)
      : b(b), k(kernel), shape(shape), plan(plan), fftPlan(fftPlan),
        logRow(logRow), operands(b, kernel, shape, plan),
        fft(b, kernel, fftPlan) {}

protected:
  /// Where an index is, from the first of the block's: columns follow each
  /// other, and so do rows of 2^logRow points.
  int64_t offsetOf(int64_t index) const {
    return (index >> fftPlan.logColumns << logRow) +
           (index & (fftPlan.columns() - 1));
  }
  int64_t ownOffset(int64_t round, int64_t i) const {
    return offsetOf(fft.ownPart(round, i));
  }
  Value threadOffset(int64_t round);

  Value takeRemainder(Value &number, int64_t count);
  Value windowStart(Side side, Value row);
  /// Calls with the place of each access, of at most so many neighbours, and
  /// the numbers of these among the thread's points.
  void forAccesses(int64_t round, int64_t most,
                   function_ref<void(int64_t, ArrayRef<int64_t>)> body) {
    for (ArrayRef<int64_t> run : fft.runs(round, most))
      body(ownOffset(round, run.front()), run);
  }
  /// The thread's points of a round, from the block's first on.
  Numbers load(Value first, int64_t round);
  void store(Value first, int64_t round, ArrayRef<Num> z);

  /// Takes the twiddle factors of a block of a pass over `columns`, whose row
  /// is at place `row` of them: see D. The block begins at place `from` of it.
  void setTwiddles(const GPUFFTPlan &columns, int64_t logSize, Value row,
                   Value from);
  void twiddle(MutableArrayRef<Num> z, bool inverse);

  OpBuilder &b;
  Kernel &k;
  const ConvShape &shape;
  const GPUConvPlan &plan;
  GPUFFTPlan fftPlan;
  int64_t logRow;
  ConvOperands operands;
  BlockFFT fft;

private:
  /// Of the bits of a point's own part in the first round.
  SmallVector<Num> roots;
};

class ColumnPass : public Pass {
public:
  ColumnPass(OpBuilder &b, Kernel &kernel, const ConvShape &shape,
             const GPUConvPlan &plan, int64_t pass)
      : Pass(b, kernel, shape, plan, plan.columnPlan(pass), plan.logRows(pass)),
        pass(pass) {}

  SmallVector<GridFactor> emit(Side side, bool inverse);

private:
  void forward(Side side);
  void inverse();
  Value threadPoint() { return k.add(inWindow, threadOffset(0)); }
  int64_t tensorAccess() const { return int64_t(1) << plan.logAccess; }

  int64_t pass;
  /// The window's and the block's first point in the workspace, and the block's
  /// in the window.
  Value start, first, inWindow;
};

class RowPass : public Pass {
public:
  RowPass(OpBuilder &b, Kernel &kernel, const ConvShape &shape,
          const GPUConvPlan &plan)
      : Pass(b, kernel, shape, plan, plan.rowPlan(), /*logRow=*/0) {}

  SmallVector<GridFactor> emit();

private:
  void transform(Numbers &z);
};
} // namespace

//===----------------------------------------------------------------------===//
// Points in the workspace
//===----------------------------------------------------------------------===//

Value Pass::threadOffset(int64_t round) {
  Value part = fft.threadPart(round), log = k.constant(fftPlan.logColumns);
  Value row = arith::ShRUIOp::create(b, k.loc, part, log);
  Value column =
      arith::AndIOp::create(b, k.loc, part, k.constant(fftPlan.columns() - 1));
  return k.add(arith::ShLIOp::create(b, k.loc, row, k.constant(logRow)),
               column);
}

/// The number modulo `count`; the number becomes the quotient.
Value Pass::takeRemainder(Value &number, int64_t count) {
  Value rest = arith::RemUIOp::create(b, k.loc, number, k.constant(count));
  number = arith::DivUIOp::create(b, k.loc, number, k.constant(count));
  return rest;
}

/// Windows of kernels are in front of those of signals.
Value Pass::windowStart(Side side, Value row) {
  if (side == Side::Signal)
    row = k.add(row, operands.countRows(shape.kernelDims));
  return k.mul(row, k.constant(plan.points()));
}

/// Two complex numbers of f32 are 16 bytes.
Numbers Pass::load(Value first, int64_t round) {
  Numbers z(fftPlan.perThread());
  Value from = k.add(first, threadOffset(round));
  forAccesses(round, 2, [&](int64_t offset, ArrayRef<int64_t> run) {
    Value place = k.add(from, k.constant(offset));
    for (auto [i, x] :
         llvm::zip_equal(run, k.load(operands.spectra(), place, run.size())))
      z[i] = x;
  });
  return z;
}

void Pass::store(Value first, int64_t round, ArrayRef<Num> z) {
  Value from = k.add(first, threadOffset(round));
  forAccesses(round, 2, [&](int64_t offset, ArrayRef<int64_t> run) {
    k.store(operands.spectra(), k.add(from, k.constant(offset)),
            llvm::map_to_vector(run, [&](int64_t i) { return z[i]; }));
  });
}

//===----------------------------------------------------------------------===//
// Factors between passes
//===----------------------------------------------------------------------===//

void Pass::setTwiddles(const GPUFFTPlan &columns, int64_t logSize, Value row,
                       Value from) {
  Value frequency = k.constant(0);
  int64_t shift = 0;
  for (const GPUFFTPlan::Round &round : columns.rounds()) {
    Value digit = arith::AndIOp::create(
        b, k.loc,
        arith::ShRUIOp::create(b, k.loc, row,
                               k.constant(round.low - columns.logColumns)),
        k.constant((int64_t(1) << round.bits) - 1));
    frequency = k.add(
        frequency, arith::ShLIOp::create(b, k.loc, digit, k.constant(shift)));
    shift += round.bits;
  }
  int64_t size = int64_t(1) << logSize;
  auto root = [&](Value place) {
    Value turns = arith::AndIOp::create(b, k.loc, k.mul(frequency, place),
                                        k.constant(size - 1));
    return emitRootOfUnity(b, k, turns, size);
  };
  fft.setFactor(fft.conjugate(root(k.add(from, threadOffset(0)))));
  for (int64_t bit = 1; bit < fftPlan.perThread(); bit *= 2)
    roots.push_back(root(k.constant(ownOffset(0, bit))));
}

void Pass::twiddle(MutableArrayRef<Num> z, bool inverse) {
  Numbers w(fftPlan.perThread());
  for (int64_t i = 1; i < fftPlan.perThread(); ++i) {
    unsigned bit = llvm::Log2_64(i);
    int64_t rest = i - (int64_t(1) << bit);
    w[i] = rest ? k.num.mul(w[rest], roots[bit]) : roots[bit];
    z[i] = k.num.mul(z[i], inverse ? w[i] : fft.conjugate(w[i]));
  }
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

void ColumnPass::forward(Side side) {
  Numbers z(fftPlan.perThread());
  if (pass > 0) {
    z = load(first, 0);
    twiddle(z, /*inverse=*/false);
  } else {
    forAccesses(0, tensorAccess(), [&](int64_t own, ArrayRef<int64_t> run) {
      Numbers loaded = side == Side::Kernel
                           ? operands.takeTaps(threadPoint(), own, run.size())
                           : operands.takeSignal(k.constant(0), threadPoint(),
                                                 own, run.size());
      for (auto [i, x] : llvm::zip_equal(run, operands.weigh(own, loaded)))
        z[i] = x;
    });
  }
  fft.forward(z);
  store(first, fft.numRounds() - 1, z);
}

void ColumnPass::inverse() {
  Numbers z = load(first, fft.numRounds() - 1);
  fft.inverse(z);
  if (pass > 0) {
    twiddle(z, /*inverse=*/true);
    return store(first, 0, z);
  }
  forAccesses(0, tensorAccess(), [&](int64_t own, ArrayRef<int64_t> run) {
    operands.putResult(
        k.constant(0), threadPoint(), own,
        operands.unweigh(
            own, llvm::map_to_vector(run, [&](int64_t i) { return z[i]; })));
  });
}

/// Blocks are numbered over windows, the rows of former passes, and tiles of
/// columns.
SmallVector<GridFactor> ColumnPass::emit(Side side, bool inverse) {
  int64_t tiles = plan.points() / fftPlan.size();
  int64_t across = (int64_t(1) << logRow) / fftPlan.columns();
  int64_t logSize = logRow + fftPlan.logPoints;
  Value number = k.blockIndex();
  Value from =
      k.mul(takeRemainder(number, across), k.constant(fftPlan.columns()));
  Value row = takeRemainder(number, tiles / across);
  inWindow = k.add(k.mul(row, k.constant(int64_t(1) << logSize)), from);
  first = k.add(windowStart(side, number), inWindow);
  if (side == Side::Signal)
    number = k.split(number, shape.signalDims, operands.indices);
  operands.enter(number, shape.kernelDims);
  if (pass == 0) {
    fft.setFactor(operands.weightOf(threadPoint()));
  } else {
    GPUFFTPlan columns = plan.columnPlan(pass - 1);
    setTwiddles(columns, logSize + columns.logPoints,
                takeRemainder(row, columns.points()), from);
  }
  inverse ? this->inverse() : forward(side);
  SmallVector<GridFactor> grid{operands.rowFactor(shape.kernelDims)};
  if (side == Side::Signal)
    grid.push_back(operands.rowFactor(shape.signalDims));
  grid.push_back({{tiles}, 1});
  return grid;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void RowPass::transform(Numbers &z) {
  twiddle(z, /*inverse=*/false);
  fft.forward(z);
}

/// Blocks are numbered over kernels, groups of their signals, and rows.
SmallVector<GridFactor> RowPass::emit() {
  int64_t rows = plan.points() / fftPlan.points();
  Value number = k.blockIndex(), per = k.constant(plan.signals);
  Value row = takeRemainder(number, rows);
  Value inWindow = k.mul(row, k.constant(fftPlan.points()));
  Value count = operands.countRows(shape.signalDims);
  Value groups = arith::CeilDivUIOp::create(b, k.loc, count, per);
  Value from = k.mul(arith::RemUIOp::create(b, k.loc, number, groups), per);
  Value to = arith::MinUIOp::create(b, k.loc, k.add(from, per), count);
  Value kernelRow = arith::DivUIOp::create(b, k.loc, number, groups);

  GPUFFTPlan columns = plan.columnPlan(plan.logColumns.size() - 1);
  setTwiddles(columns, fftPlan.logPoints + columns.logPoints,
              takeRemainder(row, columns.points()), k.constant(0));
  Numbers spectrum =
      load(k.add(windowStart(Side::Kernel, kernelRow), inWindow), 0);
  transform(spectrum);
  Num scale = k.num.constant(1.0 / plan.points());
  for (Num &x : spectrum)
    x = k.num.mul(x, scale);
  // The first exchange of a signal writes what others read in the kernel's.
  gpu::BarrierOp::create(b, k.loc);
  auto firstOf = [&](Value signal) {
    Value window = k.add(k.mul(kernelRow, count), signal);
    return k.add(windowStart(Side::Signal, window), inWindow);
  };
  auto loadRow = [&](Value signal) {
    SmallVector<Value> parts;
    for (const Num &x : load(firstOf(signal), 0))
      parts.append({x.re, x.im});
    return parts;
  };
  // The next signal is loaded while this one is transformed.
  k.loop(from, to, 1, loadRow(from), [&](Value signal, ArrayRef<Value> row) {
    Numbers z(fftPlan.perThread());
    for (auto [i, x] : llvm::enumerate(z))
      x = {row[2 * i], row[2 * i + 1]};
    Value next = k.add(signal, k.constant(1));
    SmallVector<Value> ahead = k.branch(
        arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, next, to),
        [&] { return loadRow(next); },
        [&] { return SmallVector<Value>(2 * z.size(), k.num.constant(0).re); });
    transform(z);
    for (auto [x, factor] : llvm::zip_equal(z, spectrum))
      x = k.num.mul(x, factor);
    fft.inverse(z);
    twiddle(z, /*inverse=*/true);
    store(firstOf(signal), 0, z);
    return ahead;
  });
  return {operands.rowFactor(shape.kernelDims),
          operands.rowFactor(shape.signalDims, plan.signals),
          {{rows}, 1}};
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static void emitColumns(ConvKernels &kernels, int64_t pass, Side side,
                        bool inverse) {
  GPUFFTPlan plan = kernels.plan.columnPlan(pass);
  Kernel kernel = kernels.begin(plan.threads());
  auto grid = ColumnPass(kernels.b, kernel, kernels.shape, kernels.plan, pass)
                  .emit(side, inverse);
  // The first passes fill the workspace, with complex numbers of f32.
  bool fills = pass == 0 && !inverse;
  kernels.end(grid, fills ? 8 * plan.size() : 0);
}

void emitLongFFTConv(ConvKernels &kernels) {
  int64_t passes = kernels.plan.logColumns.size();
  for (int64_t pass = 0; pass < passes; ++pass)
    for (Side side : {Side::Kernel, Side::Signal})
      emitColumns(kernels, pass, side, /*inverse=*/false);
  int64_t threads = kernels.plan.rowPlan().threads();
  Kernel kernel = kernels.begin(threads);
  kernels.end(RowPass(kernels.b, kernel, kernels.shape, kernels.plan).emit());
  for (int64_t pass = passes - 1; pass >= 0; --pass)
    emitColumns(kernels, pass, Side::Signal, /*inverse=*/true);
}

} // namespace ssm
