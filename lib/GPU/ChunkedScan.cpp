//===- ChunkedScan.cpp - Matrix states by products of matrices ------------===//
//
//   block = one head and 64 columns p of its state X, of states n x 64; each of
//           its four warps has a quarter of the states in registers
//   for every chunk of 64 steps:
//     load   B and C (steps x states), U (steps x 64)
//     decay  L_ij = a_{j+1} ... a_i
//     Y_i  = (a_1 ... a_i) C_i X + sum_{j <= i} L_ij (C_i B_j) U_j
//     X    = (a_1 ... a_64) X + sum_j L_64,j B_j U_j
//
// Each warp has 16 steps of Y. All four products are of the tensor cores: bf16
// factors, sums in f32. X is rounded to bf16 where Y reads it and carried in
// f32; so are L_ij C_i B_j and L_64,j B_j. Elementwise ops around the
// recurrence are computed on the way: those of a and U where a chunk comes in,
// so that U may be dt x and a exp(dt A), and those behind Y where it is stored.
//
// Precondition: refusesChunks of ChunkForm.cpp.
//
// Reference: Dao and Gu, "Transformers are SSMs" (2024), 6.
//
//===----------------------------------------------------------------------===//
#include "ChunkDecays.h"
#include "Pointwise.h"
#include "WarpMatrix.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kChunk = ChunkDecays::kChunk;
static constexpr int64_t kBlock = ChunkDecays::kBlock;
static constexpr int64_t kBlocks = ChunkDecays::kBlocks;
static constexpr int64_t kColumns = kChunkColumns;
/// Each has a block of steps.
static constexpr int64_t kWarps = kBlocks;

namespace {
class ChunkedScan {
public:
  ChunkedScan(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused);

  Launch emit();

private:
  using Sums = SmallVector<Value>;

  void findBlock(Launch &launch);
  Value isInside(Value time);
  SmallVector<Value> at(Value time, Value column, Value state);

  // Steps of a chunk that starts at `first`.
  void loadTile(SharedTile &tile, int64_t units,
                function_ref<Value(Value, Value)> wordsOf);
  Value computeSignal(Value time);
  void loadChunk();
  void storeState(const Sums &state);
  Sums computeRows(ArrayRef<WarpMatrix::Words> c);
  Sums addBlock(ArrayRef<WarpMatrix::Words> c, Value block, const Sums &y);
  Value weigh(Value product, Value block, int64_t half, int64_t part);
  void storeRows(const Sums &y);
  Sums updateState(const Sums &state);
  Sums emitChunk(const Sums &state);

  Value pairColumn(int64_t unit, int64_t part);
  Value resultColumn(int64_t i);
  SmallVector<Value> takeUnits(const Sums &y, int64_t down);

  // Elements of the state that the thread has.
  Value stateRow(int64_t tile, int64_t half);
  void forStatePairs(const KernelTensor &tensor,
                     function_ref<void(Value, Value)> body);
  Sums loadState();
  void storeFinal(const Sums &state);

  OpBuilder &b;
  Kernel &k;
  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  LinearRecurrenceOp::Dims dims;
  unsigned stateDim, columnDim;
  int64_t states;
  KernelTensor input, output, init, final;
  /// What a step has; the thread's unit of a row of U, and its pairs of a row
  /// of results.
  Pointwise point, ofUnit, ofUnits;
  WarpMatrix warpMatrix;
  /// C, and then X in the same memory; B; U.
  SharedTile outputs, stateTile, inputs, signals;
  ChunkDecays decays;
  SmallVector<Value> indices;
  Value thread, warp, firstColumn, unitColumn, first;
};
} // namespace

