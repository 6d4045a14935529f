//===- GroupChunks.cpp - Chunks of a matrix state, by groups of warps -----===//
//
//   before: B and C of the chunk are on their way to one of two buffers, U is
//           in registers
//   for every chunk:
//     store   U, V_j = L_64,j U_j, and X                            | barrier
//     copy    the next chunk's B and C to the other buffer
//     compute G, Z = C [B^T, X]
//     weigh   P = L o G
//     start   W = P U, then X^T = (a_1 ... a_64) X^T + V^T B
//     store   Y_i = (a_1 ... a_i) Z_i + W_i, while X is computed
//     load    the next chunk's U                                    | barrier
//
// The tensor cores read all of it from shared memory but for P, whose rows are
// in the registers of the warp that has weighed them: what ldmatrix would load
// for every warp is read once for four. Wide products read their left factors
// least: so X is transposed, and behind each buffer of B there is room for it,
// in panels of 64 states. Two blocks fit a multiprocessor.
//
//===----------------------------------------------------------------------===//
#include "ChunkedScan.h"
#include "GroupMatrix.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {
namespace {

class GroupChunks : public ChunkedScan {
public:
  GroupChunks(OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused)
      : ChunkedScan(b, kernel, fused, /*decayBuffers=*/2), group(b, k),
        outputs(tile("outputs", 2 * states)),
        inputs(tile("inputs", 4 * states)),
        signals(tile("signals", 2 * kChunk)) {}

private:
  Chunk loadFirst() override;
  Chunk emitChunk(const Chunk &chunk, Values &state) override;

  SharedTile tile(StringRef name, int64_t rows) {
    return SharedTile(b, k, name, rows, kColumns, kPattern);
  }
  Value bufferRow(Value buffer, int64_t panel);
  std::pair<Element, Element> pairOf(int64_t i) override;
  void storeState(const Values &state);
  void copyFactors(Value buffer);
  void storeSignals(ArrayRef<Value> units);
  Value weighUnit(Value words, Value weight);
  Values multiplyOutputs();
  Values weighBlock(ArrayRef<Value> products,
                    function_ref<Value(int64_t, int64_t, int64_t)> weight);
  SmallVector<WarpMatrix::Words> weighProducts(ArrayRef<Value> products);
  void startState(Values &state);
  Values joinRows(ArrayRef<Value> fromState, Values y);

  /// Bytes after which permuted rows repeat.
  static constexpr int64_t kPattern = 1024;
  /// Rows of 64 states of C, and of B and X.
  static constexpr int64_t kPanel = kChunk, kWidePanel = kChunk + kColumns;

  GroupMatrix group;
  /// Two buffers of C, and of B and X; U, and V.
  SharedTile outputs, inputs, signals;
  Value present; ///< Buffer.
};

} // namespace

//===----------------------------------------------------------------------===//
// A chunk comes in
//===----------------------------------------------------------------------===//

Value GroupChunks::bufferRow(Value buffer, int64_t panel) {
  return k.mul(buffer, k.constant(states / kPanel * panel));
}

/// B and C of the next chunk.
void GroupChunks::copyFactors(Value buffer) {
  auto copy = [&](const KernelTensor &tensor, SharedTile &tile, int64_t panel) {
    Value first = bufferRow(buffer, panel);
    for (int64_t state = 0; state < states; state += kPanel)
      forUnits(kColumns, [&](Value step, int64_t below, Value unit) {
        Value place = placeOf(tensor, step, below, unit);
        tile.copyUnit(k.add(first, step), below + state / kPanel * panel, unit,
                      k.address(tensor, k.add(place, k.constant(state))));
      });
  };
  copy(output, outputs, kPanel);
  copy(input, inputs, kWidePanel);
}

