//===- HostTensor.cpp - An array in this process --------------------------===//
#include "ssm/AOT/HostTensor.h"

#include "llvm/Support/MathExtras.h"

#include <climits>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

using namespace mlir;

namespace ssm {

static std::string shapeToString(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(size);
  return text + "]";
}

void preferHugePages(void *data, int64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uint64_t kHugePage = 1 << 21;
  // Whole huge pages only: what lies beside the array is somebody else's.
  uint64_t start = llvm::alignTo(reinterpret_cast<uint64_t>(data), kHugePage);
  uint64_t end =
      llvm::alignDown(reinterpret_cast<uint64_t>(data) + bytes, kHugePage);
  // A refusal leaves small pages, which are right too.
  if (start < end)
    madvise(reinterpret_cast<void *>(start), end - start, MADV_HUGEPAGE);
#endif
}

bool keepFreedMemory(int limit) {
#ifdef __GLIBC__
  // Blocks as large as may be come from heaps; those of threads other than the
  // first, of 64 MiB each, are kept if the padding is not smaller.
  constexpr int kHeapBytes = 64 << 20;
  return mallopt(M_MMAP_THRESHOLD, INT_MAX) &&
         mallopt(M_TRIM_THRESHOLD, limit) &&
         mallopt(M_TOP_PAD, std::min(limit, kHeapBytes));
#else
  return false;
#endif
}

llvm::Expected<AlignedBuffer> AlignedBuffer::allocate(int64_t bytes) {
  AlignedBuffer buffer;
  buffer.bytes = bytes;
  // aligned_alloc wants a multiple of the alignment; one unit is a valid size
  // for an empty buffer.
  uint64_t rounded = llvm::alignTo(static_cast<uint64_t>(bytes) + !bytes, 64);
  if (bytes >= 0)
    buffer.memory.reset(std::aligned_alloc(64, rounded));
  if (!buffer.memory)
    return llvm::createStringError("cannot allocate " + std::to_string(bytes) +
                                   " bytes; use smaller sizes");
  preferHugePages(buffer.data(), bytes);
  return buffer;
}

std::optional<int64_t> getByteSize(int64_t elementBytes,
                                   ArrayRef<int64_t> shape) {
  if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
    return std::nullopt;
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t bytes = elementBytes;
  for (int64_t size : shape)
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

llvm::Expected<HostTensor> HostTensor::allocate(DType dtype,
                                                ArrayRef<int64_t> shape) {
  std::optional<int64_t> bytes = getByteSize(dtype.bytes, shape);
  if (!bytes)
    return llvm::createStringError("an array has at most 2^63 - 1 bytes, but " +
                                   std::string(dtype.name) +
                                   shapeToString(shape) + " has more");
  auto buffer = AlignedBuffer::allocate(*bytes);
  if (!buffer)
    return buffer.takeError();
  return HostTensor{dtype, llvm::to_vector<4>(shape), std::move(*buffer)};
}

ssm_tensor HostTensor::descriptor() const {
  return {buffer.data(), dtype.code, static_cast<int32_t>(shape.size()),
          shape.data(), nullptr};
}

std::string HostTensor::str() const {
  return dtype.name + shapeToString(shape);
}

/// Binds the symbols of one input. False if dtype, rank or a size is wrong.
static bool bindInput(const TensorSpec &spec, const HostTensor &input,
                      MutableArrayRef<int64_t> symbols) {
  if (input.dtype.code != getDType(spec.elementType)->code ||
      input.shape.size() != spec.shape.size())
    return false;
  for (auto [dim, size] : llvm::zip(spec.shape, input.shape)) {
    int64_t want = dim.isStatic() ? dim.size : symbols[dim.symbol];
    if (!dim.isStatic() && want < 0)
      want = symbols[dim.symbol] = size;
    if (size != want)
      return false;
  }
  return true;
}

llvm::Expected<std::vector<SmallVector<int64_t, 4>>>
bindShapes(const Signature &signature, ArrayRef<HostTensor> inputs) {
  if (inputs.size() != signature.inputs.size())
    return llvm::createStringError(
        "the kernel takes " + std::to_string(signature.inputs.size()) +
        " inputs, but " + std::to_string(inputs.size()) + " were given");
  SmallVector<int64_t> symbols(signature.numSymbols(), -1);
  for (auto [spec, input] : llvm::zip(signature.inputs, inputs)) {
    if (bindInput(spec, input, symbols))
      continue;
    std::string bound;
    for (auto [i, value] : llvm::enumerate(symbols))
      if (value >= 0)
        bound += (bound.empty() ? " with d" : ", d") + std::to_string(i) +
                 " = " + std::to_string(value);
    return llvm::createStringError("input '" + spec.name + "' must be " +
                                   spec.str() + bound + ", but it is " +
                                   input.str());
  }
  std::vector<SmallVector<int64_t, 4>> shapes;
  for (const TensorSpec &spec : signature.outputs) {
    auto &shape = shapes.emplace_back();
    for (const DimSpec &dim : spec.shape)
      shape.push_back(dim.isStatic() ? dim.size : symbols[dim.symbol]);
  }
  return shapes;
}

} // namespace ssm
