//===- AssociativeScan.cpp - ssm.associative_scan as a scan ---------------===//
//
// Elements, prefixes and summaries are tuples that the op's region combines.
// Only the components that a used result depends on are carried: the scan of an
// affine pair whose products nobody reads carries no products.
//
// Without an identity the prefix before the first element is arbitrary, and the
// first element replaces it instead of being combined with it.
//
//===----------------------------------------------------------------------===//

#include "AssociativeScan.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ssm;

using Components = SmallVector<unsigned>;

namespace {
class AssociativeScan : public ScanProblem {
public:
  AssociativeScan(OpBuilder &b, AssociativeScanOp op);

  std::unique_ptr<ScanTile> makeTile(OpBuilder &b, const Tile &tile) override;
  SmallVector<Value> combine(OpBuilder &b, ArrayRef<AffineMap> maps,
                             ValueRange left, ValueRange right) override;

  Type elementType(unsigned component) {
    return cast<RankedTensorType>(op.getInputs()[component].getType())
        .getElementType();
  }

  AssociativeScanOp op;
  /// Components with a used result; those a prefix carries for them; those of
  /// the elements and summaries that a prefix is made from.
  Components used, carried, summarised;
};

class AssociativeScanTile : public ScanTile {
public:
  AssociativeScanTile(AssociativeScan &scan, const Tile &tile)
      : scan(scan), loc(scan.loc), tile(tile) {}

  Values start(OpBuilder &b) override { return fill(b, scan.carried); }
  Values advance(OpBuilder &b, ValueRange prefix, const Step &step) override {
    return take(b, prefix, scan.carried, step);
  }
  Values store(OpBuilder &b, ValueRange before, ValueRange after,
               const Step &step, ValueRange outs) override;
  Values finish(OpBuilder &b, ValueRange prefix) override { return {}; }
  std::unique_ptr<ScanTile> narrow(OpBuilder &b, unsigned dim,
                                   const LoopRange &range) const override {
    return std::make_unique<AssociativeScanTile>(
        scan, tile.narrow(b, loc, dim, range));
  }
  Values neutral(OpBuilder &b) override { return fill(b, scan.summarised); }
  Values extend(OpBuilder &b, ValueRange summary, const Step &step) override {
    return take(b, summary, scan.summarised, step);
  }
  Values resume(OpBuilder &b, ValueRange summary) override;

private:
  Values fill(OpBuilder &b, ArrayRef<unsigned> components);
  Values take(OpBuilder &b, ValueRange left, ArrayRef<unsigned> components,
              const Step &step);
  AffineMap identityMap() {
    return AffineMap::getMultiDimIdentityMap(tile.kept.size(),
                                             scan.op.getContext());
  }
  AffineMap valueMap() {
    return AffineMap::getMultiDimIdentityMap(tile.ranges.size(),
                                             scan.op.getContext());
  }

  AssociativeScan &scan;
  Location loc;
  Tile tile;
};
} // namespace

//===----------------------------------------------------------------------===//
// Liveness of components
//===----------------------------------------------------------------------===//

/// Adds the region's arguments that `value` depends on.
static void collectArguments(Value value, Block &body,
                             llvm::SmallSetVector<Value, 16> &seen,
                             llvm::SmallSetVector<unsigned, 8> &arguments) {
  if (!seen.insert(value))
    return;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() == &body)
      arguments.insert(argument.getArgNumber());
    return;
  }
  // Values captured from above depend on no argument. An op with regions may
  // use any argument that its regions mention.
  Operation *op = value.getDefiningOp();
  if (op->getBlock() != &body)
    return;
  op->walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      collectArguments(operand, body, seen, arguments);
  });
}

/// The smallest set that holds `roots` and every component of the left tuple
/// (and of the right one, if asked) that the set's components depend on.
static Components closeUnderCombiner(AssociativeScanOp op,
                                     ArrayRef<unsigned> roots, bool withRight) {
  Block &body = op.getCombiner().front();
  unsigned size = op.getInputs().size();
  llvm::SmallSetVector<unsigned, 8> live(roots.begin(), roots.end());
  for (unsigned i = 0; i < live.size(); ++i) {
    llvm::SmallSetVector<Value, 16> seen;
    llvm::SmallSetVector<unsigned, 8> arguments;
    collectArguments(body.getTerminator()->getOperand(live[i]), body, seen,
                     arguments);
    for (unsigned argument : arguments)
      if (argument < size || withRight)
        live.insert(argument % size);
  }
  Components components(live.begin(), live.end());
  llvm::sort(components);
  return components;
}