Value GroupChunks::weighUnit(Value words, Value weight) {
  Value weighed = words;
  for (int64_t i = 0; i < kUnit / 2; ++i) {
    Value place = k.laneNumber(i);
    auto [low, high] = warpMatrix.unpack(
        LLVM::ExtractElementOp::create(b, k.loc, words, place));
    weighed = LLVM::InsertElementOp::create(
        b, k.loc, weighed,
        warpMatrix.pack(k.num.mulf(low, weight), k.num.mulf(high, weight)),
        place);
  }
  return weighed;
}

/// U, and below it V.
void GroupChunks::storeSignals(ArrayRef<Value> units) {
  Value after = decays.after(warp);
  size_t i = 0;
  forUnits(kColumns, [&](Value step, int64_t below, Value unit) {
    Value words = zeroBeyondEnd(units[i++], step, below);
    Value toEnd = decays.toBlockEnd(k.add(step, k.constant(below)));
    signals.storeUnit(step, below, unit, words);
    signals.storeUnit(step, below + kChunk, unit,
                      weighUnit(words, k.num.mulf(toEnd, after)));
  });
}

//===----------------------------------------------------------------------===//
// Rows of the result
//===----------------------------------------------------------------------===//

/// C B^T, and behind it C X.
ChunkedScan::Values GroupChunks::multiplyOutputs() {
  auto left = group.describe(outputs, bufferRow(present, kPanel), 0,
                             /*isTransposed=*/false);
  auto right = group.describe(inputs, bufferRow(present, kWidePanel), 0,
                              /*isTransposed=*/false, kWidePanel);
  group.enterRegisters();
  Values products = group.multiply(left, right, states, kWidePanel);
  group.commit();
  return products;
}

/// A block of them as a left factor, by their decays.
ChunkedScan::Values
GroupChunks::weighBlock(ArrayRef<Value> products,
                        function_ref<Value(int64_t, int64_t, int64_t)> weight) {
  Values words;
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t down = 0; down < 2; ++down) {
      auto weigh = [&](int64_t part) {
        return k.num.mulf(products[4 * half + 2 * down + part],
                          weight(down, half, part));
      };
      words.push_back(warpMatrix.pack(weigh(0), weigh(1)));
    }
  return words;
}

/// Blocks before the warp's own, this one, and zero for those behind it.
SmallVector<WarpMatrix::Words>
GroupChunks::weighProducts(ArrayRef<Value> products) {
  SmallVector<WarpMatrix::Words> weighed(kBlocks);
  for (int64_t block = 0; block < kBlocks; ++block) {
    ArrayRef<Value> own = products.slice(8 * block, 8);
    auto compare = [&](arith::CmpIPredicate predicate) {
      return arith::CmpIOp::create(b, k.loc, predicate, k.constant(block),
                                   warp);
    };
    auto before = [&] {
      Value between = decays.between(block + 1, warp);
      Value rows[2];
      Parts ends[2];
      for (int64_t half = 0; half < 2; ++half) {
        rows[half] = k.num.mulf(decays.fromBlock(half), between);
        ends[half] = decays.toBlockEnd(k.constant(block), half);
      }
      return weighBlock(own, [&](int64_t down, int64_t half, int64_t part) {
        return k.num.mulf(rows[down], ends[half][part]);
      });
    };
    auto inside = [&] {
      return weighBlock(own, [&](int64_t down, int64_t half, int64_t part) {
        return decays.inside(down, half, part);
      });
    };
    auto none = [&] {
      Value zero = arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(0));
      return Values(4, zero);
    };
    Values words = k.branch(compare(arith::CmpIPredicate::ult), before, [&] {
      return k.branch(compare(arith::CmpIPredicate::eq), inside, none);
    });
    llvm::copy(words, weighed[block].begin());
  }
  return weighed;
}

ChunkedScan::Values GroupChunks::joinRows(ArrayRef<Value> fromState, Values y) {
  Value before = decays.before(warp);
  for (size_t i = 0; i < y.size(); ++i) {
    Value decay = k.num.mulf(before, decays.fromBlock(i / 2 % 2));
    y[i] = k.num.addf(y[i], k.num.mulf(fromState[i], decay));
  }
  return y;
}

