//===- MatrixProduct.cpp - Sums of products by tiles ----------------------===//
//
//   block = 64 rows x 64 columns of the result; a thread has 4 x 4 of them
//   for every chunk of 64 bytes along the sum:
//     load    the next chunk of both factors, into registers
//     thread  sums += products of this chunk, from shared memory
//     store   the next chunk into the other half of shared memory
//   store   what is computed elementwise from the sums
//
// One barrier a chunk. Columns are the dimension that is last in the result,
// and in one factor, the right one; rows are of the left one. In shared memory
// a factor has its parts apart, and elements of a place of the sum beside each
// other: a thread reads 16 bytes of four rows, which lanes share, and of its
// columns those that are an access of the result. Where a factor's memory runs
// along the sum, lanes write its elements below each other, and an exclusive or
// of the column keeps the banks of these apart.
//
// Sums are in f32 at least, in the order of the sum.
//
// Precondition: refusesMatrixProduct.
//
//===----------------------------------------------------------------------===//
#include "MatrixProduct.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kTile = 64, kOwn = 4, kAccessBytes = 16;
static constexpr int64_t kAcross = kTile / kOwn; ///< Threads along an edge.
static constexpr int64_t kThreads = kAcross * kAcross;
/// Places of the sum whose products are one run of instructions: with more the
/// assembler reads so far ahead that it spills.
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

/// A factor's tile in shared memory.
struct Factor {
  KernelTensor tensor;
  unsigned own = 0; ///< The dimension that the other one lacks.
  int64_t parts = 1;
  bool alongSum = false; ///< Whether its accesses are.
  int64_t group = 1;     ///< Elements of one.
  Value memory, first;   ///< Of the tile, along `own`.
};

class MatrixProduct {
public:
  MatrixProduct(OpBuilder &b, Kernel &kernel, const Product &product,
                const Shape &shape, ArrayRef<Mapped> results);

  Launch emit();

private:
  using Numbers = SmallVector<Num>;

  Factor describe(Mapped value, unsigned own);
  int64_t findRun();
  SmallVector<GridFactor> findTile();
  Value compare(Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
  }

  // Chunks of the sum.
  int64_t countAccesses(const Factor &factor) const {
    return kTile * chunk / factor.group;
  }
  std::pair<Value, Value> placeOf(const Factor &factor, Value access);
  Value join(ArrayRef<Num> x, int64_t part);
  SmallVector<Numbers> loadChunk(const Factor &factor, Value number);
  void storeChunk(const Factor &factor, Value buffer, ArrayRef<Numbers> loaded);
  int64_t countSwizzle(const Factor &factor) const;
  Value addressOf(const Factor &factor, Value buffer, int64_t part, Value place,
                  Value index);
  /// A place of a chunk: the first of a step of `kPlaces`, and which of these.
  struct Place {
    Value step;
    int64_t i;
  };
  Numbers readOwn(const Factor &factor, Value buffer, Place place, Value index,
                  int64_t count);
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
  int64_t realBytes, chunk;
  Factor left, right;
  int64_t run; ///< Columns of a thread that follow each other.
  SmallVector<Value> indices;
  Value thread, across, down, total;
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
             : "it multiplies by a matrix that varies in time, or by a vector";
}

MatrixProduct::MatrixProduct(OpBuilder &b, Kernel &kernel,
                             const Product &product, const Shape &shape,
                             ArrayRef<Mapped> results)
    : b(b), k(kernel), product(product), shape(shape), results(results),
      isComplex(isa<ComplexType>(
          getElementTypeOrSelf(product.result.tensor.getType()))),
      realBytes(k.num.constant(0).re.getType().getIntOrFloatBitWidth() / 8),
      chunk(kTile / realBytes), left(describe(shape.left, shape.row)),
      right(describe(shape.right, shape.column)), run(findRun()),
      indices(product.result.map.getNumDims()) {}

