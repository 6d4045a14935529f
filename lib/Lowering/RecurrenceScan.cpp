//===- RecurrenceScan.cpp - A diagonal linear recurrence as a scan --------===//
//
//   element   (a_t, b_t u_t)
//   prefix    x_t = a_t x_{t-1} + b_t u_t
//   summary   (A, x) = (a_t A', a_t x' + b_t u_t), the affine map x -> A x + x'
//   combine   with i before j: (A_j A_i, A_j x_i + x_j)
//
// States are kept as real tensors, complex ones as two. Operands without time
// are brought into the tile's layout once, before its loop over time.
//
//===----------------------------------------------------------------------===//

#include "Recurrence.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace ssm;

namespace {
/// An operand of the recurrence inside one tile.
struct TileOperand {
  Value source;
  AffineMap map;
  bool isComplex = false;
  bool varies = false;
  /// The operand's parts in the tile's layout, if it does not vary.
  SmallVector<Value> parts;

  explicit operator bool() const { return bool(source); }
};

class RecurrenceTile : public ScanTile {
public:
  RecurrenceTile(OpBuilder &b, LinearRecurrenceOp op, const Tile &tile,
                 ArrayRef<ScanResult> results);

  Values start(OpBuilder &b) override;
  Values advance(OpBuilder &b, ValueRange prefix, const Step &step) override;
  Values store(OpBuilder &b, ValueRange before, ValueRange after,
               const Step &step, ValueRange outs) override;
  Values finish(OpBuilder &b, ValueRange prefix) override;
  Values neutral(OpBuilder &b) override;
  Values extend(OpBuilder &b, ValueRange summary, const Step &step) override;
  Values resume(OpBuilder &b, ValueRange summary) override;

private:
  TileOperand makeOperand(OpBuilder &b, Value value, AffineMap map);
  /// Appends what a linalg op must read for the operand at `step`.
  void read(OpBuilder &b, const TileOperand &operand, const Step &step,
            SmallVectorImpl<Indexed> &ins);
  /// The operand's value from the scalars that `read` gave, consuming them.
  Num decode(NumBuilder &num, const TileOperand &operand, ValueRange &args);

  Values makeParts(OpBuilder &b, double value, bool isComplex);
  /// The output at one step, before it is scaled and converted.
  Values project(OpBuilder &b, ValueRange state, const Step &step);
  SmallVector<Indexed> overTile(ValueRange values);
  unsigned rank() { return tile.kept.size(); }

  LinearRecurrenceOp op;
  Location loc;
  Tile tile;
  ArrayRef<ScanResult> results;
  Type real;
  bool complexState, complexTransition;
  TileOperand transition, signal, input, output, init;
};
} // namespace

static bool hasComplexElements(Value value) {
  return value && isa<ComplexType>(
                      cast<RankedTensorType>(value.getType()).getElementType());
}

RecurrenceTile::RecurrenceTile(OpBuilder &b, LinearRecurrenceOp op,
                               const Tile &tile, ArrayRef<ScanResult> results)
    : op(op), loc(op.getLoc()), tile(tile), results(results),
      real(getRealType(op.getStateElementType())),
      complexState(isa<ComplexType>(op.getStateElementType())),
      complexTransition(hasComplexElements(op.getTransition())) {
  transition = makeOperand(b, op.getTransition(), op.getTransitionMap());
  signal = makeOperand(b, op.getSignal(), op.getSignalMap());
  input = makeOperand(b, op.getInput(), op.getInputIndexingMap());
  output = makeOperand(b, op.getOutput(), op.getOutputIndexingMap());
  init = makeOperand(b, op.getInit(), op.getInitIndexingMap());
}

