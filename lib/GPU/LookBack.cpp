//===- LookBack.cpp - Many blocks for each row of contiguous time ---------===//
//
// A row is cut into tiles, one for each block, and is read and written once:
//
//     ticket   which tile is the block's: those in front of it have started
//     load     the tile, into registers; prefixes of each warp's chunks
//     warp 0   total of the tile; published for the tiles behind it
//              look back: totals of up to 128 tiles in front at a time, until
//              one of them knows its end
//              end of the tile; published
//     store    the carry at each item
//
// What tiles publish are words of 64 bits, a flag over 32 bits of a value, so
// that a relaxed load that sees the flag has the value: no fences. Each tile
// has words for its total and for its end; the first publishes only its end.
// They must be zero before the launch.
//
// Which totals are folded before an end is found depends on when blocks run,
// and so does the rounding of the result.
//
// Precondition: those of the row.
//
// Reference: Merrill and Garland, "Single-pass Parallel Prefix Scan with
// Decoupled Look-back" (NVR-2016-002).
//
//===----------------------------------------------------------------------===//
#include "Row.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

/// Bytes of memory that the ticket has for itself, one sector.
static constexpr int64_t kTicketBytes = 32;
/// Tiles of each lane that looks back. A long row grows by as many tiles as one
/// look sees in the time that it takes: with one a lane an H200 spends twice as
/// long there as on memory.
static constexpr int64_t kSeen = 4;
static constexpr int64_t kWordBytes = 8;
static constexpr char kScope[] = "device";

/// Words of a value: 32 bits each.
static int64_t countWords(TypeRange types) {
  int64_t words = 0;
  for (Type type : types)
    words += llvm::divideCeil(type.getIntOrFloatBitWidth(), 32);
  return words;
}

namespace {
/// What is known of a tile, or of several that follow each other.
struct Known {
  enum : int32_t { Nothing, Total, End };
  Value state;
  Parts total, end;
};

class LookBack {
public:
  LookBack(OpBuilder &b, Kernel &kernel, Row &row, const GPUScanPlan &plan)
      : b(b), k(kernel), row(row), plan(plan), warps(plan.threads / kWarp),
        elements(row.elementTypes()), carries(row.carryTypes()),
        ticket(b, kernel, 1, b.getI64Type()),
        totals(b, kernel, warps * plan.chunks, elements),
        starts(b, kernel, warps * plan.chunks, carries) {}

  Launch emit();

private:
  Value takeTicket();
  SmallVector<Parts> scanChunks(SmallVector<Row::Items> &prefixes);
  void scanTile(const Parts &start);
  Parts findStart(const Parts &total, const Parts &rowStart);
  Parts lookBack();
  Known readTile(Value number);
  Known join(const Known &near, const Known &far, int64_t count,
             Value hasFar = {});
  Known readWindow(Value nearest);
  Known foldWindow(Known known);
  Parts flatten(const Known &known);
  Known unflatten(const Parts &parts);

  Value isLane(int64_t n) {
    return row.compare(arith::CmpIPredicate::eq, lane, k.constant(n));
  }
  Value timeOf(int64_t chunk);
  Value i32(int64_t value) {
    return arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(value));
  }

  // Words of values in the workspace.
  Value wordAddress(int64_t word, Value ofTile);
  void publish(int64_t word, const Parts &parts);
  std::pair<Value, Parts> readPublished(int64_t word, Value ofTile,
                                        TypeRange types);

  OpBuilder &b;
  Kernel &k;
  Row &row;
  const GPUScanPlan &plan;
  int64_t warps;
  SmallVector<Type> elements, carries;
  SharedArray ticket, totals, starts;
  Value thread, lane, warp, rowNumber, tile, tiles, slots;
};
} // namespace

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// Words of one kind lie together, so that a warp reads those of its tiles in
/// whole sectors.
Value LookBack::wordAddress(int64_t word, Value ofTile) {
  Value slot = k.add(k.mul(rowNumber, tiles), ofTile);
  Value index = k.add(k.mul(slots, k.constant(word)), slot);
  Value offset =
      k.add(k.mul(index, k.constant(kWordBytes)), k.constant(kTicketBytes));
  return LLVM::GEPOp::create(b, k.loc, k.workspace().getType(), b.getI8Type(),
                             k.workspace(), ArrayRef<LLVM::GEPArg>{offset});
}

