//===- Sequential.cpp - A loop over time ----------------------------------===//
//
// For every tile of channels, in parallel:
//
//   for t in 0 .. L:  prefix = prefix * e_t;  store prefix
//
// The reference, and the fastest way once the channels fill the machine: each
// operand is read once and each result written once.
//
//===----------------------------------------------------------------------===//

#include "TimeLoop.h"

using namespace mlir;
using namespace ssm;

SmallVector<Value> ssm::emitSequentialScan(OpBuilder &b, ScanProblem &problem,
                                           int64_t lanes) {
  Location loc = problem.loc;
  OpFoldResult zero = b.getIndexAttr(0);
  SmallVector<Value> outs = makeOutputs(b, problem);
  for (ArrayRef<TileAxis> axes : channelTilings(b, problem, lanes)) {
    outs = forEachTile(
        b, loc, axes, stateTile(b, problem), outs,
        [&](OpBuilder &nested, const Tile &tile, ValueRange shared) {
          std::unique_ptr<ScanTile> scan = problem.makeTile(nested, tile);
          TimeRange range{zero, problem.loopSizes[problem.time], true};
          return runTimeRange(nested, problem, *scan, tile, range,
                              scan->start(nested), shared);
        });
  }
  return outs;
}
