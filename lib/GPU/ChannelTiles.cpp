//===- ChannelTiles.cpp - What channels share, in shared memory -----------===//
//
//   load  tile 0
//   for every tile of steps:
//     load     the next tile: what all channels of the block read, as B and C,
//              16 bytes a thread; what a channel reads at the thread's own
//              steps
//     scan     this tile from shared memory; each lane writes its own steps
//     fill     the other buffer: what was loaded, and what is computed from it
//              without a state, as a softplus
//     barrier
//
// So a block reads what its channels share once, a thread waits for memory
// behind a tile of work, and what has no state is computed once for each step.
// Two buffers need one barrier a tile.
//
// Precondition: see isSharedRun; channels of a block are neighbours along one
// dimension.
//
//===----------------------------------------------------------------------===//
#include "ChannelScan.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kUnit = 16; ///< Bytes of an access.

static int64_t countBytes(Type element) {
  return getElementWidth(element) / 8 * (isa<ComplexType>(element) ? 2 : 1);
}

bool isSharedRun(Mapped value, LinearRecurrenceOp op) {
  std::optional<int64_t> states = countStates(op);
  std::optional<unsigned> neighbours = findNeighbours(op);
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (!isa<BlockArgument>(value.tensor) || !neighbours || !states ||
      dims.state.empty() || uses(value.map, *neighbours))
    return false;
  // States are the run: time and the rest are in front of them.
  SmallVector<unsigned> all = dimsOf(value.map);
  SmallVector<unsigned> run(dims.state.begin(), dims.state.end());
  bool isRun = all.size() > run.size() &&
               ArrayRef(all).take_back(run.size()) == ArrayRef(run);
  return isRun &&
         *states * countBytes(getElementTypeOrSelf(value.tensor.getType())) %
                 kUnit ==
             0;
}

namespace {
/// What all channels of a block read in a tile of steps.
struct Run {
  Mapped value;
  KernelTensor tensor;
  int64_t units; ///< Of a step.
  int64_t first; ///< Byte of a buffer.

  int64_t scalarBytes() const { return getElementWidth(tensor.element) / 8; }
};

/// What a channel's lanes compute for each other, in a buffer from a byte on:
/// of each step, those of the lanes of a channel beside each other.
struct Part {
  Type type;
  int64_t first;

  int64_t bytes() const { return type.getIntOrFloatBitWidth() / 8; }
};

class ChannelTiles {
public:
  explicit ChannelTiles(ChannelScan &scan);

  SmallVector<Num> emit(ArrayRef<Num> x);

private:
  void findRuns();
  void findLeaves();
  void findShared();

  /// What a thread loads of a tile: units of the runs, and its leaves.
  using Units = SmallVector<Value>;
  SmallVector<Value> emitTile(Value tile, Value last,
                              const SmallVector<Value> &carried);
  Units load(Value tile);
  void fill(Value tile, Value buffer, const Units &units);
  SmallVector<Num> scan(Value tile, Value buffer, SmallVector<Num> x);
  /// Of the lanes' steps at a turn, each part's.
  SmallVector<SmallVector<Value>> receive(Value buffer, int64_t turn);
  void setShared(ArrayRef<SmallVector<Value>> received, int64_t lane);
  void setRuns(Value buffer, int64_t step);

  /// What is kept of leaves from a tile to the next one, in memory's types.
  SmallVector<Value> takeKept(Value tile);
  void setKept(Value tile, ArrayRef<Value> values);

  /// The time of the lane's own step at a turn: always the same value.
  Value ownTime(Value tile, int64_t turn);
  int64_t numTurns() { return s.plan.steps / s.plan.lanes; }
  int64_t numRounds(const Run &run) {
    return llvm::divideCeil(run.units * s.plan.steps, s.plan.threads);
  }
  /// The thread's unit of a run in a round, and whether there is one.
  Value unitOf(int64_t round) {
    return k.add(thread, k.constant(round * s.plan.threads));
  }
  Value isUnit(const Run &run, Value unit);

  Value multiply(Value x, int64_t y) { return k.mul(x, k.constant(y)); }
  Value bufferOf(Value tile);
  Value address(Value byte, int64_t further);
  SmallVector<Value> loadShared(Type type, int64_t count, Value byte,
                                int64_t further);

