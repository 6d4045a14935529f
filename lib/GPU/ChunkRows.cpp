//===- ChunkRows.cpp - What a chunk does with a matrix state --------------===//
//
// The rows of a chunk's results, from the state before it and its own steps,
// and the state behind it: see ChunkedScan.cpp.
//
//===----------------------------------------------------------------------===//
#include "ChunkedScan.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

//===----------------------------------------------------------------------===//
// Rows of the result
//===----------------------------------------------------------------------===//

/// C at the warp's rows and 16 states as a left factor.
WarpMatrix::Words ChunkedScan::outputWords(const Chunk &chunk, int64_t tile) {
  WarpMatrix::Words words;
  llvm::copy(ArrayRef(chunk.outputs).slice(4 * tile, 4), words.begin());
  return words;
}

/// C B at the warp's rows and a block.
ChunkedScan::Values ChunkedScan::multiplyOutputs(const Chunk &chunk,
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
void ChunkedScan::addBlock(
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
ChunkedScan::Values ChunkedScan::readState(const Chunk &chunk) {
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

ChunkedScan::Values ChunkedScan::computeRows(const Chunk &chunk, Values y) {
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

/// Of the thread's pair of elements in a unit.
Value ChunkedScan::pairColumn(int64_t unit, int64_t part) {
  return k.add(k.add(firstColumn, k.constant(unit * kUnit + part)),
               k.mul(warpMatrix.t, k.constant(2)));
}

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

void ChunkedScan::storeRows(const Values &y) {
  for (int64_t down = 0; down < 2; ++down) {
    Value time = k.add(first, rowOf(down));
    Values elements = takeUnits(y, down);
    k.when(isInside(time), [&] {
      ofUnits.enter(time);
      for (auto [i, element] : llvm::enumerate(elements))
        ofUnits.setScalars({op.getResult(), op.getResultIndexingMap()},
                           {element}, i);
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

/// Values of state tile i of a warp are those of rows 16 (warp + 4 i).
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

ChunkedScan::Values ChunkedScan::loadState() {
  if (!init)
    return Values(states / kWarps * kColumns / kWarp, k.num.constant(0).re);
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

/// As a right factor.
void ChunkedScan::storeState(const Values &state) {
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
WarpMatrix::Words ChunkedScan::inputWords(int64_t tile, Value step,
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
ChunkedScan::Values ChunkedScan::updateState(const Values &state) {
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

} // namespace ssm
