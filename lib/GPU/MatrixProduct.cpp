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
/// What the loop dimensions are, and which factor is which.
struct Shape {
  Mapped left, right;
  unsigned row, column;
  SmallVector<unsigned> outer, sum;
};

class MatrixProduct {
public:
  MatrixProduct(OpBuilder &b, Kernel &kernel, const Product &product,
                const Shape &shape, ArrayRef<Mapped> results);

  Launch emit();

private:
  using Numbers = FactorTile::Numbers;

  int64_t findRun();
  SmallVector<GridFactor> findTile();
  Value compare(Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
  }

  Num addProduct(const Num &x, const Num &y, const Num &sum);
  Numbers multiplyStep(Value buffer, Value step, Numbers sums);
  Numbers multiply(Value buffer, ArrayRef<Num> sums);

  // Results.
  Value columnOf(int64_t i);
  SmallVector<Value> at(int64_t i);
  void storeRow(Pointwise &point, int64_t i, ArrayRef<Num> sums);

  SmallVector<Value> flatten(ArrayRef<Num> x);
  Numbers unflatten(ValueRange values);

  OpBuilder &b;
  Kernel &k;
  const Product &product;
  const Shape &shape;
  ArrayRef<Mapped> results;
  bool isComplex;
  int64_t chunk; ///< Places of the sum.
  ProductBlock block;
  FactorTile left, right;
  int64_t run; ///< Columns of a thread that follow each other.
  Value across, down;
};
} // namespace

static std::optional<Shape> findShape(const Product &product) {
  Shape shape{product.left, product.right, 0, 0, {}, {}};
  SmallVector<unsigned> dims = dimsOf(product.result.map);
  if (dims.empty())
    return std::nullopt;
  shape.column = dims.back();
  if (!uses(shape.right.map, shape.column))
    std::swap(shape.left, shape.right);
  if (uses(shape.left.map, shape.column))
    return std::nullopt;
  auto isRow = [&](unsigned dim) {
    return uses(product.result.map, dim) && !uses(shape.right.map, dim);
  };
  auto rows = llvm::filter_to_vector(dims, isRow);
  if (rows.empty())
    return std::nullopt;
  unsigned last = dimsOf(shape.left.map).back();
  shape.row = isRow(last) ? last : rows.back();
  for (unsigned dim : dims)
    if (dim != shape.row && dim != shape.column)
      shape.outer.push_back(dim);
  for (const Mapped &factor : {shape.left, shape.right})
    for (unsigned dim : dimsOf(factor.map))
      if (!uses(product.result.map, dim) && !llvm::is_contained(shape.sum, dim))
        shape.sum.push_back(dim);
  return shape;
}

const char *refusesMatrixProduct(const Product &product) {
  return findShape(product)
             ? nullptr
             : "it has products other than of two matrices, one of which is "
               "the same at each step: by a matrix that varies in time, or by "
               "a vector; compile it for the CPU, without a target";
}

MatrixProduct::MatrixProduct(OpBuilder &b, Kernel &kernel,
                             const Product &product, const Shape &shape,
                             ArrayRef<Mapped> results)
    : b(b), k(kernel), product(product), shape(shape), results(results),
      isComplex(isa<ComplexType>(
          getElementTypeOrSelf(product.result.tensor.getType()))),
      chunk(kChunkBits /
            k.num.constant(0).re.getType().getIntOrFloatBitWidth()),
      block{shape.sum,
            {},
            {},
            SmallVector<Value>(product.result.map.getNumDims())},
      left(b, k, block, shape.left, shape.row, chunk),
      right(b, k, block, shape.right, shape.column, chunk), run(findRun()) {}

/// All tensors behind the product that have columns last have accesses of so
/// many.
int64_t MatrixProduct::findRun() {
  int64_t count = kOwn;
  auto visit = [&](const KernelTensor &tensor) {
    SmallVector<unsigned> dims = dimsOf(tensor.map);
    if (!dims.empty() && dims.back() == shape.column)
      count = std::gcd(count, k.countAccess(tensor));
  };
  auto visitRead = [&](Mapped value) {
    if (isa<BlockArgument>(value.tensor))
      visit(k.argument(value.tensor, value.map));
  };
  for (const Mapped &result : results) {
    visit(k.result(result.tensor, result.map));
    walkProducers(result, visitRead);
  }
  if (product.start.tensor)
    walkProducers(product.start, visitRead);
  return count;
}