SmallVector<unsigned> ssm::usedComponents(AssociativeScanOp op) {
  Components used;
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (!result.use_empty())
      used.push_back(i);
  return used;
}

SmallVector<unsigned> ssm::carriedComponents(AssociativeScanOp op) {
  return closeUnderCombiner(op, usedComponents(op), /*withRight=*/false);
}

//===----------------------------------------------------------------------===//
// The problem
//===----------------------------------------------------------------------===//

AssociativeScan::AssociativeScan(OpBuilder &b, AssociativeScanOp op)
    : ScanProblem(op.getLoc()), op(op) {
  auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
  time = op.getDimension();
  backward = op.getDirection() == Direction::Backward;
  loopSizes = tensor::getMixedSizes(b, loc, op.getInputs()[0]);
  for (unsigned dim = 0; dim < type.getRank(); ++dim)
    if (dim != time)
      parallel.push_back(dim);
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  used = usedComponents(op);
  for (unsigned i : used)
    results.push_back({cast<RankedTensorType>(op.getResult(i).getType()), map,
                       /*hasTime=*/true});
  carried = carriedComponents(op);
  summarised = closeUnderCombiner(op, carried, /*withRight=*/true);
  for (unsigned component : summarised)
    summary.push_back({elementType(component), {}});
}

std::unique_ptr<ScanTile> AssociativeScan::makeTile(OpBuilder &b,
                                                    const Tile &tile) {
  return std::make_unique<AssociativeScanTile>(*this, tile);
}

SmallVector<Value> ssm::combineScalars(OpBuilder &b, AssociativeScanOp op,
                                       ArrayRef<Value> left,
                                       ArrayRef<Value> right,
                                       ArrayRef<unsigned> wanted) {
  Block &body = op.getCombiner().front();
  IRMapping mapping;
  for (auto [argument, value] : llvm::zip_equal(
           body.getArguments(), llvm::concat<const Value>(left, right)))
    if (value)
      mapping.map(argument, value);
  // Clone what the wanted components need, in order.
  llvm::SmallSetVector<Operation *, 16> needed;
  SmallVector<Value> worklist;
  for (unsigned component : wanted)
    worklist.push_back(body.getTerminator()->getOperand(component));
  while (!worklist.empty()) {
    Operation *def = worklist.pop_back_val().getDefiningOp();
    if (!def || def->getBlock() != &body || !needed.insert(def))
      continue;
    def->walk([&](Operation *nested) {
      llvm::append_range(worklist, nested->getOperands());
    });
  }
  for (Operation &nested : body.without_terminator())
    if (needed.contains(&nested))
      b.clone(nested, mapping);
  SmallVector<Value> values;
  for (unsigned component : wanted)
    values.push_back(
        mapping.lookupOrDefault(body.getTerminator()->getOperand(component)));
  return values;
}

/// Spreads scalars of the listed components over a whole tuple.
static SmallVector<Value> spread(ArrayRef<unsigned> components,
                                 ValueRange scalars, unsigned size) {
  SmallVector<Value> tuple(size);
  for (auto [component, scalar] : llvm::zip_equal(components, scalars))
    tuple[component] = scalar;
  return tuple;
}

SmallVector<Value> AssociativeScan::combine(OpBuilder &b,
                                            ArrayRef<AffineMap> maps,
                                            ValueRange left, ValueRange right) {
  unsigned rank = maps[0].getNumResults();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<Indexed> ins, outs;
  for (Value value : left)
    ins.push_back({value, identity});
  for (Value value : right)
    outs.push_back({value, identity});
  unsigned size = op.getInputs().size();
  return buildGeneric(
      b, loc, rank, ins, outs,
      [&](OpBuilder &nested, Location, ValueRange args) {
        return combineScalars(
            nested, op, spread(summarised, args.take_front(left.size()), size),
            spread(summarised, args.drop_front(left.size()), size), summarised);
      });
}

//===----------------------------------------------------------------------===//
// One tile
//===----------------------------------------------------------------------===//

Value ssm::makeZero(OpBuilder &b, Location loc, Type type) {
  auto complexType = dyn_cast<ComplexType>(type);
  if (!complexType)
    return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Attribute zero = b.getZeroAttr(complexType.getElementType());
  return complex::ConstantOp::create(b, loc, complexType,
                                     b.getArrayAttr({zero, zero}));
}

