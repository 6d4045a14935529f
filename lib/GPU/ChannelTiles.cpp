//===- ChannelTiles.cpp - What channels share, in shared memory -----------===//
//
//   load  tile 0
//   for every tile of steps:
//     load     the next tile: what all channels of the block read, as B and C,
//              and what they read each, 16 bytes a thread
//     scan     this tile from shared memory; sums over states go there
//     fill     the other buffer: what was loaded, and what is computed from it
//              without a state, as a softplus
//     barrier
//     store    results from these sums, 16 bytes a thread
//
// So a block reads what its channels share once, a thread waits for memory
// behind a tile of work, and what has no state is computed once for each step:
// by the threads that access it, see TileMemory.h. Two buffers need one barrier
// a tile. A thread that has two channels reads what all share once for both.
//
// Precondition: see isSharedRun; channels of a block are neighbours along one
// dimension.
//
//===----------------------------------------------------------------------===//
#include "ChannelScan.h"
#include "TileMemory.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kUnit = 16; ///< Bytes of an access.

namespace {
/// What all channels of a block read in a tile of steps.
struct Run {
  Mapped value;
  KernelTensor tensor;
  int64_t units; ///< Of a step.
  int64_t first; ///< Byte of a buffer.
};

class ChannelTiles {
public:
  explicit ChannelTiles(const ChannelScans &scans);

  SmallVector<Num> emit(ArrayRef<Num> x);

private:
  void findRuns();
  void findLeaves();
  void findShared();
  SmallVector<TileMemory::Part> takeParts(Mapped value);

  /// What a thread loads of the runs of a tile.
  using Units = SmallVector<Value>;
  SmallVector<Value> emitTile(Value tile, Value last,
                              const SmallVector<Value> &carried);
  Units load(Value tile);
  void fill(Value tile, Value buffer, const Units &units);
  SmallVector<Num> scan(Value tile, Value buffer, ArrayRef<Num> x);
  /// Scans the turns from `first` on that are taken together.
  SmallVector<Num> scanTurns(Value tile, Value buffer, Value first,
                             SmallVector<Num> x);
  void storeResults(Value tile);
  /// Of the lanes' steps at the i-th turn, each part's.
  SmallVector<SmallVector<Value>> receive(Value buffer,
                                          const TileMemory::Turn &turn);
  void setShared(ChannelScan &scan, ArrayRef<SmallVector<Value>> received,
                 int64_t lane);
  /// Of a step of these turns.
  void setRuns(Value buffer, Value first, int64_t step);
  void storeSum(Num sum, Value buffer, const TileMemory::Turn &turn);

  /// What is kept of leaves from a tile to the next one, in memory's types.
  SmallVector<Value> takeKept(Value tile);
  void setKept(Value tile, ArrayRef<Value> values);
  /// Calls for each of them, and each of the thread's channels that it has.
  void forKept(Value tile, function_ref<void(Mapped, int64_t)> visit);

  /// The time of the thread's own step in a round: always the same value.
  Value ownTime(Value tile, int64_t round);
  SmallVector<Value> ownChannel(int64_t i);
  int64_t countUnits(const Run &run) {
    return llvm::divideCeil(run.units * s.plan.steps, s.plan.threads);
  }
  /// The thread's i-th unit of a run, and whether there is one.
  Value unitOf(int64_t i) {
    return k.add(thread, k.constant(i * s.plan.threads));
  }
  Value isUnit(const Run &run, Value unit) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, unit,
                                 k.constant(run.units * s.plan.steps));
  }

  Value multiply(Value x, int64_t y) { return k.mul(x, k.constant(y)); }

  const ChannelScans &scans;
  ChannelScan &s; ///< The first one.
  OpBuilder &b;
  Kernel &k;
  TileMemory memory;
  Pointwise own; ///< At the channels that the thread accesses.
  SmallVector<Run> runs;
  SmallVector<Mapped> leaves; ///< What is read without a state.
  SmallVector<Mapped> kept;   ///< Those that results need.
  SmallVector<Mapped> shared;
  SmallVector<TileMemory::Part> parts; ///< Of what is shared.
  SmallVector<TileMemory::Part> sums;  ///< Of the recurrence's result.
  Value thread;
  DenseMap<std::pair<Value, int64_t>, Value> ownTimes;
};
} // namespace