void LookBack::publish(int64_t word, const Parts &parts) {
  Value flag = k.constant(int64_t(1) << 32);
  for (Value part : parts) {
    unsigned width = part.getType().getIntOrFloatBitWidth();
    Value bits =
        arith::BitcastOp::create(b, k.loc, b.getIntegerType(width), part);
    for (unsigned low = 0; low < width; low += 32, ++word) {
      Value half = bits;
      if (width > 32) {
        half = arith::ShRUIOp::create(b, k.loc, bits, k.constant(low));
        half = arith::TruncIOp::create(b, k.loc, b.getI32Type(), half);
      }
      half = arith::ExtUIOp::create(b, k.loc, b.getI64Type(), half);
      LLVM::StoreOp::create(
          b, k.loc, arith::OrIOp::create(b, k.loc, half, flag),
          wordAddress(word, tile), kWordBytes,
          /*isVolatile=*/false, /*isNonTemporal=*/false,
          /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic, kScope);
    }
  }
}

/// Whether all words of a value have their flags, and the value.
std::pair<Value, Parts> LookBack::readPublished(int64_t word, Value ofTile,
                                                TypeRange types) {
  Value all;
  auto readWord = [&]() -> Value {
    Value loaded = LLVM::LoadOp::create(
        b, k.loc, b.getI64Type(), wordAddress(word++, ofTile), kWordBytes,
        /*isVolatile=*/false, /*isNonTemporal=*/false, /*isInvariant=*/false,
        /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic, kScope);
    Value flag = arith::ShRUIOp::create(b, k.loc, loaded, k.constant(32));
    Value isSet = row.compare(arith::CmpIPredicate::ne, flag, k.constant(0));
    all = all ? arith::AndIOp::create(b, k.loc, all, isSet) : isSet;
    return arith::TruncIOp::create(b, k.loc, b.getI32Type(), loaded);
  };
  Parts parts;
  for (Type type : types) {
    Value bits = readWord();
    if (type.getIntOrFloatBitWidth() > 32) {
      Value low = arith::ExtUIOp::create(b, k.loc, b.getI64Type(), bits);
      Value high = arith::ExtUIOp::create(b, k.loc, b.getI64Type(), readWord());
      high = arith::ShLIOp::create(b, k.loc, high, k.constant(32));
      bits = arith::OrIOp::create(b, k.loc, low, high);
    }
    parts.push_back(arith::BitcastOp::create(b, k.loc, type, bits));
  }
  return {all, parts};
}

//===----------------------------------------------------------------------===//
// Looking back
//===----------------------------------------------------------------------===//

Parts LookBack::flatten(const Known &known) {
  Parts parts{known.state};
  parts.append(known.total);
  parts.append(known.end);
  return parts;
}

Known LookBack::unflatten(const Parts &parts) {
  ArrayRef<Value> rest = ArrayRef(parts).drop_front();
  return {parts[0], Parts(rest.take_front(elements.size())),
          Parts(rest.drop_front(elements.size()))};
}

/// What a tile has published; one in front of the row is its first tile.
Known LookBack::readTile(Value number) {
  number = arith::MaxSIOp::create(b, k.loc, number, k.constant(0));
  auto [hasTotal, total] = readPublished(0, number, elements);
  auto [hasEnd, end] = readPublished(countWords(elements), number, carries);
  Value state = arith::SelectOp::create(b, k.loc, hasTotal, i32(Known::Total),
                                        i32(Known::Nothing));
  state = arith::SelectOp::create(b, k.loc, hasEnd, i32(Known::End), state);
  return {state, total, end};
}

/// What is known of two neighbours together, of which the nearer one is this
/// many tiles; of that one alone if it knows its end or nothing, or there is
/// no farther one.
Known LookBack::join(const Known &near, const Known &far, int64_t count,
                     Value hasFar) {
  Value isTotal =
      row.compare(arith::CmpIPredicate::eq, near.state, i32(Known::Total));
  if (hasFar)
    isTotal = arith::AndIOp::create(b, k.loc, isTotal, hasFar);
  Parts common = row.common(count * plan.tileSize());
  Known both{far.state, row.combine(far.total, near.total, common),
             row.apply(near.total, far.end, common)};
  return unflatten(row.select(isTotal, flatten(both), flatten(near)));
}

