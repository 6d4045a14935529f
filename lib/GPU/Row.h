//===- Row.h - Rows of time in a block's registers --------------*- C++ -*-===//
//
// A row is a sequence of elements that act on a carry: those of a recurrence,
// (A, u), on the state as A x + u. A `Row` knows what they are, in registers
// and in memory; RowScan.cpp and LookBack.cpp know how a block scans them.
//
// Rows of contiguous time are scanned one by one. Where channels are contiguous
// instead, `width` neighbouring rows are one whose elements are tuples, and an
// access has such a tuple.
//
// Elements that are joined from as many steps may have a part in common, such
// as the power of a transition that does not vary in time. It is known when the
// row begins, and neither joined nor sent; but then it acts beyond the row too,
// where elements are otherwise neutral.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_GPU_ROW_H
#define SSM_LIB_GPU_ROW_H

#include "Pointwise.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace ssm {

/// An element or a carry: scalars in registers.
using Parts = llvm::SmallVector<mlir::Value>;

class Row {
public:
  /// Rows are numbered along `parallel`, the last dimension fastest, by
  /// `width` together; a thread has `items` elements that follow each other in
  /// time. Time is that of the scan: in memory it may run backward.
  Row(mlir::OpBuilder &b, Kernel &kernel, llvm::ArrayRef<unsigned> parallel,
      unsigned time, bool isBackward, unsigned numDims,
      const GPUScanPlan &plan);
  virtual ~Row() = default;

  /// The element that changes no carry.
  virtual Parts neutral() = 0;
  /// What elements of `steps`, or so many times a number of the lane that is
  /// known before the row is entered, have in common; nothing if they have
  /// nothing. And of elements of as many steps as two others together.
  virtual Parts common(int64_t steps, mlir::Value times = mlir::Value()) {
    return {};
  }
  virtual Parts joinCommon(const Parts &x, const Parts &y) { return {}; }
  /// Two elements as one; `before` comes first in time, and `common` is what
  /// those of the steps of `after` have.
  virtual Parts combine(const Parts &before, const Parts &after,
                        const Parts &common) = 0;
  virtual Parts apply(const Parts &element, const Parts &carry,
                      const Parts &common) = 0;
  virtual mlir::SmallVector<mlir::Type> elementTypes() = 0;
  virtual mlir::SmallVector<mlir::Type> carryTypes() = 0;

  /// Goes to a row; the carry in front of it. Beyond the last one, to that, and
  /// its elements are neither read nor stored.
  virtual Parts enter(mlir::Value number);
  mlir::Value exists() { return isInside; }
  /// Stores the carry behind the row, which that behind the last element or
  /// behind what is neutral is, where the condition holds: of one thread.
  void finish(mlir::Value isOne, const Parts &carry);

  /// What a thread has loaded: elements, and for each what a result needs
  /// beside its carry.
  struct Items {
    llvm::SmallVector<Parts> elements, kept;
  };
  /// The thread's items from `time` on, neutral beyond the row; of each all
  /// parts, one behind the other, or as they are.
  Parts loadParts(mlir::Value time);
  Items takeApart(llvm::ArrayRef<mlir::Value> parts);
  Items load(mlir::Value time) { return takeApart(loadParts(time)); }
  /// Joins each element with those in front of it.
  void makePrefixes(Items &loaded);
  /// Stores what the carry `start` becomes at each of them.
  void store(mlir::Value time, const Items &prefixes, const Parts &start);

  mlir::Value length() { return k.size(time); }
  /// The scan's time behind the row's last element.
  mlir::Value numSteps() { return begin ? end : length(); }
  mlir::Value numRows();
  /// Blocks of a grid: one for each row, or for each tile of a row.
  GridFactor rowFactor(int64_t perBlock = 1) const;
  /// Tiles of a row that is entered, at least one; they have what is in front
  /// of its elements too.
  mlir::Value numTiles(int64_t tileSize);
  GridFactor timeFactor(int64_t tileSize) const {
    return {{k.launchSize(time)}, countSteps(tileSize), /*least=*/1};
  }

  //===--------------------------------------------------------------------===//
  // Lanes of a warp
  //===--------------------------------------------------------------------===//

  Parts shuffleUp(const Parts &x, int64_t distance) {
    return k.shuffle(mlir::gpu::ShuffleMode::UP, x, distance);
  }
  /// Inclusive prefixes of the elements of every `columns`-th lane, of so many
  /// steps each (Kogge and Stone).
  Parts scanWarp(Parts element, int64_t steps, mlir::Value lane);
  /// What these lanes in front of each have together, from the inclusive ones.
  Parts makeExclusive(const Parts &inclusive, mlir::Value lane);

