//===- MatrixProduct.cpp - Sums of products by tiles ----------------------===//
//
//   block = 64 rows x 64 columns of the result; a thread has 4 x 4 of them
//   for every chunk of 64 bytes along the sum:
//     load    the next chunk of both factors, into registers
//     thread  sums += products of this chunk, from shared memory
//     store   the next chunk into the other half of shared memory
//   store   what is computed elementwise from the sums, and from what they are
//           added to
//
// One barrier a chunk. Columns are the dimension that is last in the result,
// and in one factor, the right one; rows are of the left one. From shared
// memory, see FactorTile.cpp, a thread reads 16 bytes of four rows, which lanes
// share, and of its columns those that are an access of the result.
//
// Sums are in f32 at least, in the order of the sum.
//
// Precondition: refusesMatrixProduct.
//
//===----------------------------------------------------------------------===//
#include "MatrixProduct.h"
#include "FactorTile.h"
#include "MmaProduct.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kTile = FactorTile::kEdge, kOwn = 4;
static constexpr int64_t kAcross = kTile / kOwn; ///< Threads along an edge.
static_assert(kAcross * kAcross == ProductBlock::kThreads);
static constexpr int64_t kChunkBits = 8 * 64;
/// Places of the sum whose products are one run of instructions: with more, or
/// if a loop over them is unrolled, the assembler reads so far ahead that it
/// spills.
static constexpr int64_t kPlaces = 4;
/// Bytes of a number, times blocks on a multiprocessor: 128 registers a thread,
/// or 255.
static constexpr int64_t kBlockBytes = 8;

namespace {
class MatrixProduct {
public:
  MatrixProduct(OpBuilder &b, Kernel &kernel, const Product &product,
                const ProductShape &shape, ArrayRef<Mapped> results);

  Launch emit();

private:
  using Numbers = FactorTile::Numbers;

  SmallVector<GridFactor, 2> findTile();
  Num addProduct(const Num &x, const Num &y, const Num &sum);
  Numbers multiplyStep(Value buffer, Value step, Numbers sums);
  Numbers multiply(Value buffer, ArrayRef<Num> sums);

  Value columnOf(int64_t i);
  SmallVector<Value> flatten(ArrayRef<Num> x);
  Numbers unflatten(ValueRange values);

  OpBuilder &b;
  Kernel &k;
  const ProductShape &shape;
  ProductResults results;
  bool isComplex;
  int64_t chunk; ///< Places of the sum.
  ProductBlock block;
  FactorTile left, right;
  Value across, down;
};
} // namespace

const char *refusesMatrixProduct(const Product &product) {
  return ProductShape::find(product)
             ? nullptr
             : "it has products other than of two matrices, one of which is "
               "the same at each step: by a matrix that varies in time, or by "
               "a vector; compile it for the CPU, without a target";
}

MatrixProduct::MatrixProduct(OpBuilder &b, Kernel &kernel,
                             const Product &product, const ProductShape &shape,
                             ArrayRef<Mapped> results)
    : b(b), k(kernel), shape(shape),
      results(b, kernel, product, shape, results, kOwn),
      isComplex(isa<ComplexType>(
          getElementTypeOrSelf(product.result.tensor.getType()))),
      chunk(kChunkBits /
            k.num.constant(0).re.getType().getIntOrFloatBitWidth()),
      block{shape.sum,
            {},
            {},
            SmallVector<Value>(product.result.map.getNumDims())},
      left(b, k, block, shape.left, shape.row, chunk),
      right(b, k, block, shape.right, shape.column, chunk) {}

SmallVector<GridFactor, 2> MatrixProduct::findTile() {
  block.thread = k.threadIndex();
  across = arith::RemUIOp::create(b, k.loc, block.thread, k.constant(kAcross));
  down = arith::DivUIOp::create(b, k.loc, block.thread, k.constant(kAcross));
  ProductTile tile = takeTile(b, k, shape, kTile, kTile);
  left.first = tile.row;
  right.first = tile.column;
  block.total = tile.total;
  block.indices = tile.indices;
  return tile.grid;
}

//===----------------------------------------------------------------------===//
// Chunks of the sum
//===----------------------------------------------------------------------===//

/// One fused operation for each product of parts. Left to LLVM, it would pair
/// the sums where the chip adds pairs, and keep the products apart from them.
Num MatrixProduct::addProduct(const Num &x, const Num &y, const Num &sum) {
  auto fuse = [&](Value p, Value q, Value to) -> Value {
    return LLVM::FMAOp::create(b, k.loc, p, q, to);
  };
  Num next{fuse(x.re, y.re, sum.re), sum.im};
  if (x.im && y.im)
    next.re = fuse(k.num.negf(x.im), y.im, next.re);
  if (isComplex && y.im)
    next.im = fuse(x.re, y.im, next.im);
  if (isComplex && x.im)
    next.im = fuse(x.im, y.re, next.im);
  return next;
}

