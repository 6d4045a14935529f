//===- HostTensor.h - An array in this process ------------------*- C++ -*-===//
#ifndef SSM_AOT_HOSTTENSOR_H
#define SSM_AOT_HOSTTENSOR_H

#include "ssm-c/Runtime.h"
#include "ssm/AOT/Signature.h"

#include "llvm/Support/Error.h"
#include <cstdlib>
#include <memory>

namespace ssm {

/// Asks the system for huge pages where memory is large, so that its first
/// writes fault for each 2 MiB instead of each 4 KiB. Changes no contents.
void preferHugePages(void *data, int64_t bytes);

/// Has this process keep up to `limit` bytes of what it frees, so that memory
/// which is freed and asked for again needs no new pages. Whether malloc takes
/// it: glibc's does.
bool keepFreedMemory(int limit);

/// Memory aligned to 64 bytes.
class AlignedBuffer {
public:
  AlignedBuffer() = default;
  /// An error if the machine has not that much memory.
  static llvm::Expected<AlignedBuffer> allocate(int64_t bytes);

  void *data() const { return memory.get(); }
  int64_t size() const { return bytes; }

private:
  struct Free {
    void operator()(void *p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> memory;
  int64_t bytes = 0;
};

/// A contiguous row-major array that owns its memory.
struct HostTensor {
  DType dtype;
  llvm::SmallVector<int64_t, 4> shape;
  AlignedBuffer buffer;

  /// An array with undefined contents.
  static llvm::Expected<HostTensor> allocate(DType dtype,
                                             llvm::ArrayRef<int64_t> shape);
  /// The descriptor a kernel takes; valid as long as this object stays.
  ssm_tensor descriptor() const;
  /// E.g. "float32[3, 4]".
  std::string str() const;
};

/// Bytes of an array; nothing if they do not fit or a size is negative.
std::optional<int64_t> getByteSize(int64_t elementBytes,
                                   llvm::ArrayRef<int64_t> shape);

/// Checks inputs against a signature and returns the shapes of the outputs.
/// An error names the argument, what was expected and what came.
llvm::Expected<std::vector<llvm::SmallVector<int64_t, 4>>>
bindShapes(const Signature &signature, llvm::ArrayRef<HostTensor> inputs);

} // namespace ssm

#endif // SSM_AOT_HOSTTENSOR_H
