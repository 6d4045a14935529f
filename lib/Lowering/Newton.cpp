//===- Newton.cpp - A nonlinear recurrence by Newton's method -------------===//
//
// All of time is one system of equations, x_t - f(x_{t-1}, u_t) = 0. From a
// guess z, Newton's method goes to the x that solves its linearisation,
//
//   x_t = J_t x_{t-1} + (f(z_{t-1}, u_t) - J_t z_{t-1}),   J_t =
//   df/dx(z_{t-1}),
//
// a linear recurrence, which a tree computes in parallel, as every J_t is:
//
//   while the residual max |z_t - f(z_{t-1}, u_t)| exceeds the tolerance:
//     for all t at once:  f, J by one derivative per column, f - J z
//     z = tree_scan(J, f - J z)
//   if it still does:  the loop over time
//
// After k iterations the first k states are exact whatever the J, so a guess
// never gets worse at both ends; that many iterations are never worth it.
//
// Layout: all states of one time stacked into one row of `size`, after the
// parallel dimensions: z[t, parallel..., row]. z has one entry more than there
// are times, the initial state, before the first one met.
//
// Precondition: f couples states along the op's `row` only (else the J is an
// approximation, and convergence slower), and has derivatives (Tangent.cpp).
//
// Reference: Lim et al., "Parallelizing non-linear sequential models over the
// sequence length" (arXiv 2309.12252).
//
//===----------------------------------------------------------------------===//

#include "Nonlinear.h"
#include "Tangent.h"
#include "TileLoop.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
class Newton {
public:
  Newton(RewriterBase &b, NonlinearRecurrenceOp op);

  /// states, finals, iterations, residual; fails if f has no derivative.
  FailureOr<SmallVector<Value>> run();

private:
  /// f, J and the residual at z.
  struct Linearised {
    Value jacobian, offset, residual;
  };

  Value stack(ValueRange states);
  SmallVector<Value> unstack(Value stacked);
  Value permute(Value value, AffineMap from, AffineMap to);
  /// The stacked state at one index of z.
  Value stateAt(Value z, OpFoldResult index);
  Value initialGuess(Value init);
  /// J at one time over (parallel..., row, column) from the tangents.
  Value stackTangents(ValueRange tangents);
  Linearised linearise(Value z);
  SmallVector<TileResult> lineariseAt(Value z, const Tile &tile);
  Value maximum(Value residuals);
  /// The linear recurrence, and its result as z.
  std::pair<Value, Value> solve(const Linearised &at, Value init);
  Value whereStates(Value z, Value states);
  SmallVector<Value> takeApart(Value z, Value last);

  RewriterBase &b;
  NonlinearRecurrenceOp op;
  Location loc;
  SmallVector<OpFoldResult> loopSizes;
  unsigned numStates;
  Type element;
  OpFoldResult length, rowSize, size;
  SmallVector<unsigned> parallel;
  /// (parallel..., row): one state in the order of the stack, over the op's
  /// loops.
  AffineMap stateMap;
  /// The loops of the stacked problem: time, parallel..., row, column.
  SmallVector<OpFoldResult> sizes;
  AffineMap timeMap, stackedMap, jacobianMap, initMap;
  unsigned row, column;
  /// Why the step has no derivative, or nothing.
  std::string refusal;
};
} // namespace

Newton::Newton(RewriterBase &b, NonlinearRecurrenceOp op)
    : b(b), op(op), loc(op.getLoc()), loopSizes(getLoopSizes(b, op)),
      numStates(op.getInit().size()),
      element(getElementTypeOrSelf(op.getInit()[0].getType())),
      length(loopSizes[op.getTime()]), rowSize(b.getIndexAttr(1)) {
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> exprs;
  sizes.push_back(length);
  for (unsigned dim : dimsOf(op.getInitMap(0)))
    if (dim != op.getRow()) {
      parallel.push_back(dim);
      exprs.push_back(getAffineDimExpr(dim, context));
      sizes.push_back(loopSizes[dim]);
    }
  if (op.getRow()) {
    exprs.push_back(getAffineDimExpr(*op.getRow(), context));
    rowSize = loopSizes[*op.getRow()];
  }
  stateMap = AffineMap::get(loopSizes.size(), 0, exprs, context);
  size = affine(b, loc, b.getAffineSymbolExpr(0) * numStates, {rowSize});
  row = sizes.size();
  column = row + 1;
  sizes.append(2, size);
  auto project = [&](unsigned from, unsigned to) {
    SmallVector<AffineExpr> dims;
    for (unsigned dim = from; dim < to; ++dim)
      dims.push_back(getAffineDimExpr(dim, context));
    return AffineMap::get(sizes.size(), 0, dims, context);
  };
  timeMap = project(0, 1);
  stackedMap = project(0, row + 1);
  jacobianMap = project(0, column + 1);
  initMap = project(1, row + 1);
}

