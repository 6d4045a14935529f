//===- CodeCache.cpp - Machine code kept between processes ----------------===//
//
// A file is the SHA-256 of what follows, then each part after its size.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/CodeCache.h"

#include "Target.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/TargetParser/Host.h"
#include <dlfcn.h>

using namespace llvm;
using namespace ssm;

static constexpr size_t kDigestBytes = 32;

static std::string digest(StringRef bytes) {
  std::array<uint8_t, kDigestBytes> hash =
      SHA256::hash(arrayRefFromStringRef(bytes));
  return std::string(hash.begin(), hash.end());
}

static void append(std::string &bytes, StringRef part) {
  char size[8];
  support::endian::write64le(size, part.size());
  bytes.append(size, sizeof size);
  bytes += part;
}

/// The size and the date of the program or library that holds a function.
static std::string identify(const void *function) {
  Dl_info info;
  std::string path;
  if (dladdr(function, &info) && info.dli_fname)
    path = info.dli_fname;
  // The program itself is known by the name it was called by.
  if (!StringRef(path).contains('/'))
    path = sys::fs::getMainExecutable(nullptr, nullptr);
  sys::fs::file_status status;
  if (sys::fs::status(path, status))
    return "";
  return utostr(status.getSize()) + "@" +
         itostr(status.getLastModificationTime().time_since_epoch().count());
}

/// This compiler, the libraries it is made of, and this machine.
static const std::string &getIdentity() {
  static const std::string identity = [] {
    auto address = [](auto *function) {
      return reinterpret_cast<const void *>(function);
    };
    std::string text;
    append(text, identify(address(&getIdentity)));
    append(text, identify(address(&sys::getHostCPUName)));
    append(text, identify(address(&mlir::registerMLIRContextCLOptions)));
    append(text, sys::getHostCPUName());
    append(text, getHostFeatures());
    return text;
  }();
  return identity;
}

std::optional<CodeCache> CodeCache::fromEnvironment() {
  const char *folder = std::getenv("MLIR_SSM_CACHE_DIR");
  if (!folder || !*folder)
    return std::nullopt;
  return CodeCache(folder);
}

std::string CodeCache::getPath(ArrayRef<std::string> inputs) const {
  std::string all = getIdentity();
  for (const std::string &input : inputs)
    append(all, input);
  SmallString<128> path(folder);
  sys::path::append(path, toHex(digest(all), /*LowerCase=*/true) + ".kernel");
  return path.str().str();
}

std::optional<CodeCache::Parts>
CodeCache::read(ArrayRef<std::string> inputs) const {
  auto file = MemoryBuffer::getFile(getPath(inputs), /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
  if (!file)
    return std::nullopt;
  StringRef bytes = (*file)->getBuffer(),
            payload = bytes.drop_front(std::min(kDigestBytes, bytes.size()));
  if (bytes.take_front(kDigestBytes) != digest(payload))
    return std::nullopt;
  Parts parts;
  while (!payload.empty()) {
    uint64_t size = support::endian::read64le(payload.data());
    parts.push_back(payload.substr(8, size).str());
    payload = payload.drop_front(8 + size);
  }
  return parts;
}

void CodeCache::write(ArrayRef<std::string> inputs, const Parts &parts) const {
  std::string payload;
  for (const std::string &part : parts)
    append(payload, part);
  if (sys::fs::create_directories(folder))
    return;
  // Through a temporary file beside it, which is renamed.
  consumeError(writeToOutput(getPath(inputs), [&](raw_ostream &os) {
    os << digest(payload) << payload;
    return Error::success();
  }));
}