Factor MatrixProduct::describe(Mapped value, unsigned own) {
  Factor factor;
  factor.tensor = k.argument(value.tensor, value.map);
  factor.own = own;
  factor.parts = isa<ComplexType>(factor.tensor.element) ? 2 : 1;
  unsigned last = dimsOf(value.map).back();
  factor.alongSum = llvm::is_contained(shape.sum, last);
  if (last == own || last == shape.sum.back())
    factor.group = k.countAccess(factor.tensor);
  factor.memory =
      k.addShared(k.nameShared(), 2 * factor.parts * chunk * kTile * realBytes);
  return factor;
}

/// All tensors behind the product that have columns last have accesses of so
/// many.
int64_t MatrixProduct::findRun() {
  int64_t count = kOwn;
  auto visit = [&](const KernelTensor &tensor) {
    SmallVector<unsigned> dims = dimsOf(tensor.map);
    if (!dims.empty() && dims.back() == shape.column)
      count = std::gcd(count, k.countAccess(tensor));
  };
  for (const Mapped &result : results) {
    visit(k.result(result.tensor, result.map));
    walkProducers(result, [&](Mapped value) {
      if (isa<BlockArgument>(value.tensor))
        visit(k.argument(value.tensor, value.map));
    });
  }
  return count;
}

/// Blocks are numbered over what both factors have, and tiles of rows and
/// columns.
SmallVector<GridFactor> MatrixProduct::findTile() {
  thread = k.threadIndex();
  across = arith::RemUIOp::create(b, k.loc, thread, k.constant(kAcross));
  down = arith::DivUIOp::create(b, k.loc, thread, k.constant(kAcross));
  Value number = k.blockIndex(), tile = k.constant(kTile);
  SmallVector<GridFactor> grid{{{}, 1}};
  for (Factor *factor : {&right, &left}) {
    Value tiles =
        arith::CeilDivUIOp::create(b, k.loc, k.size(factor->own), tile);
    factor->first =
        k.mul(arith::RemUIOp::create(b, k.loc, number, tiles), tile);
    number = arith::DivUIOp::create(b, k.loc, number, tiles);
    grid.push_back({{k.launchSize(factor->own)}, kTile});
  }
  for (unsigned dim : shape.outer)
    grid[0].elements.push_back(k.launchSize(dim));
  k.split(number, shape.outer, indices);
  total = k.constant(1);
  for (unsigned dim : shape.sum)
    total = k.mul(total, k.size(dim));
  return grid;
}

//===----------------------------------------------------------------------===//
// Chunks of the sum
//===----------------------------------------------------------------------===//

/// Where an access of a chunk begins: along the sum, and along its own
/// dimension.
std::pair<Value, Value> MatrixProduct::placeOf(const Factor &factor,
                                               Value access) {
  int64_t fast = (factor.alongSum ? chunk : kTile) / factor.group;
  Value low = arith::RemUIOp::create(b, k.loc, access, k.constant(fast));
  Value high = arith::DivUIOp::create(b, k.loc, access, k.constant(fast));
  low = k.mul(low, k.constant(factor.group));
  return factor.alongSum ? std::pair(low, high) : std::pair(high, low);
}

/// The thread's accesses of a chunk; zero beyond the factor.
SmallVector<MatrixProduct::Numbers>
MatrixProduct::loadChunk(const Factor &factor, Value number) {
  SmallVector<Numbers> loaded;
  for (int64_t done = 0; done < countAccesses(factor); done += kThreads) {
    Value access = k.add(thread, k.constant(done));
    auto [place, inTile] = placeOf(factor, access);
    Value summed = k.add(k.mul(number, k.constant(chunk)), place);
    Value own = k.add(factor.first, inTile);
    Value inside = arith::AndIOp::create(b, k.loc, compare(summed, total),
                                         compare(own, k.size(factor.own)));
    if (countAccesses(factor) < kThreads)
      inside = arith::AndIOp::create(
          b, k.loc, inside, compare(access, k.constant(countAccesses(factor))));
    SmallVector<Value> where = indices;
    where[factor.own] = own;
    if (shape.sum.size() == 1)
      where[shape.sum[0]] = summed;
    else
      k.split(summed, shape.sum, where);
    auto flat = [&](ArrayRef<Num> x) {
      SmallVector<Value> values;
      for (const Num &value : x) {
        values.push_back(value.re);
        if (factor.parts == 2)
          values.push_back(value.im);
      }
      return values;
    };
    SmallVector<Value> values = k.branch(
        inside,
        [&] {
          return flat(k.load(factor.tensor, k.offset(factor.tensor, where),
                             factor.group));
        },
        [&] {
          return SmallVector<Value>(factor.group * factor.parts,
                                    k.num.constant(0).re);
        });
    Numbers numbers;
    for (int64_t i = 0; i < factor.group; ++i)
      numbers.push_back({values[i * factor.parts],
                         factor.parts == 2 ? values[2 * i + 1] : Value()});
    loaded.push_back(std::move(numbers));
  }
  return loaded;
}