TileOperand RecurrenceTile::makeOperand(OpBuilder &b, Value value,
                                        AffineMap map) {
  TileOperand operand;
  if (!value)
    return operand;
  operand.source = value;
  operand.map = map;
  operand.isComplex = hasComplexElements(value);
  operand.varies = uses(map, op.getTime());
  if (operand.varies)
    return operand;

  // Bring the slice into the order of the kept dimensions, split and widened.
  Value slice = extractTile(b, loc, value, map, tile);
  AffineMap sliceMap = tile.sliceMap(map);
  SmallVector<unsigned> order = dimsOf(sliceMap);
  llvm::sort(order);
  SmallVector<OpFoldResult> sizes;
  SmallVector<AffineExpr> ownDims, local;
  for (unsigned dim : dimsOf(sliceMap))
    local.push_back(b.getAffineDimExpr(llvm::find(order, dim) - order.begin()));
  for (unsigned dim : order) {
    sizes.push_back(tile.ranges[tile.kept[dim]].size);
    ownDims.push_back(b.getAffineDimExpr(dim));
  }
  MLIRContext *context = b.getContext();
  AffineMap identity = AffineMap::getMultiDimIdentityMap(order.size(), context);
  SmallVector<Indexed> outs;
  for (unsigned i = 0; i < 1u + operand.isComplex; ++i)
    outs.push_back({tensor::EmptyOp::create(b, loc, sizes, real), identity});
  operand.parts = buildGeneric(
      b, loc, order.size(),
      {{slice, AffineMap::get(order.size(), 0, local, context)}}, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        Num x = NumBuilder(nested, bodyLoc, real).load(args[0]);
        SmallVector<Value> parts{x.re};
        if (x.isComplex())
          parts.push_back(x.im);
        return parts;
      });
  operand.map = AffineMap::get(rank(), 0, ownDims, context);
  return operand;
}

void RecurrenceTile::read(OpBuilder &b, const TileOperand &operand,
                          const Step &step, SmallVectorImpl<Indexed> &ins) {
  if (!operand)
    return;
  if (!operand.varies) {
    for (Value part : operand.parts)
      ins.push_back({part, operand.map});
    return;
  }
  Tile at = tile;
  at.ranges[op.getTime()] = step.time;
  ins.push_back({extractTile(b, loc, operand.source, operand.map, at),
                 tile.sliceMap(operand.map)});
}

Num RecurrenceTile::decode(NumBuilder &num, const TileOperand &operand,
                           ValueRange &args) {
  size_t count = operand.varies ? 1 : operand.parts.size();
  Num x = num.load(args[0]);
  if (count == 2)
    x.im = args[1];
  args = args.drop_front(count);
  return x;
}

SmallVector<Indexed> RecurrenceTile::overTile(ValueRange values) {
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(rank(), op.getContext());
  SmallVector<Indexed> indexed;
  for (Value value : values)
    indexed.push_back({value, identity});
  return indexed;
}

ScanTile::Values RecurrenceTile::makeParts(OpBuilder &b, double value,
                                           bool isComplex) {
  Values parts{buildFilled(b, loc, tile.keptSizes(), real, value)};
  if (isComplex)
    parts.push_back(buildFilled(b, loc, tile.keptSizes(), real, 0.0));
  return parts;
}

static Num toNum(ValueRange parts) {
  return {parts[0], parts.size() > 1 ? parts[1] : Value()};
}

static SmallVector<Value> toParts(Num x, bool isComplex) {
  SmallVector<Value> parts{x.re};
  if (isComplex)
    parts.push_back(x.im);
  return parts;
}

ScanTile::Values RecurrenceTile::start(OpBuilder &b) {
  Values zero = makeParts(b, 0.0, complexState);
  if (!init)
    return zero;
  SmallVector<Indexed> ins;
  read(b, init, Step(), ins);
  return buildGeneric(
      b, loc, rank(), ins, overTile(zero),
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = decode(num, init, args);
        if (complexState && !x.isComplex())
          x.im = num.constant(0.0).re;
        return toParts(x, complexState);
      });
}

ScanTile::Values RecurrenceTile::advance(OpBuilder &b, ValueRange prefix,
                                         const Step &step) {
  SmallVector<Indexed> ins;
  for (const TileOperand *operand : {&transition, &signal, &input})
    read(b, *operand, step, ins);
  return buildGeneric(
      b, loc, rank(), ins, overTile(prefix),
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num a = decode(num, transition, args);
        Num u = decode(num, signal, args);
        if (input)
          u = num.mul(decode(num, input, args), u);
        return toParts(num.mulAdd(a, toNum(args), u), complexState);
      });
}

