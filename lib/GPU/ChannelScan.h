//===- ChannelScan.h - Threads for each channel -----------------*- C++ -*-===//
#ifndef SSM_LIB_GPU_CHANNELSCAN_H
#define SSM_LIB_GPU_CHANNELSCAN_H

#include "Pointwise.h"

namespace ssm {

/// A thread's part of the scan of one of its channels: see ChannelScan.cpp.
class ChannelScan {
public:
  /// `number` is the channel's among those of the thread.
  ChannelScan(mlir::OpBuilder &b, Kernel &kernel, const FusedRecurrence &fused,
              const GPUScanPlan &plan, int64_t number);

  /// Finds the thread's channel; the factors of the grid.
  llvm::SmallVector<GridFactor> findChannel();
  llvm::SmallVector<Num> loadInit();
  llvm::SmallVector<Num> emitLoop(mlir::Value from, mlir::Value to,
                                  int64_t steps, llvm::ArrayRef<Num> x);
  llvm::SmallVector<Num> emitSteps(llvm::ArrayRef<Num> x, mlir::Value first,
                                   int64_t steps);
  llvm::SmallVector<Num> emitStep(llvm::ArrayRef<Num> x);
  /// The state that the output is read from, of those around a step.
  llvm::ArrayRef<Num> readPoint(llvm::ArrayRef<Num> before,
                                llvm::ArrayRef<Num> after);
  Num emitOutput(llvm::ArrayRef<Num> x);
  Num finishOutput(Num sum);
  /// A time whose results are the thread's, if it is to write them.
  struct Turn {
    mlir::Value time, writes;
  };
  void storeResults(const Turn &turn, Num y);
  void storeFinal(llvm::ArrayRef<Num> x);
  mlir::Value timeOf(mlir::Value step);
  mlir::Value laneOfWarp(int64_t i);

  /// The loop dimensions of the thread's i-th state, without time.
  llvm::SmallVector<mlir::Value> at(int64_t i);
  Num sumLanes(Num x);
  Num sumForEach(llvm::SmallVector<Num> x);
  Num chooseByBit(int64_t bit, Num clear, Num set);
  Num receive(Num x, int64_t distance);
  llvm::SmallVector<mlir::Value> flatten(llvm::ArrayRef<Num> x);
  llvm::SmallVector<Num> unflatten(mlir::ValueRange values);

  mlir::OpBuilder &b;
  Kernel &k;
  const FusedRecurrence &fused;
  LinearRecurrenceOp op;
  const GPUScanPlan &plan;
  LinearRecurrenceOp::Dims dims;
  int64_t number;
  int64_t states; ///< Of a thread.
  bool complexState;
  Pointwise point;
  llvm::SmallVector<unsigned> parallel; ///< Neighbouring threads' last.
  llvm::SmallVector<mlir::Value> channel;
  /// The channel's number in the block, and the thread's in the channel.
  mlir::Value place, lane;
  mlir::Value firstOfBlock; ///< Of its channels.
  mlir::Value length, isInside, isWriter;
};

/// Those of a thread's channels.
using ChannelScans = llvm::SmallVector<std::unique_ptr<ChannelScan>>;

/// The dimensions of channels, in the result's order.
llvm::SmallVector<unsigned> findParallel(LinearRecurrenceOp op);
/// The dimension along which the threads of a block have their channels; none
/// if there is one channel only.
std::optional<unsigned> findNeighbours(LinearRecurrenceOp op);

/// Of an element, two parts of a complex one.
int64_t countBytes(mlir::Type element);
/// Whether every channel of a block reads the same run of memory of this in a
/// step, in whole accesses: see ChannelTiles.cpp.
bool isSharedRun(Mapped value, LinearRecurrenceOp op);

/// Scans the whole tiles of time; the states after them, of one channel after
/// the other.
llvm::SmallVector<Num> emitChannelTiles(const ChannelScans &scans,
                                        llvm::ArrayRef<Num> x);

} // namespace ssm

#endif // SSM_LIB_GPU_CHANNELSCAN_H
