//===- ChunkedScan.cpp - Matrix states by products of matrices ------------===//
//
//   block = one head and 64 columns p of its state X, of states n x 64; each of
//           its four warps has a quarter of the states in registers, and 16 of
//           a chunk's 64 steps
//   for every chunk:
//     Y_i  = (a_1 ... a_i) C_i X + sum_{j <= i} L_ij (C_i B_j) U_j,
//            where L_ij = a_{j+1} ... a_i
//     X    = (a_1 ... a_64) X + sum_j L_64,j B_j U_j
//
// All four products are of the tensor cores: bf16 factors, sums in f32. X is
// rounded to bf16 where Y reads it and carried in f32; so are L_ij C_i B_j, and
// B_j or U_j with L_64,j. Elementwise ops around the recurrence are computed on
// the way: those of a and U where a chunk comes in, so that U may be dt x and a
// exp(dt A), and those behind Y where it is stored.
//
// How the products are computed is a chunk's own matter: WarpChunks.cpp and
// GroupChunks.cpp.
//
// Precondition: refusesChunks of ChunkForm.cpp.
//
// Reference: Dao and Gu, "Transformers are SSMs" (2024), 6.
//
//===----------------------------------------------------------------------===//
#include "ChunkedScan.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

ChunkedScan::ChunkedScan(OpBuilder &b, Kernel &k, const FusedRecurrence &fused,
                         int64_t decayBuffers)
    : b(b), k(k), fused(fused), op(fused.op), dims(op.getDims()),
      states(getStaticLoopSizes(op)[dims.state[0]]),
      input(k.argument(op.getInput(), op.getInputIndexingMap())),
      output(k.argument(op.getOutput(), op.getOutputIndexingMap())),
      warpMatrix(b, k), decays(b, k, warpMatrix, decayBuffers),
      stateDim(dims.state[0]),
      columnDim(dimsOf(op.getResultIndexingMap()).back()),
      init(k.argument(op.getInit(), op.getInitIndexingMap())),
      final(k.result(op.getFinal(), op.getFinalIndexingMap())),
      ofUnit(b, k, dims.time, columnDim, kUnit, kUnit,
             [this](int64_t i) {
               return at(Value(), this->k.add(unitColumn, this->k.constant(i)),
                         Value());
             }),
      ofUnits(
          b, k, dims.time, columnDim, 2 * kUnit, kUnit,
          [this](int64_t i) { return at(Value(), resultColumn(i), Value()); }),
      transition{op.getTransition(), op.getTransitionMap()},
      signal{op.getSignal(), op.getSignalMap()} {
  ofUnit.share(signal);
}

//===----------------------------------------------------------------------===//
// Control and indices
//===----------------------------------------------------------------------===//

/// Blocks are numbered over heads, and tiles of columns of each.
void ChunkedScan::findBlock(Launch &launch) {
  enter(k.threadIndex());
  indices.resize(op.getIndexingMapsArray()[0].getNumDims());
  Value number = k.blockIndex();
  Value tiles =
      arith::DivUIOp::create(b, k.loc, k.size(columnDim), k.constant(kColumns));
  firstColumn = k.mul(arith::RemUIOp::create(b, k.loc, number, tiles),
                      k.constant(kColumns));
  number = arith::DivUIOp::create(b, k.loc, number, tiles);
  resultUnit = warpMatrix.t;
  unitColumn = k.add(firstColumn, k.mul(warpMatrix.laneIn(kColumns / kUnit),
                                        k.constant(kUnit)));
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

/// Places in memory are computed from this.
void ChunkedScan::enter(Value thread) {
  warpMatrix.enter(thread);
  warp = arith::DivUIOp::create(b, k.loc, thread, k.constant(kWarp));
}

/// Whether no chunk reaches beyond the end, where the length is known.
bool ChunkedScan::areWhole() { return k.launchSize(dims.time) % kChunk == 0; }

Value ChunkedScan::isInside(Value time) {
  if (areWhole())
    return arith::ConstantOp::create(b, k.loc, b.getBoolAttr(true));
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::slt, time,
                               k.size(dims.time));
}

/// The last step in place of those behind it.
Value ChunkedScan::clamp(Value time) {
  if (areWhole())
    return time;
  Value last =
      arith::SubIOp::create(b, k.loc, k.size(dims.time), k.constant(1));
  return arith::MinUIOp::create(b, k.loc, time, last);
}

/// Of the warp's block in a chunk.
Value ChunkedScan::stepOf(Value inBlock) {
  return k.add(k.mul(warp, k.constant(kBlock)), inBlock);
}

/// Row g or g + 8 of that.
Value ChunkedScan::rowOf(int64_t down) {
  return stepOf(k.add(warpMatrix.g, k.constant(8 * down)));
}

ChunkedScan::Values ChunkedScan::at(Value time, Value column, Value state) {
  Values all = indices;
  all[dims.time] = time;
  all[columnDim] = column;
  all[stateDim] = state;
  return all;
}

