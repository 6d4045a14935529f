//===- RecurrenceTile.cpp - One tile of a linear recurrence ---------------===//
//
// Operands without time are brought into the tile's layout once, before its
// loop over time.
//
//===----------------------------------------------------------------------===//

#include "RecurrenceTile.h"

#include "Recurrence.h"
#include "Transpose.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/NormalPowers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

RecurrenceTile::RecurrenceTile(OpBuilder &b, LinearRecurrenceOp op,
                               const Elementwise &consumer, const Tile &tile,
                               ArrayRef<ScanResult> results)
    : op(op), loc(op.getLoc()), tile(tile), results(results),
      real(getRealType(op.getStateElementType())),
      complexState(isa<ComplexType>(op.getStateElementType())),
      consumer(consumer.op) {
  signal = makeOperand(b, op.getSignal(), op.getSignalMap());
  input = makeOperand(b, op.getInput(), op.getInputIndexingMap());
  output = makeOperand(b, op.getOutput(), op.getOutputIndexingMap());
  init = makeOperand(b, op.getInit(), op.getInitIndexingMap());
  if (!consumer)
    return;
  consumerInputs = makeInputs(b, consumer);
  resultArgument = consumer.argument;
}

std::vector<TileOperand>
RecurrenceTile::makeInputs(OpBuilder &b, const Elementwise &neighbour) {
  std::vector<TileOperand> inputs;
  linalg::GenericOp generic = neighbour.op;
  for (auto [input, map] :
       llvm::zip_equal(generic.getDpsInputs(), neighbour.maps))
    inputs.push_back(map ? makeOperand(b, input, map) : TileOperand());
  return inputs;
}

TileOperand RecurrenceTile::makeOperand(OpBuilder &b, Value value,
                                        AffineMap map, ArrayRef<unsigned> own) {
  TileOperand operand;
  if (!value)
    return operand;
  operand.source = value;
  operand.map = map;
  operand.isComplex = hasComplexElements(value);
  operand.varies = uses(map, op.getTime()) || isOneStep();
  operand.tile = tile;
  operand.tile.kept.insert(operand.tile.kept.begin(), own.begin(), own.end());
  auto isUsed = [&](unsigned dim) { return uses(map, dim); };
  operand.isShared =
      operand.varies && own.empty() && !llvm::all_of(tile.kept, isUsed);
  if (fuseProducer(b, operand, own))
    return operand;
  operand.isShared &= operand.isComplex;
  if (operand.varies)
    return operand;

  operand.fixed = bringIn(b, operand);
  return operand;
}

bool RecurrenceTile::areLanesStates() const {
  LinearRecurrenceOp recurrence = op;
  auto state = recurrence.getDims().state;
  return recurrence.isDiagonal() && !state.empty() &&
         ArrayRef(tile.kept).take_back(state.size()) == ArrayRef(state);
}

bool RecurrenceTile::isOneStep() const {
  LinearRecurrenceOp recurrence = op;
  return areLanesStates() &&
         getConstantIntValue(tile.ranges[recurrence.getTime()].size) == 1;
}

SmallVector<unsigned> RecurrenceTile::withoutState() {
  auto state = op.getDims().state;
  return llvm::filter_to_vector(
      tile.kept, [&](unsigned dim) { return !llvm::is_contained(state, dim); });
}

/// A dimension whose elements lie side by side where lanes do not, if squares
/// of both fit the tile.
std::optional<unsigned> RecurrenceTile::findSide(ArrayRef<unsigned> dims) {
  auto isLarge = [&](unsigned dim) {
    return getConstantIntValue(tile.ranges[dim].size).value_or(0) >= kSquare;
  };
  if (dims.size() < 2 ||
      !llvm::is_contained(dims.drop_back(), tile.kept.back()) ||
      !isLarge(tile.kept.back()) || !isLarge(dims.back()))
    return std::nullopt;
  return dims.back();
}