//===----------------------------------------------------------------------===//
// What is loaded and shared
//===----------------------------------------------------------------------===//

ChannelTiles::ChannelTiles(const ChannelScans &scans)
    : scans(scans), s(*scans.front()), b(s.b), k(s.k),
      memory(b, k, s.plan, s.place, s.lane),
      own(b, k, s.dims.time, *findNeighbours(s.op), s.plan.width, s.plan.width,
          [this](int64_t i) { return ownChannel(i); }),
      thread(k.threadIndex()) {
  findRuns();
  findLeaves();
  findShared();
  if (!s.fused.results.empty())
    sums = takeParts({s.op.getResult(), s.op.getResultIndexingMap()});
  memory.allocate();
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
      if (s.point.varies(value) && isSharedRun(value, s.op) &&
          !contains(found, value))
        found.push_back(value);
    });
  for (const Mapped &value : found) {
    KernelTensor tensor = k.argument(value.tensor, value.map);
    int64_t units = *countStates(s.op) * countBytes(tensor.element) / kUnit;
    runs.push_back(
        {value, tensor, units, memory.take(units * kUnit * s.plan.steps)});
  }
}

void ChannelTiles::findLeaves() {
  auto collect = [&](const Mapped &source, SmallVectorImpl<Mapped> &into) {
    walkProducers(source, [&](Mapped value) {
      if (isa<BlockArgument>(value.tensor) && s.point.varies(value) &&
          !s.point.hasState(value) && !contains(into, value))
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
  s.point.stopSharing();
  for (const Mapped &operand : s.fused.operands())
    s.point.share(operand, /*arguments=*/true);
  shared = s.point.sharedValues();
  for (const Mapped &value : shared)
    parts.append(takeParts(value));
}

SmallVector<TileMemory::Part> ChannelTiles::takeParts(Mapped value) {
  Type element = getElementTypeOrSelf(value.tensor.getType());
  SmallVector<TileMemory::Part> taken;
  for (int i = 0; i < (isa<ComplexType>(element) ? 2 : 1); ++i)
    taken.push_back(memory.takePart(getRealType(element)));
  return taken;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value ChannelTiles::ownTime(Value tile, int64_t round) {
  Value &time = ownTimes[{tile, round}];
  if (!time)
    time = s.timeOf(k.add(multiply(tile, s.plan.steps), memory.ownStep(round)));
  return time;
}

/// Those beyond the last channel are the last ones again.
SmallVector<Value> ChannelTiles::ownChannel(int64_t i) {
  unsigned dim = *findNeighbours(s.op);
  Value last =
      arith::SubIOp::create(b, k.loc, k.size(dim), k.constant(s.plan.width));
  Value first = arith::MinUIOp::create(
      b, k.loc, k.add(s.firstOfBlock, memory.ownChannel()), last);
  SmallVector<Value> indices = s.channel;
  indices[dim] = k.add(first, k.constant(i));
  return indices;
}

//===----------------------------------------------------------------------===//
// From memory to shared memory
//===----------------------------------------------------------------------===//

ChannelTiles::Units ChannelTiles::load(Value tile) {
  Units units;
  for (const Run &run : runs)
    for (int64_t i = 0; i < countUnits(run); ++i) {
      Value unit = unitOf(i), inStep = k.constant(run.units);
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
  for (int64_t round = 0; round < memory.numRounds(); ++round) {
    own.enter(ownTime(tile, round));
    for (const Mapped &leaf : leaves)
      for (int64_t i = 0; i < s.plan.width; ++i)
        own.readScalars(leaf, i);
  }
  return units;
}

void ChannelTiles::fill(Value tile, Value buffer, const Units &units) {
  const Value *next = units.begin();
  for (const Run &run : runs)
    for (int64_t i = 0; i < countUnits(run); ++i) {
      Value words = *next++, unit = unitOf(i);
      k.when(isUnit(run, unit), [&] {
        Value byte = k.add(buffer, multiply(unit, kUnit));
        LLVM::StoreOp::create(b, k.loc, words, memory.address(byte, run.first),
                              kUnit);
      });
    }
  for (int64_t round = 0; round < memory.numRounds(); ++round) {
    own.enter(ownTime(tile, round));
    for (int64_t i = 0; i < s.plan.width; ++i) {
      const TileMemory::Part *part = parts.begin();
      for (const Mapped &value : shared)
        for (Value scalar : own.readScalars(value, i))
          memory.storeOwn(*part++, buffer, round, i, scalar);
    }
  }
}

//===----------------------------------------------------------------------===//
// From shared memory
//===----------------------------------------------------------------------===//

SmallVector<SmallVector<Value>>
ChannelTiles::receive(Value buffer, const TileMemory::Turn &turn) {
  SmallVector<SmallVector<Value>> received;
  for (const TileMemory::Part &part : parts)
    received.push_back(memory.loadTurn(part, buffer, turn));
  return received;
}

void ChannelTiles::setShared(ChannelScan &scan,
                             ArrayRef<SmallVector<Value>> received,
                             int64_t lane) {
  for (const Mapped &value : shared) {
    Pointwise::Scalars scalars;
    Type element = getElementTypeOrSelf(value.tensor.getType());
    for (int i = 0; i < (isa<ComplexType>(element) ? 2 : 1); ++i) {
      scalars.push_back(received.front()[lane]);
      received = received.drop_front();
    }
    scan.point.setScalars(value, scalars);
  }
}

void ChannelTiles::setRuns(Value buffer, Value first, int64_t step) {
  for (const Run &run : runs) {
    Type element = run.tensor.element;
    Value start = multiply(first, s.plan.lanes * run.units * kUnit);
    Value own = multiply(s.lane, s.states * countBytes(element));
    Value byte = k.add(k.add(buffer, start), own);
    int64_t width = isa<ComplexType>(element) ? 2 : 1;
    SmallVector<Value> scalars =
        memory.load(getRealType(element), s.states * width, byte,
                    run.first + step * run.units * kUnit);
    for (int64_t n = 0; n < s.states; ++n) {
      Pointwise::Scalars parts(ArrayRef(scalars).slice(n * width, width));
      for (auto &scan : scans)
        scan->point.setScalars(run.value, parts, n);
    }
  }
}

/// A loop over some turns at a time: ptxas would move what is loaded in front
/// of straight code to its end.
SmallVector<Num> ChannelTiles::scan(Value tile, Value buffer, ArrayRef<Num> x) {
  return s.unflatten(k.loop(
      k.constant(0), k.constant(memory.numTurns()), memory.countTogether(),
      s.flatten(x),
      [&](Value first, const SmallVector<Value> &carried) {
        return s.flatten(scanTurns(tile, buffer, first, s.unflatten(carried)));
      },
      /*mayUnroll=*/false));
}

/// Sums are stored at the end, as no load may come before a store that is in
/// front of it.
SmallVector<Num> ChannelTiles::scanTurns(Value tile, Value buffer, Value first,
                                         SmallVector<Num> x) {
  Value firstStep =
      k.add(multiply(tile, s.plan.steps), multiply(first, s.plan.lanes));
  SmallVector<std::pair<TileMemory::Turn, Num>> found;
  for (int64_t i = 0; i < memory.countTogether(); ++i) {
    SmallVector<SmallVector<SmallVector<Value>>> received;
    for (auto &scan : scans)
      received.push_back(receive(buffer, {scan->place, first, i}));
    SmallVector<SmallVector<Num>> outputs(scans.size());
    for (int64_t lane = 0; lane < s.plan.lanes; ++lane) {
      int64_t step = i * s.plan.lanes + lane;
      // Only a name: everything with time comes from shared memory.
      Value time = s.timeOf(k.add(firstStep, k.constant(step)));
      for (auto [scan, ofTurn] : llvm::zip_equal(scans, received)) {
        scan->point.enter(time);
        setShared(*scan, ofTurn, lane);
      }
      setRuns(buffer, first, step);
      SmallVector<Num> next;
      for (auto [scan, of] : llvm::zip_equal(scans, outputs)) {
        auto before = ArrayRef(x).slice(next.size(), s.states);
        SmallVector<Num> after = scan->emitStep(before);
        if (!s.fused.results.empty())
          of.push_back(scan->emitOutput(scan->readPoint(before, after)));
        next.append(after);
      }
      x = std::move(next);
    }
    if (!s.fused.results.empty())
      for (auto [scan, of] : llvm::zip_equal(scans, outputs))
        found.push_back({{scan->place, first, i},
                         scan->finishOutput(scan->sumForEach(of))});
  }
  for (const auto &[turn, sum] : found)
    storeSum(sum, buffer, turn);
  return x;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// As the recurrence's result has it in memory.
void ChannelTiles::storeSum(Num sum, Value buffer,
                            const TileMemory::Turn &turn) {
  for (auto [i, part] : llvm::enumerate(sums)) {
    Value x = i == 0 ? sum.re : sum.isComplex() ? sum.im : k.num.constant(0).re;
    memory.storeTurn(part, buffer, turn, k.num.store({x, Value()}, part.type));
  }
}

void ChannelTiles::storeResults(Value tile) {
  Value channel = k.add(s.firstOfBlock, memory.ownChannel());
  Value isInside =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, channel,
                            k.size(*findNeighbours(s.op)));
  Mapped read{s.op.getResult(), s.op.getResultIndexingMap()};
  for (int64_t round = 0; round < memory.numRounds(); ++round) {
    Value time = ownTime(tile, round);
    own.enter(time);
    for (int64_t i = 0; i < s.plan.width; ++i) {
      Pointwise::Scalars scalars;
      for (const TileMemory::Part &part : sums)
        scalars.push_back(
            memory.loadOwn(part, memory.bufferOf(tile), round, i));
      own.setScalars(read, scalars, i);
    }
    SmallVector<SmallVector<Num>> values;
    for (const Mapped &result : s.fused.results) {
      values.emplace_back();
      for (int64_t i = 0; i < s.plan.width; ++i)
        values.back().push_back(own.read(result, i));
    }
    k.when(isInside, [&] {
      for (auto [result, of] : llvm::zip_equal(s.fused.results, values)) {
        KernelTensor tensor = k.result(result.tensor, result.map);
        int64_t group = own.countNeighbours(tensor);
        for (int64_t i = 0; i < s.plan.width; i += group) {
          SmallVector<Value> indices = ownChannel(i);
          indices[s.dims.time] = time;
          k.store(tensor, k.offset(tensor, indices),
                  ArrayRef(of).slice(i, group));
        }
      }
    });
  }
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void ChannelTiles::forKept(Value tile,
                           function_ref<void(Mapped, int64_t)> visit) {
  for (int64_t round = 0; round < memory.numRounds(); ++round) {
    own.enter(ownTime(tile, round));
    for (const Mapped &leaf : kept)
      for (int64_t i = 0; i < (own.hasState(leaf) ? s.plan.width : 1); ++i)
        visit(leaf, i);
  }
}

SmallVector<Value> ChannelTiles::takeKept(Value tile) {
  SmallVector<Value> values;
  forKept(tile, [&](Mapped leaf, int64_t i) {
    values.append(own.readScalars(leaf, i));
  });
  return values;
}

void ChannelTiles::setKept(Value tile, ArrayRef<Value> values) {
  forKept(tile, [&](Mapped leaf, int64_t i) {
    Type element = getElementTypeOrSelf(leaf.tensor.getType());
    int64_t parts = isa<ComplexType>(element) ? 2 : 1;
    own.setScalars(leaf, Pointwise::Scalars(values.take_front(parts)), i);
    values = values.drop_front(parts);
  });
}

/// What is carried are the states, and what is kept.
SmallVector<Value> ChannelTiles::emitTile(Value tile, Value last,
                                          const SmallVector<Value> &carried) {
  int64_t scalars = scans.size() * s.states * (1 + s.complexState);
  setKept(tile, ArrayRef(carried).drop_front(scalars));
  Value following = k.add(tile, k.constant(1));
  // The last tile loads itself again.
  Value next = arith::MinUIOp::create(b, k.loc, following, last);
  Units units = load(next);
  SmallVector<Num> x = scan(tile, memory.bufferOf(tile),
                            s.unflatten(ArrayRef(carried).take_front(scalars)));
  fill(next, memory.bufferOf(following), units);
  gpu::BarrierOp::create(b, k.loc);
  storeResults(tile);
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
  s.point.stopSharing();
  return s.unflatten(end);
}

SmallVector<Num> emitChannelTiles(const ChannelScans &scans, ArrayRef<Num> x) {
  return ChannelTiles(scans).emit(x);
}

} // namespace ssm
