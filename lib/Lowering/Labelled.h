//===- Labelled.h - Tensors over named loop dimensions ----------*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_LABELLED_H
#define SSM_LIB_LOWERING_LABELLED_H

#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

namespace ssm {

/// Tensors and the loop dimension that each of their dimensions is.
struct Labelled {
  llvm::SmallVector<mlir::Value> parts;
  llvm::SmallVector<unsigned> dims;
};

/// A linalg op over the loop dimensions `loops`, outermost first; the body gets
/// one scalar for each part of ins and outs.
llvm::SmallVector<mlir::Value> buildOver(mlir::OpBuilder &b, mlir::Location loc,
                                         llvm::ArrayRef<unsigned> loops,
                                         llvm::ArrayRef<Labelled> ins,
                                         const Labelled &outs, ScalarBody body);

/// `dims` with `from` replaced by `to`.
llvm::SmallVector<unsigned> relabel(llvm::ArrayRef<unsigned> dims,
                                    unsigned from, unsigned to);

/// The number whose parts these are.
Num toNum(mlir::ValueRange parts);
llvm::SmallVector<mlir::Value> toParts(Num x, bool isComplex);
/// The number type of the value's elements is complex; false for no value.
bool hasComplexElements(mlir::Value value);

} // namespace ssm

#endif // SSM_LIB_LOWERING_LABELLED_H