SmallVector<OpFoldResult> RecurrenceTile::sizesOf(ArrayRef<unsigned> dims) {
  return llvm::map_to_vector(
      dims, [&](unsigned dim) { return tile.ranges[dim].size; });
}

AffineMap RecurrenceTile::mapOf(ArrayRef<unsigned> dims) {
  SmallVector<AffineExpr> exprs;
  for (unsigned dim : dims)
    exprs.push_back(getAffineDimExpr(dim, op.getContext()));
  return AffineMap::get(op.getNumLoops(), 0, exprs, op.getContext());
}

Value RecurrenceTile::transpose(OpBuilder &b, Value part,
                                ArrayRef<unsigned> from, ArrayRef<unsigned> to,
                                unsigned side) {
  Value out = tensor::EmptyOp::create(b, loc, sizesOf(to), real);
  auto type = cast<RankedTensorType>(out.getType());
  if (RankedTensorType spread = spreadRows(type); spread != type)
    out = takeRows(
        b, loc, tensor::EmptyOp::create(b, loc, spread.getShape(), real), type);
  return transposeTile(b, loc, {part, mapOf(from)}, {out, mapOf(to)},
                       tile.atOrigin(), tile.kept.back(), side);
}

/// The slice in the order of the kept dimensions, split and widened.
Labelled RecurrenceTile::bringIn(OpBuilder &b, const TileOperand &operand) {
  Labelled slice = readSlice(b, operand, Step());
  SmallVector<unsigned> order;
  for (unsigned dim : operand.tile.kept)
    if (llvm::is_contained(slice.dims, dim))
      order.push_back(dim);
  std::optional<unsigned> side = findSide(slice.dims);
  Labelled out{{}, side ? slice.dims : order};
  for (unsigned i = 0; i < 1u + operand.isComplex; ++i)
    out.parts.push_back(
        tensor::EmptyOp::create(b, loc, sizesOf(out.dims), real));
  out.parts =
      buildOver(b, loc, out.dims, slice, out,
                [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                  Num x = NumBuilder(nested, bodyLoc, real).load(args[0]);
                  return toParts(x, x.isComplex());
                });
  if (!side)
    return out;
  for (Value &part : out.parts)
    part = transpose(b, part, slice.dims, order, *side);
  return {out.parts, order};
}

bool RecurrenceTile::fuseProducer(OpBuilder &b, TileOperand &operand,
                                  ArrayRef<unsigned> own) {
  auto isUsed = [&](unsigned dim) { return uses(operand.map, dim); };
  // What lacks channels is worth its memory: every tile reads it. So is what a
  // channel's states have in common, of several channels: memory is where each
  // is brought into all lanes for nothing.
  if (!operand.varies || !own.empty() ||
      !llvm::all_of(op.getDims().parallel, isUsed) ||
      (operand.isShared && isOneStep() && !withoutState().empty()))
    return false;
  Elementwise producer = findProducer(operand.source, operand.map);
  if (!producer)
    return false;
  operand.inputs = makeInputs(b, producer);
  operand.producer = producer.op;
  return true;
}

Labelled RecurrenceTile::readSlice(OpBuilder &b, const TileOperand &operand,
                                   const Step &step) {
  Tile at = operand.tile;
  if (operand.varies)
    at.ranges[op.getTime()] = step.time;
  Labelled slice;
  slice.parts = {extractTile(b, loc, operand.source, operand.map, at)};
  for (unsigned dim : dimsOf(operand.map))
    if (at.keeps(dim))
      slice.dims.push_back(dim);
  return slice;
}

static SmallVector<const TileOperand *>
pointersTo(ArrayRef<TileOperand> operands) {
  return llvm::map_to_vector(
      operands, [](const TileOperand &operand) { return &operand; });
}

