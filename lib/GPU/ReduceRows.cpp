//===- ReduceRows.cpp - Sums and maxima of rows ---------------------------===//
//
//   warp = a row of up to 256 accesses of 16 bytes; block = a longer one
//   thread  combines its elements, by as many results as an access has elements
//   warp    combines those of its lanes, by shuffles; a block's warps meet in
//           shared memory, at one barrier
//   thread  computes what depends on the row's result, at its elements
//
// A norm or a softmax reduces rows several times, each time of what the last
// one gave: these are one kernel. A thread keeps what it has read of a row that
// it has no more than 8 accesses of; longer ones are read again.
//
// Precondition: ssm/Analysis/RowReduction.h; results in f32 or f64.
//
//===----------------------------------------------------------------------===//
#include "ReduceRows.h"

#include "ssm/Analysis/RowReduction.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <numeric>

using namespace mlir;

namespace ssm {

static constexpr int64_t kThreads = 128, kMostAccesses = 8;
static constexpr int64_t kWarps = kThreads / kWarp;

bool isRowReduction(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || !reducesRows(generic))
    return false;
  Type element = getElementTypeOrSelf(generic.getResult(0));
  return (element.isF32() || element.isF64()) &&
         llvm::none_of(*generic.getBlock(), refusesInlining);
}

bool areOfOneKind(linalg::GenericOp x, linalg::GenericOp y) {
  return x.getStaticLoopRanges() == y.getStaticLoopRanges() &&
         x.getIndexingMapsArray().back() == y.getIndexingMapsArray().back();
}

std::optional<AffineMap> findRowMap(Value value, linalg::GenericOp reduction) {
  AffineMap rows = reduction.getIndexingMapsArray().back();
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (op && isRowReduction(op) && areOfOneKind(op, reduction))
    return rows;
  if (!op || refusesElementwise(op))
    return std::nullopt;
  unsigned last = rows.getNumDims() - 1;
  for (OpOperand &operand : op->getOpOperands()) {
    auto map = findRowMap(operand.get(), reduction);
    if (!map)
      continue;
    SmallVector<AffineExpr> loops =
        findLoops(op.getMatchingIndexingMap(&operand), *map);
    auto missing = llvm::find(loops, AffineExpr());
    // What is the same along a row has all of the row's elements.
    if (missing != loops.end()) {
      int64_t size = op.getStaticLoopRanges()[missing - loops.begin()];
      if (uses(*map, last) || size != reduction.getStaticLoopRanges()[last])
        continue;
      *missing = getAffineDimExpr(last, value.getContext());
    }
    if (!llvm::is_contained(loops, AffineExpr()))
      return applyLoops(op.getIndexingMapMatchingResult(cast<OpResult>(value)),
                        loops, rows);
  }
  return std::nullopt;
}

namespace {
class RowReduction {
public:
  RowReduction(OpBuilder &b, Kernel &kernel, linalg::GenericOp like,
               ArrayRef<Mapped> results);

  const char *collect();
  Launch emit();

private:
  // Which ones, and what they read.
  Mapped widen(Mapped value);
  SmallVector<Mapped> operandsOf(Mapped reduction);
  const char *walk(Mapped value);
  const char *addReduction(Mapped reduction);

  // Places.
  void findShape();
  SmallVector<GridFactor> findRow();
  std::unique_ptr<Pointwise> enter(Value access);
  bool isWhole() const { return size % (perRow * run) == 0; }
  Value isInside(Value access);
  Value accessOf(Value number);

  // A row.
  Value neutral(linalg::GenericOp op);
  SmallVector<Value> accumulate(Mapped reduction, Value access,
                                Pointwise &point, ArrayRef<Value> sums);
  Value combineLanes(Operation *combiner, Value sum);
  void reduce(Mapped reduction);
  using Values = SmallVector<Value>;
  Values
  forAccesses(Values carried,
              function_ref<Values(Value, Pointwise &, const Values &)> body);
  void store(Mapped result, Value access, Pointwise &point);

  OpBuilder &b;
  Kernel &k;
  linalg::GenericOp like;
  SmallVector<Mapped> results, reductions;
  DenseMap<Value, Value> known; ///< Results of reductions.
  unsigned along, none;         ///< The row's dimension, and one more.
  int64_t size;                 ///< Of a row; -1: not known.
  int64_t run = 0;              ///< Elements of an access.
  int64_t perRow = kThreads;    ///< Threads.
  int64_t accesses = 0;         ///< Of a thread, if it keeps what it has read.
  SmallVector<unsigned> rows;
  SmallVector<Value> indices;
  Value rowExists, inRow, runTimeAccesses;
  SmallVector<std::pair<Value, std::unique_ptr<Pointwise>>> kept;
};
} // namespace

