//===- SharedRows.h - Rows of channels that threads share -------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_SHAREDROWS_H
#define SSM_LIB_LOWERING_SHAREDROWS_H

#include "TimeLoop.h"

namespace ssm {

/// Channels of a band, of a row of which each thread has `channels`; 0 if a
/// thread follows its part by itself.
int64_t countSharedChannels(const ScanProblem &problem, int64_t channels);

/// All steps of a band of so many channels.
llvm::SmallVector<TileResult> emitSharedBand(mlir::OpBuilder &b,
                                             ScanProblem &problem,
                                             const Tile &band,
                                             mlir::ValueRange shared);

} // namespace ssm

#endif // SSM_LIB_LOWERING_SHAREDROWS_H
