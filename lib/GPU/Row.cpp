//===- Row.cpp - Rows of contiguous time in a block's registers -----------===//
#include "Row.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace ssm {

Row::Row(OpBuilder &b, Kernel &kernel, ArrayRef<unsigned> parallel,
         unsigned time, bool isBackward, unsigned numDims, unsigned items)
    : items(items), b(b), k(kernel), parallel(parallel), time(time),
      row(numDims), isBackward(isBackward) {}

Parts Row::enter(Value number) {
  k.split(number, parallel, row);
  return {};
}

Value Row::numRows() {
  Value number = k.constant(1);
  for (unsigned dim : parallel)
    number = k.mul(number, k.size(dim));
  return number;
}

GridFactor Row::rowFactor() const {
  GridFactor rows;
  for (unsigned dim : parallel)
    rows.elements.push_back(k.launchSize(dim));
  return rows;
}

/// Whether one access has all the thread's items: none is beyond the row, and
/// rows begin where an access may.
Value Row::areAllInside(Value time) {
  Value end = k.add(time, k.constant(items));
  Value inside = compare(arith::CmpIPredicate::sle, end, length());
  Value rest = arith::RemUIOp::create(b, k.loc, length(), k.constant(items));
  Value aligned = compare(arith::CmpIPredicate::eq, rest, k.constant(0));
  return arith::AndIOp::create(b, k.loc, inside, aligned);
}

/// Where `count` elements from a time on begin in memory.
Value Row::placeOf(Value time, unsigned count) {
  if (!isBackward)
    return time;
  return arith::SubIOp::create(b, k.loc, length(),
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

Parts Row::neutralItem() {
  Parts parts = neutral();
  for (Type type : keptTypes())
    parts.push_back(arith::ConstantOp::create(b, k.loc, b.getZeroAttr(type)));
  return parts;
}

Row::Items Row::load(Value time) {
  size_t parts = elementTypes().size(), all = parts + keptTypes().size();
  auto one = [&](Value t) {
    return k.branch(
        compare(arith::CmpIPredicate::slt, t, length()),
        [&] { return read(t, 1).front(); }, [&] { return neutralItem(); });
  };
  Parts flat = k.branch(
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
  Items loaded;
  for (unsigned i = 0; i < items; ++i) {
    ArrayRef<Value> item = ArrayRef(flat).slice(i * all, all);
    loaded.elements.emplace_back(item.take_front(parts));
    loaded.kept.emplace_back(item.drop_front(parts));
  }
  return loaded;
}

void Row::store(Value time, const Items &prefixes, const Parts &start) {
  if (!stores())
    return;
  SmallVector<Parts> carries;
  if (isExclusive())
    carries.push_back(start);
  for (unsigned i = 0; carries.size() < items; ++i)
    carries.push_back(apply(prefixes.elements[i], start));
  k.branch(
      areAllInside(time),
      [&] {
        write(time, carries, prefixes.kept);
        return Parts();
      },
      [&] {
        for (unsigned i = 0; i < items; ++i) {
          Value t = k.add(time, k.constant(i));
          k.when(compare(arith::CmpIPredicate::slt, t, length()),
                 [&] { write(t, {carries[i]}, {prefixes.kept[i]}); });
        }
        return Parts();
      });
}

//===----------------------------------------------------------------------===//
// Lanes of a warp
//===----------------------------------------------------------------------===//

Parts Row::scanWarp(Parts element, Value lane) {
  for (int64_t distance = 1; distance < kWarp; distance *= 2) {
    Parts before = shuffleUp(element, distance);
    Value has = compare(arith::CmpIPredicate::sge, lane, k.constant(distance));
    element = select(has, combine(before, element), element);
  }
  return element;
}

Parts Row::makeExclusive(const Parts &inclusive, Value lane) {
  Value isFirst = compare(arith::CmpIPredicate::eq, lane, k.constant(0));
  return select(isFirst, neutral(), shuffleUp(inclusive, 1));
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
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

SharedArray::SharedArray(OpBuilder &b, Kernel &kernel, int64_t size,
                         TypeRange types)
    : b(b), k(kernel), types(types) {
  for (Type type : types)
    arrays.push_back(k.addShared(k.nameShared(), size * countBytes(type)));
}

Parts SharedArray::load(Value index) {
  Parts loaded;
  for (auto [array, type] : llvm::zip_equal(arrays, types))
    loaded.push_back(LLVM::LoadOp::create(
        b, k.loc, type, k.sharedPlace(array, type, index), countBytes(type)));
  return loaded;
}

void SharedArray::store(Value index, const Parts &parts) {
  for (auto [array, type, part] : llvm::zip_equal(arrays, types, parts))
    LLVM::StoreOp::create(b, k.loc, part, k.sharedPlace(array, type, index),
                          countBytes(type));
}

} // namespace ssm
