//===- RecurrenceTile.h - One tile of a linear recurrence -------*- C++ -*-===//
//
// What the scans of a recurrence share, whatever its transition's structure:
// operands in a tile's layout, the initial state, the output and the final
// state. States are kept as real tensors, complex ones as two.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_LOWERING_RECURRENCETILE_H
#define SSM_LIB_LOWERING_RECURRENCETILE_H

#include "Labelled.h"
#include "Scan.h"
#include "ssm/Analysis/Elementwise.h"
#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

#include <vector>

namespace ssm {

/// An operand of the recurrence inside one tile.
struct TileOperand {
  mlir::Value source;
  mlir::AffineMap map;
  bool isComplex = false;
  bool varies = false;
  /// The tile, with the dimensions that only this operand has.
  Tile tile;
  /// If it does not vary: its parts in the tile's layout.
  Labelled fixed;
  /// If its elements are computed where they are needed: by the body of this
  /// op, from these operands (null where the body does not use one).
  mlir::linalg::GenericOp producer;
  std::vector<TileOperand> inputs;
  /// If a part of the tile has each element in common: those that are computed,
  /// or are complex and have to be taken apart, are so once for all of it.
  bool isShared = false;
  /// If what is computed is a power of two that is a normal number.
  bool isNormalPower = false;

  explicit operator bool() const { return bool(source); }
};

class RecurrenceTile : public ScanTile {
public:
  RecurrenceTile(mlir::OpBuilder &b, LinearRecurrenceOp op,
                 const Elementwise &consumer, const Tile &tile,
                 llvm::ArrayRef<ScanResult> results);

  Values start(mlir::OpBuilder &b) override;
  Values store(mlir::OpBuilder &b, mlir::ValueRange before,
               mlir::ValueRange after, const Step &step,
               mlir::ValueRange outs) override;
  Values finish(mlir::OpBuilder &b, mlir::ValueRange prefix) override;

protected:
  /// `own` are dimensions that only this operand has; they come first.
  TileOperand makeOperand(mlir::OpBuilder &b, mlir::Value value,
                          mlir::AffineMap map,
                          llvm::ArrayRef<unsigned> own = {});
  /// The tensors of operands at `step`; none of those that are absent.
  llvm::SmallVector<Labelled> read(mlir::OpBuilder &b,
                                   llvm::ArrayRef<const TileOperand *> operands,
                                   const Step &step);
  /// The operand's value from the scalars of `read`, consuming them.
  Num decode(NumBuilder &num, const TileOperand &operand,
             mlir::ValueRange &args);
  /// b_t u_t from the scalars of input and signal.
  Num decodeDrive(NumBuilder &num, mlir::ValueRange &args);

  /// Makes this copy of a tile one of the part that has `range` in `dim`.
  void narrowTo(mlir::OpBuilder &b, unsigned dim, const LoopRange &range,
                llvm::ArrayRef<TileOperand *> own);

  /// Makes this copy of a tile one of a single index of the kept dimension
  /// `dim`, which it keeps no longer.
  void fixTo(mlir::OpBuilder &b, unsigned dim, mlir::OpFoldResult index,
             llvm::ArrayRef<TileOperand *> own);
  /// Makes this copy of a tile one of a single step: operands that lack `dim`
  /// are read, or computed, here.
  void fixAt(mlir::OpBuilder &b, const Step &step, unsigned dim,
             llvm::ArrayRef<TileOperand *> own);

  /// Asks for the lines of the tile that is `ahead`, of each operand that
  /// varies along the lanes; those of all recurrences, and `own`.
  void askForRows(mlir::OpBuilder &b, const Step &step, const TileOperand &own);

  /// The map of a tensor over these loop dimensions.
  mlir::AffineMap mapOf(llvm::ArrayRef<unsigned> dims);
  /// The tile's sizes of these loop dimensions.
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(llvm::ArrayRef<unsigned> dims);
  /// The lanes are states of a channel, which are summed in any order.
  bool areLanesStates() const;
  /// One step of such lanes: operands are read where they lie.
  bool isOneStep() const;

