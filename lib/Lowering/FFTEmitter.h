//===- FFTEmitter.h - Transforms of work tiles ------------------*- C++ -*-===//
//
// Emits a plan (FFTPlan.h) on a work tile (WorkTile.h) that holds the numbers
// of `lanes` transforms side by side: a row has their real and imaginary parts,
// or in twice the working precision the four of Wide.h. Every butterfly is
// arithmetic on rows, and twiddle factors are scalars.
//
// Blocks are walked depth first. The leaves are visited in order; before leaf i
// come the rounds of all blocks that begin there, from the largest down, and
// after it the inverse rounds of those that end there. A block that fits a
// cache is then finished while it is there, and the code is the same for every
// size.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_FFTEMITTER_H
#define SSM_LIB_LOWERING_FFTEMITTER_H

#include "ssm/Plan/FFTPlan.h"

#include "RootsOfUnity.h"
#include "TileLoop.h"
#include "WorkTile.h"

namespace ssm {

class FFTEmitter {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  /// A transform of static size. `isWide` needs radices of at most 4.
  FFTEmitter(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
             const FFTPlan &plan, int64_t lanes, bool isWide = false);
  /// A transform that holds `length` points, known at run time.
  FFTEmitter(mlir::OpBuilder &b, mlir::Location loc, mlir::Type real,
             mlir::Value length, int64_t lanes);

  mlir::OpFoldResult getSize() { return size; }
  /// Lets threads share the rounds of each transform, see FFTBorder.cpp.
  void setShared(bool value) { isShared = value; }
  /// Lets long convolutions ask for lines of a spectrum before they read it.
  void setLooksAhead(bool value) { looksAhead = value; }
  /// Work tiles of another number of lanes; the tables stay.
  void setLanes(int64_t count) { lanes = count; }

  /// Twiddle factors; to be called once, before the others. `hasWeights` makes
  /// it a right-angle transform: that of rows t times w^t with
  /// w = exp(i pi / 2 size), and its inverse, over w^t.
  void emitTables(bool hasWeights = false);
  /// A table of whole weights alone, for rows that are transformed in another
  /// way.
  void emitWeights();
  /// The roots of order 4 size, which weights and twiddle factors are.
  RootsOfUnity &getRoots();
  /// The weight of row `t` that whoever fills the rows has to multiply with, by
  /// its conjugate where it reads them.
  Num weightOf(mlir::Value t);

  /// An uninitialised work tile.
  mlir::Value makeWork();
  /// Zeros in the rows from `begin` to `end`, in these parts of them.
  mlir::Value clearRows(mlir::Value work, mlir::Value begin, mlir::Value end,
                        llvm::ArrayRef<int64_t> parts);
  mlir::Value clearRows(mlir::Value work, mlir::Value begin, mlir::Value end);
  /// Forward transform in digit-reversed order.
  mlir::Value emitForward(mlir::Value work);
  /// Forward transform, product with `spectrum`, inverse transform times size.
  /// A spectrum of one lane is that of all. All rounds must be written out.
  mlir::Value emitConvolution(mlir::Value work, mlir::Value spectrum);
  /// The same with the spectrum of another work tile, whose blocks are
  /// transformed in turn with those of `work`.
  mlir::Value emitConvolutionBeside(mlir::Value work, mlir::Value filter);

  /// The first radix, of a transform whose first round may be joined with what
  /// brings the rows, and its inverse's last with what takes them; else 0.
  int64_t getBorderRadix() const;
  /// The transform of rows that have gone through the first round already.
  FFTEmitter withoutBorder() const;
  /// Butterfly `k` of a right-angle transform's first round, of real rows
  /// k, k + size / radix, ... that are not in the work tile yet, times `scale`
  /// where there is one; zero beyond those given, and beyond `count` of them.
  mlir::Value emitFirstStep(mlir::Value work, mlir::Value k,
                            llvm::ArrayRef<mlir::Value> rows, mlir::Value scale,
                            mlir::Value count);
  /// Butterfly `k` of its inverse's last round, real parts, written over as
  /// many of these rows as there are.
  Values emitLastStep(mlir::Value work, mlir::Value k,
                      llvm::ArrayRef<mlir::Value> rows);

  /// The position of a frequency in a forward transform.
  mlir::Value emitPosition(mlir::Value frequency);

private:
  /// Levels of equal radix. Those of a power of two are the innermost, but for
  /// the border of a size that is known at run time only.
  struct Run {
    int64_t radix;
    mlir::OpFoldResult begin, end;
    /// Of a power of two: binary logarithms of the leaves in a block before
    /// all its rounds, and after them.
    mlir::OpFoldResult outerBits, innerBits;
  };
  /// What a round does, and where.
  struct Round {
    int64_t radix;
    mlir::Value base, part, firstTwiddle;
    bool inverse;
    /// Whether its twiddle factors have the weights in them.
    bool isWeighted = false;
  };