RowReduction::RowReduction(OpBuilder &b, Kernel &kernel, linalg::GenericOp like,
                           ArrayRef<Mapped> results)
    : b(b), k(kernel), like(like), along(like.getNumLoops() - 1),
      none(along + 1), size(kernel.launchSize(along)) {
  for (const Mapped &result : results)
    this->results.push_back(widen(result));
  rows = dimsOf(like.getIndexingMapsArray().back());
  indices.resize(none + 1);
}

//===----------------------------------------------------------------------===//
// Which ones, and what they read
//===----------------------------------------------------------------------===//

/// Over one more dimension, which stands for time.
Mapped RowReduction::widen(Mapped value) {
  AffineMap map = AffineMap::get(none + 1, 0, value.map.getResults(),
                                 value.map.getContext());
  return {value.tensor, map};
}

/// Inputs, and what the reduction begins with.
SmallVector<Mapped> RowReduction::operandsOf(Mapped reduction) {
  auto op = reduction.tensor.getDefiningOp<linalg::GenericOp>();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<AffineExpr> loops = findLoops(maps.back(), reduction.map);
  loops.back() = getAffineDimExpr(along, b.getContext());
  SmallVector<Mapped> operands;
  for (auto [operand, map] : llvm::zip_equal(op->getOperands(), maps))
    operands.push_back({operand, applyLoops(map, loops, reduction.map)});
  return operands;
}

/// Finds the reductions that a value is computed from, itself included.
const char *RowReduction::walk(Mapped value) {
  SmallVector<Mapped> found;
  const char *reason = walkProducers(value, [&](Mapped read) {
    if (isRowReduction(read.tensor.getDefiningOp()))
      found.push_back(read);
  });
  for (const Mapped &reduction : found)
    if (!reason)
      reason = addReduction(reduction);
  return reason;
}

/// Behind those that it is computed from.
const char *RowReduction::addReduction(Mapped reduction) {
  for (const Mapped &other : reductions)
    if (other.tensor == reduction.tensor)
      return other.map == reduction.map ? nullptr
                                        : "a row's result at other rows";
  SmallVector<unsigned> own = dimsOf(reduction.map);
  if (own.size() != rows.size() || uses(reduction.map, along) ||
      !areOfOneKind(reduction.tensor.getDefiningOp<linalg::GenericOp>(), like))
    return "a row's result at other rows";
  for (const Mapped &operand : operandsOf(reduction))
    if (const char *reason = walk(operand))
      return reason;
  reductions.push_back(reduction);
  return nullptr;
}

const char *RowReduction::collect() {
  const char *reason = addReduction(
      widen({like.getResult(0), like.getIndexingMapsArray().back()}));
  for (const Mapped &result : results)
    if (!reason)
      reason = walk(result);
  return reason;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

void RowReduction::findShape() {
  auto visit = [&](const KernelTensor &tensor) {
    SmallVector<unsigned> dims = dimsOf(tensor.map);
    if (!dims.empty() && dims.back() == along)
      run = std::gcd(run, k.countAccess(tensor));
  };
  auto visitRead = [&](Mapped value) {
    if (isa<BlockArgument>(value.tensor))
      visit(k.argument(value.tensor, value.map));
  };
  for (const Mapped &reduction : reductions)
    for (const Mapped &operand : operandsOf(reduction))
      walkProducers(operand, visitRead);
  for (const Mapped &result : results) {
    visit(k.result(result.tensor, result.map));
    walkProducers(result, visitRead);
  }
  // What is in memory behind a row is none of its elements.
  run = std::max<int64_t>(std::gcd(run, std::max<int64_t>(size, 1)), 1);
  if (size < 0)
    return;
  if (size <= kWarp * run * kMostAccesses)
    perRow = kWarp;
  int64_t needed = llvm::divideCeil(size, perRow * run);
  if (needed <= kMostAccesses)
    accesses = needed;
}

/// Threads of rows that do not exist have the last one's.
SmallVector<GridFactor> RowReduction::findRow() {
  int64_t perBlock = kThreads / perRow;
  SmallVector<GridFactor> grid{{{}, perBlock}};
  Value count = k.constant(1);
  for (unsigned dim : rows) {
    grid[0].elements.push_back(k.launchSize(dim));
    count = k.mul(count, k.size(dim));
  }
  Value thread = k.threadIndex(), threads = k.constant(perRow);
  inRow = arith::RemUIOp::create(b, k.loc, thread, threads);
  Value row = k.add(k.mul(k.blockIndex(), k.constant(perBlock)),
                    arith::DivUIOp::create(b, k.loc, thread, threads));
  rowExists =
      arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, row, count);
  Value end = arith::SubIOp::create(b, k.loc, count, k.constant(1));
  k.split(arith::MinUIOp::create(b, k.loc, row, end), rows, indices);
  runTimeAccesses = arith::CeilDivUIOp::create(b, k.loc, k.size(along),
                                               k.constant(perRow * run));
  return grid;
}