//===----------------------------------------------------------------------===//
// A chunk comes in
//===----------------------------------------------------------------------===//

/// Calls the body with what the lane has of the rows of the warp's block:
/// steps, in two parts of which the second one is a known multiple of 8, and
/// its unit.
void ChunkedScan::forUnits(int64_t columns,
                           function_ref<void(Value, int64_t, Value)> body) {
  int64_t units = columns / kUnit;
  Value row = arith::DivUIOp::create(b, k.loc, warpMatrix.laneIn(kWarp),
                                     k.constant(units));
  for (int64_t below = 0; below < kBlock; below += kWarp / units)
    body(stepOf(k.add(row, k.constant(below % 8))), below / 8 * 8,
         warpMatrix.laneIn(units));
}

/// Of a unit of states. Places in whole chunks have a part in common.
Value ChunkedScan::placeOf(const KernelTensor &tensor, Value step,
                           int64_t below, Value unit) {
  Value state = k.mul(unit, k.constant(kUnit));
  if (!areWhole())
    return k.offset(tensor, at(timeOf(step, below), Value(), state));
  auto along = [&](Value steps) {
    Values only(indices.size());
    only[dims.time] = steps;
    return k.offset(tensor, only);
  };
  Value place = k.offset(tensor, at(coming, Value(), state));
  return k.add(k.add(place, along(step)), along(k.constant(below)));
}

/// In the chunk that comes next.
Value ChunkedScan::timeOf(Value step, int64_t below) {
  return clamp(k.add(k.add(coming, step), k.constant(below)));
}

/// What a lane's own step has is loaded first, and shared with its warp.
void ChunkedScan::prefetchStep() {
  ownTime = timeOf(stepOf(warpMatrix.laneIn(kBlock)));
  ofUnit.enter(ownTime);
  ofUnit.prefetch(transition);
}

/// Beyond the end the state stays as it is.
Parts ChunkedScan::joinSteps() {
  ofUnit.enter(ownTime);
  Value a = ofUnit.read(transition).re;
  Value time = k.add(coming, stepOf(warpMatrix.laneIn(kBlock)));
  ofUnit.computeShared();
  return decays.join(arith::SelectOp::create(b, k.loc, isInside(time), a,
                                             k.num.constant(1).re));
}

void ChunkedScan::prefetchSignals() {
  times.clear();
  forUnits(kColumns, [&](Value step, int64_t below, Value) {
    times.push_back(timeOf(step, below));
    ofUnit.enter(times.back());
    ofUnit.prefetch(signal);
  });
}

ChunkedScan::Values ChunkedScan::computeSignals() {
  Values units;
  Value lane = arith::DivUIOp::create(b, k.loc, warpMatrix.laneIn(kWarp),
                                      k.constant(kColumns / kUnit));
  for (auto [i, time] : llvm::enumerate(times)) {
    int64_t below = static_cast<int64_t>(i) * kWarp * kUnit / kColumns;
    ofUnit.enter(time);
    ofUnit.receiveShared(
        ownTime, arith::TruncIOp::create(b, k.loc, b.getI32Type(),
                                         k.add(lane, k.constant(below))));
    units.push_back(packSignal());
  }
  return units;
}

/// The thread's unit of a row of U.
Value ChunkedScan::packSignal() {
  Value all =
      LLVM::PoisonOp::create(b, k.loc, VectorType::get(kUnit, b.getBF16Type()));
  for (int64_t i = 0; i < kUnit; ++i)
    all = LLVM::InsertElementOp::create(
        b, k.loc, all, ofUnit.readScalars(signal, i).front(), k.laneNumber(i));
  return LLVM::BitcastOp::create(b, k.loc, VectorType::get(4, b.getI32Type()),
                                 all);
}

/// Units of a row of that number in the present chunk.
Value ChunkedScan::zeroBeyondEnd(Value words, Value step, int64_t below) {
  Value zero =
      arith::ConstantOp::create(b, k.loc, b.getZeroAttr(words.getType()));
  Value time = k.add(k.add(first, step), k.constant(below));
  return arith::SelectOp::create(b, k.loc, isInside(time), words, zero);
}

//===----------------------------------------------------------------------===//
// Rows of the result
//===----------------------------------------------------------------------===//

/// Of the i-th element of the two units of a row that the thread stores.
Value ChunkedScan::resultColumn(int64_t i) {
  Value unit = k.add(resultUnit, k.constant(i / kUnit * 4));
  return k.add(k.add(firstColumn, k.mul(unit, k.constant(kUnit))),
               k.constant(i % kUnit));
}

/// The elements of these units, in the result's type, from the pairs of all
/// that the products have left the thread.
ChunkedScan::Values ChunkedScan::takeUnits(const Values &y, int64_t down) {
  auto pairType = VectorType::get(2, b.getBF16Type());
  Values elements;
  for (int64_t half = 0; half < 2; ++half) {
    Values pairs;
    for (int64_t unit = 4 * half; unit < 4 * half + 4; ++unit)
      pairs.push_back(
          warpMatrix.pack(y[4 * unit + 2 * down], y[4 * unit + 2 * down + 1]));
    warpMatrix.transposeQuad(pairs);
    for (Value word : pairs) {
      Value pair = LLVM::BitcastOp::create(b, k.loc, pairType, word);
      for (int64_t i = 0; i < 2; ++i)
        elements.push_back(
            LLVM::ExtractElementOp::create(b, k.loc, pair, k.laneNumber(i)));
    }
  }
  return elements;
}