ScanTile::Values RecurrenceTile::neutral(OpBuilder &b) {
  Values summary = makeParts(b, 1.0, complexTransition);
  llvm::append_range(summary, makeParts(b, 0.0, complexState));
  return summary;
}

ScanTile::Values RecurrenceTile::extend(OpBuilder &b, ValueRange summary,
                                        const Step &step) {
  SmallVector<Indexed> ins;
  for (const TileOperand *operand : {&transition, &signal, &input})
    read(b, *operand, step, ins);
  return buildGeneric(
      b, loc, rank(), ins, overTile(summary),
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num a = decode(num, transition, args);
        Num u = decode(num, signal, args);
        if (input)
          u = num.mul(decode(num, input, args), u);
        Num product = toNum(args.take_front(1 + complexTransition));
        Num state = toNum(args.drop_front(1 + complexTransition));
        auto next = toParts(num.mul(a, product), complexTransition);
        llvm::append_range(next,
                           toParts(num.mulAdd(a, state, u), complexState));
        return next;
      });
}

ScanTile::Values RecurrenceTile::resume(OpBuilder &b, ValueRange summary) {
  ValueRange product = summary.take_front(1 + complexTransition);
  ValueRange state = summary.drop_front(1 + complexTransition);
  if (!init)
    return Values(state);
  SmallVector<Indexed> ins = overTile(product);
  read(b, init, Step(), ins);
  return buildGeneric(
      b, loc, rank(), ins, overTile(state),
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num a = toNum(args.take_front(product.size()));
        args = args.drop_front(product.size());
        Num x = decode(num, init, args);
        return toParts(num.mulAdd(a, x, toNum(args)), complexState);
      });
}

ScanTile::Values RecurrenceTile::project(OpBuilder &b, ValueRange state,
                                         const Step &step) {
  bool complexOutput = (complexState || output.isComplex) &&
                       op.getProjection() == Projection::None;
  SmallVector<Indexed> ins = overTile(state);
  read(b, output, step, ins);
  // The lanes come last, behind the state's dimensions that are summed.
  unsigned numState = op.getDims().state.size();
  SmallVector<AffineExpr> lanes;
  for (unsigned dim = numState; dim < rank(); ++dim)
    lanes.push_back(b.getAffineDimExpr(dim));
  AffineMap map = AffineMap::get(rank(), 0, lanes, b.getContext());
  SmallVector<OpFoldResult> sizes = tile.keptSizes();
  SmallVector<Indexed> outs;
  for (unsigned i = 0; i < 1u + complexOutput; ++i)
    outs.push_back(
        {buildFilled(b, loc, ArrayRef(sizes).drop_front(numState), real, 0.0),
         map});
  return buildGeneric(
      b, loc, rank(), ins, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = toNum(args.take_front(state.size()));
        args = args.drop_front(state.size());
        Num c = decode(num, output, args);
        Num y = complexOutput ? num.mul(c, x) : num.realOfProduct(c, x);
        // Without a sum there is nothing to add to.
        return toParts(numState ? num.add(y, toNum(args)) : y, complexOutput);
      });
}

