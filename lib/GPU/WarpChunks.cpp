//===- WarpChunks.cpp - Chunks of a matrix state, warp by warp ------------===//
//
//   for every chunk:
//     store  B (steps x states), U (steps x 64), decays of steps, and X
//     Y of each warp's 16 steps: blocks of 16 x 16 of C B that are not behind
//     load   the next chunk, into registers
//     X      from B, each step with its decay up to the chunk's end, and U
//
// Rows of C are factors of the warp that loads them. A lane has 16 bytes of a
// row, states that follow each other, so that products over states take these
// in an order of their own: of 16 the lane has 4.
//
//===----------------------------------------------------------------------===//
#include "ChunkedScan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {
namespace {

class WarpChunks : public ChunkedScan {
public:
  WarpChunks(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused)
      : ChunkedScan(b, kernel, fused, /*decayBuffers=*/1),
        outputs(b, k, "outputs", kChunk, states),
        stateTile(outputs.reshaped(kColumns)),
        inputs(b, k, "inputs", kChunk, states),
        signals(b, k, "signals", kChunk, kColumns) {}

private:
  Chunk loadFirst() override;
  Chunk emitChunk(const Chunk &chunk, Values &state) override;

  Values loadInputs();
  void copyOutputs();
  Values takeOutputs();
  void storeUnits(SharedTile &tile, int64_t columns, ArrayRef<Value> units);

  std::pair<Element, Element> pairOf(int64_t i) override;
  int64_t countTiles() const { return states / 16 / kWarps; }
  Value stateRow(int64_t tile, int64_t half);
  void storeState(const Values &state);

  WarpMatrix::Words outputWords(const Chunk &chunk, int64_t tile);
  Values multiplyOutputs(const Chunk &chunk, Value block);
  void addBlock(Values &y, ArrayRef<Value> products, Value block,
                function_ref<Value(int64_t, int64_t, int64_t)> weight);
  Values readState(const Chunk &chunk);
  Values computeRows(const Chunk &chunk, Values y);
  WarpMatrix::Words inputWords(int64_t tile, Value step,
                               ArrayRef<Parts> weights);
  Values updateState(const Values &state);

  /// C, and X in the same memory; B; U.
  SharedTile outputs, stateTile, inputs, signals;
};

} // namespace

//===----------------------------------------------------------------------===//
// A chunk comes in
//===----------------------------------------------------------------------===//

ChunkedScan::Values WarpChunks::loadInputs() {
  Values loaded;
  forUnits(states, [&](Value step, int64_t below, Value unit) {
    loaded.push_back(k.loadWords(input, placeOf(input, step, below, unit)));
  });
  return loaded;
}

/// The warp's rows of C, of which only it has a use, where the state was.
void WarpChunks::copyOutputs() {
  forUnits(states, [&](Value step, int64_t below, Value unit) {
    outputs.copyUnit(step, below, unit,
                     k.address(output, placeOf(output, step, below, unit)));
  });
}

ChunkedScan::Values WarpChunks::takeOutputs() {
  SharedTile::waitForCopies(b, k);
  warpMatrix.synchronize();
  Values words;
  Value row = stepOf(k.constant(0));
  for (int64_t unit = 0; unit < states / kUnit; unit += 2)
    llvm::append_range(words, warpMatrix.left(outputs, {row, 0, {}, unit}));
  return words;
}

void WarpChunks::storeUnits(SharedTile &tile, int64_t columns,
                            ArrayRef<Value> units) {
  size_t i = 0;
  forUnits(columns, [&](Value step, int64_t below, Value unit) {
    tile.storeUnit(step, below, unit, zeroBeyondEnd(units[i++], step, below));
  });
}

//===----------------------------------------------------------------------===//
// Rows of the result
//===----------------------------------------------------------------------===//

/// C at the warp's rows and 16 states as a left factor.
WarpMatrix::Words WarpChunks::outputWords(const Chunk &chunk, int64_t tile) {
  WarpMatrix::Words words;
  llvm::copy(ArrayRef(chunk.outputs).slice(4 * tile, 4), words.begin());
  return words;
}

