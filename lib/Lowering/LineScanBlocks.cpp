//===- LineScanBlocks.cpp - Blocks of a line to registers and back --------===//
//
// A block is four vectors as they lie in memory. Transposes of the squares of
// 4 x 4 in them make those one step of a segment in each lane.
//
//===----------------------------------------------------------------------===//

#include "LineScanEmitter.h"

#include "ssm/IR/Lines.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

static Elementwise findLineProducer(LinearRecurrenceOp op, Value value,
                                    AffineMap map);

/// Whether each input of the neighbour is read or computed along lines, or has
/// no time. Bits are packed in vectors and not in memory.
static bool readsLines(LinearRecurrenceOp op, const Elementwise &neighbour) {
  linalg::GenericOp generic = neighbour.op;
  for (auto [input, map] :
       llvm::zip_equal(generic.getDpsInputs(), neighbour.maps)) {
    if (!map)
      continue;
    Type element = getElementTypeOrSelf(input);
    if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() < 8 ||
        (uses(map, op.getTime()) && !isLine(op, map) &&
         !findLineProducer(op, input, map)))
      return false;
  }
  return true;
}

/// What computes an operand of a channel's own, from lines and from what has no
/// time.
static Elementwise findLineProducer(LinearRecurrenceOp op, Value value,
                                    AffineMap map) {
  if (!uses(map, op.getTime()) ||
      !llvm::all_of(op.getDims().parallel,
                    [&](unsigned dim) { return uses(map, dim); }))
    return {};
  Elementwise producer = findProducer(value, map);
  // Vectors hold no complex numbers.
  if (!producer || hasComplexElements(value) || !readsLines(op, producer))
    return {};
  return producer;
}

Elementwise ssm::findLineConsumer(LinearRecurrenceOp op) {
  Elementwise consumer =
      findConsumer(op.getResult(), op.getResultIndexingMap());
  if (!consumer || !isLine(op, consumer.result) || !readsLines(op, consumer))
    return {};
  return consumer;
}

LineScanEmitter::Vectors LineScanEmitter::compute(const Elementwise &neighbour,
                                                  const Tile &block,
                                                  const Vectors *argument) {
  linalg::GenericOp generic = neighbour.op;
  std::array<IRMapping, kSide> mappings;
  auto map = [&](unsigned i, const Vectors &rows) {
    for (auto [mapping, row] : llvm::zip_equal(mappings, rows))
      mapping.map(generic.getBlock()->getArgument(i), row);
  };
  for (auto [i, inputMap] : llvm::enumerate(neighbour.maps)) {
    Value operand = generic->getOperand(i);
    if (inputMap) {
      map(i, load(operand, inputMap, block));
    } else if (!isa<RankedTensorType>(operand.getType())) {
      Vectors rows;
      rows.fill(broadcast(operand));
      map(i, rows);
    } // Or else the body does not use it.
  }
  if (argument)
    map(neighbour.argument, *argument);
  Vectors results;
  for (auto [result, mapping] : llvm::zip_equal(results, mappings))
    result = widen(*generic.getBlock(), mapping);
  return results;
}

Value LineScanEmitter::widen(::mlir::Block &body, IRMapping &mapping) {
  auto lookUp = [&](Value value) {
    Value mapped = mapping.lookupOrDefault(value);
    return isa<VectorType>(mapped.getType()) ? mapped : broadcast(mapped);
  };
  for (Operation &scalar : body.without_terminator()) {
    if (scalar.hasTrait<OpTrait::ConstantLike>()) {
      b.clone(scalar, mapping);
      continue;
    }
    for (Value operand : scalar.getOperands())
      mapping.map(operand, lookUp(operand));
    Operation *wide = b.clone(scalar, mapping);
    for (Value result : wide->getResults())
      result.setType(VectorType::get({lanes}, result.getType()));
  }
  return lookUp(body.getTerminator()->getOperand(0));
}

