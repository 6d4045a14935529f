//===- TimeLoop.h - The loop over time of one tile --------------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TIMELOOP_H
#define SSM_LIB_LOWERING_TIMELOOP_H

#include "Scan.h"
#include "TileLoop.h"

namespace ssm {

/// Consecutive positions in time.
struct TimeRange {
  mlir::OpFoldResult begin, length;
};

/// Uninitialised tensors for the problem's results.
llvm::SmallVector<mlir::Value> makeOutputs(mlir::OpBuilder &b,
                                           const ScanProblem &problem);

/// A tile that covers everything and keeps the state's dimensions.
Tile stateTile(mlir::OpBuilder &b, const ScanProblem &problem);

/// The ways in which tiles of `lanes` channels cover the parallel dimensions:
/// full tiles, and the tiles of the channels left over.
llvm::SmallVector<llvm::SmallVector<TileAxis>>
channelTilings(mlir::OpBuilder &b, const ScanProblem &problem, int64_t lanes);

/// Scans a time range of one tile from `prefix`, stores the results with time
/// into the tile's part of `shared`, and finishes those without.
llvm::SmallVector<TileResult> runTimeRange(mlir::OpBuilder &b,
                                           ScanProblem &problem, ScanTile &scan,
                                           const Tile &tile, TimeRange range,
                                           mlir::ValueRange prefix,
                                           mlir::ValueRange shared);

/// The step at `position` of a time range.
Step stepAt(mlir::OpBuilder &b, const ScanProblem &problem, TimeRange range,
            mlir::OpFoldResult position);

/// One step: the prefix after it, and the parts of the results with it stored.
llvm::SmallVector<mlir::Value>
advanceAndStore(mlir::OpBuilder &b, const ScanProblem &problem, ScanTile &scan,
                mlir::ValueRange before, mlir::ValueRange parts,
                const Step &step);

/// Carries `prefix` and the tile's parts of the results with time through a
/// time range, with which the parts begin.
llvm::SmallVector<mlir::Value>
scanRange(mlir::OpBuilder &b, ScanProblem &problem, ScanTile &scan,
          TimeRange range, mlir::ValueRange prefix, mlir::ValueRange parts);

/// The tile's parts of `shared`, for the results with time, over a range of it.
llvm::SmallVector<mlir::Value> extractParts(mlir::OpBuilder &b,
                                            const ScanProblem &problem,
                                            const Tile &tile, TimeRange range,
                                            mlir::ValueRange shared);

/// What goes back to the results: `carried` is the last prefix and the parts.
llvm::SmallVector<TileResult>
collectResults(mlir::OpBuilder &b, const ScanProblem &problem, ScanTile &scan,
               const Tile &tile, TimeRange range, mlir::ValueRange carried);

/// Emits `for i in 0 .. length`, walking time in the problem's direction.
/// `body` gets the distance from the range's lower end and the carried values.
llvm::SmallVector<mlir::Value>
forEachStep(mlir::OpBuilder &b, const ScanProblem &problem,
            mlir::OpFoldResult length, mlir::ValueRange carried,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(
                mlir::OpBuilder &, mlir::Value, mlir::ValueRange)>
                body);

/// Runs `body` for one block of `steps` after the other, and for the rest, in
/// the direction of time. Threads may share blocks that are independent.
llvm::SmallVector<mlir::Value> forEachBlock(
    mlir::OpBuilder &b, mlir::Location loc, mlir::OpFoldResult length,
    int64_t steps, bool backward, mlir::ValueRange carried,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(TimeRange,
                                                      mlir::ValueRange)>
        body,
    bool independent = false);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TIMELOOP_H
