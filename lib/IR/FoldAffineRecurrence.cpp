//===- FoldAffineRecurrence.cpp - Affine steps become linear recurrences --===//
//
// x_t = f(x_{t-1}, u_t) with one state and f made of additions and products,
// element by element, in which no two factors hold x, is x_t = a x_{t-1} + b.
// The factors a and b are free of x, so they can be computed for all of time
// at once, before a linear recurrence:
//
//   %x, ... = ssm.nonlinear_recurrence signals(%g, %u) init(%x0) step {
//   ^bb0(%x, %gt, %ut):
//     %m = arith.mulf %gt, %x                  // x_t = g_t x_{t-1} + u_t
//     %s = arith.addf %m, %ut
//     ssm.yield %s
//   }
//   ->  ssm.linear_recurrence transition(%g) signal(%u) init(%x0)
//
// An elementwise linalg.generic counts as the ops of its body.
//
// The sum of products is reordered, which changes rounding and nothing else.
//
//===----------------------------------------------------------------------===//

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Longer bodies are not looked at: a x + b takes two ops.
static constexpr size_t kMaxOps = 64;

namespace {
/// A tensor over all of time: its type and map, which a splat does not have
/// yet.
struct Layout {
  RankedTensorType type;
  AffineMap map;
  bool holdsSplat = false;
};

/// An expression free of x: a value of the region, or a sum or product of two,
/// and what it will be over all of time; nothing if its parts disagree.
struct Free {
  enum Kind { Leaf, One, Neg, Add, Sub, Mul } kind;
  std::optional<Layout> layout;
  Value leaf;
  std::shared_ptr<Free> left, right;
};
using FreePtr = std::shared_ptr<Free>;

/// a x + b; a null factor is zero.
struct Affine {
  FreePtr a, b;
};

/// Writes each value of the region as a x + b.
class AffineStep {
public:
  explicit AffineStep(NonlinearRecurrenceOp op)
      : op(op), body(op.getBody().front()) {}

  /// What the region yields, or nothing.
  std::optional<Affine> decompose();

  /// The tensor that a scalar of a generic op's body is an element of.
  Value resolve(Value value) const {
    while (Value tensor = elementOf.lookup(value))
      value = tensor;
    return value;
  }

private:
  /// Walks the ops of the region, or of a generic op in it; false if they are
  /// not affine.
  bool visit(Block &ops);
  bool visitGeneric(linalg::GenericOp generic);
  std::optional<Affine> decompose(Operation &def);
  Affine get(Value value);
  std::optional<Layout> layoutOf(Value value);

  NonlinearRecurrenceOp op;
  Block &body;
  /// Values that depend on x.
  DenseMap<Value, Affine> affine;
  /// Values computed in the region that do not.
  DenseMap<Value, std::optional<Layout>> layouts;
  DenseMap<Value, Value> elementOf;
};

/// Emits expressions over all of time in one layout.
class WholeTime {
public:
  WholeTime(OpBuilder &b, NonlinearRecurrenceOp op, const AffineStep &step,
            Layout layout)
      : b(b), op(op), body(op.getBody().front()), step(step), layout(layout) {}

  Value build(const Free &expr);

private:
  Value hoist(Value value);
  Value splat(Attribute value) {
    return arith::ConstantOp::create(
        b, op.getLoc(), DenseElementsAttr::get(layout.type, value));
  }

  OpBuilder &b;
  NonlinearRecurrenceOp op;
  Block &body;
  const AffineStep &step;
  Layout layout;
  DenseMap<Value, Value> hoisted;
  DenseMap<const Free *, Value> built;
};
} // namespace

/// The value of a constant that is the same for every element.
static Attribute splatValue(Value value) {
  FloatAttr scalar;
  if (matchPattern(value, m_Constant(&scalar)))
    return scalar;
  DenseFPElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant)) && constant.isSplat())
    return constant.getSplatValue<Attribute>();
  return {};
}

static std::optional<Layout> merge(std::optional<Layout> x,
                                   std::optional<Layout> y) {
  if (!x || !y)
    return std::nullopt;
  if (x->type && y->type && (x->type != y->type || x->map != y->map))
    return std::nullopt;
  Layout merged = x->type ? *x : *y;
  merged.holdsSplat = x->holdsSplat || y->holdsSplat;
  return merged;
}

static FreePtr node(Free::Kind kind, FreePtr left, FreePtr right = nullptr) {
  auto layout = right ? merge(left->layout, right->layout) : left->layout;
  return std::make_shared<Free>(Free{kind, layout, Value(), left, right});
}
static FreePtr negate(FreePtr x) { return x ? node(Free::Neg, x) : x; }
static FreePtr add(FreePtr x, FreePtr y) {
  return !x ? y : !y ? x : node(Free::Add, x, y);
}
static FreePtr subtract(FreePtr x, FreePtr y) {
  return !x ? negate(y) : !y ? x : node(Free::Sub, x, y);
}
static FreePtr multiply(FreePtr x, FreePtr y) {
  if (!x || !y)
    return nullptr;
  if (x->kind == Free::One || y->kind == Free::One)
    return x->kind == Free::One ? y : x;
  return node(Free::Mul, x, y);
}