std::pair<Value, AffineMap> LineScanEmitter::endWithTime(Value value,
                                                         AffineMap map) {
  unsigned last = *positionOf(map, problem->time), rank = map.getNumResults();
  if (last + 1 == rank)
    return {value, map};
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0; i <= last; ++i)
    groups.push_back({i});
  llvm::append_range(groups.back(), llvm::seq<int64_t>(last + 1, rank));
  return {tensor::CollapseShapeOp::create(b, loc, value, groups),
          map.getMajorSubMap(last + 1)};
}

Value LineScanEmitter::extractLine(Value value, AffineMap map,
                                   const Tile &block) {
  Tile line = block;
  line.kept = {problem->time};
  std::tie(value, map) = endWithTime(value, map);
  if (isWhole(block))
    askAhead(value, map, line);
  return extractTile(b, loc, value, map, line);
}

int64_t LineScanEmitter::bytesAhead() {
  if (complexState)
    return options.complexAhead;
  int64_t bytes = 0;
  for (Value value : {op.getTransition(), op.getSignal(), op.getInput(),
                      op.getOutput(), op.getResult()}) {
    auto type = value ? cast<RankedTensorType>(value.getType()) : nullptr;
    if (type && !type.hasStaticShape())
      return options.ahead;
    if (type)
      bytes += type.getNumElements() * bytesOf(type.getElementType());
  }
  if (bytes <= options.lastCache / 2)
    return options.cachedAhead;
  return bytes < 2 * options.lastCache ? options.partlyCachedAhead
                                       : options.ahead;
}

void LineScanEmitter::askAhead(Value value, AffineMap map, Tile line) {
  auto source = cast<RankedTensorType>(value.getType());
  Type element = source.getElementType();
  int64_t bytes = bytesOf(element);
  constexpr int64_t kCached = 1 << 20;
  int64_t ahead = bytesAhead();
  if (ahead == 0 ||
      (source.hasStaticShape() && source.getNumElements() * bytes <= kCached))
    return;
  LoopRange &time = line.ranges[problem->time];
  OpFoldResult begin = time.offset, length = problem->loopSizes[problem->time];
  time = {b.getIndexAttr(0), length, b.getIndexAttr(1)};
  Value whole = extractTile(b, loc, value, map, line);
  auto type = cast<RankedTensorType>(whole.getType());
  auto layout = StridedLayoutAttr::get(
      b.getContext(), ShapedType::kDynamic,
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic));
  Value memory = bufferization::ToBufferOp::create(
      b, loc, MemRefType::get(type.getShape(), element, layout), whole,
      /*read_only=*/true);
  // And a cache line: not where the caches keep what is read now.
  constexpr int64_t kCacheLine = 64;
  int64_t steps = (ahead + kCacheLine) / bytes;
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  OpFoldResult next = affine(b, loc, s0 + steps, begin);
  if (problem->backward) {
    // Before the start of this line comes the end of the next.
    next = affine(b, loc, s0 - steps, begin);
    Value index = asValue(b, loc, next), zero = asValue(b, loc, time.offset);
    Value wrapped =
        asValue(b, loc, affine(b, loc, s0 + s1 * 2, {next, length}));
    Value isBefore =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, index, zero);
    next =
        arith::SelectOp::create(b, loc, isBefore, wrapped, index).getResult();
  }
  for (int64_t at = 0; at < blockSteps; at += kCacheLine / bytes)
    memref::PrefetchOp::create(
        b, loc, memory, asValue(b, loc, affine(b, loc, s0 + at, next)),
        /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
}

LineScanEmitter::Vectors LineScanEmitter::read(Value slice, bool inBounds) {
  Type element = getElementTypeOrSelf(slice);
  Value padding = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  Vectors rows;
  for (auto [j, row] : llvm::enumerate(rows))
    row = vector::TransferReadOp::create(
        b, loc, VectorType::get({lanes}, element), slice,
        asValue(b, loc, b.getIndexAttr(j * lanes)), padding,
        b.getMultiDimIdentityMap(1), ArrayRef<bool>{inBounds});
  return rows;
}