Labelled RecurrenceTile::computeSlice(OpBuilder &b, const TileOperand &operand,
                                      const Step &step, Type element) {
  Labelled out;
  for (unsigned dim : tile.kept)
    if (uses(operand.map, dim))
      out.dims.push_back(dim);
  for (unsigned i = 0; i < 1u + operand.isComplex; ++i)
    out.parts.push_back(
        tensor::EmptyOp::create(b, loc, sizesOf(out.dims), element));
  SmallVector<Labelled> ins =
      operand.producer ? read(b, pointersTo(operand.inputs), step)
                       : SmallVector<Labelled>{readSlice(b, operand, step)};
  out.parts =
      buildOver(b, loc, out.dims, ins, out,
                [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                  NumBuilder num(nested, bodyLoc, real);
                  Value x = operand.producer
                                ? cloneBody(num, operand.producer,
                                            operand.inputs, IRMapping(), args)
                                : args.front();
                  return x.getType() == element
                             ? Values{x}
                             : toParts(num.load(x), operand.isComplex);
                });
  return out;
}

SmallVector<Labelled>
RecurrenceTile::read(OpBuilder &b, ArrayRef<const TileOperand *> operands,
                     const Step &step) {
  SmallVector<Labelled> values;
  for (const TileOperand *operand : operands) {
    if (!*operand)
      continue;
    if (operand->isShared) {
      Type element =
          operand->isComplex ? real : getElementTypeOrSelf(operand->source);
      values.push_back(computeSlice(b, *operand, step, element));
    } else if (operand->producer) {
      llvm::append_range(values, read(b, pointersTo(operand->inputs), step));
    } else {
      values.push_back(operand->varies ? readSlice(b, *operand, step)
                                       : operand->fixed);
    }
  }
  return values;
}

void RecurrenceTile::findRows(const TileOperand &operand,
                              SmallVectorImpl<const TileOperand *> &rows) {
  for (const TileOperand &input : operand.inputs)
    findRows(input, rows);
  if (!operand || operand.producer || !operand.varies ||
      positionOf(operand.map, tile.kept.back()) !=
          operand.map.getNumResults() - 1 ||
      llvm::any_of(op.getDims().state,
                   [&](unsigned dim) { return uses(operand.map, dim); }))
    return;
  if (llvm::none_of(rows, [&](const TileOperand *row) {
        return row->source == operand.source && row->map == operand.map;
      }))
    rows.push_back(&operand);
}

SmallVector<Value> RecurrenceTile::indicesAhead(OpBuilder &b, const Step &step,
                                                const TileOperand &row,
                                                int64_t first) {
  AffineExpr at = b.getAffineSymbolExpr(0), size = b.getAffineSymbolExpr(1);
  int64_t sign = op.isBackward() ? -1 : 1;
  SmallVector<Value> indices;
  for (unsigned dim : dimsOf(row.map)) {
    const LoopRange &range = row.tile.ranges[dim];
    OpFoldResult index = range.offset;
    if (dim == op.getTime())
      index = affine(b, loc, at + sign * ahead.steps, step.time.offset);
    else if (dim == tile.kept.back())
      index = affine(b, loc, at + size * (sign * ahead.tiles) + first,
                     {range.offset, range.size});
    indices.push_back(asValue(b, loc, index));
  }
  return indices;
}

void RecurrenceTile::askForRows(OpBuilder &b, const Step &step,
                                const TileOperand &own) {
  if (!ahead)
    return;
  SmallVector<const TileOperand *> rows;
  const TileOperand *const operands[] = {&own, &signal, &input, &output};
  for (const TileOperand *operand : operands)
    findRows(*operand, rows);
  for (const TileOperand &operand : consumerInputs)
    findRows(operand, rows);
  for (const TileOperand *row : rows) {
    auto type = cast<RankedTensorType>(row->source.getType());
    auto layout = StridedLayoutAttr::get(
        b.getContext(), ShapedType::kDynamic,
        SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic));
    Value memory = bufferization::ToBufferOp::create(
        b, loc, MemRefType::get(type.getShape(), type.getElementType(), layout),
        row->source, /*read_only=*/true);
    int64_t perLine = kLine / bytesOf(type.getElementType());
    int64_t lanes = getConstantIntValue(row->tile.ranges[tile.kept.back()].size)
                        .value_or(1);
    for (int64_t first = 0; first < lanes; first += perLine)
      memref::PrefetchOp::create(
          b, loc, memory, indicesAhead(b, step, *row, first),
          /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
  }
}