/// A value that does not depend on x.
std::optional<Layout> AffineStep::layoutOf(Value value) {
  if (auto it = layouts.find(value); it != layouts.end())
    return it->second;
  if (splatValue(value))
    return Layout{{}, {}, /*holdsSplat=*/true};
  if (value.getParentBlock() == &body) {
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument)
      return std::nullopt;
    unsigned signal = argument.getArgNumber() - 1;
    auto type = cast<RankedTensorType>(op.getSignals()[signal].getType());
    return Layout{type, op.getSignalMap(signal)};
  }
  // From around the op: of the state's dimensions.
  if (value.getType() != op.getInit()[0].getType())
    return std::nullopt;
  return Layout{cast<RankedTensorType>(value.getType()), op.getInitMap(0)};
}

Affine AffineStep::get(Value value) {
  value = resolve(value);
  if (auto it = affine.find(value); it != affine.end())
    return it->second;
  return {nullptr, std::make_shared<Free>(
                       Free{Free::Leaf, layoutOf(value), value, {}, {}})};
}

/// The result of an op that depends on x.
std::optional<Affine> AffineStep::decompose(Operation &def) {
  if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::NegFOp>(def))
    return std::nullopt;
  Affine x = get(def.getOperand(0));
  if (isa<arith::NegFOp>(def))
    return Affine{negate(x.a), negate(x.b)};
  Affine y = get(def.getOperand(1));
  if (isa<arith::AddFOp>(def))
    return Affine{add(x.a, y.a), add(x.b, y.b)};
  if (isa<arith::SubFOp>(def))
    return Affine{subtract(x.a, y.a), subtract(x.b, y.b)};
  if (x.a && y.a)
    return std::nullopt;
  return Affine{x.a ? multiply(x.a, y.b) : multiply(x.b, y.a),
                multiply(x.b, y.b)};
}

/// Its elements as tensors, where it is elementwise and in one layout.
bool AffineStep::visitGeneric(linalg::GenericOp generic) {
  Block &scalars = *generic.getBlock();
  if (generic.getNumResults() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops() ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }) ||
      !scalars.getArguments().back().use_empty())
    return false;
  for (auto [argument, operand] :
       llvm::zip(scalars.getArguments(), generic.getDpsInputs()))
    elementOf[argument] = operand;
  elementOf[generic.getResult(0)] = scalars.getTerminator()->getOperand(0);
  return visit(scalars);
}

bool AffineStep::visit(Block &ops) {
  for (Operation &def : ops.without_terminator()) {
    // The destination of a generic op, which does not read it.
    if (isa<tensor::EmptyOp, tensor::DimOp>(def)) {
      layouts[def.getResult(0)] = std::nullopt;
      continue;
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(def)) {
      if (!visitGeneric(generic))
        return false;
      continue;
    }
    if (def.getNumRegions() || def.getNumResults() != 1)
      return false;
    Value result = def.getResult(0);
    if (llvm::any_of(def.getOperands(), [&](Value operand) {
          return affine.contains(resolve(operand));
        })) {
      std::optional<Affine> form = decompose(def);
      if (!form)
        return false;
      affine[result] = *form;
      continue;
    }
    if (matchPattern(result, m_Constant()))
      continue;
    std::optional<Layout> layout = Layout();
    for (Value operand : def.getOperands())
      layout = merge(layout, layoutOf(resolve(operand)));
    // Over all of time the op has the type of its operands.
    if (!OpTrait::hasElementwiseMappableTraits(&def) ||
        !llvm::all_of(def.getOperandTypes(),
                      [&](Type type) { return type == result.getType(); }))
      layout = std::nullopt;
    layouts[result] = layout;
  }
  return true;
}

std::optional<Affine> AffineStep::decompose() {
  Layout splat{{}, {}, /*holdsSplat=*/true};
  affine[body.getArgument(0)] = {
      std::make_shared<Free>(Free{Free::One, splat, {}, {}, {}}), nullptr};
  if (!visit(body))
    return std::nullopt;
  return get(body.getTerminator()->getOperand(0));
}

