//===- Row.cpp - Rows of time in a block's registers ----------------------===//
#include "Row.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

Row::Row(OpBuilder &b, Kernel &kernel, ArrayRef<unsigned> parallel,
         unsigned time, bool isBackward, unsigned numDims,
         const GPUScanPlan &plan)
    : items(plan.items), width(plan.width), columns(plan.columns), b(b),
      k(kernel), parallel(parallel), time(time), row(numDims),
      isBackward(isBackward) {}

Parts Row::enter(Value number) {
  end = length();
  if (columns > 1) {
    Value last = arith::SubIOp::create(b, k.loc, numRows(), k.constant(1));
    isInside = compare(arith::CmpIPredicate::ule, number, last);
    end = select(isInside, {end}, {k.constant(0)}).front();
    number = arith::MinUIOp::create(b, k.loc, number, last);
  }
  // Of a row's first channel, among all.
  k.split(k.mul(number, k.constant(width)), parallel, row);
  if (isContiguous())
    findBegin();
  return {};
}

/// Where the first access of whole sectors begins that has an element of the
/// row, or the last one if time runs backward.
void Row::findBegin() {
  int64_t unit = countUnit(), size = k.launchSize(time);
  bool areAligned = areRowsAligned();
  if ((size >= 0 && size % unit == 0) || (areAligned && !isBackward))
    return;
  Value place = areAligned ? k.constant(0) : placeOfRow();
  if (!place)
    return;
  if (isBackward)
    place =
        arith::SubIOp::create(b, k.loc, k.constant(0), k.add(place, length()));
  begin = arith::AndIOp::create(b, k.loc, place, k.constant(unit - 1));
  end = k.add(begin, length());
}

Value Row::numRows() {
  Value number = k.constant(1);
  for (unsigned dim : parallel)
    number = k.mul(number, k.size(dim));
  return arith::DivUIOp::create(b, k.loc, number, k.constant(width));
}

GridFactor Row::rowFactor(int64_t perBlock) const {
  GridFactor rows{{}, perBlock * width};
  for (unsigned dim : parallel)
    rows.elements.push_back(k.launchSize(dim));
  return rows;
}

int64_t Row::countSteps(int64_t tileSize) const {
  return begin ? tileSize - countUnit() : tileSize;
}

Value Row::numTiles(int64_t tileSize) {
  Value tiles = arith::CeilDivUIOp::create(b, k.loc, length(),
                                           k.constant(countSteps(tileSize)));
  return arith::MaxSIOp::create(b, k.loc, tiles, k.constant(1));
}

Value Row::isElement(Value time) {
  Value isBelow = compare(arith::CmpIPredicate::slt, time, end);
  return begin ? arith::AndIOp::create(b, k.loc, isBelow, isBehindBegin(time))
               : isBelow;
}

Value Row::isBehindBegin(Value time) {
  return compare(arith::CmpIPredicate::sge, time, begin);
}

/// Whether none of the thread's items is beyond the row, and one access may
/// have all of a row: it begins where an access may.
Value Row::areAllInside(Value time) {
  Value inside =
      compare(arith::CmpIPredicate::sle, k.add(time, k.constant(items)), end);
  if (begin)
    return arith::AndIOp::create(b, k.loc, inside, isBehindBegin(time));
  if (!isContiguous() || areRowsAligned())
    return inside;
  Value rest = arith::RemUIOp::create(b, k.loc, length(), k.constant(items));
  Value aligned = compare(arith::CmpIPredicate::eq, rest, k.constant(0));
  return arith::AndIOp::create(b, k.loc, inside, aligned);
}

/// Where `count` elements from a time on begin in memory.
Value Row::placeOf(Value time, unsigned count) {
  if (!isBackward)
    return begin ? arith::SubIOp::create(b, k.loc, time, begin).getResult()
                 : time;
  return arith::SubIOp::create(b, k.loc, begin ? end : length(),
                               k.add(time, k.constant(count)));
}

SmallVector<Parts> Row::read(Value time, unsigned count) {
  SmallVector<Parts> all = loadItems(placeOf(time, count), count);
  if (isBackward)
    std::reverse(all.begin(), all.end());
  return all;
}

void Row::write(Value time, SmallVector<Parts> carries,
                SmallVector<Parts> kept) {
  if (isBackward) {
    std::reverse(carries.begin(), carries.end());
    std::reverse(kept.begin(), kept.end());
  }
  storeItems(placeOf(time, carries.size()), carries, kept);
}

Parts Row::itemOutside(Value time) {
  Parts parts = outside(time);
  for (Type type : keptTypes())
    parts.push_back(arith::ConstantOp::create(b, k.loc, b.getZeroAttr(type)));
  return parts;
}

Parts Row::loadParts(Value time) {
  auto one = [&](Value t) {
    return k.branch(
        isElement(t), [&] { return read(t, 1).front(); },
        [&] { return itemOutside(t); });
  };
  return k.branch(
      areAllInside(time),
      [&] {
        Parts loaded;
        for (const Parts &item : read(time, items))
          loaded.append(item);
        return loaded;
      },
      [&] {
        Parts loaded;
        for (unsigned i = 0; i < items; ++i)
          loaded.append(one(k.add(time, k.constant(i))));
        return loaded;
      });
}