/// Whether the thread's access is one of the row; null if each is.
Value RowReduction::isInside(Value access) {
  if (isWhole())
    return nullptr;
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, access,
                               k.size(along));
}

/// The elements from `access` on; of one that is not in the row, the first
/// ones.
std::unique_ptr<Pointwise> RowReduction::enter(Value access) {
  if (Value inside = isInside(access))
    access = arith::SelectOp::create(b, k.loc, inside, access, k.constant(0));
  auto point = std::make_unique<Pointwise>(b, k, /*time=*/none, ArrayRef(along),
                                           run, run, [this, access](int64_t i) {
                                             SmallVector<Value> at = indices;
                                             at[along] =
                                                 k.add(access, k.constant(i));
                                             return at;
                                           });
  for (const Mapped &reduction : reductions)
    if (Value found = known.lookup(reduction.tensor))
      point->setScalars(reduction, {found});
  return point;
}

Value RowReduction::accessOf(Value number) {
  return k.mul(k.add(k.mul(number, k.constant(perRow)), inRow),
               k.constant(run));
}

/// Where a thread's accesses begin; what is read at these is kept, if they are
/// few.
RowReduction::Values RowReduction::forAccesses(
    Values carried,
    function_ref<Values(Value, Pointwise &, const Values &)> body) {
  for (auto &[access, point] : kept)
    carried = body(access, *point, carried);
  if (accesses)
    return carried;
  return k.loop(k.constant(0), runTimeAccesses, 1, carried,
                [&](Value number, const Values &before) {
                  Value access = accessOf(number);
                  return body(access, *enter(access), before);
                });
}

//===----------------------------------------------------------------------===//
// A row
//===----------------------------------------------------------------------===//

Value RowReduction::neutral(linalg::GenericOp op) {
  auto element = arith::getNeutralElement(findCombiner(op));
  return arith::ConstantOp::create(b, k.loc, *element);
}

/// The op's body at each element of an access, whose result is a sum of its
/// own.
SmallVector<Value> RowReduction::accumulate(Mapped reduction, Value access,
                                            Pointwise &point,
                                            ArrayRef<Value> sums) {
  auto op = reduction.tensor.getDefiningOp<linalg::GenericOp>();
  SmallVector<Mapped> inputs = operandsOf(reduction);
  inputs.pop_back();
  Value inside = isInside(access);
  SmallVector<Value> next;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    SmallVector<Value> args;
    for (const Mapped &input : inputs) {
      Pointwise::Scalars parts = point.readScalars(input, i);
      Type element = getElementTypeOrSelf(input.tensor.getType());
      args.push_back(parts.size() == 1
                         ? parts[0]
                         : complex::CreateOp::create(b, k.loc, element,
                                                     parts[0], parts[1]));
    }
    args.push_back(sum);
    Value value = inlineBlock(b, *op.getBlock(), args).front();
    next.push_back(
        inside
            ? arith::SelectOp::create(b, k.loc, inside, value, sum).getResult()
            : value);
  }
  return next;
}

