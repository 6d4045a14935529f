//===- DiagonalTile.h - One tile of a diagonal recurrence -------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_DIAGONALTILE_H
#define SSM_LIB_LOWERING_DIAGONALTILE_H

#include "RecurrenceTile.h"

namespace ssm {

class DiagonalTile : public RecurrenceTile {
public:
  DiagonalTile(mlir::OpBuilder &b, LinearRecurrenceOp op,
               const Elementwise &consumer, const Tile &tile,
               llvm::ArrayRef<ScanResult> results, bool asksForNormalPowers)
      : RecurrenceTile(b, op, consumer, tile, results),
        complexTransition(hasComplexElements(op.getTransition())),
        transition(makeOperand(b, op.getTransition(), op.getTransitionMap())) {
    if (asksForNormalPowers)
      findReach(b);
  }

  void askAhead(mlir::OpBuilder &b, const Step &step) override {
    askForRows(b, step, transition);
  }
  Values advance(mlir::OpBuilder &b, mlir::ValueRange prefix,
                 const Step &step) override;
  std::unique_ptr<ScanTile> narrow(mlir::OpBuilder &b, unsigned dim,
                                   const LoopRange &range) const override {
    auto copy = std::make_unique<DiagonalTile>(*this);
    copy->narrowTo(b, dim, range, {&copy->transition, &copy->reach});
    return copy;
  }
  int64_t countStepsTogether() const override;
  Values takeTogether(mlir::OpBuilder &b, mlir::ValueRange prefix,
                      mlir::ArrayRef<Step> steps,
                      mlir::ValueRange outs) override;
  Values neutral(mlir::OpBuilder &b) override;
  Values extend(mlir::OpBuilder &b, mlir::ValueRange summary,
                const Step &step) override;
  Values resume(mlir::OpBuilder &b, mlir::ValueRange summary) override;

private:
  /// Carries one state, by its index, through all steps, each by a tile of its
  /// own, and adds it to their sums, if there are any.
  void carryThrough(mlir::OpBuilder &b, mlir::Value state,
                    llvm::ArrayRef<DiagonalTile> tiles,
                    llvm::ArrayRef<Step> steps, Values &x,
                    llvm::SmallVectorImpl<Values> &sums);
  /// Carries each state through all steps, and stores their outputs.
  Values carryAll(mlir::OpBuilder &b, mlir::ValueRange prefix,
                  llvm::ArrayRef<DiagonalTile> tiles,
                  llvm::ArrayRef<Step> steps, mlir::ValueRange outs);

  /// Inputs of the transition, if that is a power of two whose exponent is the
  /// product of one that varies, of all states, and one that does not.
  struct Exponent {
    unsigned step, rate;
  };
  std::optional<Exponent> findExponent();
  /// Finds how large the second is for each lane.
  void findReach(mlir::OpBuilder &b);
  /// i1: the transitions of steps, each with a tile of its own, are normal
  /// numbers, all of them; no value where nothing tells.
  mlir::Value arePowersNormal(mlir::OpBuilder &b,
                              llvm::ArrayRef<DiagonalTile> tiles);

  llvm::SmallVector<Labelled> readElement(mlir::OpBuilder &b,
                                          const Step &step) {
    return read(b, {&transition, &signal, &input}, step);
  }

  bool complexTransition;
  TileOperand transition;
  /// The largest magnitude of an exponent's factor among the states, if it is
  /// known, and the input that is the other factor.
  TileOperand reach;
  unsigned stepFactor = 0;
};

} // namespace ssm

#endif // SSM_LIB_LOWERING_DIAGONALTILE_H
