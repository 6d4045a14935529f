//===- StableHLO.h - StableHLO programs into upstream dialects --*- C++ -*-===//
//
// MLIR does not have the dialect: its ops are read in generic form, where an op
// is a name, operands, attributes and regions. A function is built anew, op by
// op, with the bodies of what it calls inside.
//
//===----------------------------------------------------------------------===//

#ifndef SSM_LIB_IMPORT_STABLEHLO_H
#define SSM_LIB_IMPORT_STABLEHLO_H

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/SymbolTable.h"

namespace ssm {

/// An attribute of an op of a dialect that is not registered, or null.
mlir::Attribute getAttribute(mlir::Operation *op, llvm::StringRef name);

/// The numbers of an attribute array<i64: ...>; empty if there is none.
llvm::ArrayRef<int64_t> getNumbers(mlir::Operation *op, llvm::StringRef name);

/// The text behind `key` of an attribute such as
/// #stablehlo<comparison_direction LT>; empty if there is none.
llvm::StringRef getKeyword(mlir::Operation *op, llvm::StringRef name,
                           llvm::StringRef key);

/// Of an op that takes its integers as unsigned ones.
inline constexpr llvm::StringLiteral kUnsigned = "ssm.unsigned";

/// Gives integers types without a sign of their own.
void dropSigns(mlir::ModuleOp module);

/// The numbers of a constant, which have no sign of their own; may be null.
mlir::ElementsAttr getConstant(mlir::Operation *op);

/// The name of an elementwise op without its dialect, with "unsigned_" or
/// "total_" before it where it is such an op or comparison.
std::string getScalarName(mlir::Operation *op);

/// What the elementwise op makes of scalars; null for another op or types that
/// it does not take. `name` is that of getScalarName.
mlir::Value emitScalar(mlir::OpBuilder &b, mlir::Location loc,
                       llvm::StringRef name, llvm::StringRef direction,
                       mlir::ValueRange args, mlir::Type result);

/// The numbers behind `key = ` in #stablehlo.dot<...> and the like, or none.
llvm::SmallVector<int64_t> readDims(llvm::StringRef text, llvm::StringRef key);

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

mlir::Value reshapeTensor(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value source, mlir::RankedTensorType to);

/// A tensor of the scalar that a tensor of rank 0 has.
mlir::Value fillTensor(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value scalar, mlir::RankedTensorType type);

/// The elements in reverse order along these dimensions.
mlir::Value reverseTensor(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value source, llvm::ArrayRef<int64_t> dims);

/// How many elements come before, after and between those of each dimension;
/// before and after they may be negative.
struct Padding {
  Padding() = default;
  explicit Padding(unsigned rank)
      : low(rank, 0), high(rank, 0), between(rank, 0) {}
  bool isNone() const {
    return llvm::all_of(llvm::concat<const int64_t>(low, high, between),
                        [](int64_t x) { return x == 0; });
  }
  int64_t sizeOf(unsigned dim, int64_t size) const {
    int64_t inner = size == 0 ? 0 : (size - 1) * between[dim] + size;
    return std::max<int64_t>(low[dim] + inner + high[dim], 0);
  }

  llvm::SmallVector<int64_t> low, high, between;
};

/// `scalar`, a tensor of rank 0, is what comes around the elements.
mlir::Value padTensor(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value source, mlir::Value scalar,
                      const Padding &padding);

mlir::Value zeroTensor(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::RankedTensorType type);

/// Adds products of the two sides to `init`, over dimensions of which those
/// that it lacks are summed; null if the types have no import. `isZero` says
/// that `init` is.
mlir::Value sumProducts(mlir::OpBuilder &b, mlir::Location loc,
                        llvm::ArrayRef<Indexed> sides, Indexed init,
                        bool isZero = false);

/// Whether the op's only region combines two tuples of scalars, of the types of
/// `values`, to one.
bool combinesTuples(mlir::Operation *op, mlir::ValueRange values);

/// What the block makes of scalars; none if it has an op without an import.
llvm::SmallVector<mlir::Value> emitBlock(mlir::OpBuilder &b, mlir::Location loc,
                                         mlir::Block &block,
                                         mlir::ValueRange scalars);

struct Scatter;

class StableHLOImporter {
public:
  StableHLOImporter(mlir::ModuleOp module)
      : b(module.getContext()), symbols(module) {}

  /// The function anew, outside of the module; an error has been emitted if
  /// that fails.
  mlir::FailureOr<mlir::OwningOpRef<mlir::func::FuncOp>>
  importFunction(mlir::func::FuncOp func);

private:
  using Handler = mlir::LogicalResult (StableHLOImporter::*)(mlir::Operation *);

  /// An integer that is known as an index, and between what bounds it is.
  struct Index {
    mlir::Value value;
    int64_t low, high;
  };

  /// A loop that counts: the carried value that does, from where to where.
  struct Count {
    unsigned number;
    int64_t first, end;
  };

  /// How an op is imported, and the operands that it has.
  struct Import {
    Handler handler;
    unsigned operands;
    bool more = false;       ///< Or more of them.
    bool anyResults = false; ///< Not just one.
  };

  static const Import *findImport(llvm::StringRef name);

