//===- MmaProduct.cpp - Products on the tensor cores ----------------------===//
//
//   block = 128 rows x 64 columns of the result, in 2 x 2 warps
//   for every chunk of 64 places along the sum:
//     load    the next chunk of both factors, into registers
//     warp    sums += products of 16 x 16 of this chunk, from shared memory
//     store   the next chunk into the other half of shared memory
//   store   what is computed elementwise from the sums, and from what they are
//           added to
//
// One barrier a chunk. A factor is in shared memory as it is in memory, along
// the sum or across it: ldmatrix transposes. Lanes of a row then exchange their
// sums, so that each has eight columns that follow each other.
//
// Products are exact in f32; the order in which the tensor cores add them, and
// how they round that, is theirs.
//
// Precondition: takesTensorCores.
//
// Reference: PTX ISA 8.5, 9.7.13.4 (mma.m16n8k16).
//
//===----------------------------------------------------------------------===//
#include "MmaProduct.h"
#include "WarpMatrix.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 128, kChunk = 64;
static constexpr int64_t kRows = 128, kColumns = 64;
/// A warp's part, by the tensor cores' blocks.
static constexpr int64_t kBlock = 16;
static constexpr int64_t kDown = kRows / 2 / kBlock;
static constexpr int64_t kAcross = kColumns / 2 / kBlock;
/// Of a lane in each of its rows, once lanes have exchanged them.
static constexpr int64_t kOwn = 8;

namespace {
/// A factor by chunks, twice in shared memory: one that warps read, and one
/// that is written.
class Factor {
public:
  Factor(OpBuilder &b, Kernel &kernel, const ProductShape &shape, Mapped factor,
         unsigned own, int64_t edge)
      : b(b), k(kernel), shape(shape),
        tensor(k.argument(factor.tensor, factor.map)), own(own), edge(edge),
        alongSum(llvm::is_contained(shape.sum, dimsOf(factor.map).back())),
        tile(b, k, k.nameShared(), 2 * lines(), lineLength()) {}

  /// The thread's accesses of a chunk; zero beyond the factor.
  SmallVector<Value> load(const ProductTile &at, Value first, Value number);
  void store(Value buffer, ArrayRef<Value> loaded);
  /// Where a block of 16 x 16 is, `n` blocks along the factor's own dimension
  /// from a warp's first, which is so many units from the tile's, and `step`
  /// ones along the sum.
  WarpMatrix::Corner corner(Value buffer, Value warp, int64_t n, int64_t step);
  bool isAlongSum() const { return alongSum; }
  SharedTile &getTile() { return tile; }

private:
  int64_t lines() const { return alongSum ? edge : kChunk; }
  int64_t lineLength() const { return alongSum ? kChunk : edge; }
  std::pair<Value, Value> placeOf(int64_t number);

  OpBuilder &b;
  Kernel &k;
  const ProductShape &shape;
  KernelTensor tensor;
  unsigned own;
  int64_t edge;
  bool alongSum;
  SharedTile tile;
};

class MmaProduct {
public:
  MmaProduct(OpBuilder &b, Kernel &kernel, const Product &product,
             const ProductShape &shape, ArrayRef<Mapped> results)
      : b(b), k(kernel), shape(shape),
        results(b, kernel, product, shape, results, kOwn),
        matrix(b, kernel, getElementTypeOrSelf(shape.left.tensor).isF16()),
        left(b, k, shape, shape.left, shape.row, kRows),
        right(b, k, shape, shape.right, shape.column, kColumns) {}

  Launch emit();

private:
  using Sums = SmallVector<Value>;

  void multiply(Value buffer, Sums &sums);
  Sums sumChunks();
  void swapHalves(MutableArrayRef<Value> columns);
  Value columnOf(int64_t i);
  void storeBlocks(int64_t down, ArrayRef<Value> sums);

  /// Whether accesses of results have half of a lane's columns: the lane beside
  /// it then has the other half of a sector.
  bool hasHalves() const { return results.getRun() < kOwn; }

  OpBuilder &b;
  Kernel &k;
  const ProductShape &shape;
  ProductResults results;
  WarpMatrix matrix;
  Factor left, right;
  ProductTile tile;
  Value warpRow, warpColumn; ///< 0 or 1.
};
} // namespace

