//===- StableHLOWindows.cpp - Windows at places that are data -------------===//
#include "StableHLOWindows.h"

using namespace mlir;
using namespace ssm;

IndexedWindows IndexedWindows::read(StringRef text,
                                    const std::array<StringRef, 5> &names) {
  IndexedWindows windows;
  windows.windowDims = readDims(text, names[0]);
  windows.single = readDims(text, names[1]);
  windows.batching = readDims(text, names[2]);
  windows.indexBatching = readDims(text, names[3]);
  windows.starts = readDims(text, names[4]);
  // A zero is not printed.
  StringRef number = text.split("index_vector_dim = ").second;
  (void)number.consumeInteger(10, windows.vectorDim);
  return windows;
}

bool IndexedWindows::isWindow(int64_t dim) const {
  return !llvm::is_contained(single, dim) && !llvm::is_contained(batching, dim);
}

/// Whether each number is below `end` and none comes twice.
static bool areDims(ArrayRef<int64_t> dims, int64_t end) {
  llvm::SmallDenseSet<int64_t> seen;
  return llvm::all_of(dims, [&](int64_t dim) {
    return dim >= 0 && dim < end && seen.insert(dim).second;
  });
}

bool IndexedWindows::fits(RankedTensorType whole, RankedTensorType indices,
                          RankedTensorType windows) const {
  int64_t rank = whole.getRank(), indexRank = indices.getRank();
  if (!indices.getElementType().isSignlessInteger() ||
      indices.getElementType().isInteger(1) || vectorDim < 0 ||
      vectorDim > indexRank || !areDims(windowDims, windows.getRank()) ||
      !llvm::is_sorted(windowDims) ||
      !areDims(llvm::to_vector(llvm::concat<const int64_t>(single, batching)),
               rank) ||
      !areDims(starts, rank) || batching.size() != indexBatching.size() ||
      !areDims(indexBatching, indexRank) ||
      llvm::is_contained(indexBatching, vectorDim))
    return false;
  for (auto [dim, index] : llvm::zip_equal(batching, indexBatching))
    if (whole.getDimSize(dim) != indices.getDimSize(index))
      return false;
  int64_t length = vectorDim < indexRank ? indices.getDimSize(vectorDim) : 1;
  return length == int64_t(starts.size());
}

SmallVector<int64_t>
IndexedWindows::batchShape(RankedTensorType indices) const {
  SmallVector<int64_t> shape(indices.getShape());
  if (vectorDim < indices.getRank())
    shape.erase(shape.begin() + vectorDim);
  return shape;
}
