//===- SharedMemory.cpp - What a launch gives a block ---------------------===//
//
// Arrays in shared memory that together have more bytes than PTX lets a kernel
// declare become places in one that the launch sizes:
//
//   llvm.mlir.global internal @f_points() {addr_space = 3 : i32} : ...
//   %p = llvm.mlir.addressof @f_points
//
// becomes, where the points begin at byte 1024,
//
//   llvm.mlir.global external @f_shared() {addr_space = 3 : i32} : ...
//   %s = llvm.mlir.addressof @f_shared
//   %p = llvm.getelementptr %s[1024]
//
// Plans ask for no more than the chip gives a block: see GPUChip.
//
// Reference: NVIDIA, "CUDA C++ Programming Guide", "Shared Memory" of the
// compute capabilities.
//
//===----------------------------------------------------------------------===//
#include "LowerToGPU.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kDeclared = 48 << 10;
static constexpr int64_t kAlignment = 16;
static constexpr unsigned kSharedSpace = 3;

using Arrays = SmallVector<std::pair<LLVM::AddressOfOp, LLVM::GlobalOp>>;

static int64_t getAlignment(LLVM::GlobalOp array) {
  return array.getAlignment().value_or(kAlignment);
}

/// Each of which has one use that names it.
static Arrays findArrays(gpu::GPUModuleOp parent, gpu::GPUFuncOp kernel) {
  Arrays arrays;
  kernel.walk([&](LLVM::AddressOfOp op) {
    auto array = parent.lookupSymbol<LLVM::GlobalOp>(op.getGlobalName());
    if (array.getAddrSpace() == kSharedSpace)
      arrays.push_back({op, array});
  });
  return arrays;
}

/// Where arrays that Kernel::addShared made, of words, are in one; its bytes
/// at the end.
static SmallVector<int64_t> findPlaces(const Arrays &arrays) {
  SmallVector<int64_t> places;
  int64_t end = 0;
  for (auto [use, array] : arrays) {
    places.push_back(llvm::alignTo(end, getAlignment(array)));
    auto type = cast<LLVM::LLVMArrayType>(array.getType());
    end = places.back() + 4 * type.getNumElements();
  }
  places.push_back(llvm::alignTo(end, kAlignment));
  return places;
}

static void placeInOne(const Arrays &arrays, ArrayRef<int64_t> places,
                       gpu::GPUFuncOp kernel) {
  OpBuilder b(kernel);
  Location loc = kernel.getLoc();
  auto one = LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI32Type(), 0),
      /*isConstant=*/false, LLVM::Linkage::External,
      (kernel.getName() + "_shared").str(), Attribute(), kAlignment,
      kSharedSpace);
  b.setInsertionPointToStart(&kernel.getBody().front());
  Value start = LLVM::AddressOfOp::create(b, loc, one);
  int64_t alignment = kAlignment;
  for (auto [i, both] : llvm::enumerate(arrays)) {
    auto [use, array] = both;
    alignment = std::max(alignment, getAlignment(array));
    b.setInsertionPointAfterValue(start);
    use.replaceAllUsesWith(
        LLVM::GEPOp::create(b, loc, start.getType(), b.getI8Type(), start,
                            ArrayRef<LLVM::GEPArg>{int32_t(places[i])})
            .getResult());
    use.erase();
    array.erase();
  }
  one.setAlignment(alignment);
}

void placeSharedMemory(gpu::GPUModuleOp parent, Launch &launch) {
  auto place = [&](KernelLaunch &one) {
    auto kernel = parent.lookupSymbol<gpu::GPUFuncOp>(one.entry);
    Arrays arrays = findArrays(parent, kernel);
    SmallVector<int64_t> places = findPlaces(arrays);
    if (places.back() <= kDeclared)
      return;
    placeInOne(arrays, places, kernel);
    one.sharedBytes = places.back();
  };
  place(launch);
  for (KernelLaunch &further : launch.then)
    place(further);
}

} // namespace ssm
