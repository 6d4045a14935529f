//===- PairLoops.h - Loops over complex numbers and their parts -*- C++ -*-===//

#ifndef SSM_LIB_AOT_PAIRLOOPS_H
#define SSM_LIB_AOT_PAIRLOOPS_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace ssm {

/// for i in 0 .. n:  out[i] = (re[i], im[i])
struct PairLoop {
  mlir::memref::LoadOp re, im;
  mlir::memref::StoreOp store;

  /// False if the loop is another one.
  static PairLoop match(mlir::scf::ForOp loop);
  explicit operator bool() const { return bool(store); }
};

/// for i in 0 .. n:  re[i], im[i] = in[i]
struct TakeApartLoop {
  mlir::memref::LoadOp load;
  mlir::memref::StoreOp re, im;

  static TakeApartLoop match(mlir::scf::ForOp loop);
  explicit operator bool() const { return bool(load); }
};

/// Whether a loop is over so few numbers that it may be written down.
bool areFew(mlir::scf::ForOp pairs);

/// Replace a loop over whole cache lines of parts by one over vectors, or by
/// vectors alone where the numbers are few. Loads and stores are of pairs. LLVM
/// does not make one shuffle of that which takes numbers apart, if it is
/// fenced, and those that follow.
void putTogether(PairLoop pairs, mlir::scf::ForOp loop, bool nontemporal);
void takeApart(TakeApartLoop pairs, mlir::scf::ForOp loop, bool isFenced);

} // namespace ssm

#endif // SSM_LIB_AOT_PAIRLOOPS_H
