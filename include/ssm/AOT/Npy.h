//===- Npy.h - NumPy's file format ------------------------------*- C++ -*-===//
//
// Reads and writes .npy files: one array, row-major, little-endian, or several
// one after another, as repeated numpy.save to one open file writes them.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_AOT_NPY_H
#define SSM_AOT_NPY_H

#include "ssm/AOT/HostTensor.h"

namespace ssm {

/// Reads an array from the bytes of a .npy file. Errors start with `name`.
llvm::Expected<HostTensor> parseNpy(llvm::StringRef bytes,
                                    llvm::StringRef name);

llvm::Expected<HostTensor> readNpy(llvm::StringRef path);

/// All arrays of a file.
llvm::Expected<std::vector<HostTensor>> readNpys(llvm::StringRef path);

/// Writes through a temporary file beside `path`.
llvm::Error writeNpy(llvm::StringRef path, const HostTensor &tensor);
llvm::Error writeNpys(llvm::StringRef path,
                      llvm::ArrayRef<const HostTensor *> tensors);

} // namespace ssm

#endif // SSM_AOT_NPY_H