/// `value` with its dimensions, those of `from`, in the order of `to`.
Value Newton::permute(Value value, AffineMap from, AffineMap to) {
  if (from == to)
    return value;
  SmallVector<AffineMap> maps = compressUnusedDims({from, to});
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, value);
  SmallVector<OpFoldResult> permuted;
  for (unsigned dim : dimsOf(to))
    permuted.push_back(shape[*positionOf(from, dim)]);
  Value empty = tensor::EmptyOp::create(b, loc, permuted,
                                        getElementTypeOrSelf(value.getType()));
  return buildGeneric(b, loc, maps[0].getNumDims(), {{value, maps[0]}},
                      {{empty, maps[1]}},
                      [](OpBuilder &, Location, ValueRange args) {
                        return SmallVector<Value>{args[0]};
                      })[0];
}

/// The tile of the stack that state i takes.
static Tile stackTile(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
                      unsigned row, unsigned i, OpFoldResult rowSize,
                      bool keepsRow) {
  Tile tile = wholeTile(b, sizes);
  OpFoldResult offset = affine(b, loc, b.getAffineSymbolExpr(0) * i, {rowSize});
  tile.ranges[row] = {offset, rowSize, b.getIndexAttr(1)};
  for (unsigned dim = 1; dim < row; ++dim)
    tile.kept.push_back(dim);
  if (keepsRow)
    tile.kept.push_back(row);
  return tile;
}

Value Newton::stack(ValueRange states) {
  SmallVector<OpFoldResult> shape = applyMap(initMap, sizes);
  Value out = tensor::EmptyOp::create(b, loc, shape, element);
  for (auto [i, state] : llvm::enumerate(states)) {
    Tile tile = stackTile(b, loc, sizes, row, i, rowSize, bool(op.getRow()));
    out = insertTile(b, loc, permute(state, op.getInitMap(i), stateMap), out,
                     initMap, tile);
  }
  return out;
}

SmallVector<Value> Newton::unstack(Value stacked) {
  SmallVector<Value> states;
  for (unsigned i = 0; i < numStates; ++i) {
    Tile tile = stackTile(b, loc, sizes, row, i, rowSize, bool(op.getRow()));
    Value state = permute(extractTile(b, loc, stacked, initMap, tile), stateMap,
                          op.getInitMap(i));
    Type type = op.getInit()[i].getType();
    if (state.getType() != type)
      state = tensor::CastOp::create(b, loc, type, state);
    states.push_back(state);
  }
  return states;
}

Value Newton::stateAt(Value z, OpFoldResult index) {
  Tile tile = wholeTile(b, sizes).at(0, index);
  for (unsigned dim = 1; dim <= row; ++dim)
    tile.kept.push_back(dim);
  return extractTile(b, loc, z, stackedMap, tile);
}

/// Zero everywhere, and the initial state.
Value Newton::initialGuess(Value init) {
  SmallVector<OpFoldResult> shape = applyMap(stackedMap, sizes);
  shape[0] = affine(b, loc, b.getAffineSymbolExpr(0) + 1, {length});
  Value z = buildFilled(b, loc, shape, element, 0);
  OpFoldResult first = op.isBackward() ? length : b.getIndexAttr(0);
  Tile tile = wholeTile(b, sizes).at(0, first);
  for (unsigned dim = 1; dim <= row; ++dim)
    tile.kept.push_back(dim);
  return insertTile(b, loc, init, z, stackedMap, tile);
}