/// Of a column, for each further access of a chunk: lanes that are so many
/// along the sum have this many columns beside each other.
int64_t MatrixProduct::countSwizzle(const Factor &factor) const {
  return factor.alongSum ? kWarp / (chunk / factor.group) : 0;
}

Value MatrixProduct::addressOf(const Factor &factor, Value buffer, int64_t part,
                               Value place, Value index) {
  Value tile = k.add(k.mul(buffer, k.constant(factor.parts)), k.constant(part));
  Value row = k.add(k.mul(tile, k.constant(chunk)), place);
  return k.sharedPlace(factor.memory, k.num.constant(0).re.getType(),
                       k.add(k.mul(row, k.constant(kTile)), index));
}

/// One part of these, as one value.
Value MatrixProduct::join(ArrayRef<Num> x, int64_t part) {
  auto partOf = [&](const Num &value) { return part ? value.im : value.re; };
  if (x.size() == 1)
    return partOf(x[0]);
  Value all = LLVM::PoisonOp::create(
      b, k.loc,
      VectorType::get(static_cast<int64_t>(x.size()), partOf(x[0]).getType()));
  for (auto [i, value] : llvm::enumerate(x))
    all = LLVM::InsertElementOp::create(b, k.loc, all, partOf(value),
                                        k.laneNumber(i));
  return all;
}

void MatrixProduct::storeChunk(const Factor &factor, Value buffer,
                               ArrayRef<Numbers> loaded) {
  for (auto [round, numbers] : llvm::enumerate(loaded)) {
    Value access = k.add(thread, k.constant(round * kThreads));
    auto [place, inTile] = placeOf(factor, access);
    auto store = [&, place = place, inTile = inTile, &numbers = numbers] {
      Value index = inTile;
      if (factor.alongSum) {
        Value further =
            arith::DivUIOp::create(b, k.loc, place, k.constant(factor.group));
        index = arith::XOrIOp::create(
            b, k.loc, index, k.mul(further, k.constant(countSwizzle(factor))));
      }
      int64_t width = factor.alongSum
                          ? 1
                          : std::min(factor.group, kAccessBytes / realBytes);
      for (int64_t from = 0; from < factor.group; from += width)
        for (int64_t part = 0; part < factor.parts; ++part) {
          Value down = k.constant(factor.alongSum ? from : 0);
          Value right = k.constant(factor.alongSum ? 0 : from);
          Value address = addressOf(factor, buffer, part, k.add(place, down),
                                    k.add(index, right));
          LLVM::StoreOp::create(
              b, k.loc, join(ArrayRef(numbers).slice(from, width), part),
              address, width * realBytes);
        }
    };
    if (countAccesses(factor) < kThreads)
      k.when(compare(access, k.constant(countAccesses(factor))), store);
    else
      store();
  }
}