  ChannelScan &s;
  OpBuilder &b;
  Kernel &k;
  Pointwise &point;
  SmallVector<Run> runs;
  SmallVector<Mapped> leaves; ///< What is read without a state.
  SmallVector<Mapped> kept;   ///< Those that results need.
  SmallVector<Mapped> shared;
  SmallVector<Part> parts; ///< Of what is shared.
  int64_t channels, bufferBytes = 0;
  Value memory, thread;
  DenseMap<std::pair<Value, int64_t>, Value> ownTimes;
};
} // namespace

//===----------------------------------------------------------------------===//
// What is loaded and shared
//===----------------------------------------------------------------------===//

ChannelTiles::ChannelTiles(ChannelScan &scan)
    : s(scan), b(scan.b), k(scan.k), point(scan.point),
      channels(scan.plan.threads / scan.plan.lanes), thread(k.threadIndex()) {
  findRuns();
  findLeaves();
  findShared();
  memory = k.addShared("tiles", 2 * bufferBytes);
}

static bool contains(ArrayRef<Mapped> values, const Mapped &value) {
  return llvm::any_of(values, [&](const Mapped &other) {
    return other.tensor == value.tensor && other.map == value.map;
  });
}

void ChannelTiles::findRuns() {
  SmallVector<Mapped> found;
  for (const Mapped &operand : s.fused.operands())
    walkProducers(operand, [&](Mapped value) {
      if (point.varies(value) && isSharedRun(value, s.op) &&
          !contains(found, value))
        found.push_back(value);
    });
  for (const Mapped &value : found) {
    KernelTensor tensor = k.argument(value.tensor, value.map);
    int64_t units = *countStates(s.op) * countBytes(tensor.element) / kUnit;
    runs.push_back({value, tensor, units, bufferBytes});
    bufferBytes += units * kUnit * s.plan.steps;
  }
}

void ChannelTiles::findLeaves() {
  auto collect = [&](const Mapped &source, SmallVectorImpl<Mapped> &into) {
    walkProducers(source, [&](Mapped value) {
      if (isa<BlockArgument>(value.tensor) && point.varies(value) &&
          !point.hasState(value) && !contains(into, value))
        into.push_back(value);
    });
  };
  for (const Mapped &result : s.fused.results)
    collect(result, kept);
  leaves = kept;
  for (const Mapped &operand : s.fused.operands())
    collect(operand, leaves);
}

void ChannelTiles::findShared() {
  point.stopSharing();
  for (const Mapped &operand : s.fused.operands())
    point.share(operand, /*arguments=*/true);
  shared = point.sharedValues();
  for (const Mapped &value : shared) {
    Type element = getElementTypeOrSelf(value.tensor.getType());
    for (int i = 0; i < (isa<ComplexType>(element) ? 2 : 1); ++i) {
      parts.push_back({getRealType(element), bufferBytes});
      bufferBytes +=
          llvm::alignTo(parts.back().bytes() * s.plan.steps * channels, kUnit);
    }
  }
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value ChannelTiles::ownTime(Value tile, int64_t turn) {
  Value &time = ownTimes[{tile, turn}];
  if (!time) {
    Value first = multiply(tile, s.plan.steps);
    Value step = k.add(first, k.constant(turn * s.plan.lanes));
    time = s.timeOf(k.add(step, s.lane));
  }
  return time;
}

Value ChannelTiles::isUnit(const Run &run, Value unit) {
  int64_t all = run.units * s.plan.steps;
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, unit,
                               k.constant(all));
}

Value ChannelTiles::bufferOf(Value tile) {
  Value odd = arith::AndIOp::create(b, k.loc, tile, k.constant(1));
  return multiply(odd, bufferBytes);
}

Value ChannelTiles::address(Value byte, int64_t further) {
  Value first = k.sharedPlace(memory, b.getI8Type(), byte);
  return LLVM::GEPOp::create(
      b, k.loc, memory.getType(), b.getI8Type(), first,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(further)});
}