/// z with its states replaced.
Value Newton::whereStates(Value z, Value states) {
  Tile tile = wholeTile(b, sizes);
  tile.ranges[0] = {b.getIndexAttr(op.isBackward() ? 0 : 1), length,
                    b.getIndexAttr(1)};
  for (unsigned dim = 0; dim <= row; ++dim)
    tile.kept.push_back(dim);
  return insertTile(b, loc, states, z, stackedMap, tile);
}

Value Newton::stackTangents(ValueRange tangents) {
  // One more loop, the seeds, over those of the op.
  unsigned seed = loopSizes.size();
  auto withSeed = [&](AffineMap map, unsigned at) {
    AffineMap wider =
        AffineMap::get(seed + 1, 0, map.getResults(), map.getContext());
    return wider.insertResult(getAffineDimExpr(seed, map.getContext()), at);
  };
  // The Jacobian at one time over (parallel..., row, column).
  AffineMap map = jacobianMap.dropResult(0);
  Value out = tensor::EmptyOp::create(b, loc, applyMap(map, sizes), element);
  for (auto [i, tangent] : llvm::enumerate(tangents)) {
    Value part = permute(tangent, withSeed(op.getInitMap(i), 0),
                         withSeed(stateMap, stateMap.getNumResults()));
    Tile tile = stackTile(b, loc, sizes, row, i, rowSize, bool(op.getRow()));
    tile.kept.push_back(column);
    out = insertTile(b, loc, part, out, map, tile);
  }
  return out;
}

/// Row t of the Jacobian, of f - J z, and of the residual.
SmallVector<TileResult> Newton::lineariseAt(Value z, const Tile &tile) {
  OpFoldResult t = tile.ranges[0].offset;
  OpFoldResult next = affine(b, loc, b.getAffineSymbolExpr(0) + 1, {t});
  Value before = stateAt(z, op.isBackward() ? next : t);
  Value after = stateAt(z, op.isBackward() ? t : next);
  SmallVector<Value> states = unstack(before);

  // f, inlined, and its tangents for unit seeds.
  Block &body = op.getBody().front();
  IRMapping mapping;
  mapping.map(body.getArguments().take_front(numStates), states);
  mapping.map(body.getArguments().drop_front(numStates),
              readSignals(b, op, asValue(b, loc, t)));
  TangentBuilder tangents(b, loc, size);
  for (unsigned i = 0; i < numStates; ++i) {
    AffineMap initOf = op.getInitMap(i);
    SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, states[i]);
    shape.insert(shape.begin(), size);
    Value empty = tensor::EmptyOp::create(b, loc, shape, element);
    AffineMap identity = b.getMultiDimIdentityMap(shape.size());
    Value begin = asValue(
        b, loc, affine(b, loc, b.getAffineSymbolExpr(0) * i, {rowSize}));
    Value unit = buildGeneric(
        b, loc, shape.size(), {}, {{empty, identity}},
        [&](OpBuilder &nested, Location at, ValueRange) {
          NumBuilder num(nested, at, element);
          Value place = begin;
          if (op.getRow())
            place = arith::AddIOp::create(
                nested, at, place,
                linalg::IndexOp::create(nested, at,
                                        *positionOf(initOf, *op.getRow()) + 1));
          Value isSeed = arith::CmpIOp::create(
              nested, at, arith::CmpIPredicate::eq,
              linalg::IndexOp::create(nested, at, 0), place);
          return SmallVector<Value>{arith::SelectOp::create(
              nested, at, isSeed, num.constant(1).re, num.constant(0).re)};
        })[0];
    tangents.seed(states[i], unit);
  }
  for (Operation &nested : body.without_terminator()) {
    Operation *clone = b.clone(nested, mapping);
    if (refusal.empty() && failed(tangents.emit(clone)))
      refusal = tangents.getRefusal();
  }
  SmallVector<Value> values, derivatives;
  for (auto [i, yielded] :
       llvm::enumerate(body.getTerminator()->getOperands())) {
    Value value = mapping.lookupOrDefault(yielded);
    values.push_back(value);
    Value tangent = tangents.get(value);
    if (!tangent) {
      SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, value);
      shape.insert(shape.begin(), size);
      tangent = buildFilled(b, loc, shape, element, 0);
    }
    derivatives.push_back(tangent);
  }
  Value f = stack(values), jacobian = stackTangents(derivatives);

  // Over (parallel..., row, column).
  AffineMap whole = jacobianMap.dropResult(0);
  SmallVector<AffineExpr> atColumn(whole.getResults());
  atColumn.erase(atColumn.end() - 2);
  SmallVector<AffineMap> maps = compressUnusedDims(
      {whole, AffineMap::get(sizes.size(), 0, atColumn, b.getContext()),
       initMap});
  Value offset = buildGeneric(
      b, loc, maps[0].getNumDims(), {{jacobian, maps[0]}, {before, maps[1]}},
      {{f, maps[2]}}, [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, element);
        return SmallVector<Value>{num.mulAdd({num.negf(args[0]), Value()},
                                             {args[1], Value()},
                                             {args[2], Value()})
                                      .re};
      })[0];
  AffineMap stackIdentity = b.getMultiDimIdentityMap(row);
  Value residual = buildGeneric(
      b, loc, row, {{f, stackIdentity}, {after, stackIdentity}},
      {{buildFilled(b, loc, {}, element, 0),
        AffineMap::get(row, 0, b.getContext())}},
      [&](OpBuilder &nested, Location at, ValueRange args) {
        NumBuilder num(nested, at, element);
        Value difference =
            math::AbsFOp::create(nested, at, num.subf(args[0], args[1]));
        return SmallVector<Value>{
            arith::MaximumFOp::create(nested, at, args[2], difference)};
      })[0];

  Tile stacked = tile, square = tile;
  for (unsigned dim = 1; dim <= row; ++dim)
    stacked.kept.push_back(dim);
  square.kept = stacked.kept;
  square.kept.push_back(column);
  return {{jacobian, jacobianMap, square},
          {offset, stackedMap, stacked},
          {residual, timeMap, tile}};
}