Num RecurrenceTile::decode(NumBuilder &num, const TileOperand &operand,
                           ValueRange &args) {
  bool isSplit = operand.isShared && operand.isComplex;
  if (operand.varies && !isSplit)
    return num.load(decodeElement(num, operand, args));
  size_t parts = isSplit ? 2 : operand.fixed.parts.size();
  Num x = toNum(args.take_front(parts));
  args = args.drop_front(parts);
  return x;
}

/// The operand's element as it is stored, or as its producer computes it.
Value RecurrenceTile::decodeElement(NumBuilder &num, const TileOperand &operand,
                                    ValueRange &args) {
  if (!operand.varies || (operand.isShared && operand.isComplex))
    return num.store(decode(num, operand, args),
                     getElementTypeOrSelf(operand.source));
  if (operand.producer && !operand.isShared) {
    Value computed =
        cloneBody(num, operand.producer, operand.inputs, IRMapping(), args);
    if (operand.isNormalPower)
      computed.getDefiningOp()->setAttr(kNormalPowerAttrName,
                                        UnitAttr::get(op.getContext()));
    return computed;
  }
  Value element = args.front();
  args = args.drop_front();
  return element;
}

Value RecurrenceTile::cloneBody(NumBuilder &num, linalg::GenericOp generic,
                                ArrayRef<TileOperand> inputs, IRMapping mapping,
                                ValueRange &args) {
  Block &body = *generic.getBlock();
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input)
      mapping.map(body.getArgument(i), decodeElement(num, input, args));
    else if (!mapping.contains(body.getArgument(i)))
      mapping.map(body.getArgument(i), generic->getOperand(i));
  for (Operation &nested : body.without_terminator())
    num.getBuilder().clone(nested, mapping);
  return mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
}

Num RecurrenceTile::decodeDrive(NumBuilder &num, ValueRange &args) {
  Num u = decode(num, signal, args);
  if (!input)
    return u;
  return multiplyDrive(num, loc, decode(num, input, args), u);
}

Labelled RecurrenceTile::overTile(ValueRange values) {
  return {SmallVector<Value>(values), tile.kept};
}

ScanTile::Values RecurrenceTile::makeParts(OpBuilder &b, double value,
                                           bool isComplex) {
  Values parts{buildFilled(b, loc, tile.keptSizes(), real, value)};
  if (isComplex)
    parts.push_back(buildFilled(b, loc, tile.keptSizes(), real, 0.0));
  return parts;
}

ScanTile::Values RecurrenceTile::start(OpBuilder &b) {
  Values zero = makeParts(b, 0.0, complexState);
  if (!init)
    return zero;
  return buildOver(b, loc, tile.kept, read(b, {&init}, Step()), overTile(zero),
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num x = decode(num, init, args);
                     if (complexState && !x.isComplex())
                       x.im = num.constant(0.0).re;
                     return toParts(x, complexState);
                   });
}

/// Of everything in the block from `first` on.
static void sumInAnyOrder(Block::iterator first, Block &body) {
  for (Operation &op : llvm::make_range(first, body.end()))
    if (auto math = dyn_cast<arith::ArithFastMathInterface>(op))
      op.setAttr(math.getFastMathAttrName(),
                 arith::FastMathFlagsAttr::get(
                     op.getContext(), arith::FastMathFlags::contract |
                                          arith::FastMathFlags::reassoc));
}

ScanTile::Values RecurrenceTile::makeSums(OpBuilder &b) {
  bool isComplex = (complexState || output.isComplex) &&
                   op.getProjection() == Projection::None;
  Values sums;
  for (unsigned i = 0; i < 1u + isComplex; ++i)
    sums.push_back(buildFilled(b, loc, sizesOf(withoutState()), real, 0.0));
  return sums;
}