/// What each lane's tiles have published: lane 0 has the nearest ones.
Known LookBack::readWindow(Value nearest) {
  Value mine =
      arith::SubIOp::create(b, k.loc, nearest, k.mul(lane, k.constant(kSeen)));
  SmallVector<Known> tiles;
  for (int64_t i = 0; i < kSeen; ++i)
    tiles.push_back(readTile(k.add(mine, k.constant(-i))));
  Known all = tiles.front();
  for (int64_t i = 1; i < kSeen; ++i)
    all = join(all, tiles[i], i);
  return all;
}

/// What all lanes know together, from lane 0 on to the first that knows its end
/// or nothing; in every lane.
Known LookBack::foldWindow(Known known) {
  for (int64_t distance = 1; distance < kWarp; distance *= 2) {
    Known far =
        unflatten(k.shuffle(gpu::ShuffleMode::DOWN, flatten(known), distance));
    Value inWarp = row.compare(arith::CmpIPredicate::slt, lane,
                               k.constant(kWarp - distance));
    known = join(known, far, distance * kSeen, inWarp);
  }
  return unflatten(k.shuffle(gpu::ShuffleMode::IDX, flatten(known), 0));
}

/// The carry at the end of the tile in front.
Parts LookBack::lookBack() {
  Parts inits{arith::SubIOp::create(b, k.loc, tile, k.constant(1))};
  inits.append(row.neutral());
  Parts ofNone = row.common(0);
  Parts ofWindow = row.common(kWarp * kSeen * plan.tileSize());
  inits.append(ofNone);
  SmallVector<Type> types =
      llvm::map_to_vector(inits, [](Value value) { return value.getType(); });
  SmallVector<Type> allTypes = types;
  allTypes.append(carries);
  auto step = [&](OpBuilder &nested, Location loc, ValueRange args) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
    Value nearest = args.front();
    Parts behind(args.drop_front().drop_back(ofNone.size()));
    Parts common(args.take_back(ofNone.size()));
    Known window = foldWindow(readWindow(nearest));
    Value isTotal =
        row.compare(arith::CmpIPredicate::eq, window.state, i32(Known::Total));
    Value isEnd =
        row.compare(arith::CmpIPredicate::eq, window.state, i32(Known::End));
    Parts start = row.apply(behind, window.end, common);
    Parts further{
        arith::SubIOp::create(b, loc, nearest, k.constant(kWarp * kSeen))};
    further.append(row.combine(window.total, behind, common));
    further.append(row.joinCommon(ofWindow, common));
    Parts next = row.select(isTotal, further, Parts(args));
    next.append(start);
    Value again = arith::XOrIOp::create(
        b, loc, isEnd, arith::ConstantOp::create(b, loc, b.getBoolAttr(true)));
    scf::ConditionOp::create(b, loc, again, next);
  };
  auto loop = scf::WhileOp::create(
      b, k.loc, allTypes, inits, step,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        scf::YieldOp::create(nested, loc, args.take_front(types.size()));
      });
  return Parts(ValueRange(loop.getResults()).drop_front(types.size()));
}

/// The carry in front of the tile; what the tiles behind wait for is published
/// as soon as it is known. In every lane of a warp.
Parts LookBack::findStart(const Parts &total, const Parts &rowStart) {
  Value isFirst = row.compare(arith::CmpIPredicate::eq, tile, k.constant(0));
  Parts start = k.branch(
      isFirst, [&] { return rowStart; },
      [&] {
        k.when(isLane(0), [&] { publish(0, total); });
        return lookBack();
      });
  Parts end = row.apply(total, start, row.common(plan.tileSize()));
  k.when(isLane(0), [&] {
    publish(countWords(elements), end);
    Value last = arith::SubIOp::create(b, k.loc, tiles, k.constant(1));
    row.finish(row.compare(arith::CmpIPredicate::eq, tile, last), end);
  });
  return start;
}

//===----------------------------------------------------------------------===//
// A tile
//===----------------------------------------------------------------------===//

/// A number for each block, in the order in which they start.
Value LookBack::takeTicket() {
  Value isFirst = row.compare(arith::CmpIPredicate::eq, thread, k.constant(0));
  k.when(isFirst, [&] {
    Value taken = LLVM::AtomicRMWOp::create(
        b, k.loc, LLVM::AtomicBinOp::add, k.workspace(), k.constant(1),
        LLVM::AtomicOrdering::monotonic, kScope, kWordBytes);
    ticket.store(k.constant(0), {taken});
  });
  gpu::BarrierOp::create(b, k.loc);
  return ticket.load(k.constant(0)).front();
}