Newton::Linearised Newton::linearise(Value z) {
  SmallVector<Value> outs;
  for (AffineMap map : {jacobianMap, stackedMap, timeMap})
    outs.push_back(
        tensor::EmptyOp::create(b, loc, applyMap(map, sizes), element));
  SmallVector<Value> values =
      forEachTile(b, loc, {unitAxis(b, 0, length)}, wholeTile(b, sizes), outs,
                  [&](OpBuilder &, const Tile &tile, ValueRange) {
                    return lineariseAt(z, tile);
                  });
  return {values[0], values[1], maximum(values[2])};
}

/// The largest residual of all times, as f64.
Value Newton::maximum(Value residuals) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  Value all =
      buildGeneric(b, loc, 1, {{residuals, identity}},
                   {{buildFilled(b, loc, {}, element, 0),
                     AffineMap::get(1, 0, b.getContext())}},
                   [&](OpBuilder &nested, Location at, ValueRange args) {
                     return SmallVector<Value>{arith::MaximumFOp::create(
                         nested, at, args[0], args[1])};
                   })[0];
  Value scalar = tensor::ExtractOp::create(b, loc, all, ValueRange{});
  if (element.isF64())
    return scalar;
  return arith::ExtFOp::create(b, loc, b.getF64Type(), scalar);
}

std::pair<Value, Value> Newton::solve(const Linearised &at, Value init) {
  SmallVector<AffineMap> maps = {jacobianMap, stackedMap, initMap, stackedMap,
                                 initMap};
  auto strategy =
      StrategyAttr::get(b.getContext(), StrategyKind::TreeScan, 128, 16);
  Type states = at.offset.getType(), last = init.getType();
  auto linear = LinearRecurrenceOp::create(
      b, loc, TypeRange{states, last}, at.jacobian, at.offset,
      /*input=*/Value(), /*output=*/Value(), init, /*left=*/Value(),
      /*right=*/Value(), b.getAffineMapArrayAttr(maps), /*time=*/0,
      b.getI64IntegerAttr(row), b.getI64IntegerAttr(column), op.getDirection(),
      Projection::None, ReadPoint::After, Numerics::Norm, strategy);
  return {linear.getResult(), linear.getFinal()};
}