/// Steps of the thread's rows.
void ChunkedScan::enterRows() {
  for (int64_t down = 0; down < 2; ++down)
    rowTimes[down] = clamp(k.add(first, rowOf(down)));
}

/// Loads what ops behind the recurrence read of them.
void ChunkedScan::prefetchRows() {
  for (Value time : rowTimes) {
    ofUnits.enter(time);
    for (const Mapped &result : fused.results)
      ofUnits.prefetch(result);
  }
}

void ChunkedScan::storeRow(int64_t down, ArrayRef<Value> elements) {
  Value time = rowTimes[down];
  ofUnits.enter(time);
  for (auto [i, element] : llvm::enumerate(elements))
    ofUnits.setScalars({op.getResult(), op.getResultIndexingMap()}, {element},
                       i);
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
}

void ChunkedScan::storeRows(const Values &y) {
  for (int64_t down = 0; down < 2; ++down) {
    Values elements = takeUnits(y, down);
    k.when(isInside(k.add(first, rowOf(down))),
           [&] { storeRow(down, elements); });
  }
}

//===----------------------------------------------------------------------===//
// The state
//===----------------------------------------------------------------------===//

/// Calls the body for each pair of elements of the state, with its place in
/// memory, and that of its second element unless they follow each other.
void ChunkedScan::forStatePairs(const KernelTensor &tensor,
                                function_ref<void(Value, Value)> body) {
  auto place = [&](const Element &one) {
    return k.offset(tensor,
                    at(Value(), k.add(firstColumn, one.column), one.row));
  };
  unsigned last = dimsOf(tensor.map).back();
  for (int64_t i = 0; i < countElements() / 2; ++i) {
    auto [one, other] = pairOf(i);
    bool follow =
        last == columnDim ? one.row == other.row : one.column == other.column;
    body(place(one), follow ? Value() : place(other));
  }
}

ChunkedScan::Values ChunkedScan::loadState() {
  if (!init)
    return Values(countElements(), k.num.constant(0).re);
  Values state;
  forStatePairs(init, [&](Value low, Value high) {
    for (const Num &x : k.load(init, low, high ? 1 : 2))
      state.push_back(x.re);
    if (high)
      state.push_back(k.load(init, high).front().re);
  });
  return state;
}

void ChunkedScan::storeFinal(const Values &state) {
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

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

/// Where the next chunk starts; of whole chunks the last one has itself behind
/// it.
Value ChunkedScan::nextStart() {
  Value next = k.add(first, k.constant(kChunk));
  if (!areWhole())
    return next;
  Value last =
      arith::SubIOp::create(b, k.loc, k.size(dims.time), k.constant(kChunk));
  return arith::MinUIOp::create(b, k.loc, next, last);
}

void ChunkedScan::synchronize() { gpu::BarrierOp::create(b, k.loc); }

/// Places are computed anew in parts of a chunk: all of them together would
/// fill too many registers.
void ChunkedScan::enterPart() {
  enter(k.opaque(k.threadIndex(), kWarps * kWarp - 1));
}

ChunkedScan::Values ChunkedScan::emitChunks(const Values &state) {
  Chunk chunk = loadFirst();
  auto carry = [&](const Values &sums, Chunk &chunk) {
    Values all = sums;
    for (Values *part : chunk.parts())
      llvm::append_range(all, *part);
    return all;
  };
  Values end =
      k.loop(k.constant(0), k.size(dims.time), kChunk, carry(state, chunk),
             [&](Value start, const Values &carried) {
               first = start;
               ArrayRef<Value> rest(carried);
               auto take = [&](size_t size) {
                 Values some(rest.take_front(size));
                 rest = rest.drop_front(size);
                 return some;
               };
               Values sums = take(state.size());
               Chunk present;
               for (auto [part, like] :
                    llvm::zip_equal(present.parts(), chunk.parts()))
                 *part = take(like->size());
               Chunk next = emitChunk(present, sums);
               return carry(sums, next);
             });
  end.resize(state.size());
  return end;
}

Launch ChunkedScan::emit() {
  Launch launch;
  findBlock(launch);
  Value isLong = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ne,
                                       k.size(dims.time), k.constant(0));
  Values start = loadState();
  Values end = k.branch(
      isLong, [&] { return emitChunks(start); }, [&] { return start; });
  enter(k.threadIndex());
  storeFinal(end);
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitChunkedScan(OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused, bool byGroups) {
  return byGroups ? emitGroupChunks(b, kernel, fused)
                  : emitWarpChunks(b, kernel, fused);
}

} // namespace ssm