/// C B at the warp's rows and a block.
ChunkedScan::Values WarpChunks::multiplyOutputs(const Chunk &chunk,
                                                Value block) {
  Values products(8, k.num.constant(0).re);
  Value step = k.mul(block, k.constant(kBlock));
  for (int64_t tile = 0; tile < states / 16; ++tile)
    warpMatrix.multiplyAdd(
        products, outputWords(chunk, tile),
        warpMatrix.rightTransposed(inputs, {step, 0, {}, 2 * tile}));
  return products;
}

/// What the steps of a block add to the warp's rows, by their weights at row g
/// + 8 down and column 2t + part of half a block.
void WarpChunks::addBlock(
    Values &y, ArrayRef<Value> products, Value block,
    function_ref<Value(int64_t down, int64_t half, int64_t part)> weight) {
  // Values of two products of 16 x 8 are the words of a left factor.
  WarpMatrix::Words weights;
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t down = 0; down < 2; ++down) {
      auto weigh = [&](int64_t part) {
        return k.num.mulf(products[4 * half + 2 * down + part],
                          weight(down, half, part));
      };
      weights[2 * half + down] = warpMatrix.pack(weigh(0), weigh(1));
    }
  Value step = k.mul(block, k.constant(kBlock));
  for (int64_t unit = 0; unit < kColumns / kUnit; unit += 2)
    warpMatrix.multiplyAdd(MutableArrayRef(y).slice(4 * unit, 8), weights,
                           warpMatrix.right(signals, {step, 0, {}, unit}));
}

/// The state in front of the chunk, which decays up to each row.
ChunkedScan::Values WarpChunks::readState(const Chunk &chunk) {
  Values y(kColumns / kUnit * 4, k.num.constant(0).re);
  for (int64_t tile = 0; tile < states / 16; ++tile)
    for (int64_t unit = 0; unit < kColumns / kUnit; unit += 2)
      warpMatrix.multiplyAdd(
          MutableArrayRef(y).slice(4 * unit, 8), outputWords(chunk, tile),
          warpMatrix.right(stateTile, {{}, 16 * tile, {}, unit}));
  Value before = decays.before(warp);
  for (size_t i = 0; i < y.size(); ++i)
    y[i] = k.num.mulf(y[i], k.num.mulf(before, decays.fromBlock(i / 2 % 2)));
  return y;
}

ChunkedScan::Values WarpChunks::computeRows(const Chunk &chunk, Values y) {
  addBlock(y, multiplyOutputs(chunk, warp), warp,
           [&](int64_t down, int64_t half, int64_t part) {
             return decays.inside(down, half, part);
           });
  // Blocks before the warp's, backward, and what is between them and it.
  y.push_back(k.num.constant(1).re);
  y = k.loop(k.constant(0), warp, 1, y, [&](Value i, Values sums) {
    Value between = sums.pop_back_val();
    Value block = decays.fromLast(warp, i);
    Value rows[2];
    Parts ends[2];
    for (int64_t half = 0; half < 2; ++half) {
      rows[half] = k.num.mulf(decays.fromBlock(half), between);
      ends[half] = decays.toBlockEnd(block, half);
    }
    addBlock(sums, multiplyOutputs(chunk, block), block,
             [&](int64_t down, int64_t half, int64_t part) {
               return k.num.mulf(rows[down], ends[half][part]);
             });
    sums.push_back(k.num.mulf(between, decays.ofBlock(block)));
    return sums;
  });
  y.pop_back();
  return y;
}

//===----------------------------------------------------------------------===//
// The state
//===----------------------------------------------------------------------===//

/// Values of state tile i of a warp are those of rows 16 (warp + 4 i).
Value WarpChunks::stateRow(int64_t tile, int64_t half) {
  Value row = k.add(warp, k.constant(kWarps * tile));
  return k.add(k.mul(row, k.constant(16)),
               k.add(warpMatrix.g, k.constant(8 * half)));
}

