//===- Indexing.h - Constraints shared by indexed ops -----------*- C++ -*-===//
//
// The constraints that every `IndexedOpInterface` op has on its maps, under the
// label of the op that checks them: linear_recurrence_c1 and long_conv_c1 are
// one rule and one function.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_IR_INDEXING_H
#define SSM_LIB_IR_INDEXING_H

#include "ssm/IR/LoopDims.h"

namespace ssm {

/// A value as an error message names it.
struct IndexedValue {
  llvm::StringRef name;
  mlir::RankedTensorType type;
  mlir::AffineMap map;
};

/// The value of that name, or null.
const IndexedValue *findValue(llvm::ArrayRef<IndexedValue> values,
                              llvm::StringRef name);

/// The attributes of a transition that mixes, and the labels of its rules.
struct Mixing {
  std::optional<uint64_t> row, column;
  unsigned dense, lowRank;
};

/// Checks constraints of one op; reports at `loc` if there is one.
class ConstraintChecker {
public:
  ConstraintChecker(std::optional<mlir::Location> loc, llvm::StringRef mnemonic)
      : loc(loc), mnemonic(mnemonic) {}

  /// Starts "'ssm.op' op (op_cN) ..."; null without a location.
  mlir::InFlightDiagnostic fail(unsigned constraint) const;

  /// c1: the number of maps, and that each is a projected permutation; c2:
  /// `time`, if the op has it, is a loop dimension.
  mlir::LogicalResult
  checkMaps(mlir::ArrayAttr maps, unsigned count,
            std::optional<uint64_t> time = std::nullopt) const;
  /// c1: the rank of each value is that of its map.
  mlir::LogicalResult checkRanks(llvm::ArrayRef<IndexedValue> values) const;
  /// The dimensions of a transition that mixes, and of p and q. `state` has the
  /// dimensions of the state, perhaps more.
  mlir::LogicalResult checkMixing(const Mixing &mixing,
                                  llvm::ArrayRef<IndexedValue> operands,
                                  mlir::AffineMap state,
                                  llvm::ArrayRef<mlir::AffineMap> results,
                                  unsigned time) const;
  /// c3: sizes agree. `lagOf` names a value whose `time` is not compared.
  mlir::LogicalResult checkSizes(llvm::ArrayRef<IndexedValue> values,
                                 unsigned time,
                                 llvm::StringRef lagOf = "") const;
  /// Every loop dimension but `exempt` is in an operand's map, which is where
  /// its size at run time comes from.
  mlir::LogicalResult
  checkCovered(unsigned constraint, llvm::ArrayRef<IndexedValue> operands,
               std::optional<unsigned> exempt = std::nullopt) const;
  /// c4: one real type.
  mlir::LogicalResult checkPrecision(llvm::ArrayRef<IndexedValue> values) const;
  /// c4: no value is narrower than the one of that name and real type.
  mlir::LogicalResult checkPrecision(llvm::StringRef name, mlir::Type real,
                                     llvm::ArrayRef<IndexedValue> values) const;

private:
  std::optional<mlir::Location> loc;
  llvm::StringRef mnemonic;
};

/// "(d0, d2)"
std::string printDims(llvm::ArrayRef<unsigned> dims);

/// "(d0, d1) -> (d1)", which a diagnostic cannot print by itself.
std::string printMap(mlir::AffineMap map);

/// Tensor type with the given loop sizes arranged by `map`.
mlir::RankedTensorType makeType(mlir::AffineMap map,
                                llvm::ArrayRef<int64_t> loopSizes,
                                mlir::Type element);

/// Static loop sizes that `values` know.
llvm::SmallVector<int64_t> collectSizes(llvm::ArrayRef<IndexedValue> values,
                                        unsigned numLoops,
                                        llvm::StringRef lagOf = "",
                                        unsigned time = 0);

} // namespace ssm

#endif // SSM_LIB_IR_INDEXING_H