/// Scalars that follow each other, in accesses of 16 bytes at most.
SmallVector<Value> ChannelTiles::loadShared(Type type, int64_t count,
                                            Value byte, int64_t further) {
  int64_t bytes = type.getIntOrFloatBitWidth() / 8;
  int64_t group = std::min(count, kUnit / bytes);
  SmallVector<Value> scalars;
  for (int64_t i = 0; i < count; i += group) {
    Value all =
        LLVM::LoadOp::create(b, k.loc, VectorType::get(group, type),
                             address(byte, further + i * bytes), group * bytes);
    for (int64_t j = 0; j < group; ++j) {
      Value number = LLVM::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(j));
      scalars.push_back(LLVM::ExtractElementOp::create(b, k.loc, all, number));
    }
  }
  return scalars;
}

//===----------------------------------------------------------------------===//
// From memory to shared memory
//===----------------------------------------------------------------------===//

ChannelTiles::Units ChannelTiles::load(Value tile) {
  Units units;
  for (const Run &run : runs)
    for (int64_t round = 0; round < numRounds(run); ++round) {
      Value unit = unitOf(round), inStep = k.constant(run.units);
      Value step = arith::DivUIOp::create(b, k.loc, unit, inStep);
      Value place = arith::RemUIOp::create(b, k.loc, unit, inStep);
      SmallVector<Value> indices = s.channel;
      indices[s.dims.time] =
          s.timeOf(k.add(multiply(tile, s.plan.steps), step));
      Value state = multiply(place, kUnit / countBytes(run.tensor.element));
      k.split(state, {s.dims.state.begin(), s.dims.state.end()}, indices);
      auto loaded = k.branch(
          isUnit(run, unit),
          [&]() -> SmallVector<Value> {
            return {k.loadWords(run.tensor, k.offset(run.tensor, indices))};
          },
          [&]() -> SmallVector<Value> {
            return {LLVM::PoisonOp::create(b, k.loc,
                                           VectorType::get(4, b.getI32Type()))};
          });
      units.push_back(loaded.front());
    }
  for (int64_t turn = 0; turn < numTurns(); ++turn) {
    point.enter(ownTime(tile, turn));
    for (const Mapped &leaf : leaves)
      point.readScalars(leaf);
  }
  return units;
}

void ChannelTiles::fill(Value tile, Value buffer, const Units &units) {
  const Value *next = units.begin();
  for (const Run &run : runs)
    for (int64_t round = 0; round < numRounds(run); ++round) {
      Value words = *next++, unit = unitOf(round);
      k.when(isUnit(run, unit), [&] {
        Value byte = k.add(buffer, multiply(unit, kUnit));
        LLVM::StoreOp::create(b, k.loc, words, address(byte, run.first), kUnit);
      });
    }
  for (int64_t turn = 0; turn < numTurns(); ++turn) {
    point.enter(ownTime(tile, turn));
    point.computeShared();
    const Part *part = parts.begin();
    for (const Mapped &value : shared)
      for (Value scalar : point.readScalars(value)) {
        int64_t bytes = part->bytes();
        Value byte = k.add(buffer, multiply(thread, bytes));
        LLVM::StoreOp::create(
            b, k.loc, scalar,
            address(byte, part++->first + turn * s.plan.threads * bytes),
            bytes);
      }
  }
}

//===----------------------------------------------------------------------===//
// From shared memory
//===----------------------------------------------------------------------===//

SmallVector<SmallVector<Value>> ChannelTiles::receive(Value buffer,
                                                      int64_t turn) {
  SmallVector<SmallVector<Value>> received;
  for (const Part &part : parts) {
    Value byte = k.add(buffer, multiply(s.place, s.plan.lanes * part.bytes()));
    received.push_back(
        loadShared(part.type, s.plan.lanes, byte,
                   part.first + turn * s.plan.threads * part.bytes()));
  }
  return received;
}

void ChannelTiles::setShared(ArrayRef<SmallVector<Value>> received,
                             int64_t lane) {
  for (const Mapped &value : shared) {
    Pointwise::Scalars scalars;
    Type element = getElementTypeOrSelf(value.tensor.getType());
    for (int i = 0; i < (isa<ComplexType>(element) ? 2 : 1); ++i) {
      scalars.push_back(received.front()[lane]);
      received = received.drop_front();
    }
    point.setScalars(value, scalars);
  }
}