bool takesTensorCores(Kernel &k, const ProductShape &shape) {
  Type element = getElementTypeOrSelf(shape.left.tensor);
  if (!isa<BFloat16Type, Float16Type>(element) ||
      element != getElementTypeOrSelf(shape.right.tensor))
    return false;
  auto hasUnits = [&](Mapped factor, unsigned own) {
    KernelTensor tensor = k.argument(factor.tensor, factor.map);
    unsigned last = dimsOf(factor.map).back();
    // What is in memory behind a row is no part of the sum.
    if (llvm::is_contained(shape.sum, last))
      tensor.padding = 1;
    return (last == own || last == shape.sum.back()) &&
           k.countAccess(tensor) == kUnit;
  };
  return hasUnits(shape.left, shape.row) && hasUnits(shape.right, shape.column);
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// The line of a thread's access, and its unit in that.
std::pair<Value, Value> Factor::placeOf(int64_t number) {
  Value access = k.add(k.threadIndex(), k.constant(number * kThreads));
  Value units = k.constant(lineLength() / kUnit);
  return {arith::DivUIOp::create(b, k.loc, access, units),
          arith::RemUIOp::create(b, k.loc, access, units)};
}

SmallVector<Value> Factor::load(const ProductTile &at, Value first,
                                Value number) {
  auto isBelow = [&](Value x, Value y) {
    return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
  };
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < edge * kChunk / kUnit / kThreads; ++i) {
    auto [line, unit] = placeOf(i);
    Value inLine = k.mul(unit, k.constant(kUnit));
    Value summed =
        k.add(k.mul(number, k.constant(kChunk)), alongSum ? inLine : line);
    Value index = k.add(first, alongSum ? line : inLine);
    SmallVector<Value> where = at.indices;
    where[own] = index;
    k.splitAll(summed, shape.sum, where);
    Value inside = arith::AndIOp::create(b, k.loc, isBelow(summed, at.total),
                                         isBelow(index, k.size(own)));
    loaded.append(k.branch(
        inside,
        [&] {
          return SmallVector<Value>{
              k.loadWords(tensor, k.offset(tensor, where))};
        },
        [&] {
          auto type = VectorType::get(4, b.getI32Type());
          return SmallVector<Value>{
              arith::ConstantOp::create(b, k.loc, b.getZeroAttr(type))};
        }));
  }
  return loaded;
}

void Factor::store(Value buffer, ArrayRef<Value> loaded) {
  for (auto [i, words] : llvm::enumerate(loaded)) {
    auto [line, unit] = placeOf(i);
    Value row = k.add(k.mul(buffer, k.constant(lines())), line);
    tile.storeUnit(row, /*below=*/0, unit, words);
  }
}

WarpMatrix::Corner Factor::corner(Value buffer, Value warp, int64_t n,
                                  int64_t step) {
  Value row = k.mul(buffer, k.constant(lines()));
  int64_t half = edge / 2;
  if (alongSum)
    return {k.add(row, k.mul(warp, k.constant(half))), n * kBlock, Value(),
            step * kBlock / kUnit};
  return {row, step * kBlock, k.mul(warp, k.constant(half / kUnit)),
          n * kBlock / kUnit};
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

void MmaProduct::multiply(Value buffer, Sums &sums) {
  for (int64_t step = 0; step < kChunk / kBlock; ++step) {
    SmallVector<WarpMatrix::Words> columns;
    for (int64_t n = 0; n < kAcross; ++n) {
      auto corner = right.corner(buffer, warpColumn, n, step);
      columns.push_back(right.isAlongSum()
                            ? matrix.rightTransposed(right.getTile(), corner)
                            : matrix.right(right.getTile(), corner));
    }
    for (int64_t m = 0; m < kDown; ++m) {
      auto corner = left.corner(buffer, warpRow, m, step);
      WarpMatrix::Words rows =
          left.isAlongSum() ? matrix.left(left.getTile(), corner)
                            : matrix.leftTransposed(left.getTile(), corner);
      for (int64_t n = 0; n < kAcross; ++n)
        matrix.multiplyAdd(
            MutableArrayRef(sums).slice(kOwn * (m * kAcross + n), kOwn), rows,
            columns[n]);
    }
  }
}

MmaProduct::Sums MmaProduct::sumChunks() {
  Value chunks =
      arith::CeilDivUIOp::create(b, k.loc, tile.total, k.constant(kChunk));
  Value none = k.constant(0);
  left.store(none, left.load(tile, tile.row, none));
  right.store(none, right.load(tile, tile.column, none));
  gpu::BarrierOp::create(b, k.loc);
  Sums zero(kDown * kAcross * kOwn, k.num.constant(0).re);
  auto step = [&](Value number, Sums sums) {
    Value next = k.add(number, k.constant(1));
    auto bufferOf = [&](Value of) {
      return arith::AndIOp::create(b, k.loc, of, k.constant(1));
    };
    SmallVector<Value> ofLeft = left.load(tile, tile.row, next);
    SmallVector<Value> ofRight = right.load(tile, tile.column, next);
    multiply(bufferOf(number), sums);
    left.store(bufferOf(next), ofLeft);
    right.store(bufferOf(next), ofRight);
    gpu::BarrierOp::create(b, k.loc);
    return sums;
  };
  return k.loop(none, chunks, 1, zero, step, /*mayUnroll=*/false);
}

/// Of 16 columns that an even lane and the next one have, the even one gets
/// the first and third four, the other one the second and fourth.
void MmaProduct::swapHalves(MutableArrayRef<Value> columns) {
  Value isOdd = arith::CmpIOp::create(
      b, k.loc, arith::CmpIPredicate::ne,
      arith::AndIOp::create(b, k.loc, matrix.t, k.constant(1)), k.constant(0));
  auto choose = [&](Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, k.loc, isOdd, yes, no);
  };
  for (int64_t i = 0; i < kOwn / 2; ++i) {
    Value &first = columns[i], &second = columns[i + kOwn / 2];
    Value got =
        k.shuffle(gpu::ShuffleMode::XOR, choose(first, second), 1).front();
    first = choose(got, first);
    second = choose(second, got);
  }
}