ScanTile::Values RecurrenceTile::project(OpBuilder &b, ValueRange state,
                                         const Step &step, Values sums) {
  bool isComplex = sums.size() > 1, isSum = !op.getDims().state.empty();
  SmallVector<Labelled> ins = {overTile(state)};
  llvm::append_range(ins, read(b, {&output}, step));
  return buildOver(
      b, loc, tile.kept, ins, {sums, withoutState()},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = toNum(args.take_front(state.size()));
        args = args.drop_front(state.size());
        Num c = decode(num, output, args);
        Block &body = *nested.getInsertionBlock();
        auto last = body.empty() ? body.end() : std::prev(body.end());
        Num y = isComplex ? num.mul(c, x) : num.realOfProduct(c, x);
        // Without a sum there is nothing to add to.
        auto sum = toParts(isSum ? num.add(y, toNum(args)) : y, isComplex);
        if (areLanesStates())
          sumInAnyOrder(last == body.end() ? body.begin() : std::next(last),
                        body);
        return sum;
      });
}

ScanTile::Values RecurrenceTile::store(OpBuilder &b, ValueRange before,
                                       ValueRange after, const Step &step,
                                       ValueRange outs) {
  if (outs.empty())
    return {};
  ValueRange state = op.getRead() == ReadPoint::Before ? before : after;
  return storeOutput(
      b, output ? project(b, state, step, makeSums(b)) : Values(state), step,
      outs);
}

ScanTile::Values RecurrenceTile::storeOutput(OpBuilder &b, Values y,
                                             const Step &step,
                                             ValueRange outs) {
  Tile local = tile;
  for (LoopRange &range : local.ranges)
    range.offset = b.getIndexAttr(0);
  local.ranges[op.getTime()] = step.localTime;
  AffineMap map = results.front().map;
  Type element = op.getResult().getType().getElementType();

  SmallVector<unsigned> lanes = withoutState();
  // A projection may drop the imaginary part of a state that comes out.
  y.truncate(std::min<size_t>(y.size(), 1 + isa<ComplexType>(element)));
  SmallVector<Labelled> ins = {{y, lanes}};
  llvm::append_range(ins, read(b, pointersTo(consumerInputs), step));
  // The result's order of the kept dimensions that it has.
  Labelled slice{{extractTile(b, loc, outs[0], map, local)}, {}};
  for (unsigned dim : dimsOf(map))
    if (llvm::is_contained(lanes, dim))
      slice.dims.push_back(dim);
  Values stored = buildOver(
      b, loc, lanes, ins, slice,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = toNum(args.take_front(y.size()));
        args = args.drop_front(y.size());
        if (op.getProjection() == Projection::TwiceReal)
          x = num.add(x, x);
        Value scalar = num.store(x, element);
        if (!consumer)
          return Values{scalar};
        IRMapping mapping;
        mapping.map(consumer.getBlock()->getArgument(resultArgument), scalar);
        return Values{cloneBody(num, consumer, consumerInputs, mapping, args)};
      });
  return {insertTile(b, loc, stored[0], outs[0], map, local)};
}

ScanTile::Values RecurrenceTile::finish(OpBuilder &b, ValueRange prefix) {
  const ScanResult *final = llvm::find_if(
      results, [](const ScanResult &result) { return !result.hasTime; });
  if (final == results.end())
    return {};
  Type element = final->type.getElementType();
  SmallVector<unsigned> dims;
  for (unsigned dim : dimsOf(final->map))
    if (tile.keeps(dim))
      dims.push_back(dim);
  Labelled state = overTile(prefix);
  if (std::optional<unsigned> side = findSide(dims)) {
    for (Value &part : state.parts)
      part = transpose(b, part, state.dims, dims, *side);
    state.dims = dims;
  }
  Labelled out{{tensor::EmptyOp::create(b, loc, sizesOf(dims), element)}, dims};
  return buildOver(b, loc, state.dims, state, out,
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num x = toNum(args.take_front(prefix.size()));
                     return Values{num.store(x, element)};
                   });
}