ChunkedScan::ChunkedScan(OpBuilder &b, Kernel &k, const FusedRecurrence &fused)
    : b(b), k(k), fused(fused), op(fused.op), dims(op.getDims()),
      stateDim(dims.state[0]),
      columnDim(dimsOf(op.getResultIndexingMap()).back()),
      states(getStaticLoopSizes(op)[stateDim]),
      input(k.argument(op.getInput(), op.getInputIndexingMap())),
      output(k.argument(op.getOutput(), op.getOutputIndexingMap())),
      init(k.argument(op.getInit(), op.getInitIndexingMap())),
      final(k.result(op.getFinal(), op.getFinalIndexingMap())),
      point(b, k, op, /*states=*/1,
            [this](int64_t) { return at(Value(), Value(), Value()); }),
      ofUnit(b, k, dims.time, columnDim, kUnit, kUnit,
             [this](int64_t i) {
               return at(Value(), this->k.add(unitColumn, this->k.constant(i)),
                         Value());
             }),
      ofUnits(
          b, k, dims.time, columnDim, 2 * kUnit, kUnit,
          [this](int64_t i) { return at(Value(), resultColumn(i), Value()); }),
      warpMatrix(b, k), outputs(b, k, "outputs", kChunk, states),
      stateTile(outputs.reshaped(kColumns)),
      inputs(b, k, "inputs", kChunk, states),
      signals(b, k, "signals", kChunk, kColumns), decays(b, k) {}

//===----------------------------------------------------------------------===//
// Control and indices
//===----------------------------------------------------------------------===//

/// Blocks are numbered over heads, and tiles of columns of each.
void ChunkedScan::findBlock(Launch &launch) {
  thread = k.threadIndex();
  warp = arith::DivUIOp::create(b, k.loc, thread, k.constant(kWarp));
  indices.resize(op.getIndexingMapsArray()[0].getNumDims());
  Value number = k.blockIndex();
  Value tiles =
      arith::DivUIOp::create(b, k.loc, k.size(columnDim), k.constant(kColumns));
  firstColumn = k.mul(arith::RemUIOp::create(b, k.loc, number, tiles),
                      k.constant(kColumns));
  number = arith::DivUIOp::create(b, k.loc, number, tiles);
  Value unit =
      arith::RemUIOp::create(b, k.loc, thread, k.constant(kColumns / kUnit));
  unitColumn = k.add(firstColumn, k.mul(unit, k.constant(kUnit)));
  GridFactor heads, columns{{k.launchSize(columnDim)}, kColumns};
  SmallVector<unsigned> headDims;
  for (unsigned dim : dims.parallel)
    if (dim != columnDim) {
      headDims.push_back(dim);
      heads.elements.push_back(k.launchSize(dim));
    }
  k.split(number, headDims, indices);
  launch.threads = kWarps * kWarp;
  launch.grid = {heads, columns};
}

Value ChunkedScan::isInside(Value time) {
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt, time,
                               k.size(dims.time));
}

SmallVector<Value> ChunkedScan::at(Value time, Value column, Value state) {
  SmallVector<Value> all = indices;
  all[dims.time] = time;
  all[columnDim] = column;
  all[stateDim] = state;
  return all;
}

//===----------------------------------------------------------------------===//
// A chunk comes in
//===----------------------------------------------------------------------===//

/// Rows of time, in units of 16 bytes; zero beyond the end.
void ChunkedScan::loadTile(SharedTile &tile, int64_t units,
                           function_ref<Value(Value, Value)> wordsOf) {
  Type words = VectorType::get(4, b.getI32Type());
  // Each thread has one unit of every so many rows.
  Value row = arith::DivUIOp::create(b, k.loc, thread, k.constant(units));
  Value unit = arith::RemUIOp::create(b, k.loc, thread, k.constant(units));
  Value element = k.mul(unit, k.constant(kUnit));
  for (int64_t below = 0; below < kChunk; below += kWarps * kWarp / units) {
    Value time = k.add(k.add(first, row), k.constant(below));
    SmallVector<Value> read = k.branch(
        isInside(time),
        [&] { return SmallVector<Value>{wordsOf(time, element)}; },
        [&] {
          return SmallVector<Value>{
              arith::ConstantOp::create(b, k.loc, b.getZeroAttr(words))};
        });
    tile.storeUnit(row, below, unit, read[0]);
  }
}

/// The thread's unit of a row of U.
Value ChunkedScan::computeSignal(Value time) {
  ofUnit.enter(time);
  Value all =
      LLVM::PoisonOp::create(b, k.loc, VectorType::get(kUnit, b.getBF16Type()));
  for (int64_t i = 0; i < kUnit; ++i)
    all = LLVM::InsertElementOp::create(
        b, k.loc, all,
        ofUnit.readScalars({op.getSignal(), op.getSignalMap()}, i).front(),
        LLVM::ConstantOp::create(b, k.loc,
                                 b.getI32IntegerAttr(static_cast<int>(i))));
  return LLVM::BitcastOp::create(b, k.loc, VectorType::get(4, b.getI32Type()),
                                 all);
}

