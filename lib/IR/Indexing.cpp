//===- Indexing.cpp - Constraints shared by indexed ops -------------------===//
#include "Indexing.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace ssm;

InFlightDiagnostic ConstraintChecker::fail(unsigned constraint) const {
  if (!loc)
    return InFlightDiagnostic();
  return emitError(*loc) << "'ssm." << mnemonic << "' op (" << mnemonic << "_c"
                         << constraint << ") ";
}

LogicalResult ConstraintChecker::checkMaps(ArrayAttr maps, unsigned count,
                                           uint64_t time) const {
  if (maps.size() != count)
    return fail(1) << "needs one indexing map per operand and result: expected "
                   << count << ", found " << maps.size();
  unsigned numLoops = cast<AffineMapAttr>(maps[0]).getValue().getNumDims();
  for (auto [i, map] : llvm::enumerate(maps.getAsValueRange<AffineMapAttr>())) {
    if (!map.isProjectedPermutation())
      return fail(1) << "indexing map #" << i
                     << " must be a projected permutation, found "
                     << printMap(map);
    if (map.getNumDims() != numLoops)
      return fail(1) << "all indexing maps must have the same loop dimensions: "
                     << "map #0 has " << numLoops << ", map #" << i << " has "
                     << map.getNumDims();
  }
  if (time >= numLoops)
    return fail(2) << "time must be one of the " << numLoops
                   << " loop dimensions, found " << static_cast<int64_t>(time);
  return success();
}

LogicalResult
ConstraintChecker::checkRanks(ArrayRef<IndexedValue> values) const {
  for (const IndexedValue &value : values)
    if (value.type.getRank() != value.map.getNumResults())
      return fail(1) << "the rank of " << value.name
                     << " must be its indexing map's: " << value.type
                     << " with " << printMap(value.map);
  return success();
}

LogicalResult ConstraintChecker::checkSizes(ArrayRef<IndexedValue> values,
                                            unsigned time,
                                            StringRef lagOf) const {
  if (values.empty())
    return success();
  SmallVector<std::pair<int64_t, StringRef>> known(values[0].map.getNumDims(),
                                                   {ShapedType::kDynamic, ""});
  for (const IndexedValue &value : values) {
    for (auto [pos, dim] : llvm::enumerate(dimsOf(value.map))) {
      int64_t size = value.type.getDimSize(pos);
      if (ShapedType::isDynamic(size) || (dim == time && value.name == lagOf))
        continue;
      auto &[seen, name] = known[dim];
      if (ShapedType::isDynamic(seen))
        known[dim] = {size, value.name};
      else if (seen != size)
        return fail(3)
               << "values that share a loop dimension must agree on its "
                  "size: d"
               << dim << " is " << seen << " in " << name << " and " << size
               << " in " << value.name;
    }
  }
  return success();
}

LogicalResult
ConstraintChecker::checkCovered(unsigned constraint,
                                ArrayRef<IndexedValue> operands,
                                std::optional<unsigned> exempt) const {
  for (unsigned dim = 0; dim < operands[0].map.getNumDims(); ++dim)
    if (dim != exempt &&
        llvm::none_of(operands, [&](const IndexedValue &value) {
          return uses(value.map, dim);
        }))
      return fail(constraint) << "every loop dimension must be in an operand's "
                                 "map, d"
                              << dim << " is in none";
  return success();
}

LogicalResult
ConstraintChecker::checkPrecision(ArrayRef<IndexedValue> values) const {
  Type first = getRealType(values[0].type.getElementType());
  for (const IndexedValue &value : values.drop_front())
    if (getRealType(value.type.getElementType()) != first)
      return fail(4) << "operands must be of one precision: " << values[0].name
                     << " is of " << first << ", " << value.name << " of "
                     << getRealType(value.type.getElementType())
                     << "; cast one of them";
  return success();
}

std::string ssm::printDims(ArrayRef<unsigned> dims) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '(';
  llvm::interleaveComma(dims, os, [&](unsigned dim) { os << 'd' << dim; });
  os << ')';
  return text;
}

std::string ssm::printMap(AffineMap map) {
  std::string text;
  llvm::raw_string_ostream(text) << map;
  return text;
}

RankedTensorType ssm::makeType(AffineMap map, ArrayRef<int64_t> loopSizes,
                               Type element) {
  SmallVector<int64_t> shape;
  for (unsigned dim : dimsOf(map))
    shape.push_back(loopSizes[dim]);
  return RankedTensorType::get(shape, element);
}

SmallVector<int64_t> ssm::collectSizes(ArrayRef<IndexedValue> values,
                                       unsigned numLoops, StringRef lagOf,
                                       unsigned time) {
  SmallVector<int64_t> sizes(numLoops, ShapedType::kDynamic);
  for (const IndexedValue &value : values)
    for (auto [pos, dim] : llvm::enumerate(dimsOf(value.map)))
      if (!value.type.isDynamicDim(pos) &&
          !(dim == time && value.name == lagOf))
        sizes[dim] = value.type.getDimSize(pos);
  return sizes;
}