LineScanEmitter::Vectors LineScanEmitter::load(Value value, AffineMap map,
                                               const Tile &block) {
  if (Elementwise producer = findLineProducer(op, value, map))
    return compute(producer, block);
  if (uses(map, problem->time))
    return read(extractLine(value, map, block), isWhole(block));
  Value element = extractTile(b, loc, value, map, block);
  element = tensor::ExtractOp::create(b, loc, element, ValueRange{});
  Vectors rows;
  rows.fill(broadcast(element));
  return rows;
}

SmallVector<Value> LineScanEmitter::takeApart(Value slice, const Tile &block) {
  AffineMap id = b.getMultiDimIdentityMap(1);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<Value> parts;
  SmallVector<Indexed> outs;
  for (unsigned i = 0; i < 2; ++i) {
    parts.push_back(
        tensor::EmptyOp::create(b, loc, ArrayRef(blockSteps), real));
    Value out = tensor::ExtractSliceOp::create(b, loc, parts[i], zero,
                                               sizeOf(block), one);
    outs.push_back({out, id});
  }
  auto taken = buildGeneric(
      b, loc, 1, {{slice, id}}, outs,
      [&](OpBuilder &nested, Location at, ValueRange args) {
        return toParts(NumBuilder(nested, at, real).load(args[0]), true);
      });
  for (auto [part, values] : llvm::zip_equal(parts, taken))
    part = tensor::InsertSliceOp::create(b, loc, values, part, zero,
                                         sizeOf(block), one);
  return parts;
}

LineScanEmitter::Rows LineScanEmitter::loadNumbers(Value value, AffineMap map,
                                                   const Tile &block) {
  Rows rows;
  if (!hasComplexElements(value)) {
    Vectors vectors = load(value, map, block);
    if (llvm::all_equal(vectors)) {
      rows.fill(num.load(vectors.front()));
      return rows;
    }
    for (auto [row, vector] : llvm::zip_equal(rows, vectors))
      row = num.load(vector);
    return rows;
  }
  if (!uses(map, problem->time)) {
    Value element = extractTile(b, loc, value, map, block);
    Num parts = num.load(
        tensor::ExtractOp::create(b, loc, element, ValueRange{}).getResult());
    rows.fill({broadcast(parts.re), broadcast(parts.im)});
    return rows;
  }
  auto parts = takeApart(extractLine(value, map, block), block);
  Vectors re = read(parts[0], /*inBounds=*/true),
          im = read(parts[1], /*inBounds=*/true);
  for (int64_t j = 0; j < kSide; ++j)
    rows[j] = {re[j], im[j]};
  return rows;
}

Value LineScanEmitter::write(const Vectors &rows, Value line, bool inBounds) {
  for (auto [j, row] : llvm::enumerate(rows))
    line = vector::TransferWriteOp::create(
               b, loc, row, line, asValue(b, loc, b.getIndexAttr(j * lanes)),
               b.getMultiDimIdentityMap(1), ArrayRef<bool>{inBounds})
               .getResult();
  return line;
}

Value LineScanEmitter::putTogether(const Rows &rows, const Tile &block,
                                   Value line) {
  AffineMap id = b.getMultiDimIdentityMap(1);
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<Indexed> ins;
  for (Value Num::*part : {&Num::re, &Num::im}) {
    Vectors vectors;
    for (auto [vector, row] : llvm::zip_equal(vectors, rows))
      vector = row.*part;
    Value whole = tensor::EmptyOp::create(b, loc, ArrayRef(blockSteps), real);
    whole = write(vectors, whole, /*inBounds=*/true);
    Value slice =
        tensor::ExtractSliceOp::create(b, loc, whole, zero, sizeOf(block), one);
    ins.push_back({slice, id});
  }
  Type element = getElementTypeOrSelf(line);
  return buildGeneric(b, loc, 1, ins, {{line, id}},
                      [&](OpBuilder &nested, Location at, ValueRange args) {
                        NumBuilder scalar(nested, at, real);
                        return SmallVector<Value>{
                            scalar.store({args[0], args[1]}, element)};
                      })[0];
}