  /// Zeros for the output's sums over states, and the sums with those of
  /// `state` at one step, before they are scaled and converted.
  Values makeSums(mlir::OpBuilder &b);
  Values project(mlir::OpBuilder &b, mlir::ValueRange state, const Step &step,
                 Values sums);
  /// Writes an output into the tile's part of the result.
  Values storeOutput(mlir::OpBuilder &b, Values y, const Step &step,
                     mlir::ValueRange outs);

  Values makeParts(mlir::OpBuilder &b, double value, bool isComplex);
  Labelled overTile(mlir::ValueRange values);
  unsigned rank() { return tile.kept.size(); }

  LinearRecurrenceOp op;
  mlir::Location loc;
  Tile tile;
  llvm::ArrayRef<ScanResult> results;
  mlir::Type real;
  bool complexState;
  TileOperand signal, input, output, init;

private:
  /// The kept dimensions that an output has, which is a sum over states.
  llvm::SmallVector<unsigned> withoutState();
  /// The inputs of an elementwise op as operands.
  std::vector<TileOperand> makeInputs(mlir::OpBuilder &b,
                                      const Elementwise &neighbour);
  Labelled bringIn(mlir::OpBuilder &b, const TileOperand &operand);
  std::optional<unsigned> findSide(llvm::ArrayRef<unsigned> dims);
  /// A part of a number with its dimensions in the order `to`.
  mlir::Value transpose(mlir::OpBuilder &b, mlir::Value part,
                        llvm::ArrayRef<unsigned> from,
                        llvm::ArrayRef<unsigned> to, unsigned side);
  Labelled readSlice(mlir::OpBuilder &b, const TileOperand &operand,
                     const Step &step);
  /// Makes the operand one that its elementwise producer computes in the tile,
  /// if that is what keeps it from ever being in memory.
  bool fuseProducer(mlir::OpBuilder &b, TileOperand &operand,
                    llvm::ArrayRef<unsigned> own);

  template <typename Change>
  void changeOperands(llvm::ArrayRef<TileOperand *> own, Change change);
  void narrowOperand(mlir::OpBuilder &b, TileOperand &operand, unsigned dim,
                     const LoopRange &range, bool keep);
  void fixOperandAt(mlir::OpBuilder &b, TileOperand &operand, const Step &step,
                    unsigned dim);
  mlir::Value decodeElement(NumBuilder &num, const TileOperand &operand,
                            mlir::ValueRange &args);
  /// The body of an elementwise op, its `inputs` from the scalars of `read`;
  /// arguments that `mapping` has are given.
  mlir::Value cloneBody(NumBuilder &num, mlir::linalg::GenericOp op,
                        llvm::ArrayRef<TileOperand> inputs,
                        mlir::IRMapping mapping, mlir::ValueRange &args);
  /// The operand's parts at one step, taken apart or as its producer computes
  /// them: of the type `element`, its own or that of the tile's numbers.
  Labelled computeSlice(mlir::OpBuilder &b, const TileOperand &operand,
                        const Step &step, mlir::Type element);
  /// Where the tile that is `ahead` reads a row, from lane `first` on.
  llvm::SmallVector<mlir::Value> indicesAhead(mlir::OpBuilder &b,
                                              const Step &step,
                                              const TileOperand &row,
                                              int64_t first);
  /// Adds what is read in rows of lanes, each row once.
  void findRows(const TileOperand &operand,
                llvm::SmallVectorImpl<const TileOperand *> &rows);

  /// What is computed from the result, with the result's argument.
  mlir::linalg::GenericOp consumer;
  std::vector<TileOperand> consumerInputs;
  unsigned resultArgument = 0;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_RECURRENCETILE_H
