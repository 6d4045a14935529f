//===- FactorTile.cpp - A factor of a product in shared memory ------------===//
//
// A factor has its parts apart, and elements of a place of the sum beside each
// other. Where its memory runs along the sum, lanes write its elements below
// each other, and an exclusive or of the column keeps the banks of these apart.
//
//===----------------------------------------------------------------------===//
#include "FactorTile.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr int64_t kAccessBytes = 16;

FactorTile::FactorTile(OpBuilder &b, Kernel &kernel, const ProductBlock &block,
                       Mapped factor, unsigned own, int64_t chunk)
    : own(own), b(b), k(kernel), block(block),
      tensor(k.argument(factor.tensor, factor.map)),
      real(k.num.constant(0).re.getType()), chunk(chunk),
      realBytes(real.getIntOrFloatBitWidth() / 8),
      parts(isa<ComplexType>(tensor.element) ? 2 : 1) {
  unsigned last = dimsOf(factor.map).back();
  alongSum = llvm::is_contained(block.sum, last);
  // What is in memory behind a row is no part of the sum.
  KernelTensor summed = tensor;
  if (alongSum)
    summed.padding = 1;
  if (last == own || last == block.sum.back())
    group = k.countAccess(summed);
  memory = k.addShared(k.nameShared(), 2 * parts * chunk * kEdge * realBytes);
}

Value FactorTile::compare(Value x, Value y) {
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
}

//===----------------------------------------------------------------------===//
// From memory
//===----------------------------------------------------------------------===//

/// Where an access of a chunk begins: along the sum, and along the factor's own
/// dimension.
std::pair<Value, Value> FactorTile::placeOf(Value access) {
  int64_t fast = (alongSum ? chunk : kEdge) / group;
  Value low = arith::RemUIOp::create(b, k.loc, access, k.constant(fast));
  Value high = arith::DivUIOp::create(b, k.loc, access, k.constant(fast));
  low = k.mul(low, k.constant(group));
  return alongSum ? std::pair(low, high) : std::pair(high, low);
}

SmallVector<Value> FactorTile::flatten(ArrayRef<Num> x) const {
  SmallVector<Value> values;
  for (const Num &value : x) {
    values.push_back(value.re);
    if (parts == 2)
      values.push_back(value.im);
  }
  return values;
}

/// Whether an access is one of the chunk, and of the factor.
Value FactorTile::isInside(Value access, Value summed, Value at) {
  Value inside = arith::AndIOp::create(b, k.loc, compare(summed, block.total),
                                       compare(at, k.size(own)));
  if (countAccesses() < ProductBlock::kThreads)
    inside = arith::AndIOp::create(
        b, k.loc, inside, compare(access, k.constant(countAccesses())));
  return inside;
}

SmallVector<FactorTile::Numbers> FactorTile::load(Value number) {
  SmallVector<Numbers> loaded;
  for (int64_t done = 0; done < countAccesses();
       done += ProductBlock::kThreads) {
    Value access = k.add(block.thread, k.constant(done));
    auto [place, inTile] = placeOf(access);
    Value summed = k.add(k.mul(number, k.constant(chunk)), place);
    Value at = k.add(first, inTile);
    Value inside = isInside(access, summed, at);
    SmallVector<Value> where = block.indices;
    where[own] = at;
    k.splitAll(summed, block.sum, where);
    SmallVector<Value> values = k.branch(
        inside,
        [&] { return flatten(k.load(tensor, k.offset(tensor, where), group)); },
        [&] {
          return SmallVector<Value>(group * parts, k.num.constant(0).re);
        });
    Numbers numbers;
    for (int64_t i = 0; i < group; ++i)
      numbers.push_back(
          {values[i * parts], parts == 2 ? values[2 * i + 1] : Value()});
    loaded.push_back(std::move(numbers));
  }
  return loaded;
}

//===----------------------------------------------------------------------===//
// In shared memory
//===----------------------------------------------------------------------===//

/// Of a column, for each further access of a chunk: lanes that are so many
/// along the sum have this many columns beside each other.
int64_t FactorTile::countSwizzle() const {
  return alongSum ? kWarp / (chunk / group) : 0;
}

Value FactorTile::addressOf(Value buffer, int64_t part, Value place,
                            Value index) {
  Value tile = k.add(k.mul(buffer, k.constant(parts)), k.constant(part));
  Value row = k.add(k.mul(tile, k.constant(chunk)), place);
  return k.sharedPlace(memory, real,
                       k.add(k.mul(row, k.constant(kEdge)), index));
}

/// One part of these, as one value.
Value FactorTile::join(ArrayRef<Num> x, int64_t part) {
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

void FactorTile::storeAccess(Value buffer, Value place, Value index,
                             ArrayRef<Num> numbers) {
  if (alongSum) {
    Value further = arith::DivUIOp::create(b, k.loc, place, k.constant(group));
    index = arith::XOrIOp::create(b, k.loc, index,
                                  k.mul(further, k.constant(countSwizzle())));
  }
  int64_t width = alongSum ? 1 : std::min(group, kAccessBytes / realBytes);
  for (int64_t from = 0; from < group; from += width)
    for (int64_t part = 0; part < parts; ++part) {
      Value down = k.constant(alongSum ? from : 0);
      Value right = k.constant(alongSum ? 0 : from);
      Value address =
          addressOf(buffer, part, k.add(place, down), k.add(index, right));
      LLVM::StoreOp::create(b, k.loc, join(numbers.slice(from, width), part),
                            address, width * realBytes);
    }
}

void FactorTile::store(Value buffer, ArrayRef<Numbers> loaded) {
  for (auto [round, numbers] : llvm::enumerate(loaded)) {
    Value access =
        k.add(block.thread, k.constant(round * ProductBlock::kThreads));
    auto [place, inTile] = placeOf(access);
    auto store = [&, place = place, inTile = inTile, &numbers = numbers] {
      storeAccess(buffer, place, inTile, numbers);
    };
    if (countAccesses() < ProductBlock::kThreads)
      k.when(compare(access, k.constant(countAccesses())), store);
    else
      store();
  }
}

FactorTile::Numbers FactorTile::read(Value buffer, Place place, Value index,
                                     int64_t count) {
  int64_t swizzle = countSwizzle();
  int64_t width = std::min(count, kAccessBytes / realBytes);
  if (swizzle)
    width = std::min(width, swizzle);
  Numbers numbers(count);
  // A step has whole accesses, or is within one.
  Value access =
      k.add(arith::DivUIOp::create(b, k.loc, place.step, k.constant(group)),
            k.constant(place.i / group));
  Value mask = k.mul(access, k.constant(swizzle));
  Value row = k.add(place.step, k.constant(place.i));
  for (int64_t from = 0; from < count; from += width)
    for (int64_t part = 0; part < parts; ++part) {
      Value at =
          arith::XOrIOp::create(b, k.loc, k.add(index, k.constant(from)), mask);
      Value all = LLVM::LoadOp::create(
          b, k.loc, width == 1 ? real : VectorType::get(width, real),
          addressOf(buffer, part, row, at), width * realBytes);
      for (int64_t i = 0; i < width; ++i)
        (part ? numbers[from + i].im : numbers[from + i].re) =
            width == 1
                ? all
                : LLVM::ExtractElementOp::create(b, k.loc, all, k.laneNumber(i))
                      .getResult();
    }
  return numbers;
}

} // namespace ssm
