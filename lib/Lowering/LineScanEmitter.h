//===- LineScanEmitter.h - Blocks of a line in registers --------*- C++ -*-===//
//
// What LineScan.cpp scans, and LineScanBlocks.cpp brings into registers and
// back; LineScanPowers.cpp finds the maps of a transition that is constant,
// LineScanChunks.cpp those of parts of a line.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_LINESCANEMITTER_H
#define SSM_LIB_LOWERING_LINESCANEMITTER_H

#include "Labelled.h"
#include "Recurrence.h"
#include "TimeLoop.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"
#include "ssm/Plan/ScanPlan.h"
#include "ssm/Utils/Wide.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

#include <array>
#include <optional>

namespace ssm {

/// Steps of a segment, and vectors of a block.
inline constexpr int64_t kSide = 4;

/// Rounds of doubling, over as many lanes as a block has at most.
inline constexpr unsigned kMostRounds = 4;
static_assert(kLineBlock == kSide << kMostRounds);

/// Steps of a chunk, of which a line has at least a few. So many at most are
/// scanned between two forks of threads: one of f32 and the next have 16 MiB on
/// their way, if transitions do not decay, for which last caches have room.
inline constexpr int64_t kChunk = 1 << 15, kFewestChunks = 4, kMostChunks = 32;

/// Steps that are reduced first, piece after piece from the last one on: those
/// of a transition of 0.84 vanish in one piece, of 0.96 in all.
inline constexpr int64_t kPiece = 1 << 9, kPieces = 4;
inline constexpr int64_t kTail = kPiece * kPieces, kRest = kChunk - kTail;

/// What is computed of the op's result where that is stored: from lines and
/// from what has no time.
Elementwise findLineConsumer(LinearRecurrenceOp op);

class LineScanEmitter {
public:
  /// What `consumer` computes of the result is stored in its place.
  LineScanEmitter(mlir::OpBuilder &b, LinearRecurrenceOp op,
                  const Elementwise &consumer, const LineScanOptions &options)
      : b(b), op(op), loc(op.getLoc()), consumer(consumer), options(options),
        problem(makeDiagonalScan(b, op, consumer)),
        real(getRealType(op.getStateElementType())), num(b, loc, real),
        complexState(llvm::isa<mlir::ComplexType>(op.getStateElementType())),
        complexTransition(hasComplexElements(op.getTransition())),
        lanes(countLanes()), blockSteps(lanes * kSide),
        rounds(llvm::Log2_64(lanes)) {
    assert(rounds <= kMostRounds && lanes % kSide == 0);
  }

  llvm::SmallVector<mlir::Value> emit();

private:
  /// Four vectors: a block as it lies in memory, or a step of the segments
  /// each.
  using Vectors = std::array<mlir::Value, kSide>;
  using Rows = std::array<Num, kSide>;

  /// A block on its way: the steps' maps, and the states before and after the
  /// segments.
  struct Block {
    Tile tile;
    Rows p, s;
    Num enter, state;
    /// The map of as many segments as lanes up to each.
    Num product, local;
  };
  /// What a block hands on: the states after its segments, and the maps with
  /// which it entered each round.
  struct Carry {
    Num state;
    std::array<Num, kMostRounds> products, locals;
    /// In place of `products`, if `powers` are known: the product of the next
    /// block's maps.
    Num product;
  };

  /// Of a transition a that is constant, the products in a whole block.
  struct Powers {
    /// a, ..., a^4.
    std::array<Num, kSide> steps;
    /// What each round multiplies by: a^4, ..., a^32.
    std::array<Num, kMostRounds> rounds;
    /// Of as many segments as lanes up to each, of 16: a^64, but in a line's
    /// first block, where only some are in the line, a^4 of the first up to
    /// a^64 of the last.
    Num first, block;
  };

  /// Of powers the error of each block is that of the block before: longer ones
  /// are fewer.
  int64_t countLanes() {
    return uses(op.getTransitionMap(), op.getTime()) ? options.lanes
                                                     : kLineBlock / kSide;
  }

