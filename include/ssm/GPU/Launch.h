//===- Launch.h - How a kernel is launched ----------------------*- C++ -*-===//
//
// An entry of the module's attribute `ssm.launches`, as a C++ value and as the
// JSON beside the code.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_GPU_LAUNCH_H
#define SSM_GPU_LAUNCH_H

#include "ssm/AOT/Signature.h"

#include "llvm/Support/JSON.h"

namespace ssm {

/// Name of the module's attribute with the launches of its kernels.
inline constexpr llvm::StringLiteral kLaunchesAttr = "ssm.launches";

/// One factor of a grid: ceil(product of elements / perBlock), at least
/// `least`. An element that is negative, -k-1, is the k-th dynamic size.
struct GridFactor {
  llvm::SmallVector<int64_t> elements;
  int64_t perBlock = 1, least = 0;
};

/// So many bytes of a workspace for each block of a grid.
struct WorkspaceRegion {
  llvm::SmallVector<GridFactor, 2> grid;
  int64_t bytes = 0;
};

/// The product of a grid's factors.
int64_t countBlocks(llvm::ArrayRef<GridFactor> grid,
                    llvm::ArrayRef<int64_t> sizes);

struct KernelLaunch {
  std::string entry;   ///< The kernel's name.
  int64_t threads = 0; ///< Of a block.
  llvm::SmallVector<GridFactor, 2> grid;
  /// Of the workspace, for each block.
  int64_t workspaceBytesPerBlock = 0;
  /// Of shared memory that a block is given by the launch.
  int64_t sharedBytes = 0;

  int64_t countBlocks(llvm::ArrayRef<int64_t> sizes) const {
    return ssm::countBlocks(grid, sizes);
  }
};

/// Of a function: one kernel, or several one after the other, on the same
/// arguments.
struct Launch : KernelLaunch {
  std::vector<KernelLaunch> then;
  /// Bytes of memory that are the kernels' last argument, beside those for each
  /// block of them; none if all are 0.
  int64_t workspaceBytes = 0;
  std::vector<WorkspaceRegion> regions; ///< Of the workspace, behind these.
  bool zeroesWorkspace = false;         ///< Before each launch.
  std::string kernel, reason;           ///< Which kernel it is, and why.
  Signature signature;                  ///< Symbol k is the k-th dynamic size.

  llvm::SmallVector<KernelLaunch> sequence() const;
  int64_t countWorkspaceBytes(llvm::ArrayRef<int64_t> sizes) const;

  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static Launch fromAttr(mlir::DictionaryAttr attr);
  llvm::json::Object toJSON() const;
};

} // namespace ssm

#endif // SSM_GPU_LAUNCH_H