  //===--------------------------------------------------------------------===//
  // Control
  //===--------------------------------------------------------------------===//

  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x,
                      mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, k.loc, predicate, x, y);
  }
  Parts select(mlir::Value condition, const Parts &x, const Parts &y);

  const unsigned items, width, columns;

protected:
  /// Whether one access has elements that follow each other in time.
  bool isContiguous() const { return columns == 1; }
  /// Where the row begins in memory, if that is the same for all tensors; else
  /// null.
  virtual mlir::Value placeOfRow() = 0;
  /// Whether rows of all tensors begin with sectors, whatever their length.
  virtual bool areRowsAligned() { return false; }
  /// `count` elements that are in memory from a place on, all of a thread's or
  /// one; behind the parts of each what is kept with it.
  virtual llvm::SmallVector<Parts> loadItems(mlir::Value place,
                                             unsigned count) = 0;
  virtual mlir::SmallVector<mlir::Type> keptTypes() { return {}; }
  /// What is where no element of the row is.
  virtual Parts outside(mlir::Value time) { return neutral(); }
  virtual void storeItems(mlir::Value place, llvm::ArrayRef<Parts> carries,
                          llvm::ArrayRef<Parts> kept) = 0;
  /// Whether carries are stored at all, and those before each element.
  virtual bool stores() = 0;
  virtual bool isExclusive() = 0;
  virtual void storeEnd(const Parts &carry) {}
  bool hasCommon() { return !common(1).empty(); }

  llvm::SmallVector<mlir::Value> at(mlir::Value t) {
    llvm::SmallVector<mlir::Value> indices = row;
    indices[time] = t;
    return indices;
  }

  mlir::OpBuilder &b;
  Kernel &k;
  llvm::SmallVector<unsigned> parallel;
  unsigned time;
  llvm::SmallVector<mlir::Value> row;
  /// Of the row's elements in the scan's time. What is in front of them is no
  /// element: it is there so that accesses begin with sectors. Null: nothing
  /// is.
  mlir::Value begin;

private:
  mlir::Value areAllInside(mlir::Value time);
  mlir::Value isElement(mlir::Value time);
  mlir::Value isBehindBegin(mlir::Value time);
  void findBegin();
  mlir::Value placeOf(mlir::Value time, unsigned count);
  llvm::SmallVector<Parts> read(mlir::Value time, unsigned count);
  void write(mlir::Value time, llvm::SmallVector<Parts> carries,
             llvm::SmallVector<Parts> kept);
  Parts itemOutside(mlir::Value time);
  void finishInside(mlir::Value time, llvm::ArrayRef<Parts> carries);

  /// Elements of two accesses, which may begin with a sector.
  int64_t countUnit() const { return 2 * items; }
  int64_t countSteps(int64_t tileSize) const;

  bool isBackward;
  mlir::Value isInside;
  mlir::Value end; ///< In the scan's time.
};

/// Elements or carries in shared memory: parts of one type beside each other.
class SharedArray {
public:
  SharedArray(mlir::OpBuilder &b, Kernel &kernel, int64_t size,
              mlir::TypeRange types);
  Parts load(mlir::Value index);
  void store(mlir::Value index, const Parts &parts);

private:
  struct Array {
    mlir::Type type; ///< Of an access: some parts.
    mlir::Value memory;
  };

  mlir::OpBuilder &b;
  Kernel &k;
  llvm::SmallVector<Array> arrays;
};

/// The rows of a recurrence, and those whose channels are contiguous: see
/// AffineRow.cpp.
bool hasAffineRows(const FusedRecurrence &fused);
bool hasAffineColumns(const FusedRecurrence &fused);
/// Of four bytes, that a step keeps in registers for its results.
int64_t countKeptWords(const FusedRecurrence &fused);
std::unique_ptr<Row> makeAffineRow(mlir::OpBuilder &b, Kernel &kernel,
                                   const FusedRecurrence &fused,
                                   const GPUScanPlan &plan);

/// The rows of a scan: see CombinerRow.cpp. The reason is null if its elements
/// and combiner are of the kind, else why not.
const char *refusesCombiner(AssociativeScanOp op);
std::unique_ptr<Row> makeCombinerRow(mlir::OpBuilder &b, Kernel &kernel,
                                     AssociativeScanOp op,
                                     const GPUScanPlan &plan);

/// One block for each row, or for neighbouring ones: see RowScan.cpp.
Launch emitRowScan(mlir::OpBuilder &b, Kernel &kernel, Row &row,
                   const GPUScanPlan &plan);

/// Many blocks for each row: see LookBack.cpp.
Launch emitLookBack(mlir::OpBuilder &b, Kernel &kernel, Row &row,
                    const GPUScanPlan &plan);

} // namespace ssm

#endif // SSM_LIB_GPU_ROW_H