//===----------------------------------------------------------------------===//
// The state
//===----------------------------------------------------------------------===//

/// Of row g or g + 8 of the warp's 16 columns, two states of each unit.
std::pair<ChunkedScan::Element, ChunkedScan::Element>
GroupChunks::pairOf(int64_t i) {
  Value column = rowOf(i % 2);
  auto row = [&](int64_t part) {
    return k.add(k.mul(warpMatrix.t, k.constant(2)),
                 k.constant(i / 2 * kUnit + part));
  };
  return {{column, row(0)}, {column, row(1)}};
}

/// Below B, transposed.
void GroupChunks::storeState(const Values &state) {
  Value row = k.add(bufferRow(present, kWidePanel), rowOf(0));
  for (int64_t i = 0; i < states / 4; ++i) {
    int64_t unit = i / 2, panel = unit * kUnit / kPanel * kWidePanel;
    inputs.storePair(row, panel + kChunk + 8 * (i % 2),
                     k.constant(unit % (kPanel / kUnit)), warpMatrix.t,
                     warpMatrix.pack(state[2 * i], state[2 * i + 1]));
  }
}

void GroupChunks::startState(Values &state) {
  Value whole = decays.before(k.constant(kBlocks));
  for (Value &x : state)
    x = k.num.mulf(x, whole);
  auto left = group.describe(signals, k.constant(kChunk), 0,
                             /*isTransposed=*/true);
  auto right = group.describe(inputs, bufferRow(present, kWidePanel), 0,
                              /*isTransposed=*/true, kWidePanel);
  group.enterRegisters();
  group.multiplyAdd(state, left, right, kChunk);
  group.commit();
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

ChunkedScan::Chunk GroupChunks::loadFirst() {
  Chunk chunk;
  coming = k.constant(0);
  copyFactors(k.constant(0));
  prefetchStep();
  prefetchSignals();
  decays.useBuffer(k.constant(0));
  decays.store(warp, joinSteps());
  chunk.signals = computeSignals();
  synchronize();
  return chunk;
}

ChunkedScan::Chunk GroupChunks::emitChunk(const Chunk &chunk, Values &state) {
  Chunk next;
  coming = nextStart();
  present = arith::RemUIOp::create(
      b, k.loc, arith::DivUIOp::create(b, k.loc, first, k.constant(kChunk)),
      k.constant(2));
  Value other = arith::SubIOp::create(b, k.loc, k.constant(1), present);
  decays.useBuffer(present);
  storeSignals(chunk.signals);
  storeState(state);
  SharedTile::waitForCopies(b, k);
  group.enterMemory();
  synchronize();

  Values products = multiplyOutputs();
  copyFactors(other);
  prefetchStep();
  prefetchSignals();
  enterRows();
  prefetchRows();
  decays.enter(warp);
  group.wait(0, {products});
  ArrayRef<Value> all(products);
  SmallVector<WarpMatrix::Words> weighed =
      weighProducts(all.take_front(kChunk / 2));
  group.enterRegisters();
  Values y = group.multiply(weighed, group.describe(signals, k.constant(0), 0,
                                                    /*isTransposed=*/true));
  group.commit();
  startState(state);
  group.wait(1, {y});
  storeRows(joinRows(all.drop_front(kChunk / 2), y));
  decays.useBuffer(other);
  warpMatrix.synchronize();
  decays.store(warp, joinSteps());
  next.signals = computeSignals();
  group.wait(0, {state});
  synchronize();
  return next;
}

Launch emitGroupChunks(OpBuilder &b, Kernel &kernel,
                       const FusedRecurrence &fused) {
  return GroupChunks(b, kernel, fused).emit();
}

} // namespace ssm