MatrixProduct::Numbers MatrixProduct::multiplyStep(Value buffer, Value step,
                                                   Numbers sums) {
  Value row = k.mul(down, k.constant(kOwn));
  for (int64_t i = 0; i < kPlaces; ++i) {
    Numbers rows = left.read(buffer, {step, i}, row, kOwn), columns;
    int64_t run = results.getRun();
    for (int64_t j = 0; j < kOwn; j += run)
      columns.append(right.read(
          buffer, {step, i},
          arith::SubIOp::create(b, k.loc, columnOf(j), right.first), run));
    for (auto [j, sum] : llvm::enumerate(sums))
      sum = addProduct(rows[j / kOwn], columns[j % kOwn], sum);
  }
  return sums;
}

MatrixProduct::Numbers MatrixProduct::multiply(Value buffer,
                                               ArrayRef<Num> sums) {
  return unflatten(k.loop(
      k.constant(0), k.constant(chunk), kPlaces, flatten(sums),
      [&](Value step, const SmallVector<Value> &carried) {
        return flatten(multiplyStep(buffer, step, unflatten(carried)));
      },
      /*mayUnroll=*/false));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// The thread's i-th.
Value MatrixProduct::columnOf(int64_t i) {
  int64_t run = results.getRun();
  Value inRun = k.add(k.mul(across, k.constant(run)), k.constant(i % run));
  return k.add(k.add(right.first, k.constant(i / run * run * kAcross)), inRun);
}

SmallVector<Value> MatrixProduct::flatten(ArrayRef<Num> x) {
  SmallVector<Value> values;
  for (const Num &value : x) {
    values.push_back(value.re);
    if (isComplex)
      values.push_back(value.im);
  }
  return values;
}

MatrixProduct::Numbers MatrixProduct::unflatten(ValueRange values) {
  Numbers x;
  for (size_t i = 0; i < values.size(); i += 1 + isComplex)
    x.push_back({values[i], isComplex ? values[i + 1] : Value()});
  return x;
}

Launch MatrixProduct::emit() {
  Launch launch;
  launch.kernel = "matrix_product";
  launch.threads = ProductBlock::kThreads;
  launch.grid = findTile();
  Value chunks =
      arith::CeilDivUIOp::create(b, k.loc, block.total, k.constant(chunk));
  for (FactorTile *factor : {&left, &right})
    factor->store(k.constant(0), factor->load(k.constant(0)));
  gpu::BarrierOp::create(b, k.loc);
  Num zero{k.num.constant(0).re, isComplex ? k.num.constant(0).re : Value()};
  Numbers sums = unflatten(
      k.loop(k.constant(0), chunks, 1, flatten(Numbers(kOwn * kOwn, zero)),
             [&](Value number, const SmallVector<Value> &carried) {
               Value next = k.add(number, k.constant(1));
               auto buffer = [&](Value of) {
                 return arith::AndIOp::create(b, k.loc, of, k.constant(1));
               };
               SmallVector<Numbers> ofLeft = left.load(next);
               SmallVector<Numbers> ofRight = right.load(next);
               Numbers after = multiply(buffer(number), unflatten(carried));
               left.store(buffer(next), ofLeft);
               right.store(buffer(next), ofRight);
               gpu::BarrierOp::create(b, k.loc);
               return flatten(after);
             }));
  results.begin(block.indices, [this](int64_t i) { return columnOf(i); });
  Value row = k.add(left.first, k.mul(down, k.constant(kOwn)));
  for (int64_t i = 0; i < kOwn; ++i)
    results.storeRow(k.add(row, k.constant(i)),
                     ArrayRef(sums).slice(i * kOwn, kOwn));
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitMatrixProduct(OpBuilder &b, const KernelFrame &frame,
                         const Product &product, ArrayRef<Mapped> results,
                         StringRef chip) {
  linalg::GenericOp op = product.op;
  std::optional<ProductShape> shape = ProductShape::find(product);
  Type real = getWorkingType({getElementTypeOrSelf(product.left.tensor),
                              getElementTypeOrSelf(product.right.tensor),
                              getElementTypeOrSelf(product.result.tensor)});
  Kernel kernel(b, frame, op.getLoc(), op.getStaticLoopRanges(), real,
                ProductBlock::kThreads);
  if (GPUChip::forName(std::string_view(chip)).multipliesMatrices &&
      takesTensorCores(kernel, *shape))
    return emitMmaProduct(b, kernel, product, *shape, results);
  // Left alone, ptxas loads many places ahead, with all of a multiprocessor's
  // registers for one block: nothing then runs while a block waits.
  std::string_view name(chip);
  if (!isAMDChip(name) && !isSPIRVChip(name))
    kernel.kernel->setAttr(
        NVVM::NVVMDialect::getMinctasmAttrName(),
        b.getI32IntegerAttr(kBlockBytes * 8 / real.getIntOrFloatBitWidth()));
  return MatrixProduct(b, kernel, product, *shape, results).emit();
}

} // namespace ssm