  mlir::LogicalResult importBlock(mlir::Block &block,
                                  llvm::SmallVectorImpl<mlir::Value> &results);
  mlir::LogicalResult importOp(mlir::Operation *op);
  mlir::LogicalResult checkOperands(mlir::Operation *op);
  mlir::LogicalResult importElementwise(mlir::Operation *op,
                                        llvm::StringRef name);
  mlir::LogicalResult importCall(mlir::Operation *op,
                                 mlir::FlatSymbolRefAttr callee);

  // Tensors (StableHLOTensors.cpp).
  mlir::LogicalResult importConstant(mlir::Operation *op);
  mlir::LogicalResult importIota(mlir::Operation *op);
  mlir::LogicalResult importBroadcast(mlir::Operation *op);
  mlir::LogicalResult importReshape(mlir::Operation *op);
  mlir::LogicalResult importTranspose(mlir::Operation *op);
  mlir::LogicalResult importSlice(mlir::Operation *op);
  mlir::LogicalResult importDynamicSlice(mlir::Operation *op);
  mlir::LogicalResult importDynamicUpdateSlice(mlir::Operation *op);
  mlir::LogicalResult importConcatenate(mlir::Operation *op);
  mlir::LogicalResult importPad(mlir::Operation *op);
  mlir::LogicalResult importReverse(mlir::Operation *op);
  mlir::LogicalResult importFFT(mlir::Operation *op);

  // Each in a file of its own.
  mlir::LogicalResult importGather(mlir::Operation *op);
  mlir::LogicalResult importConvolution(mlir::Operation *op);
  mlir::LogicalResult importTriangularSolve(mlir::Operation *op);
  mlir::LogicalResult importSort(mlir::Operation *op);
  mlir::LogicalResult importTopK(mlir::Operation *op);
  mlir::LogicalResult importScatter(mlir::Operation *op);
  /// The i-th number of an index vector, by its place in the others' dims.
  Index startOf(mlir::Value vectors, const Scatter &scatter,
                mlir::ValueRange batch, unsigned i);
  mlir::Value writeWindow(mlir::Operation *op, const Scatter &scatter,
                          mlir::ValueRange batch, mlir::Value whole);
  mlir::Value combineWindow(mlir::Location loc, mlir::Block &region,
                            mlir::Value old, mlir::Value update,
                            mlir::Value isInside);

  // Sums of products (StableHLOProducts.cpp) and others
  // (StableHLOReductions.cpp).
  mlir::LogicalResult importDot(mlir::Operation *op);
  mlir::LogicalResult importReduce(mlir::Operation *op);
  mlir::LogicalResult importReduceWindow(mlir::Operation *op);
  mlir::LogicalResult importPooling(mlir::Operation *op);

  // Control flow (StableHLOLoops.cpp).
  mlir::LogicalResult importWhile(mlir::Operation *op);
  mlir::LogicalResult importIf(mlir::Operation *op);
  mlir::LogicalResult importCase(mlir::Operation *op);
  mlir::LogicalResult importBranch(mlir::Operation *op, mlir::Block &block,
                                   mlir::Region &region);
  mlir::LogicalResult importComposite(mlir::Operation *op);
  mlir::LogicalResult importBarrier(mlir::Operation *op);
  std::optional<Count> findCount(mlir::Operation *op);
  std::optional<int64_t> stepOf(mlir::Operation *loop, unsigned number);
  mlir::LogicalResult importCountedLoop(mlir::Operation *op, Count count);
  mlir::Value tensorOf(mlir::Location loc, mlir::RankedTensorType type,
                       Index index);
  void noteIndex(mlir::Operation *op, llvm::StringRef name);
  void keepIndex(mlir::Value source, mlir::Operation *op);
  /// A place of a slice, within [0, max] as the dialect has it.
  mlir::OpFoldResult placeOf(mlir::Value start, int64_t max);
  llvm::SmallVector<mlir::OpFoldResult> placesOf(mlir::OperandRange starts,
                                                 llvm::ArrayRef<int64_t> whole,
                                                 llvm::ArrayRef<int64_t> sizes);

  mlir::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &why);
  mlir::LogicalResult refuseUnknown(mlir::Operation *op);
  mlir::Value get(mlir::Value old) { return map.lookup(old); }
  llvm::SmallVector<mlir::Value> get(mlir::ValueRange old);
  void set(mlir::Operation *op, mlir::Value value) {
    map.map(op->getResult(0), value);
  }
  mlir::Value empty(mlir::Location loc, mlir::RankedTensorType type);
  mlir::AffineMap identity(unsigned rank) {
    return b.getMultiDimIdentityMap(rank);
  }
  /// The integer that a value of the old program is, if it is a constant.
  std::optional<int64_t> constantOf(mlir::Value old);

  mlir::OpBuilder b;
  mlir::SymbolTable symbols;
  mlir::IRMapping map;
  llvm::DenseMap<mlir::Value, Index> indices;
  /// The parts, each an index, of vectors that were put together of them.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> indexVectors;
  unsigned depth = 0; ///< Of calls.
};

} // namespace ssm

#endif // SSM_LIB_IMPORT_STABLEHLO_H