/// The op's states and finals from z and the last stacked state.
SmallVector<Value> Newton::takeApart(Value z, Value last) {
  Tile times = wholeTile(b, sizes);
  SmallVector<Value> results;
  AffineExpr time = getAffineDimExpr(op.getTime(), b.getContext());
  for (unsigned i = 0; i < numStates; ++i) {
    Tile tile = stackTile(b, loc, sizes, row, i, rowSize, bool(op.getRow()));
    tile.ranges[0] = {b.getIndexAttr(op.isBackward() ? 0 : 1), length,
                      b.getIndexAttr(1)};
    tile.kept.insert(tile.kept.begin(), 0);
    Value states = extractTile(b, loc, z, stackedMap, tile);
    states =
        permute(states, stateMap.insertResult(time, 0), op.getStatesMap(i));
    Type type = op.getStates()[i].getType();
    if (states.getType() != type)
      states = tensor::CastOp::create(b, loc, type, states);
    results.push_back(states);
  }
  llvm::append_range(results, unstack(last));
  return results;
}

FailureOr<SmallVector<Value>> Newton::run() {
  if (!element.isF32() && !element.isF64())
    return op.emitRemark("computed by a loop, not by Newton's method: the "
                         "states are neither f32 nor f64");
  Value init = stack(op.getInit());
  Value none = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(0));
  Value one = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(1));
  Value most = arith::ConstantOp::create(
      b, loc, b.getI64IntegerAttr(op.getMaxIterations()));
  Value tolerance = arith::ConstantOp::create(b, loc, op.getToleranceAttr());
  Value unknown = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(0));
  SmallVector<Value> start = {initialGuess(init), init, none, unknown};
  SmallVector<Type> types =
      llvm::map_to_vector(start, [](Value value) { return value.getType(); });
  Linearised at;
  auto loop = scf::WhileOp::create(b, loc, types, start);
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locs(types.size(), loc);
  {
    // Measure z; stop where it is good, or no number, or after too many.
    Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
    Value z = before->getArgument(0), count = before->getArgument(2);
    at = linearise(z);
    Value isFirst =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, count, none);
    Value isFar = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                        at.residual, tolerance);
    Value isAllowed =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, count, most);
    Value goesOn = arith::AndIOp::create(
        b, loc, arith::OrIOp::create(b, loc, isFirst, isFar), isAllowed);
    // The next z is made here, so that J need not leave the block.
    SmallVector<Value> next = buildIf(
        b, loc, {types[0], types[1]}, goesOn,
        [&] {
          auto [states, last] = solve(at, init);
          return SmallVector<Value>{whereStates(z, states), last};
        },
        [&] { return SmallVector<Value>{z, before->getArgument(1)}; });
    scf::ConditionOp::create(b, loc, goesOn,
                             ValueRange{next[0], next[1], count, at.residual});
  }
  {
    Block *after = b.createBlock(&loop.getAfter(), {}, types, locs);
    Value count = arith::AddIOp::create(b, loc, after->getArgument(2), one);
    scf::YieldOp::create(b, loc,
                         ValueRange{after->getArgument(0),
                                    after->getArgument(1), count,
                                    after->getArgument(3)});
  }
  if (!refusal.empty()) {
    b.eraseOp(loop);
    return op.emitRemark("computed by a loop, not by Newton's method: ")
           << refusal;
  }
  b.setInsertionPointAfter(loop);
  Value iterations = loop.getResult(2), residual = loop.getResult(3);
  Value converged = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE,
                                          residual, tolerance);
  SmallVector<Type> resultTypes(op.getStates().getTypes());
  llvm::append_range(resultTypes, op.getFinals().getTypes());
  SmallVector<Value> results = buildIf(
      b, loc, resultTypes, converged,
      [&] { return takeApart(loop.getResult(0), loop.getResult(1)); },
      [&] { return emitTimeLoop(b, op); });
  results.append({iterations, residual});
  return results;
}

FailureOr<SmallVector<Value>> ssm::emitNewton(RewriterBase &b,
                                              NonlinearRecurrenceOp op) {
  return Newton(b, op).run();
}