  /// Whether its tables are worth threads, and its spectra long.
  bool isLarge() const {
    return mlir::getConstantIntValue(size).value_or(0) >=
           FFTPlan::kSharedPoints;
  }
  void addDynamicRuns(mlir::Value bits, mlir::Value quarters);
  mlir::Value blockSize(const Run &run, mlir::Value level);
  mlir::Value divideByRadix(const Run &run, mlir::Value value);

  int64_t numParts() const { return isWide ? 4 : 2; }
  /// All lanes of rows, part by part.
  Values readRows(mlir::Value work, llvm::ArrayRef<mlir::Value> rows);
  mlir::Value writeRows(mlir::Value work, llvm::ArrayRef<mlir::Value> rows,
                        mlir::ValueRange values);
  llvm::SmallVector<mlir::Value> rowsFrom(mlir::Value base, mlir::Value stride,
                                          int64_t count);
  Round getBorder(bool inverse);
  /// The row of the border that row `t` is in.
  mlir::Value borderRowOf(mlir::Value t);
  /// The part w^(j size / radix) of the weights of the border's row `j`.
  std::pair<double, double> borderWeight(int64_t j);
  bool hasConstantTables() const;
  void emitConstantTables(bool hasWeights);
  void emitTwiddles();
  void emitBorderTwiddles();
  mlir::Value emitFactorRows(mlir::OpFoldResult count, mlir::Value stride);
  Values writeFactors(mlir::ValueRange tables, mlir::Value k, mlir::Value x,
                      mlir::Value i, mlir::Value y, mlir::Value j);
  /// The parts of factor number `position` of a table.
  Values readFactor(mlir::ValueRange table, mlir::Value position, bool inverse);
  /// Those of butterfly `k`; nothing for a row without.
  llvm::SmallVector<Values> readTwiddles(const Round &round, mlir::Value k);
  /// Runs `body(builder, numbers, extra numbers)` on rows in place.
  template <typename Body>
  Values mapRows(mlir::ValueRange rows, mlir::ValueRange extra, Body body);

  /// One round over the block that begins at `base`.
  mlir::Value emitRound(mlir::Value work, mlir::Value base, const Run &run,
                        mlir::Value level, bool inverse);
  /// One butterfly of a round, written out.
  mlir::Value emitStep(mlir::Value work, const Round &round, mlir::Value k);
  /// One butterfly of a large odd radix, as loops.
  mlir::Value emitLoopStep(mlir::Value work, const Round &round, mlir::Value k);
  mlir::Value emitPairs(mlir::Value work, const Round &round, mlir::Value k);
  Values emitCombination(mlir::Value pairs, int64_t radix, mlir::Value q);
  /// Runs `body(tiles, leaf number)` on the leaves, block by block.
  Values
  forEachLeaf(mlir::ValueRange tiles,
              llvm::function_ref<Values(mlir::ValueRange, mlir::Value)> body);
  /// Whether the first round is to be emitted apart from the blocks after it.
  bool splitsBorder() const {
    return (isShared || isWeighted) && getBorderRadix() > 0;
  }
  mlir::Value emitBorder(mlir::Value work, bool inverse);
  mlir::Value emitRoundsBefore(mlir::Value work, mlir::Value leafNumber);
  mlir::Value emitRoundsAfter(mlir::Value work, mlir::Value leafNumber);
  bool asksAhead(mlir::Value spectrum);
  void askAhead(mlir::Value spectrum, mlir::Value base);
  /// Without a spectrum, the forward transform alone.
  mlir::Value emitLeaf(mlir::Value work, mlir::Value spectrum,
                       mlir::Value base);
  /// Rounds of the run whose block begins with leaf `leafNumber`.
  mlir::Value countRounds(const Run &run, mlir::Value leafNumber);
  mlir::Value countLeaves();

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value shl(mlir::Value x, mlir::Value bits);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type real;
  /// Of a size that is known.
  std::optional<FFTPlan> plan;
  int64_t leaf, columns = 1, lanes;
  bool isWide = false, isShared = false, isWeighted = false, looksAhead = false;
  /// Blocks that the rounds left to do stay in.
  int64_t blocks = 1;
  mlir::OpFoldResult size;
  llvm::SmallVector<Run> runs;
  /// Block sizes of the levels whose radix is no power of two.
  mlir::Value outerBlocks;
  /// Of a size that is not known: the power of two in size / radix of the
  /// border, and whether three times that is what it is.
  mlir::Value partBits, partHasThree;
  /// Twiddle factors of the blocks up to so many points, the largest first.
  mlir::OpFoldResult tablePoints;
  Values twiddles;
  /// Those of a border that has the weights in them, or else the weights.
  Values borderTwiddles, weights;
  std::optional<RootsOfUnity> roots;
  /// For each large odd radix, its roots.
  llvm::SmallVector<std::pair<int64_t, Values>> radixRoots;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_FFTEMITTER_H