void ChannelTiles::setRuns(Value buffer, int64_t step) {
  for (const Run &run : runs) {
    Type element = run.tensor.element;
    Value byte =
        k.add(buffer, multiply(s.lane, s.states * countBytes(element)));
    int64_t width = isa<ComplexType>(element) ? 2 : 1;
    SmallVector<Value> scalars =
        loadShared(getRealType(element), s.states * width, byte,
                   run.first + step * run.units * kUnit);
    for (int64_t n = 0; n < s.states; ++n)
      point.setScalars(
          run.value,
          Pointwise::Scalars(ArrayRef(scalars).slice(n * width, width)), n);
  }
}

SmallVector<Num> ChannelTiles::scan(Value tile, Value buffer,
                                    SmallVector<Num> x) {
  for (int64_t turn = 0; turn < numTurns(); ++turn) {
    SmallVector<SmallVector<Value>> received = receive(buffer, turn);
    SmallVector<Num> outputs;
    for (int64_t lane = 0; lane < s.plan.lanes; ++lane) {
      int64_t step = turn * s.plan.lanes + lane;
      // Only a name: everything with time comes from shared memory.
      point.enter(
          s.timeOf(k.add(multiply(tile, s.plan.steps), k.constant(step))));
      setShared(received, lane);
      setRuns(buffer, step);
      SmallVector<Num> next = s.emitStep(x);
      if (!s.fused.results.empty())
        outputs.push_back(s.emitOutput(s.readPoint(x, next)));
      x = std::move(next);
    }
    if (!s.fused.results.empty())
      s.storeResults({ownTime(tile, turn), s.isInside},
                     s.finishOutput(s.sumForEach(outputs)));
  }
  return x;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

SmallVector<Value> ChannelTiles::takeKept(Value tile) {
  SmallVector<Value> values;
  for (int64_t turn = 0; turn < numTurns(); ++turn) {
    point.enter(ownTime(tile, turn));
    for (const Mapped &leaf : kept)
      values.append(point.readScalars(leaf));
  }
  return values;
}

void ChannelTiles::setKept(Value tile, ArrayRef<Value> values) {
  for (int64_t turn = 0; turn < numTurns(); ++turn) {
    point.enter(ownTime(tile, turn));
    for (const Mapped &leaf : kept) {
      Type element = getElementTypeOrSelf(leaf.tensor.getType());
      int64_t width = isa<ComplexType>(element) ? 2 : 1;
      point.setScalars(leaf, Pointwise::Scalars(values.take_front(width)));
      values = values.drop_front(width);
    }
  }
}

/// What is carried are the states, and what is kept.
SmallVector<Value> ChannelTiles::emitTile(Value tile, Value last,
                                          const SmallVector<Value> &carried) {
  int64_t scalars = s.states * (1 + s.complexState);
  setKept(tile, ArrayRef(carried).drop_front(scalars));
  Value following = k.add(tile, k.constant(1));
  // The last tile loads itself again.
  Value next = arith::MinUIOp::create(b, k.loc, following, last);
  Units units = load(next);
  SmallVector<Num> x = scan(tile, bufferOf(tile),
                            s.unflatten(ArrayRef(carried).take_front(scalars)));
  fill(next, bufferOf(following), units);
  gpu::BarrierOp::create(b, k.loc);
  SmallVector<Value> values = s.flatten(x);
  values.append(takeKept(next));
  return values;
}

SmallVector<Num> ChannelTiles::emit(ArrayRef<Num> x) {
  SmallVector<Value> start = s.flatten(x);
  Value steps = k.constant(s.plan.steps), zero = k.constant(0);
  Value tiles = arith::DivUIOp::create(b, k.loc, s.length, steps);
  Value last = arith::SubIOp::create(b, k.loc, tiles, k.constant(1));
  Value any =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ne, tiles, zero);
  SmallVector<Value> end = k.branch(
      any,
      [&] {
        fill(zero, zero, load(zero));
        gpu::BarrierOp::create(b, k.loc);
        SmallVector<Value> carried = start;
        carried.append(takeKept(zero));
        carried = k.loop(zero, tiles, 1, carried,
                         [&](Value tile, const SmallVector<Value> &values) {
                           return emitTile(tile, last, values);
                         });
        carried.resize(start.size());
        return carried;
      },
      [&] { return start; });
  point.stopSharing();
  return s.unflatten(end);
}

SmallVector<Num> emitChannelTiles(ChannelScan &scan, ArrayRef<Num> x) {
  return ChannelTiles(scan).emit(x);
}

} // namespace ssm