void ChunkedScan::loadChunk() {
  auto load = [&](SharedTile &tile, const KernelTensor &tensor) {
    loadTile(tile, states / kUnit, [&](Value time, Value state) {
      return k.loadWords(tensor, k.offset(tensor, at(time, Value(), state)));
    });
  };
  load(outputs, output);
  load(inputs, input);
  loadTile(signals, kColumns / kUnit,
           [&](Value time, Value) { return computeSignal(time); });
  // Beyond the end the state stays as it is.
  Value isStep = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt,
                                       thread, k.constant(kChunk));
  k.when(isStep, [&] {
    Value time = k.add(first, thread);
    Value last =
        arith::SubIOp::create(b, k.loc, k.size(dims.time), k.constant(1));
    point.enter(arith::MinUIOp::create(b, k.loc, time, last));
    Num a = point.read({op.getTransition(), op.getTransitionMap()});
    decays.setStep(thread, arith::SelectOp::create(b, k.loc, isInside(time),
                                                   a.re, k.num.constant(1).re));
  });
}

//===----------------------------------------------------------------------===//
// Rows of the result
//===----------------------------------------------------------------------===//

/// L_ij times the element of C B of the warp's row g or g + 8, and of column 2t
/// or 2t + 1 of half a block.
Value ChunkedScan::weigh(Value product, Value block, int64_t half,
                         int64_t part) {
  Value i = k.add(warpMatrix.g, k.constant(part / 2 * 8));
  Value j = k.add(k.mul(warpMatrix.t, k.constant(2)),
                  k.constant(half * 8 + part % 2));
  Value size = k.constant(kBlock), row = k.add(k.mul(warp, size), i);
  Value isLast =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::eq, block, warp);
  Value isCausal =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::sle, j, i);
  Value inside = arith::SelectOp::create(
      b, k.loc, isCausal, decays.inside(row, j), k.num.constant(0).re);
  Value across = k.num.mulf(decays.fromBlock(row),
                            decays.toBlock(warp, k.add(k.mul(block, size), j)));
  return k.num.mulf(product,
                    arith::SelectOp::create(b, k.loc, isLast, inside, across));
}

/// What the steps of a block, not behind the warp's, add to its rows.
ChunkedScan::Sums ChunkedScan::addBlock(ArrayRef<WarpMatrix::Words> c,
                                        Value block, const Sums &y) {
  Value step = k.mul(block, k.constant(kBlock));
  Sums products(8, k.num.constant(0).re), sums = y;
  for (auto [i, left] : llvm::enumerate(c))
    warpMatrix.multiplyAdd(
        products, left,
        warpMatrix.rightTransposed(inputs, {step, 0, {}, int64_t(2 * i)}));
  // Sums of two products of 16 x 8 are the words of a left factor.
  WarpMatrix::Words weights;
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t down = 0; down < 2; ++down)
      weights[2 * half + down] = warpMatrix.pack(
          weigh(products[4 * half + 2 * down], block, half, 2 * down),
          weigh(products[4 * half + 2 * down + 1], block, half, 2 * down + 1));
  for (int64_t unit = 0; unit < kColumns / kUnit; unit += 2)
    warpMatrix.multiplyAdd(MutableArrayRef(sums).slice(4 * unit, 8), weights,
                           warpMatrix.right(signals, {step, 0, {}, unit}));
  return sums;
}