/// Blocks are numbered over what both factors have, and tiles of rows and
/// columns.
SmallVector<GridFactor> MatrixProduct::findTile() {
  block.thread = k.threadIndex();
  across = arith::RemUIOp::create(b, k.loc, block.thread, k.constant(kAcross));
  down = arith::DivUIOp::create(b, k.loc, block.thread, k.constant(kAcross));
  Value number = k.blockIndex(), tile = k.constant(kTile);
  SmallVector<GridFactor> grid{{{}, 1}};
  for (FactorTile *factor : {&right, &left}) {
    Value tiles =
        arith::CeilDivUIOp::create(b, k.loc, k.size(factor->own), tile);
    factor->first =
        k.mul(arith::RemUIOp::create(b, k.loc, number, tiles), tile);
    number = arith::DivUIOp::create(b, k.loc, number, tiles);
    grid.push_back({{k.launchSize(factor->own)}, kTile});
  }
  for (unsigned dim : shape.outer)
    grid[0].elements.push_back(k.launchSize(dim));
  k.split(number, shape.outer, block.indices);
  block.total = k.constant(1);
  for (unsigned dim : shape.sum)
    block.total = k.mul(block.total, k.size(dim));
  return grid;
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
  Value inRun = k.add(k.mul(across, k.constant(run)), k.constant(i % run));
  return k.add(k.add(right.first, k.constant(i / run * run * kAcross)), inRun);
}

/// Columns of a run beyond the last one repeat that.
SmallVector<Value> MatrixProduct::at(int64_t i) {
  SmallVector<Value> where = block.indices;
  Value runs = arith::CeilDivUIOp::create(b, k.loc, k.size(shape.column),
                                          k.constant(run));
  Value last = k.mul(arith::SubIOp::create(b, k.loc, runs, k.constant(1)),
                     k.constant(run));
  where[shape.column] =
      k.add(arith::MinUIOp::create(b, k.loc, columnOf(i / run * run), last),
            k.constant(i % run));
  return where;
}

void MatrixProduct::storeRow(Pointwise &point, int64_t i, ArrayRef<Num> sums) {
  Value row =
      k.add(k.add(left.first, k.mul(down, k.constant(kOwn))), k.constant(i));
  Value last =
      arith::SubIOp::create(b, k.loc, k.size(shape.row), k.constant(1));
  Value inside = compare(row, k.size(shape.row));
  row = arith::MinUIOp::create(b, k.loc, row, last);
  point.enter(row);
  for (auto [j, sum] : llvm::enumerate(sums))
    point.define(product.result,
                 product.start.tensor
                     ? k.num.add(sum, point.read(product.start, j))
                     : sum,
                 j);
  for (const Mapped &result : results) {
    KernelTensor tensor = k.result(result.tensor, result.map);
    int64_t group = point.countNeighbours(tensor);
    Numbers values;
    for (int64_t j = 0; j < kOwn; ++j)
      values.push_back(point.read(result, j));
    for (int64_t j = 0; j < kOwn; j += group) {
      Value exists = compare(columnOf(j), k.size(shape.column));
      SmallVector<Value> where = at(j);
      where[shape.row] = row;
      k.when(arith::AndIOp::create(b, k.loc, inside, exists), [&] {
        k.store(tensor, k.offset(tensor, where),
                ArrayRef(values).slice(j, group));
      });
    }
  }
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
  Pointwise point(b, k, shape.row, shape.column, kOwn, run,
                  [this](int64_t i) { return at(i); });
  for (int64_t i = 0; i < kOwn; ++i)
    storeRow(point, i, ArrayRef(sums).slice(i * kOwn, kOwn));
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitMatrixProduct(OpBuilder &b, const KernelFrame &frame,
                         const Product &product, ArrayRef<Mapped> results,
                         StringRef chip) {
  linalg::GenericOp op = product.op;
  std::optional<Shape> shape = findShape(product);
  Type real = getWorkingType({getElementTypeOrSelf(product.left.tensor),
                              getElementTypeOrSelf(product.right.tensor),
                              getElementTypeOrSelf(product.result.tensor)});
  Kernel kernel(b, frame, op.getLoc(), op.getStaticLoopRanges(), real,
                ProductBlock::kThreads);
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