  /// The steps of a line whose map is known, as x -> p x + s.
  struct Map {
    Num p, s;
  };

  /// How a line alone is cut: groups of as many chunks each, and a rest.
  struct Groups {
    int64_t count = 0, chunks = 0;
    int64_t numChunks() const { return count * chunks; }
    int64_t steps() const { return numChunks() * kChunk; }
  };

  /// `line`, the result over a range of steps, and the parts of the state after
  /// them.
  llvm::SmallVector<mlir::Value> runBlocks(const Tile &tile, TimeRange whole,
                                           mlir::Value line, Num state);
  /// Says of the loop of threads that returned `results` that caches have room
  /// for the lines that it writes, if they do.
  void keepInCaches(mlir::ValueRange results);
  Block loadBlock(const Tile &tile, TimeRange range);
  /// The line with what comes out of the block, from step `begin` of it on.
  mlir::Value storeBlock(const Block &block, mlir::OpFoldResult begin,
                         mlir::Value line);
  /// Of lanes that hold what is after each segment, the last one's.
  Num lastLane(Num vector);
  Num startState(ScanTile &scan);

  // A line alone, see LineScanChunks.cpp and LineScanThreads.cpp. What is
  // carried from chunk to chunk are the line and the state.
  /// None if the line is not cut.
  Groups cutLine();
  /// The same as runBlocks of the whole line, which has groups and a rest.
  llvm::SmallVector<mlir::Value> runGroups(const Tile &tile, mlir::Value line,
                                           Num state);
  llvm::SmallVector<mlir::Value> runChunksInOrder(const Tile &tile,
                                                  mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> runChunkInOrder(const Tile &tile,
                                                 mlir::OpFoldResult chunk,
                                                 mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> runGroupsAhead(const Tile &tile,
                                                mlir::ValueRange carried);
  /// Scans the chunks of one group from `starts` on, and finds the maps of
  /// those of another: the line, the states after the chunks, and the parts of
  /// the maps.
  llvm::SmallVector<mlir::Value> runPhase(const Tile &tile, mlir::Value line,
                                          mlir::Value starts,
                                          std::optional<mlir::Value> scanned,
                                          std::optional<mlir::Value> reduced);
  /// Of one chunk each; `start` is the line and the state.
  llvm::SmallVector<mlir::Value> runChunk(const Tile &tile,
                                          const mlir::OpFoldResult *scanned,
                                          mlir::ValueRange start,
                                          const mlir::OpFoldResult *reduced);
  /// Scans, and reduces, a chunk without its tail. `carried` is what the one
  /// carries, of which there are `numScanned`, and the other.
  llvm::SmallVector<mlir::Value> runBesides(const Tile &tile,
                                            const mlir::OpFoldResult *scanned,
                                            mlir::OpFoldResult reduced,
                                            mlir::ValueRange carried,
                                            size_t numScanned);
  /// The states before a group's chunks by their maps; `state` becomes that
  /// after them.
  mlir::Value statesBefore(mlir::ValueRange maps, Num &state);
  /// Of a line, the states after its chunks, and that after the line by maps:
  /// the line and the state, scanned again from the first state on that is
  /// infinite or no number.
  llvm::SmallVector<mlir::Value> keepWhatIsNoNumber(const Tile &tile,
                                                    mlir::ValueRange scanned);
  /// The chunk's first step in memory.
  mlir::OpFoldResult chunkBegin(mlir::Value number);
  /// Of a chunk, the last steps in time, and those before.
  TimeRange restOfChunk();
  TimeRange tailOfChunk();
  /// Of its tail, the last piece in time but so many.
  TimeRange pieceOfTail(mlir::Value number);
  mlir::Value index(int64_t value) {
    return asValue(b, loc, b.getIndexAttr(value));
  }

  /// Emits a loop over the blocks of a part of the chunk that begins at
  /// `chunk`. `body` gets where a block lies in the line, and its begin in the
  /// chunk.
  llvm::SmallVector<mlir::Value>
  forEachBlockOf(TimeRange part, mlir::OpFoldResult chunk,
                 mlir::ValueRange carried,
                 llvm::function_ref<llvm::SmallVector<mlir::Value>(
                     TimeRange, mlir::OpFoldResult, mlir::ValueRange)>
                     body);
  /// A scan carries the line and what a block hands on, a reduction the map so
  /// far and the same.
  llvm::SmallVector<mlir::Value> startScan(mlir::Value line, Num state);
  llvm::SmallVector<mlir::Value>
  scanBlock(Block &block, mlir::OpFoldResult begin, mlir::ValueRange carried);
  mlir::Value stateOf(mlir::ValueRange scan);
  /// Scans a part of the chunk; what is carried is the whole line, or else the
  /// chunk's part of it.
  llvm::SmallVector<mlir::Value> scanAlong(const Tile &tile, TimeRange part,
                                           mlir::OpFoldResult chunk,
                                           mlir::ValueRange scan,
                                           bool inLine = false);
  Map reduceTail(const Tile &tile, mlir::OpFoldResult chunk);
  llvm::SmallVector<mlir::Value> startReduction(const Tile &tile,
                                                int64_t steps);
  llvm::SmallVector<mlir::Value> reduceBlock(Block block,
                                             mlir::ValueRange carried);

  /// The map of no step, in every lane. The power of a constant transition is
  /// that of so many steps from the start.
  Map startMap(const Tile &tile, int64_t steps);
  /// The map of the steps so far and of the block.
  Map then(const Map &map, const Block &block);
  /// That of all lanes' steps.
  Map lastLanes(mlir::ValueRange parts);
  /// That of some steps and of those after them.
  Map join(const Map &before, const Map &after);
  /// That of the rest of a chunk and its tail.
  Map mapOfChunk(const Tile &tile, const Map &rest, const Map &tail);
  /// i1: what comes before the tail does not matter.
  mlir::Value vanishes(const Map &tail);
  /// A product that goes on as zero, or ends at the largest number.
  mlir::Value bound(mlir::Value p);
  mlir::Value isFinite(mlir::Value x);
  /// `state`, but `scanned`, which is the same, if that is infinite or no
  /// number.
  mlir::Value orWhatIsNoNumber(mlir::Value state, mlir::Value scanned);

  // A transition that is constant, see LineScanPowers.cpp.
  /// Sets `powers` where a line or a part of it begins, if the transition is
  /// constant.
  void findPowers(const Tile &tile);
  /// a^exponent for a power of two, real and no larger than the largest number.
  mlir::Value powerOfTransition(const Tile &tile, int64_t exponent);
  /// Without an imaginary part if it is real.
  Wide loadTransition(const Tile &tile);
  /// In the working precision, and zero below its normal numbers.
  mlir::Value roundPower(mlir::Value power);
  bool knowsPowers(const Block &block) const {
    return powers && isWhole(block.tile);
  }

  /// Complex numbers have no registers left for what a block hands on to look
  /// ahead from, and enough to do while it waits; but products of blocks that
  /// are alike must be as good as their powers.
  bool looksAhead() const { return !complexState || powers; }
  Carry startCarry(Num state);
  llvm::SmallVector<mlir::Value> flatten(const Carry &carry);
  Carry unflatten(mlir::ValueRange values);

  /// Numbers as they lie in memory; those of an operand without time are alike.
  Rows loadNumbers(mlir::Value value, mlir::AffineMap map, const Tile &block);
  Vectors load(mlir::Value value, mlir::AffineMap map, const Tile &block);
  /// What an elementwise neighbour computes; `argument` is the result's of a
  /// consumer.
  Vectors compute(const Elementwise &neighbour, const Tile &block,
                  const Vectors *argument = nullptr);
  /// b_t u_t.
  Rows loadDrive(const Tile &block);
  /// The block's complex numbers as two tensors of as many steps as a whole one
  /// has, and the other way round.
  llvm::SmallVector<mlir::Value> takeApart(mlir::Value slice,
                                           const Tile &block);
  mlir::Value putTogether(const Rows &rows, const Tile &block,
                          mlir::Value line);
  mlir::Value extractLine(mlir::Value value, mlir::AffineMap map,
                          const Tile &block);
  /// Has the part of a line brought to the caches that is read some blocks
  /// later: by itself many a machine looks ahead to the end of a page only.
  void askAhead(mlir::Value value, mlir::AffineMap map, Tile line);
  /// How many bytes later; 0 if the machine does it.
  int64_t bytesAhead();
  Vectors read(mlir::Value slice, bool inBounds);
  mlir::Value write(const Vectors &rows, mlir::Value line, bool inBounds);
  /// A line without the dimensions of size one after time: a vector that is
  /// read through them has one dimension of several, and falls apart.
  std::pair<mlir::Value, mlir::AffineMap> endWithTime(mlir::Value value,
                                                      mlir::AffineMap map);
  /// What the body computes of scalars, of vectors.
  mlir::Value widen(mlir::Block &body, mlir::IRMapping &mapping);

  /// The numbers, with `value` in the steps that the block lacks.
  Rows complete(const Rows &rows, const Tile &block, double value);
  /// Exchanges step and segment.
  Rows transpose(const Rows &rows);
  Vectors transpose(const Vectors &rows);

  void mapSegments(Block &block);
  void link(Block &block, Carry &carry);
  Rows states(const Block &block);
  /// The numbers of the result, as they lie, from the steps' states.
  Rows project(const Rows &states, const Tile &block);
  /// The line with what comes out of the block.
  mlir::Value store(const Rows &states, const Tile &block, mlir::Value line);
  /// What the lane of `by` segments before holds, in `before` where that is of
  /// the block before.
  Num fromBefore(Num before, Num now, int64_t by);

  /// Segments are numbered as time runs; of the lanes in memory, four by four,
  /// transposes make those the rows.
  int64_t laneOf(int64_t segment) const {
    if (problem->backward)
      segment = lanes - 1 - segment;
    int64_t squares = lanes / kSide;
    return segment % squares * kSide + segment / squares;
  }
  /// Steps of a segment are numbered as time runs, too.
  int64_t rowOf(int64_t step) const {
    return problem->backward ? kSide - 1 - step : step;
  }
  mlir::Value splat(double value) {
    auto vector = mlir::VectorType::get({lanes}, real);
    return mlir::arith::ConstantOp::create(
        b, loc,
        mlir::DenseElementsAttr::get(vector, b.getFloatAttr(real, value)));
  }
  Num constant(double value, bool isComplex) {
    return {splat(value), isComplex ? splat(0) : mlir::Value()};
  }
  mlir::Value broadcast(mlir::Value scalar) {
    return mlir::vector::BroadcastOp::create(
        b, loc, mlir::VectorType::get({lanes}, scalar.getType()), scalar);
  }
  mlir::OpFoldResult sizeOf(const Tile &block) const {
    return block.ranges[problem->time].size;
  }
  bool isWhole(const Tile &block) const {
    return mlir::getConstantIntValue(sizeOf(block)) == blockSteps;
  }

  mlir::OpBuilder &b;
  LinearRecurrenceOp op;
  mlir::Location loc;
  Elementwise consumer;
  LineScanOptions options;
  std::unique_ptr<ScanProblem> problem;
  mlir::Type real;
  NumBuilder num;
  bool complexState, complexTransition;
  /// Of a vector, each a segment; and steps of all of them, which as many
  /// rounds of doubling link.
  int64_t lanes, blockSteps;
  unsigned rounds;
  std::optional<Powers> powers;
  Groups groups;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_LINESCANEMITTER_H