/// The identity, or zeros that nothing reads.
ScanTile::Values AssociativeScanTile::fill(OpBuilder &b,
                                           ArrayRef<unsigned> components) {
  Values values;
  for (unsigned component : components) {
    Type type = scan.elementType(component);
    Value scalar = scan.op.getIdentity().empty()
                       ? makeZero(b, loc, type)
                       : scan.op.getIdentity()[component];
    Value empty = tensor::EmptyOp::create(b, loc, tile.keptSizes(), type);
    values.push_back(
        linalg::FillOp::create(b, loc, scalar, empty).getResult(0));
  }
  return values;
}

/// left * element, or the element itself if it is the first and there is no
/// identity to start from.
ScanTile::Values AssociativeScanTile::take(OpBuilder &b, ValueRange left,
                                           ArrayRef<unsigned> components,
                                           const Step &step) {
  Tile at = tile;
  at.ranges[scan.time] = step.time;
  SmallVector<Indexed> ins, outs;
  for (unsigned component : scan.summarised)
    ins.push_back(
        {extractTile(b, loc, scan.op.getInputs()[component], valueMap(), at),
         tile.sliceMap(valueMap())});
  for (Value value : left)
    outs.push_back({value, identityMap()});
  unsigned size = scan.op.getInputs().size();
  bool select = scan.op.getIdentity().empty();
  return buildGeneric(
      b, loc, tile.kept.size(), ins, outs,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        auto element =
            spread(scan.summarised, args.take_front(ins.size()), size);
        auto combined = combineScalars(
            nested, scan.op,
            spread(components, args.drop_front(ins.size()), size), element,
            components);
        if (!select)
          return combined;
        Value isFirst = step.isFirst;
        if (step.firstLane) {
          Value lane =
              linalg::IndexOp::create(nested, bodyLoc, tile.kept.size() - 1);
          Value isFirstLane = arith::CmpIOp::create(
              nested, bodyLoc, arith::CmpIPredicate::eq, lane, step.firstLane);
          isFirst =
              arith::AndIOp::create(nested, bodyLoc, isFirst, isFirstLane);
        }
        for (auto [value, component] : llvm::zip_equal(combined, components))
          value = arith::SelectOp::create(nested, bodyLoc, isFirst,
                                          element[component], value);
        return combined;
      });
}

ScanTile::Values AssociativeScanTile::store(OpBuilder &b, ValueRange before,
                                            ValueRange after, const Step &step,
                                            ValueRange outs) {
  ValueRange prefix = scan.op.getExclusive() ? before : after;
  Tile local = tile;
  for (LoopRange &range : local.ranges)
    range.offset = b.getIndexAttr(0);
  local.ranges[scan.time] = step.localTime;
  Values stored;
  for (auto [component, out] : llvm::zip_equal(scan.used, outs)) {
    Value value =
        prefix[llvm::find(scan.carried, component) - scan.carried.begin()];
    // The slice may order its dimensions otherwise than the tile.
    Value slice = extractTile(b, loc, out, valueMap(), local);
    value = buildGeneric(b, loc, tile.kept.size(), {{value, identityMap()}},
                         {{slice, tile.sliceMap(valueMap())}},
                         [](OpBuilder &, Location, ValueRange args) {
                           return Values{args[0]};
                         })[0];
    stored.push_back(insertTile(b, loc, value, out, valueMap(), local));
  }
  return stored;
}

ScanTile::Values AssociativeScanTile::resume(OpBuilder &b, ValueRange summary) {
  Values prefix;
  for (unsigned component : scan.carried)
    prefix.push_back(summary[llvm::find(scan.summarised, component) -
                             scan.summarised.begin()]);
  return prefix;
}

std::unique_ptr<ScanProblem> ssm::makeAssociativeScan(OpBuilder &b,
                                                      AssociativeScanOp op) {
  return std::make_unique<AssociativeScan>(b, op);
}

namespace {
struct LowerAssociativeScan : OpRewritePattern<AssociativeScanOp> {
  LowerAssociativeScan(MLIRContext *context, int64_t cores)
      : OpRewritePattern(context), cores(cores) {}
  LogicalResult matchAndRewrite(AssociativeScanOp op,
                                PatternRewriter &rewriter) const override {
    AssociativeScan scan(rewriter, op);
    replaceByScan(rewriter, op, scan, op.getStrategyAttr(), cores);
    return success();
  }

  int64_t cores;
};
} // namespace

void ssm::populateAssociativeScanLowering(RewritePatternSet &patterns,
                                          int64_t cores) {
  patterns.add<LowerAssociativeScan>(patterns.getContext(), cores);
}
