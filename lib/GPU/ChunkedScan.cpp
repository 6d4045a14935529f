//===- ChunkedScan.cpp - Matrix states by products of matrices ------------===//
//
//   block = one head and 64 columns p of its state X, of states n x 64; each of
//           its four warps has a quarter of the states in registers, and 16 of
//           a chunk's 64 steps
//   for every chunk:
//     store  B (steps x states), U (steps x 64), decays of steps, and X
//     Y_i  = (a_1 ... a_i) C_i X + sum_{j <= i} L_ij (C_i B_j) U_j,
//            where L_ij = a_{j+1} ... a_i
//     load   the next chunk, into registers
//     X    = (a_1 ... a_64) X + sum_j L_64,j B_j U_j
//
// All four products are of the tensor cores: bf16 factors, sums in f32. X is
// rounded to bf16 where Y reads it and carried in f32; so are L_ij C_i B_j and
// L_64,j B_j. Elementwise ops around the recurrence are computed on the way:
// those of a and U where a chunk comes in, so that U may be dt x and a exp(dt
// A), and those behind Y where it is stored.
//
// Rows of C are factors of the warp that loads them. A lane has 16 bytes of a
// row, states that follow each other, so that products over states take these
// in an order of their own: of 16 the lane has 4.
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

ChunkedScan::ChunkedScan(OpBuilder &b, Kernel &k, const FusedRecurrence &fused)
    : b(b), k(k), fused(fused), op(fused.op), dims(op.getDims()),
      stateDim(dims.state[0]),
      columnDim(dimsOf(op.getResultIndexingMap()).back()),
      states(getStaticLoopSizes(op)[stateDim]),
      input(k.argument(op.getInput(), op.getInputIndexingMap())),
      output(k.argument(op.getOutput(), op.getOutputIndexingMap())),
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
      signal{op.getSignal(), op.getSignalMap()}, warpMatrix(b, k),
      outputs(b, k, "outputs", kChunk, states),
      stateTile(outputs.reshaped(kColumns)),
      inputs(b, k, "inputs", kChunk, states),
      signals(b, k, "signals", kChunk, kColumns), decays(b, k, warpMatrix) {
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

ChunkedScan::Values ChunkedScan::loadInputs() {
  Values loaded;
  forUnits(states, [&](Value step, int64_t below, Value unit) {
    loaded.push_back(k.loadWords(input, placeOf(input, step, below, unit)));
  });
  return loaded;
}

/// The warp's rows of C, of which only it has a use, where the state was.
void ChunkedScan::copyOutputs() {
  forUnits(states, [&](Value step, int64_t below, Value unit) {
    outputs.copyUnit(step, below, unit,
                     k.address(output, placeOf(output, step, below, unit)));
  });
}

ChunkedScan::Values ChunkedScan::takeOutputs() {
  SharedTile::waitForCopies(b, k);
  warpMatrix.synchronize();
  Values words;
  Value row = stepOf(k.constant(0));
  for (int64_t unit = 0; unit < states / kUnit; unit += 2)
    llvm::append_range(words, warpMatrix.left(outputs, {row, 0, {}, unit}));
  return words;
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

/// Zero beyond the end.
void ChunkedScan::storeUnits(SharedTile &tile, int64_t columns,
                             ArrayRef<Value> units) {
  size_t i = 0;
  forUnits(columns, [&](Value step, int64_t below, Value unit) {
    Value words = units[i++];
    Value zero =
        arith::ConstantOp::create(b, k.loc, b.getZeroAttr(words.getType()));
    Value time = k.add(k.add(first, step), k.constant(below));
    words = arith::SelectOp::create(b, k.loc, isInside(time), words, zero);
    tile.storeUnit(step, below, unit, words);
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

ChunkedScan::Chunk ChunkedScan::loadFirst() {
  Chunk chunk;
  coming = k.constant(0);
  copyOutputs();
  prefetchStep();
  chunk.decays = joinSteps();
  chunk.inputs = loadInputs();
  prefetchSignals();
  chunk.signals = computeSignals();
  chunk.outputs = takeOutputs();
  synchronize();
  return chunk;
}

/// The next chunk is under way while the state is updated.
ChunkedScan::Chunk ChunkedScan::emitChunk(const Chunk &chunk, Values &state) {
  coming = nextStart();
  Chunk next;
  storeUnits(inputs, states, chunk.inputs);
  storeUnits(signals, kColumns, chunk.signals);
  decays.store(warp, chunk.decays);
  storeState(state);
  synchronize();
  prefetchStep();
  decays.enter(warp);
  Values y = readState(chunk);
  synchronize();
  enterPart();
  copyOutputs();
  storeRows(computeRows(chunk, y));
  warpMatrix.synchronize();
  enterPart();
  next.inputs = loadInputs();
  prefetchSignals();
  next.decays = joinSteps();
  state = updateState(state);
  next.signals = computeSignals();
  next.outputs = takeOutputs();
  synchronize();
  return next;
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
                       const FusedRecurrence &fused) {
  return ChunkedScan(b, kernel, fused).emit();
}

} // namespace ssm