ChunkedScan::Sums ChunkedScan::computeRows(ArrayRef<WarpMatrix::Words> c) {
  Sums y(kColumns / kUnit * 4, k.num.constant(0).re);
  for (auto [i, left] : llvm::enumerate(c))
    for (int64_t unit = 0; unit < kColumns / kUnit; unit += 2)
      warpMatrix.multiplyAdd(
          MutableArrayRef(y).slice(4 * unit, 8), left,
          warpMatrix.right(stateTile, {{}, int64_t(16 * i), {}, unit}));
  // The state in front of the chunk decays up to each row.
  Value start = decays.fromStart(warp);
  for (int64_t down = 0; down < 2; ++down) {
    Value row = k.add(k.mul(warp, k.constant(kBlock)),
                      k.add(warpMatrix.g, k.constant(8 * down)));
    Value factor = k.num.mulf(start, decays.fromBlock(row));
    for (size_t i = 2 * down; i < y.size(); i += 4)
      for (size_t part = i; part < i + 2; ++part)
        y[part] = k.num.mulf(y[part], factor);
  }
  return k.loop(
      k.constant(0), k.add(warp, k.constant(1)), 1, y,
      [&](Value block, const Sums &sums) { return addBlock(c, block, sums); });
}

/// Of the thread's pair of elements in a unit.
Value ChunkedScan::pairColumn(int64_t unit, int64_t part) {
  return k.add(k.add(firstColumn, k.constant(unit * kUnit + part)),
               k.mul(warpMatrix.t, k.constant(2)));
}

/// Of the i-th element of the two units of a row that the thread stores.
Value ChunkedScan::resultColumn(int64_t i) {
  Value unit = k.add(warpMatrix.t, k.constant(i / kUnit * 4));
  return k.add(k.add(firstColumn, k.mul(unit, k.constant(kUnit))),
               k.constant(i % kUnit));
}

/// The elements of these units, in the result's type, from the pairs of all
/// that the products have left the thread.
SmallVector<Value> ChunkedScan::takeUnits(const Sums &y, int64_t down) {
  SmallVector<Value> elements;
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<Value> low, high;
    for (int64_t unit = 4 * half; unit < 4 * half + 4; ++unit) {
      low.push_back(y[4 * unit + 2 * down]);
      high.push_back(y[4 * unit + 2 * down + 1]);
    }
    warpMatrix.transposeQuad(low);
    warpMatrix.transposeQuad(high);
    for (auto [even, odd] : llvm::zip_equal(low, high))
      elements.append({even, odd});
  }
  return elements;
}

void ChunkedScan::storeRows(const Sums &y) {
  for (int64_t down = 0; down < 2; ++down) {
    Value step = k.add(k.mul(warp, k.constant(kBlock)),
                       k.add(warpMatrix.g, k.constant(8 * down)));
    Value time = k.add(first, step);
    SmallVector<Value> elements = takeUnits(y, down);
    k.when(isInside(time), [&] {
      ofUnits.enter(time);
      for (auto [i, element] : llvm::enumerate(elements))
        ofUnits.define({op.getResult(), op.getResultIndexingMap()},
                       {element, Value()}, i);
      for (const Mapped &result : fused.results) {
        KernelTensor tensor = k.result(result.tensor, result.map);
        int64_t group = ofUnits.countNeighbours(tensor);
        SmallVector<Num> values;
        for (size_t i = 0; i < elements.size(); ++i)
          values.push_back(ofUnits.read(result, i));
        for (size_t i = 0; i < elements.size(); i += group)
          k.store(tensor, k.offset(tensor, at(time, resultColumn(i), Value())),
                  ArrayRef(values).slice(i, group));
      }
    });
  }
}

//===----------------------------------------------------------------------===//
// The state
//===----------------------------------------------------------------------===//

/// Sums of state tile i of a warp are those of rows 16 (warp + 4 i).
Value ChunkedScan::stateRow(int64_t tile, int64_t half) {
  Value row = k.add(warp, k.constant(kWarps * tile));
  return k.add(k.mul(row, k.constant(16)),
               k.add(warpMatrix.g, k.constant(8 * half)));
}

/// Calls the body for each pair of elements of the state, with its place in
/// memory, and that of its second element unless they follow each other.
void ChunkedScan::forStatePairs(const KernelTensor &tensor,
                                function_ref<void(Value, Value)> body) {
  bool follow = dimsOf(tensor.map).back() == columnDim;
  for (int64_t tile = 0; tile < states / 16 / kWarps; ++tile)
    for (int64_t unit = 0; unit < kColumns / kUnit; ++unit)
      for (int64_t half = 0; half < 2; ++half) {
        auto place = [&](int64_t part) {
          return k.offset(tensor, at(Value(), pairColumn(unit, part),
                                     stateRow(tile, half)));
        };
        body(place(0), follow ? Value() : place(1));
      }
}