Value MmaProduct::columnOf(int64_t i) {
  Value lane = k.mul(matrix.t, k.constant(kOwn));
  int64_t own = i;
  if (hasHalves()) {
    // 0, 4, 16 and 20, for lanes 0 to 3.
    Value odd = arith::AndIOp::create(b, k.loc, matrix.t, k.constant(1));
    lane =
        arith::SubIOp::create(b, k.loc, lane, k.mul(odd, k.constant(kOwn / 2)));
    own += i / (kOwn / 2) * (kOwn / 2);
  }
  Value first = k.add(tile.column, k.mul(warpColumn, k.constant(kColumns / 2)));
  return k.add(k.add(first, lane), k.constant(own));
}

/// Sums of 16 rows: a lane has two columns of each block of eight, in two rows.
/// The four lanes of a row exchange them; lane t gets the t-th block's.
void MmaProduct::storeBlocks(int64_t down, ArrayRef<Value> sums) {
  for (int64_t half = 0; half < 2; ++half) {
    std::array<SmallVector<Value>, 2> parts;
    for (auto [i, part] : llvm::enumerate(parts)) {
      for (int64_t eight = 0; eight < 2 * kAcross; ++eight)
        part.push_back(sums[4 * eight + 2 * half + i]);
      matrix.transposeQuad(part);
    }
    SmallVector<Value> columns;
    for (int64_t j = 0; j < kOwn; ++j)
      columns.push_back(parts[j % 2][j / 2]);
    if (hasHalves())
      swapHalves(columns);
    Value inTile = k.add(k.mul(warpRow, k.constant(kRows / 2)), matrix.g);
    Value number =
        k.add(k.add(tile.row, inTile), k.constant(down * kBlock + half * kOwn));
    results.storeRow(number, llvm::map_to_vector(columns, [](Value sum) {
                       return Num{sum, Value()};
                     }));
  }
}

Launch MmaProduct::emit() {
  Launch launch;
  launch.kernel = "mma_product";
  launch.threads = kThreads;
  tile = takeTile(b, k, shape, kRows, kColumns);
  launch.grid = tile.grid;
  Value warp =
      arith::DivUIOp::create(b, k.loc, k.threadIndex(), k.constant(kWarp));
  warpRow = arith::DivUIOp::create(b, k.loc, warp, k.constant(2));
  warpColumn = arith::RemUIOp::create(b, k.loc, warp, k.constant(2));
  Sums sums = sumChunks();
  results.begin(tile.indices, [this](int64_t i) { return columnOf(i); });
  int64_t perRow = kAcross * kOwn;
  for (int64_t m = 0; m < kDown; ++m)
    storeBlocks(m, ArrayRef(sums).slice(m * perRow, perRow));
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

Launch emitMmaProduct(OpBuilder &b, Kernel &kernel, const Product &product,
                      const ProductShape &shape, ArrayRef<Mapped> results) {
  kernel.setThreads(kThreads);
  return MmaProduct(b, kernel, product, shape, results).emit();
}

} // namespace ssm
