//===- Scan.h - A scan over time, seen tile by tile -------------*- C++ -*-===//
//
// What a scan strategy needs to know of an op, and no more. The strategies
// (Sequential.cpp, TreeScan.cpp) know only indices; what an element is, how two
// elements combine and where a prefix is stored are callbacks of the op.
//
//   prefix    what is carried along time: the state x_t
//   summary   what a run of elements does to a prefix: (prod a, local state)
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_SCAN_H
#define SSM_LIB_LOWERING_SCAN_H

#include "Tile.h"
#include "ssm/IR/SSMAttributes.h"

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// One position in time, or one position in each of several leaves that lie
/// side by side in the lanes.
struct Step {
  /// Time range in the operands, and in the tile's part of the results.
  LoopRange time, localTime;
  /// i1: no element precedes this one. With leaves as lanes this holds for lane
  /// `firstLane` only.
  mlir::Value isFirst;
  mlir::Value firstLane;
};

/// The scan of one tile. Values are tensors over the tile's kept dimensions.
class ScanTile {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  virtual ~ScanTile() = default;

  /// What a step asks for: what a tile so many further along the row reads, so
  /// many steps later.
  struct Ahead {
    int64_t tiles = 0, steps = 0;
    explicit operator bool() const { return tiles != 0 || steps != 0; }
  };
  Ahead ahead;

  /// The prefix before the first element.
  virtual Values start(mlir::OpBuilder &b) = 0;
  /// Asks for what is `ahead` of the step.
  virtual void askAhead(mlir::OpBuilder &b, const Step &step) {}
  /// prefix * element.
  virtual Values advance(mlir::OpBuilder &b, mlir::ValueRange prefix,
                         const Step &step) = 0;
  /// Writes the results at one step into the tile's part of them.
  virtual Values store(mlir::OpBuilder &b, mlir::ValueRange before,
                       mlir::ValueRange after, const Step &step,
                       mlir::ValueRange outs) = 0;
  /// Steps that are best taken together; 0 if each is advanced and stored.
  virtual int64_t countStepsTogether() const { return 0; }
  /// Advances and stores so many steps, whose element is none of a tree's
  /// leaves: the prefix after them, and the parts of the results.
  virtual Values takeTogether(mlir::OpBuilder &b, mlir::ValueRange prefix,
                              mlir::ArrayRef<Step> steps,
                              mlir::ValueRange outs) {
    llvm_unreachable("the tile takes one step after the other");
  }
  /// The tiles of the results that have no time, from the last prefix.
  virtual Values finish(mlir::OpBuilder &b, mlir::ValueRange prefix) = 0;

  /// The scan of the part of this tile that has `range`, counted from the
  /// tile's own offset, in the kept dimension `dim`.
  virtual std::unique_ptr<ScanTile> narrow(mlir::OpBuilder &b, unsigned dim,
                                           const LoopRange &range) const = 0;

  /// The summary of no element, or any value if there is no such summary.
  virtual Values neutral(mlir::OpBuilder &b) = 0;
  /// summary * element.
  virtual Values extend(mlir::OpBuilder &b, mlir::ValueRange summary,
                        const Step &step) = 0;
  /// The prefix after the elements that `summary` stands for.
  virtual Values resume(mlir::OpBuilder &b, mlir::ValueRange summary) = 0;
};

/// A result of a scan: with time, or without (the final state).
struct ScanResult {
  mlir::RankedTensorType type;
  mlir::AffineMap map;
  bool hasTime;
};

/// A part of a summary: a tensor over the tile's kept dimensions, and over
/// `extra` loop dimensions before them.
struct SummaryPart {
  mlir::Type type;
  llvm::SmallVector<unsigned> extra;
};

class ScanProblem {
public:
  virtual ~ScanProblem() = default;

  mlir::Location loc;
  unsigned time = 0;
  bool backward = false;
  /// Whether what is stored at a step does not depend on the prefix after it;
  /// it is then stored first, so that the prefix can be advanced in place.
  bool readsBefore = false;
  /// Chunks that time is cut into where the steps before are forgotten, which
  /// is where the first part of a summary, a product of transitions, vanishes.
  int64_t timeChunks = 1;
  /// The states of one thread shall lie apart from those of another.
  bool liesApart = false;
  /// Tiles that take several steps at a time shall ask ahead.
  bool asksAhead = false;
  /// Steps that are taken together shall tell whether their powers of two are
  /// all normal numbers.
  bool asksForNormalPowers = false;
  /// Steps ahead that threads which share rows shall ask for (SharedRows.h); 0:
  /// each follows its part of a row by itself.
  int64_t sharedRowsAhead = 0;
  /// Bytes of the largest result that several threads write through the caches.
  int64_t cachedBytes = 0;
  /// Independent scans, contiguous dimension last, and the dimensions that a
  /// tile holds whole. `loopSizes` may have dimensions that only summaries use.
  llvm::SmallVector<unsigned> parallel, state;
  /// Channels that a single step takes together where its lanes are states.
  int64_t stepChannels = 1;
  llvm::SmallVector<mlir::OpFoldResult> loopSizes;
  /// Those results that are used.
  llvm::SmallVector<ScanResult> results;
  llvm::SmallVector<SummaryPart> summary;

  virtual std::unique_ptr<ScanTile> makeTile(mlir::OpBuilder &b,
                                             const Tile &tile) = 0;
  /// left * right for many summaries at once; the dimensions of part i are
  /// those of `maps[i]`. The result may be written over `right`.
  virtual llvm::SmallVector<mlir::Value>
  combine(mlir::OpBuilder &b, llvm::ArrayRef<mlir::AffineMap> maps,
          mlir::ValueRange left, mlir::ValueRange right) = 0;

protected:
  explicit ScanProblem(mlir::Location loc) : loc(loc) {}
};

/// Emits a loop over time per tile of `lanes` channels, with work for `cores`
/// threads. Returns the values of `problem.results`.
llvm::SmallVector<mlir::Value> emitSequentialScan(mlir::OpBuilder &b,
                                                  ScanProblem &problem,
                                                  int64_t lanes, int64_t cores);

/// Emits a reduce, a tree over the leaves' summaries and a second pass.
llvm::SmallVector<mlir::Value> emitTreeScan(mlir::OpBuilder &b,
                                            ScanProblem &problem, int64_t leaf,
                                            int64_t lanes);

/// Emits the scan that `strategy` asks for and replaces the op's used results,
/// or instead of the first one that of the op's `consumer`.
void replaceByScan(mlir::RewriterBase &rewriter, mlir::Operation *op,
                   ScanProblem &problem, StrategyAttr strategy, int64_t cores,
                   mlir::Operation *consumer = nullptr);

} // namespace ssm

#endif // SSM_LIB_LOWERING_SCAN_H