ChunkedScan::Sums ChunkedScan::loadState() {
  if (!init)
    return Sums(states / kWarps * kColumns / kWarp, k.num.constant(0).re);
  Sums state;
  forStatePairs(init, [&](Value low, Value high) {
    for (const Num &x : k.load(init, low, high ? 1 : 2))
      state.push_back(x.re);
    if (high)
      state.push_back(k.load(init, high).front().re);
  });
  return state;
}

void ChunkedScan::storeFinal(const Sums &state) {
  if (!final)
    return;
  size_t i = 0;
  forStatePairs(final, [&](Value low, Value high) {
    Num first{state[i++], Value()}, second{state[i++], Value()};
    if (!high)
      return k.store(final, low, {first, second});
    k.store(final, low, first);
    k.store(final, high, second);
  });
}

/// Where C was, as a right factor.
void ChunkedScan::storeState(const Sums &state) {
  size_t i = 0;
  for (int64_t tile = 0; tile < states / 16 / kWarps; ++tile)
    for (int64_t unit = 0; unit < kColumns / kUnit; ++unit)
      for (int64_t half = 0; half < 2; ++half, i += 2)
        stateTile.storePair(stateRow(0, 0), 16 * kWarps * tile + 8 * half,
                            k.constant(unit), warpMatrix.t,
                            warpMatrix.pack(state[i], state[i + 1]));
}

ChunkedScan::Sums ChunkedScan::updateState(const Sums &state) {
  Value end = k.constant(kBlocks), whole = decays.fromStart(end);
  Sums sums;
  for (Value x : state)
    sums.push_back(k.num.mulf(x, whole));
  return k.loop(k.constant(0), end, 1, sums, [&](Value block, Sums after) {
    Value step = k.mul(block, k.constant(kBlock));
    auto toEnd = [&](int64_t i) {
      Value j = k.add(step, k.mul(warpMatrix.t, k.constant(2)));
      return decays.toBlock(end, k.add(j, k.constant(i)));
    };
    for (int64_t tile = 0; tile < states / 16 / kWarps; ++tile) {
      WarpMatrix::Words left = warpMatrix.leftTransposed(
          inputs, {step, 0, k.mul(warp, k.constant(2)), 2 * kWarps * tile});
      for (int64_t word = 0; word < 4; ++word) {
        auto [low, high] = warpMatrix.unpack(left[word]);
        left[word] = warpMatrix.pack(k.num.mulf(low, toEnd(word / 2 * 8)),
                                     k.num.mulf(high, toEnd(word / 2 * 8 + 1)));
      }
      for (int64_t u = 0; u < kColumns / kUnit; u += 2)
        warpMatrix.multiplyAdd(
            MutableArrayRef(after).slice((tile * kColumns / kUnit + u) * 4, 8),
            left, warpMatrix.right(signals, {step, 0, {}, u}));
    }
    return after;
  });
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

ChunkedScan::Sums ChunkedScan::emitChunk(const Sums &state) {
  auto barrier = [&] { gpu::BarrierOp::create(b, k.loc); };
  loadChunk();
  barrier();
  SmallVector<WarpMatrix::Words> c;
  for (int64_t unit = 0; unit < states / kUnit; unit += 2)
    c.push_back(warpMatrix.left(
        outputs, {k.mul(warp, k.constant(kBlock)), 0, {}, unit}));
  decays.compute();
  barrier();
  storeState(state);
  barrier();
  storeRows(computeRows(c));
  Sums next = updateState(state);
  barrier();
  return next;
}

Launch ChunkedScan::emit() {
  Launch launch;
  findBlock(launch);
  Value chunks = arith::CeilDivUIOp::create(b, k.loc, k.size(dims.time),
                                            k.constant(kChunk));
  storeFinal(k.loop(k.constant(0), chunks, 1, loadState(),
                    [&](Value chunk, const Sums &state) {
                      first = k.mul(chunk, k.constant(kChunk));
                      return emitChunk(state);
                    }));
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitChunkedScan(OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused) {
  return ChunkedScan(b, kernel, fused).emit();
}

} // namespace ssm
