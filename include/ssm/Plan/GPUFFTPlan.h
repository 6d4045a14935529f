//===- GPUFFTPlan.h - How a block of a GPU transforms -----------*- C++ -*-===//
//
// A block transforms columns of complex points, 16 or 32 of which are in the
// registers of each thread. A point's index has the bits of its column below
// those of its place in the column. A round has butterflies over some bits of
// the place, the highest first; its threads have the points that differ in
// these bits, and in others up to four, so that a thread's number is the bits
// that are left. Between two rounds points change threads through shared
// memory.
//
// The first round takes in what is in global memory, and the last one leaves it
// there (and the other way round on the way back): threads may have neighbours
// then, to access them together.
//
// Read by the emitter and by the unit test, which transforms numbers.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_PLAN_GPUFFTPLAN_H
#define SSM_PLAN_GPUFFTPLAN_H

#include <cstdint>
#include <vector>

namespace ssm {

struct GPUFFTPlan {
  /// 256 threads, whose registers hold no more.
  static constexpr int64_t kLogMost = 13;

  int64_t logPoints = 9, logColumns = 0; ///< At least 9 together: a warp.
  /// Of the neighbours that a thread has in the first and in the last round.
  int64_t logFirst = 0, logLast = 0;
  int64_t logOwn = 4; ///< Of the points of a thread.

  struct Round {
    int64_t low,
        bits; ///< Butterflies over bits [low, low + bits) of the index.
    /// The bits in which a thread's points differ: first those of butterflies.
    std::vector<int64_t> own;
  };
  /// Bits of a thread's number that are neighbours in the index.
  struct Run {
    int64_t from, to, count;
  };

  int64_t logSize() const { return logPoints + logColumns; }
  int64_t size() const { return int64_t(1) << logSize(); }
  int64_t perThread() const { return int64_t(1) << logOwn; }
  int64_t threads() const { return size() / perThread(); }
  int64_t points() const { return int64_t(1) << logPoints; }
  int64_t columns() const { return int64_t(1) << logColumns; }

  std::vector<Round> rounds() const;
  std::vector<Run> threadRuns(const Round &round) const;
  /// The part of the index that a thread's number gives, and that of the i-th
  /// of its points; their sum is the index.
  int64_t threadPart(const Round &round, int64_t thread) const;
  static int64_t ownPart(const Round &round, int64_t i);

  /// Points of a block of the transform that a round is to take apart.
  int64_t blockSize(const Round &round) const {
    return int64_t(1) << (round.low + round.bits - logColumns);
  }
  /// Where an index is in its block, below the round's bits, in points.
  int64_t inBlock(const Round &round, int64_t index) const {
    return (index & ((int64_t(1) << round.low) - 1)) >> logColumns;
  }
  /// The frequency at a place of a transformed column: a round leaves its digit
  /// where it has found it.
  int64_t frequencyAt(int64_t place) const;

  /// Where a point is in shared memory, so that the lanes of half a warp access
  /// 16 different pairs of banks in every round. It is linear over bits.
  static int64_t swizzle(int64_t index) {
    return index ^ ((index >> 4 ^ index >> 5) & 15);
  }
};

} // namespace ssm

#endif // SSM_PLAN_GPUFFTPLAN_H
