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

/// Of an array that Kernel::addShared made, of words.
static int64_t countBytes(LLVM::GlobalOp array) {
  auto type = cast<LLVM::LLVMArrayType>(array.getType());
  return llvm::alignTo(4 * type.getNumElements(), kAlignment);
}

static void placeInOne(const Arrays &arrays, gpu::GPUFuncOp kernel) {
  OpBuilder b(kernel);
  Location loc = kernel.getLoc();
  auto one = LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI32Type(), 0),
      /*isConstant=*/false, LLVM::Linkage::External,
      (kernel.getName() + "_shared").str(), Attribute(), kAlignment,
      kSharedSpace);
  b.setInsertionPointToStart(&kernel.getBody().front());
  Value start = LLVM::AddressOfOp::create(b, loc, one);
  int64_t offset = 0;
  for (auto [use, array] : arrays) {
    b.setInsertionPointAfterValue(start);
    use.replaceAllUsesWith(
        LLVM::GEPOp::create(b, loc, start.getType(), b.getI8Type(), start,
                            ArrayRef<LLVM::GEPArg>{int32_t(offset)})
            .getResult());
    offset += countBytes(array);
    use.erase();
    array.erase();
  }
}

void placeSharedMemory(gpu::GPUModuleOp parent, Launch &launch) {
  auto place = [&](KernelLaunch &one) {
    auto kernel = parent.lookupSymbol<gpu::GPUFuncOp>(one.entry);
    Arrays arrays = findArrays(parent, kernel);
    int64_t bytes = 0;
    for (auto [use, array] : arrays)
      bytes += countBytes(array);
    if (bytes <= kDeclared)
      return;
    placeInOne(arrays, kernel);
    one.sharedBytes = bytes;
  };
  place(launch);
  for (KernelLaunch &further : launch.then)
    place(further);
}

} // namespace ssm