/// A value of the region, free of x, over all of time.
Value WholeTime::hoist(Value value) {
  value = step.resolve(value);
  if (Value known = hoisted.lookup(value))
    return known;
  Value &result = hoisted[value];
  if (Attribute constant = splatValue(value))
    return result = splat(constant);
  if (!op.getBody().isAncestor(value.getParentRegion()))
    return result = value;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return result = op.getSignals()[argument.getArgNumber() - 1];
  Operation *def = value.getDefiningOp();
  SmallVector<Value> operands;
  for (Value operand : def->getOperands())
    operands.push_back(hoist(operand));
  OperationState clone(def->getLoc(), def->getName(), operands, {layout.type},
                       def->getAttrs());
  return hoisted[value] = b.create(clone)->getResult(0);
}

Value WholeTime::build(const Free &expr) {
  Location loc = op.getLoc();
  if (Value known = built.lookup(&expr))
    return known;
  if (expr.kind == Free::One)
    return splat(b.getFloatAttr(layout.type.getElementType(), 1.0));
  if (expr.kind == Free::Leaf)
    return hoist(expr.leaf);
  Value left = build(*expr.left), right, result;
  if (expr.right)
    right = build(*expr.right);
  if (expr.kind == Free::Neg)
    result = arith::NegFOp::create(b, loc, left);
  else if (expr.kind == Free::Add)
    result = arith::AddFOp::create(b, loc, left, right);
  else if (expr.kind == Free::Sub)
    result = arith::SubFOp::create(b, loc, left, right);
  else
    result = arith::MulFOp::create(b, loc, left, right);
  return built[&expr] = result;
}

namespace {
struct FoldAffineRecurrence : OpRewritePattern<NonlinearRecurrenceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NonlinearRecurrenceOp op,
                                PatternRewriter &rewriter) const override;
};
} // namespace

/// Where a factor lives over all of time, a splat as a tensor of rank 0;
/// nothing if it cannot be computed for all of time at once.
static std::optional<Layout> settle(const FreePtr &factor,
                                    NonlinearRecurrenceOp op) {
  if (!factor || !factor->layout)
    return std::nullopt;
  Layout layout = *factor->layout;
  if (!layout.type)
    return Layout{RankedTensorType::get(
                      {}, getElementTypeOrSelf(op.getInit()[0].getType())),
                  AffineMap::get(op.getNumLoops(), 0, op.getContext())};
  if (layout.holdsSplat && !layout.type.hasStaticShape())
    return std::nullopt;
  return layout;
}

LogicalResult
FoldAffineRecurrence::matchAndRewrite(NonlinearRecurrenceOp op,
                                      PatternRewriter &rewriter) const {
  Type element = getElementTypeOrSelf(op.getInit()[0].getType());
  if (op.getInit().size() != 1 || !(element.isF32() || element.isF64()))
    return rewriter.notifyMatchFailure(op, "not one state of f32 or f64");
  if (op.getBody().front().getOperations().size() > kMaxOps)
    return rewriter.notifyMatchFailure(op, "the step is long");
  AffineStep step(op);
  std::optional<Affine> affine = step.decompose();
  if (!affine)
    return rewriter.notifyMatchFailure(op, "the step is not a x + b");
  std::optional<Layout> a = settle(affine->a, op), b = settle(affine->b, op);
  if (!a || !b)
    return rewriter.notifyMatchFailure(
        op, "a or b is zero, or combines values of different layouts");
  if (a->type.getElementType() != element ||
      b->type.getElementType() != element)
    return rewriter.notifyMatchFailure(op, "a factor is of another type");
  if (!uses(a->map, op.getTime()) && !uses(b->map, op.getTime()))
    return rewriter.notifyMatchFailure(op, "neither a nor b knows the length");

  Location loc = op.getLoc();
  Value transition = WholeTime(rewriter, op, step, *a).build(*affine->a);
  Value signal = WholeTime(rewriter, op, step, *b).build(*affine->b);
  SmallVector<AffineMap> maps = {a->map, b->map, op.getInitMap(0),
                                 op.getStatesMap(0), op.getInitMap(0)};
  auto linear = LinearRecurrenceOp::create(
      rewriter, loc, op.getStates()[0].getType(), op.getFinals()[0].getType(),
      transition, signal, /*input=*/Value(), /*output=*/Value(),
      op.getInit()[0], /*left=*/Value(), /*right=*/Value(),
      rewriter.getAffineMapArrayAttr(maps), op.getTime(),
      /*row=*/IntegerAttr(), /*column=*/IntegerAttr(), op.getDirection(),
      Projection::None, ReadPoint::After, Numerics::Norm, StrategyAttr());
  Value none =
      arith::ConstantOp::create(rewriter, loc, rewriter.getI64IntegerAttr(0));
  Value exact =
      arith::ConstantOp::create(rewriter, loc, rewriter.getF64FloatAttr(0.0));
  rewriter.replaceOp(op, {linear.getResult(), linear.getFinal(), none, exact});
  return success();
}

void NonlinearRecurrenceOp::getCanonicalizationPatterns(
    RewritePatternSet &results, MLIRContext *context) {
  results.add<FoldAffineRecurrence>(context);
}