ScanTile::Values RecurrenceTile::store(OpBuilder &b, ValueRange before,
                                       ValueRange after, const Step &step,
                                       ValueRange outs) {
  if (outs.empty())
    return {};
  ValueRange state = op.getRead() == ReadPoint::Before ? before : after;
  Values y = output ? project(b, state, step) : Values(state);
  Tile local = tile;
  for (LoopRange &range : local.ranges)
    range.offset = b.getIndexAttr(0);
  local.ranges[op.getTime()] = step.localTime;
  AffineMap map = op.getResultIndexingMap();
  Type element = op.getResult().getType().getElementType();
  Projection projection = op.getProjection();

  unsigned numLanes = rank() - op.getDims().state.size();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(numLanes, b.getContext());
  Value slice = extractTile(b, loc, outs[0], map, local);
  SmallVector<Indexed> ins;
  // A projection may drop the imaginary part of a state that comes out.
  for (Value part : ArrayRef(y).take_front(isa<ComplexType>(element) ? 2 : 1))
    ins.push_back({part, identity});
  // The result's order of the kept dimensions that it has.
  Tile lanes = tile;
  lanes.kept.erase(lanes.kept.begin(),
                   lanes.kept.begin() + op.getDims().state.size());
  Values stored =
      buildGeneric(b, loc, numLanes, ins, {{slice, lanes.sliceMap(map)}},
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num x = toNum(args.take_front(ins.size()));
                     if (projection == Projection::TwiceReal)
                       x = num.add(x, x);
                     return Values{num.store(x, element)};
                   });
  return {insertTile(b, loc, stored[0], outs[0], map, local)};
}

ScanTile::Values RecurrenceTile::finish(OpBuilder &b, ValueRange prefix) {
  const ScanResult *final = llvm::find_if(
      results, [](const ScanResult &result) { return !result.hasTime; });
  if (final == results.end())
    return {};
  Type element = final->type.getElementType();
  AffineMap sliceMap = tile.sliceMap(final->map);
  SmallVector<OpFoldResult> sizes;
  for (unsigned dim : dimsOf(final->map))
    if (tile.keeps(dim))
      sizes.push_back(tile.ranges[dim].size);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  return buildGeneric(
      b, loc, rank(), overTile(prefix), {{empty, sliceMap}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        Num x = toNum(args.take_front(prefix.size()));
        return Values{num.store(x, element)};
      });
}

//===----------------------------------------------------------------------===//
// The problem
//===----------------------------------------------------------------------===//

RecurrenceScan::RecurrenceScan(OpBuilder &b, LinearRecurrenceOp op)
    : ScanProblem(op.getLoc()), op(op) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  time = dims.time;
  parallel = dims.parallel;
  state = dims.state;
  backward = op.isBackward();
  loopSizes = getLoopSizes(b, op);
  if (!op.getResult().use_empty())
    results.push_back({op.getResult().getType(), op.getResultIndexingMap(),
                       /*hasTime=*/true});
  if (!op.getFinal().use_empty())
    results.push_back({op.getFinal().getType(), op.getFinalIndexingMap(),
                       /*hasTime=*/false});
  Type real = getRealType(op.getStateElementType());
  summaryTypes.append(1 + hasComplexElements(op.getTransition()), real);
  summaryTypes.append(1 + isa<ComplexType>(op.getStateElementType()), real);
}

std::unique_ptr<ScanTile> RecurrenceScan::makeTile(OpBuilder &b,
                                                   const Tile &tile) {
  return std::make_unique<RecurrenceTile>(b, op, tile, results);
}

SmallVector<Value> RecurrenceScan::combine(OpBuilder &b, unsigned rank,
                                           ValueRange left, ValueRange right) {
  bool complexTransition = hasComplexElements(op.getTransition());
  bool complexState = isa<ComplexType>(op.getStateElementType());
  Type real = getRealType(op.getStateElementType());
  AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, b.getContext());
  SmallVector<Indexed> ins, outs;
  for (Value value : left)
    ins.push_back({value, identity});
  for (Value value : right)
    outs.push_back({value, identity});
  return buildGeneric(
      b, loc, rank, ins, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, real);
        unsigned split = 1 + complexTransition;
        ValueRange i = args.take_front(left.size());
        ValueRange j = args.drop_front(left.size());
        Num ai = toNum(i.take_front(split)), xi = toNum(i.drop_front(split));
        Num aj = toNum(j.take_front(split)), xj = toNum(j.drop_front(split));
        auto combined = toParts(num.mul(aj, ai), complexTransition);
        llvm::append_range(combined,
                           toParts(num.mulAdd(aj, xi, xj), complexState));
        return combined;
      });
}