/// What all threads of a row have together; each has it.
Value RowReduction::combineLanes(Operation *combiner, Value sum) {
  for (int64_t distance = kWarp / 2; distance; distance /= 2) {
    Value other = k.shuffle(gpu::ShuffleMode::XOR, {sum}, distance).front();
    sum = combine(b, combiner, sum, other);
  }
  if (perRow == kWarp)
    return sum;
  Type element = sum.getType();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  Value memory = k.addShared(k.nameShared(), kWarps * bytes);
  Value warp = arith::DivUIOp::create(b, k.loc, inRow, k.constant(kWarp));
  Value lane = arith::RemUIOp::create(b, k.loc, inRow, k.constant(kWarp));
  Value isFirst = arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::eq,
                                        lane, k.constant(0));
  k.when(isFirst, [&] {
    LLVM::StoreOp::create(b, k.loc, sum, k.sharedPlace(memory, element, warp),
                          bytes);
  });
  gpu::BarrierOp::create(b, k.loc);
  Value total;
  for (int64_t i = 0; i < kWarps; ++i) {
    Value place = k.sharedPlace(memory, element, k.constant(i));
    Value next = LLVM::LoadOp::create(b, k.loc, element, place, bytes);
    total = total ? combine(b, combiner, total, next) : next;
  }
  return total;
}

void RowReduction::reduce(Mapped reduction) {
  auto op = reduction.tensor.getDefiningOp<linalg::GenericOp>();
  Operation *combiner = findCombiner(op);
  SmallVector<Value> sums(run, neutral(op));
  sums = forAccesses(sums,
                     [&](Value access, Pointwise &point, const Values &before) {
                       return accumulate(reduction, access, point, before);
                     });
  for (int64_t width = run / 2; width; width /= 2)
    for (int64_t i = 0; i < width; ++i)
      sums[i] = combine(b, combiner, sums[i], sums[i + width]);
  Value total = combineLanes(combiner, sums[0]);
  std::unique_ptr<Pointwise> begin = enter(k.constant(0));
  Value start = begin->readScalars(operandsOf(reduction).back()).front();
  known[reduction.tensor] = combine(b, combiner, start, total);
  for (auto &[access, point] : kept)
    point->setScalars(reduction, {known[reduction.tensor]});
}

/// Of the row, by its first thread; or of each element.
void RowReduction::store(Mapped result, Value access, Pointwise &point) {
  KernelTensor tensor = k.result(result.tensor, result.map);
  bool isOfRow = !uses(result.map, along);
  SmallVector<Num> values;
  for (int64_t i = 0; i < (isOfRow ? 1 : run); ++i)
    values.push_back(point.read(result, i));
  Value isThere =
      isOfRow ? arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::eq, inRow,
                                      k.constant(0))
              : isInside(access);
  isThere =
      isThere ? arith::AndIOp::create(b, k.loc, rowExists, isThere).getResult()
              : rowExists;
  int64_t count = isOfRow ? 1 : point.countNeighbours(tensor);
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); i += count)
    k.when(isThere, [&] {
      k.store(tensor, k.offset(tensor, point.at(i)),
              ArrayRef(values).slice(i, count));
    });
}

Launch RowReduction::emit() {
  findShape();
  Launch launch;
  launch.kernel = "row_reduction";
  launch.threads = kThreads;
  launch.grid = findRow();
  for (int64_t i = 0; i < accesses; ++i) {
    Value access = accessOf(k.constant(i));
    kept.emplace_back(access, enter(access));
  }
  for (const Mapped &reduction : reductions)
    reduce(reduction);
  std::unique_ptr<Pointwise> ofRow = enter(k.constant(0));
  for (const Mapped &result : results)
    if (!uses(result.map, along))
      store(result, nullptr, *ofRow);
  bool hasElements = llvm::any_of(
      results, [&](Mapped result) { return uses(result.map, along); });
  if (hasElements)
    forAccesses({}, [&](Value access, Pointwise &point, const Values &none) {
      for (const Mapped &result : results)
        if (uses(result.map, along))
          store(result, access, point);
      return none;
    });
  gpu::ReturnOp::create(b, k.loc);
  return launch;
}

std::optional<Launch> emitRowReduction(OpBuilder &b, const KernelFrame &frame,
                                       linalg::GenericOp like,
                                       ArrayRef<Mapped> results) {
  // One more dimension, so that none is time.
  SmallVector<int64_t> sizes = like.getStaticLoopRanges();
  sizes.push_back(1);
  SmallVector<Type> elements{getElementTypeOrSelf(like.getResult(0))};
  for (const Mapped &result : results)
    elements.push_back(getElementTypeOrSelf(result.tensor));
  Kernel k(b, frame, like.getLoc(), sizes, getWorkingType(elements), kThreads);
  RowReduction rows(b, k, like, results);
  if (const char *reason = rows.collect()) {
    like.emitError("the reduction of rows has no GPU kernel: it reads ")
        << reason << "; compile it for the CPU, without a target";
    return std::nullopt;
  }
  return rows.emit();
}

} // namespace ssm