/// Elements that follow each other at a place of the chunk, in accesses of 16
/// bytes at most.
MatrixProduct::Numbers MatrixProduct::readOwn(const Factor &factor,
                                              Value buffer, Place place,
                                              Value index, int64_t count) {
  int64_t swizzle = countSwizzle(factor);
  int64_t width = std::min(count, kAccessBytes / realBytes);
  if (swizzle)
    width = std::min(width, swizzle);
  Type real = k.num.constant(0).re.getType();
  Numbers numbers(count);
  // A step has whole accesses, or is within one.
  Value access = k.add(
      arith::DivUIOp::create(b, k.loc, place.step, k.constant(factor.group)),
      k.constant(place.i / factor.group));
  Value mask = k.mul(access, k.constant(swizzle));
  Value row = k.add(place.step, k.constant(place.i));
  for (int64_t from = 0; from < count; from += width)
    for (int64_t part = 0; part < factor.parts; ++part) {
      Value at =
          arith::XOrIOp::create(b, k.loc, k.add(index, k.constant(from)), mask);
      Value all = LLVM::LoadOp::create(
          b, k.loc, width == 1 ? real : VectorType::get(width, real),
          addressOf(factor, buffer, part, row, at), width * realBytes);
      for (int64_t i = 0; i < width; ++i)
        (part ? numbers[from + i].im : numbers[from + i].re) =
            width == 1
                ? all
                : LLVM::ExtractElementOp::create(b, k.loc, all, k.laneNumber(i))
                      .getResult();
    }
  return numbers;
}

/// One fused operation for each product of parts.
Num MatrixProduct::addProduct(const Num &x, const Num &y, const Num &sum) {
  NumBuilder &num = k.num;
  Num next{num.addf(num.mulf(x.re, y.re), sum.re), sum.im};
  if (x.im && y.im)
    next.re = num.subf(next.re, num.mulf(x.im, y.im));
  if (isComplex && y.im)
    next.im = num.addf(num.mulf(x.re, y.im), next.im);
  if (isComplex && x.im)
    next.im = num.addf(num.mulf(x.im, y.re), next.im);
  return next;
}

MatrixProduct::Numbers MatrixProduct::multiplyStep(Value buffer, Value step,
                                                   Numbers sums) {
  Value row = k.mul(down, k.constant(kOwn));
  for (int64_t i = 0; i < kPlaces; ++i) {
    Numbers rows = readOwn(left, buffer, {step, i}, row, kOwn), columns;
    for (int64_t j = 0; j < kOwn; j += run)
      columns.append(readOwn(
          right, buffer, {step, i},
          arith::SubIOp::create(b, k.loc, columnOf(j), right.first), run));
    for (auto [j, sum] : llvm::enumerate(sums))
      sum = addProduct(rows[j / kOwn], columns[j % kOwn], sum);
  }
  return sums;
}

MatrixProduct::Numbers MatrixProduct::multiply(Value buffer,
                                               ArrayRef<Num> sums) {
  return unflatten(
      k.loop(k.constant(0), k.constant(chunk), kPlaces, flatten(sums),
             [&](Value step, const SmallVector<Value> &carried) {
               return flatten(multiplyStep(buffer, step, unflatten(carried)));
             }));
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
  SmallVector<Value> where = indices;
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
    point.define(product.result, sum, j);
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
  launch.threads = kThreads;
  launch.grid = findTile();
  Value chunks = arith::CeilDivUIOp::create(b, k.loc, total, k.constant(chunk));
  for (const Factor *factor : {&left, &right})
    storeChunk(*factor, k.constant(0), loadChunk(*factor, k.constant(0)));
  gpu::BarrierOp::create(b, k.loc);
  Num zero{k.num.constant(0).re, isComplex ? k.num.constant(0).re : Value()};
  Numbers sums = unflatten(
      k.loop(k.constant(0), chunks, 1, flatten(Numbers(kOwn * kOwn, zero)),
             [&](Value number, const SmallVector<Value> &carried) {
               Value next = k.add(number, k.constant(1));
               auto buffer = [&](Value of) {
                 return arith::AndIOp::create(b, k.loc, of, k.constant(1));
               };
               SmallVector<Numbers> ofLeft = loadChunk(left, next);
               SmallVector<Numbers> ofRight = loadChunk(right, next);
               Numbers after = multiply(buffer(number), unflatten(carried));
               storeChunk(left, buffer(next), ofLeft);
               storeChunk(right, buffer(next), ofRight);
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
                kThreads);
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
