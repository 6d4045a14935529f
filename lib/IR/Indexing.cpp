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
                                           std::optional<uint64_t> time) const {
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
  if (time && *time >= numLoops)
    return fail(2) << "time must be one of the " << numLoops
                   << " loop dimensions, found " << static_cast<int64_t>(*time);
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

const IndexedValue *ssm::findValue(ArrayRef<IndexedValue> values,
                                   StringRef name) {
  const auto *it = llvm::find_if(
      values, [&](const IndexedValue &value) { return value.name == name; });
  return it == values.end() ? nullptr : it;
}

/// p and q: `row`, the rank, and dimensions of the state and time.
static LogicalResult checkLowRank(const ConstraintChecker &check,
                                  const Mixing &mixing,
                                  ArrayRef<IndexedValue> operands,
                                  AffineMap state, ArrayRef<AffineMap> results,
                                  unsigned time) {
  auto isFactor = [](const IndexedValue &value) {
    return value.name == "p" || value.name == "q";
  };
  // A dimension that is not the state's is the rank, which p and q only use.
  auto isElsewhere = [&](unsigned dim) {
    return llvm::any_of(results, [&](AffineMap m) { return uses(m, dim); }) ||
           llvm::any_of(operands, [&](const IndexedValue &value) {
             return !isFactor(value) && uses(value.map, dim);
           });
  };
  for (const IndexedValue &value : operands) {
    if (!isFactor(value))
      continue;
    if (!uses(value.map, *mixing.row))
      return check.fail(mixing.lowRank)
             << "the map of " << value.name << " must use the row dimension d"
             << *mixing.row << ", found " << printMap(value.map);
    for (unsigned dim : dimsOf(value.map))
      if (dim != time && !uses(state, dim) && isElsewhere(dim))
        return check.fail(mixing.lowRank)
               << "the maps of p and q use dimensions of the state, time and "
                  "the rank, which no other map uses; the map of "
               << value.name << " uses d" << dim << ", found "
               << printMap(value.map);
  }
  return success();
}

/// A dense transition: square in row and column, and nothing else has columns.
static LogicalResult checkDense(const ConstraintChecker &check,
                                const Mixing &mixing,
                                ArrayRef<IndexedValue> operands,
                                ArrayRef<AffineMap> results) {
  const IndexedValue &transition = *findValue(operands, "transition");
  uint64_t row = *mixing.row, column = *mixing.column;
  if (column == row || !uses(transition.map, column) ||
      !uses(transition.map, row))
    return check.fail(mixing.dense)
           << "the map of a dense transition must use row d" << row
           << " and column d" << column << ", found "
           << printMap(transition.map);
  for (const IndexedValue &value : operands)
    if (value.name != "transition" && uses(value.map, column))
      return check.fail(mixing.dense)
             << "only the transition has columns: the map of " << value.name
             << " uses d" << column;
  if (llvm::any_of(results, [&](AffineMap m) { return uses(m, column); }))
    return check.fail(mixing.dense)
           << "only the transition has columns: a result's map uses d"
           << column;
  int64_t rows = transition.type.getDimSize(*positionOf(transition.map, row));
  int64_t columns =
      transition.type.getDimSize(*positionOf(transition.map, column));
  if (!ShapedType::isDynamic(rows) && !ShapedType::isDynamic(columns) &&
      rows != columns)
    return check.fail(mixing.dense)
           << "a dense transition must be square, found " << rows
           << " rows and " << columns << " columns in " << transition.type;
  return success();
}

LogicalResult ConstraintChecker::checkMixing(const Mixing &mixing,
                                             ArrayRef<IndexedValue> operands,
                                             AffineMap state,
                                             ArrayRef<AffineMap> results,
                                             unsigned time) const {
  bool lowRank = findValue(operands, "p");
  if (!mixing.row) {
    if (!mixing.column && !lowRank)
      return success();
    return fail(lowRank ? mixing.lowRank : mixing.dense)
           << "needs row, the dimension of the state that "
           << (lowRank ? "low_rank" : "column") << " acts on";
  }
  if (*mixing.row == time || !uses(state, *mixing.row))
    return fail(mixing.dense)
           << "row must be a dimension of the state, one of "
           << printDims(dimsOf(state)) << ", found d" << *mixing.row;
  if (mixing.column.has_value() == lowRank)
    return fail(lowRank ? mixing.lowRank : mixing.dense)
           << "a transition that mixes along row has either column (dense) or "
              "low_rank, found "
           << (lowRank ? "both" : "neither");
  return lowRank ? checkLowRank(*this, mixing, operands, state, results, time)
                 : checkDense(*this, mixing, operands, results);
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

LogicalResult
ConstraintChecker::checkPrecision(StringRef name, Type real,
                                  ArrayRef<IndexedValue> values) const {
  for (const IndexedValue &value : values) {
    Type other = getRealType(value.type.getElementType());
    if (other != real && getElementWidth(other) <= getElementWidth(real))
      return fail(4) << "no operand may be narrower than the " << name
                     << ": that is of " << real << ", " << value.name << " of "
                     << other << "; cast one of them";
  }
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