/// Beside each other, of each tile and unit two rows.
std::pair<ChunkedScan::Element, ChunkedScan::Element>
WarpChunks::pairOf(int64_t i) {
  int64_t units = kColumns / kUnit, unit = i / 2 % units;
  Value row = stateRow(i / 2 / units, i % 2);
  auto column = [&](int64_t part) {
    return k.add(k.mul(warpMatrix.t, k.constant(2)),
                 k.constant(unit * kUnit + part));
  };
  return {{column(0), row}, {column(1), row}};
}

/// As a right factor.
void WarpChunks::storeState(const Values &state) {
  size_t i = 0;
  for (int64_t tile = 0; tile < countTiles(); ++tile)
    for (int64_t unit = 0; unit < kColumns / kUnit; ++unit)
      for (int64_t half = 0; half < 2; ++half, i += 2)
        stateTile.storePair(stateRow(0, 0), 16 * kWarps * tile + 8 * half,
                            k.constant(unit), warpMatrix.t,
                            warpMatrix.pack(state[i], state[i + 1]));
}

/// B at the warp's states and the steps of a block as a left factor, each step
/// with its weight.
WarpMatrix::Words WarpChunks::inputWords(int64_t tile, Value step,
                                         ArrayRef<Parts> weights) {
  WarpMatrix::Words left = warpMatrix.leftTransposed(
      inputs, {step, 0, k.mul(warp, k.constant(2)), 2 * kWarps * tile});
  for (int64_t word = 0; word < 4; ++word) {
    auto [low, high] = warpMatrix.unpack(left[word]);
    const Parts &weight = weights[word / 2];
    left[word] = warpMatrix.pack(k.num.mulf(low, weight[0]),
                                 k.num.mulf(high, weight[1]));
  }
  return left;
}

/// Blocks backward, with what is behind them in the chunk. What has been loaded
/// in front of a loop is under way in it.
ChunkedScan::Values WarpChunks::updateState(const Values &state) {
  Values sums;
  Value end = k.constant(kBlocks), whole = decays.before(end);
  for (Value x : state)
    sums.push_back(k.num.mulf(x, whole));
  sums.push_back(k.num.constant(1).re);
  sums = k.loop(
      k.constant(0), end, 1, sums,
      [&](Value i, Values sums) {
        Value behind = sums.pop_back_val();
        Value block = decays.fromLast(end, i);
        Value step = k.mul(block, k.constant(kBlock));
        Parts weights[2];
        for (int64_t half = 0; half < 2; ++half)
          for (Value toEnd : decays.toBlockEnd(block, half))
            weights[half].push_back(k.num.mulf(toEnd, behind));
        WarpMatrix::Words right[kColumns / kUnit / 2];
        for (auto [unit, words] : llvm::enumerate(right))
          words = warpMatrix.right(signals, {step, 0, {}, int64_t(2 * unit)});
        for (int64_t tile = 0; tile < countTiles(); ++tile) {
          WarpMatrix::Words left = inputWords(tile, step, weights);
          for (auto [unit, words] : llvm::enumerate(right))
            warpMatrix.multiplyAdd(
                MutableArrayRef(sums).slice(tile * kColumns / 2 + 8 * unit, 8),
                left, words);
        }
        sums.push_back(k.num.mulf(behind, decays.ofBlock(block)));
        return sums;
      },
      /*mayUnroll=*/false);
  sums.pop_back();
  return sums;
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

ChunkedScan::Chunk WarpChunks::loadFirst() {
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
ChunkedScan::Chunk WarpChunks::emitChunk(const Chunk &chunk, Values &state) {
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
  y = computeRows(chunk, y);
  enterRows();
  storeRows(y);
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

Launch emitWarpChunks(OpBuilder &b, Kernel &kernel,
                      const FusedRecurrence &fused) {
  return WarpChunks(b, kernel, fused).emit();
}

} // namespace ssm