Row::Items Row::takeApart(ArrayRef<Value> parts) {
  size_t own = elementTypes().size(), all = own + keptTypes().size();
  Items loaded;
  for (unsigned i = 0; i < items; ++i) {
    ArrayRef<Value> item = parts.slice(i * all, all);
    loaded.elements.emplace_back(item.take_front(own));
    loaded.kept.emplace_back(item.drop_front(own));
  }
  return loaded;
}

void Row::makePrefixes(Items &loaded) {
  SmallVector<Parts> &own = loaded.elements;
  for (unsigned i = 1; i < items; ++i)
    own[i] = combine(own[i - 1], own[i], common(1));
}

void Row::finish(Value isOne, const Parts &carry) {
  if (hasCommon())
    isOne = arith::AndIOp::create(
        b, k.loc, isOne,
        compare(arith::CmpIPredicate::eq, length(), k.constant(0)));
  k.when(isOne, [&] { storeEnd(carry); });
}

/// Where one of the thread's elements is the row's last: carries behind it are
/// not the row's.
void Row::finishInside(Value time, ArrayRef<Parts> carries) {
  Value last =
      arith::SubIOp::create(b, k.loc, k.add(end, k.constant(-1)), time);
  k.when(compare(arith::CmpIPredicate::ult, last, k.constant(items)), [&] {
    Parts carry = carries[0];
    for (unsigned i = 1; i < items; ++i)
      carry = select(compare(arith::CmpIPredicate::eq, last, k.constant(i)),
                     carries[i], carry);
    storeEnd(carry);
  });
}

void Row::store(Value time, const Items &prefixes, const Parts &start) {
  SmallVector<Parts> carries{start};
  for (auto [i, prefix] : llvm::enumerate(prefixes.elements))
    carries.push_back(apply(prefix, start, common(i + 1)));
  if (hasCommon())
    finishInside(time, ArrayRef(carries).drop_front());
  if (!stores())
    return;
  carries.erase(isExclusive() ? std::prev(carries.end()) : carries.begin());
  k.branch(
      areAllInside(time),
      [&] {
        write(time, carries, prefixes.kept);
        return Parts();
      },
      [&] {
        for (unsigned i = 0; i < items; ++i) {
          Value t = k.add(time, k.constant(i));
          k.when(isElement(t),
                 [&] { write(t, {carries[i]}, {prefixes.kept[i]}); });
        }
        return Parts();
      });
}

//===----------------------------------------------------------------------===//
// Lanes of a warp
//===----------------------------------------------------------------------===//

Parts Row::scanWarp(Parts element, int64_t steps, Value lane) {
  for (int64_t distance = columns; distance < kWarp; distance *= 2) {
    Parts before = shuffleUp(element, distance);
    Value has = compare(arith::CmpIPredicate::sge, lane, k.constant(distance));
    Parts both = combine(before, element, common(steps));
    element = select(has, both, element);
    steps *= 2;
  }
  return element;
}

Parts Row::makeExclusive(const Parts &inclusive, Value lane) {
  if (columns == kWarp)
    return neutral();
  Value isFirst = compare(arith::CmpIPredicate::slt, lane, k.constant(columns));
  return select(isFirst, neutral(), shuffleUp(inclusive, columns));
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

Parts Row::select(Value condition, const Parts &x, const Parts &y) {
  Parts chosen;
  for (auto [yes, no] : llvm::zip_equal(x, y))
    chosen.push_back(arith::SelectOp::create(b, k.loc, condition, yes, no));
  return chosen;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

static int64_t countBytes(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * countBytes(vector.getElementType());
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

static int64_t countParts(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

SharedArray::SharedArray(OpBuilder &b, Kernel &kernel, int64_t size,
                         TypeRange types)
    : b(b), k(kernel) {
  static constexpr int64_t kAccessBytes = 16;
  while (!types.empty()) {
    Type type = types.front();
    int64_t same =
        llvm::find_if(types, [&](Type t) { return t != type; }) - types.begin();
    int64_t count = llvm::bit_floor<uint64_t>(
        std::min(same, kAccessBytes / countBytes(type)));
    types = types.drop_front(count);
    if (count > 1)
      type = VectorType::get(count, type);
    arrays.push_back(
        {type, k.addShared(k.nameShared(), size * countBytes(type))});
  }
}

Parts SharedArray::load(Value index) {
  Parts loaded;
  for (auto [type, memory] : arrays) {
    Value all = LLVM::LoadOp::create(
        b, k.loc, type, k.sharedPlace(memory, type, index), countBytes(type));
    int64_t count = countParts(type);
    for (int64_t i = 0; i < count; ++i)
      loaded.push_back(count == 1 ? all
                                  : LLVM::ExtractElementOp::create(
                                        b, k.loc, all, k.laneNumber(i)));
  }
  return loaded;
}

void SharedArray::store(Value index, const Parts &parts) {
  ArrayRef<Value> left = parts;
  for (auto [type, memory] : arrays) {
    int64_t count = countParts(type);
    Value all = left.front();
    if (count > 1)
      all = LLVM::PoisonOp::create(b, k.loc, type);
    for (int64_t i = 0; count > 1 && i < count; ++i)
      all = LLVM::InsertElementOp::create(b, k.loc, all, left[i],
                                          k.laneNumber(i));
    left = left.drop_front(count);
    LLVM::StoreOp::create(b, k.loc, all, k.sharedPlace(memory, type, index),
                          countBytes(type));
  }
}

} // namespace ssm
