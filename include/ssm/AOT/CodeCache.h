//===- CodeCache.h - Machine code kept between processes --------*- C++ -*-===//
#ifndef SSM_AOT_CODECACHE_H
#define SSM_AOT_CODECACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallString.h"
#include <optional>
#include <string>
#include <vector>

namespace ssm {

/// A folder with what the compiler made of its inputs: one file for each, named
/// by a digest of the inputs, this compiler and this machine. Any number of
/// processes may use it at the same time, and a damaged file is no entry. It is
/// a convenience: what cannot be read or written is compiled again.
class CodeCache {
public:
  explicit CodeCache(llvm::StringRef folder) : folder(folder) {}
  /// The folder that MLIR_SSM_CACHE_DIR names; nothing if it names none.
  static std::optional<CodeCache> fromEnvironment();

  using Parts = std::vector<std::string>;
  std::optional<Parts> read(llvm::ArrayRef<std::string> inputs) const;
  void write(llvm::ArrayRef<std::string> inputs, const Parts &parts) const;

private:
  std::string getPath(llvm::ArrayRef<std::string> inputs) const;

  std::string folder;
};

} // namespace ssm

#endif // SSM_AOT_CODECACHE_H