Value LookBack::timeOf(int64_t chunk) {
  Value chunks = k.add(k.mul(tile, k.constant(plan.chunks)), k.constant(chunk));
  Value first = k.add(k.mul(chunks, k.constant(plan.threads)), thread);
  return k.mul(first, k.constant(row.items));
}

/// Loads all chunks, then scans each within warps: the prefixes of the thread's
/// items, and the lanes' inclusive ones of each chunk.
SmallVector<Parts> LookBack::scanChunks(SmallVector<Row::Items> &prefixes) {
  for (int64_t chunk = 0; chunk < plan.chunks; ++chunk)
    prefixes.push_back(row.load(timeOf(chunk)));
  SmallVector<Parts> inclusive;
  for (Row::Items &items : prefixes) {
    row.makePrefixes(items);
    inclusive.push_back(row.scanWarp(items.elements.back(), row.items, lane));
  }
  k.when(isLane(kWarp - 1), [&] {
    for (auto [chunk, total] : llvm::enumerate(inclusive))
      totals.store(k.add(k.constant(chunk * warps), warp), total);
  });
  return inclusive;
}

/// By one warp: each lane has the total of one warp and chunk, in the order of
/// time, and gets the carry in front of it.
void LookBack::scanTile(const Parts &rowStart) {
  int64_t used = warps * plan.chunks;
  Value has = row.compare(arith::CmpIPredicate::slt, lane, k.constant(used));
  Parts own = k.branch(
      has, [&] { return totals.load(lane); }, [&] { return row.neutral(); });
  int64_t steps = row.items * kWarp;
  Parts inclusive = row.scanWarp(own, steps, lane);
  Parts exclusive = row.makeExclusive(inclusive, lane);
  Parts total = k.shuffle(gpu::ShuffleMode::IDX, inclusive, used - 1);
  Parts start =
      row.apply(exclusive, findStart(total, rowStart), row.common(steps, lane));
  k.when(has, [&] { starts.store(lane, start); });
}

Launch LookBack::emit() {
  thread = k.threadIndex();
  lane = arith::RemUIOp::create(b, k.loc, thread, k.constant(kWarp));
  warp = arith::DivUIOp::create(b, k.loc, thread, k.constant(kWarp));
  Value rows = row.numRows(), number = takeTicket();
  // Rows take turns, so that each looks back at few tiles that run.
  rowNumber = arith::RemUIOp::create(b, k.loc, number, rows);
  tile = arith::DivUIOp::create(b, k.loc, number, rows);
  Parts rowStart = row.enter(rowNumber);
  tiles = row.numTiles(plan.tileSize());
  slots = k.mul(rows, tiles);

  SmallVector<Row::Items> prefixes;
  SmallVector<Parts> inclusive = scanChunks(prefixes);
  gpu::BarrierOp::create(b, k.loc);
  k.when(row.compare(arith::CmpIPredicate::eq, warp, k.constant(0)),
         [&] { scanTile(rowStart); });
  gpu::BarrierOp::create(b, k.loc);
  for (int64_t chunk = 0; chunk < plan.chunks; ++chunk) {
    Parts warpStart = starts.load(k.add(k.constant(chunk * warps), warp));
    row.store(timeOf(chunk), prefixes[chunk],
              row.apply(row.makeExclusive(inclusive[chunk], lane), warpStart,
                        row.common(row.items, lane)));
  }
  gpu::ReturnOp::create(b, k.loc);
  Launch launch;
  launch.threads = plan.threads;
  launch.grid = {row.rowFactor(), row.timeFactor(plan.tileSize())};
  launch.workspaceBytes = kTicketBytes;
  launch.zeroesWorkspace = true;
  launch.workspaceBytesPerBlock =
      (countWords(elements) + countWords(carries)) * kWordBytes;
  return launch;
}

Launch emitLookBack(OpBuilder &b, Kernel &kernel, Row &row,
                    const GPUScanPlan &plan) {
  return LookBack(b, kernel, row, plan).emit();
}

} // namespace ssm
