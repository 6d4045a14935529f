//===- StepExpr.cpp - What a step of time computes, by element ------------===//
#include "ssm/IR/StepExpr.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

const Expr *StepReader::blocked(Value value) {
  if (!blocker)
    blocker = value;
  return nullptr;
}

Expr *StepReader::makeState(Value value, unsigned state, AffineMap map) {
  Expr expr(Expr::State, getElementTypeOrSelf(value), value);
  expr.state = state;
  expr.states = uint64_t(1) << state;
  expr.map = map;
  return &exprs.emplace_back(expr);
}

Expr *StepReader::makeInput(Value value, AffineMap map) {
  Expr expr(Expr::Input, getElementTypeOrSelf(value), value);
  if (isa<RankedTensorType>(value.getType()))
    expr.map = map;
  return &exprs.emplace_back(expr);
}

const Expr *StepReader::apply(OperationName name, DictionaryAttr attributes,
                              Type type, ArrayRef<const Expr *> operands,
                              Value origin) {
  Expr expr(Expr::Apply, type, origin);
  expr.name = name;
  expr.attributes = attributes;
  expr.operands.assign(operands.begin(), operands.end());
  for (const Expr *operand : operands)
    expr.states |= operand->states;
  return &exprs.emplace_back(expr);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Whether the value is a scalar inside a linalg op, indexed as its loops are.
static bool isPayload(Value value) {
  return isa<linalg::LinalgOp>(value.getParentBlock()->getParentOp());
}

const Expr *StepReader::read(Value value, AffineMap map) {
  if (!isa<RankedTensorType>(value.getType()) && !isPayload(value))
    map = AffineMap::get(numDims, 0, value.getContext());
  auto key = std::pair(value, map);
  if (auto it = known.find(key); it != known.end())
    return it->second;
  FailureOr<const Expr *> expr = edge(*this, value, map);
  if (failed(expr))
    return blocked(value);
  if (!*expr)
    expr = readDefinition(value, map);
  return known[key] = *expr;
}

/// The value of a constant that is the same for every element, or null.
static Attribute splatValue(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return {};
  auto elements = dyn_cast<DenseElementsAttr>(constant);
  if (!elements)
    return isa<ElementsAttr>(constant) ? Attribute() : constant;
  if (!elements.isSplat())
    return {};
  // A complex element is an array, as complex.constant takes it.
  return elements.getSplatValue<Attribute>();
}

const Expr *StepReader::readDefinition(Value value, AffineMap map) {
  MLIRContext *context = value.getContext();
  Type element = getElementTypeOrSelf(value);
  if (Attribute constant = splatValue(value)) {
    StringRef name = isa<ComplexType>(element)
                         ? complex::ConstantOp::getOperationName()
                         : arith::ConstantOp::getOperationName();
    NamedAttribute attribute(StringAttr::get(context, "value"), constant);
    return apply(OperationName(name, context),
                 DictionaryAttr::get(context, attribute), element, {}, value);
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto op = dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    if (!op || argument.getOwner()->getNumArguments() != op->getNumOperands())
      return blocked(value);
    OpOperand &operand = op->getOpOperand(argument.getArgNumber());
    return read(operand.get(),
                op.getMatchingIndexingMap(&operand).compose(map));
  }
  Operation *op = value.getDefiningOp();
  if (isa<linalg::LinalgOp>(op))
    return readLinalg(op, value, map);
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return read(splat.getInput(), map);
  bool ofScalars =
      !isa<ShapedType>(value.getType()) &&
      llvm::none_of(op->getOperandTypes(), llvm::IsaPred<ShapedType>);
  if (op->getNumResults() != 1 || op->getNumRegions() || !isPure(op) ||
      op->getNumOperands() == 0 ||
      !(ofScalars || OpTrait::hasElementwiseMappableTraits(op)))
    return blocked(value);
  SmallVector<const Expr *> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(read(operand, map));
    if (!operands.back())
      return nullptr;
  }
  return apply(op->getName(), op->getAttrDictionary(), element, operands,
               value);
}

/// The scalar that it yields, where it has no reduction.
const Expr *StepReader::readLinalg(Operation *op, Value value, AffineMap map) {
  auto linalgOp = cast<linalg::LinalgOp>(op);
  unsigned number = cast<OpResult>(value).getResultNumber();
  AffineMap out =
      linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(number));
  if (linalgOp.getNumParallelLoops() != linalgOp.getNumLoops() ||
      !out.isPermutation())
    return blocked(value);
  Value yielded = linalgOp.getBlock()->getTerminator()->getOperand(number);
  return read(yielded, inversePermutation(out).compose(map));
}

//===----------------------------------------------------------------------===//
// a x + b
//===----------------------------------------------------------------------===//

const Expr *StepReader::makeConstant(Type type, double number) {
  Builder b(type.getContext());
  Attribute value = b.getFloatAttr(getRealType(type), number);
  StringRef name = arith::ConstantOp::getOperationName();
  if (isa<ComplexType>(type)) {
    value = b.getArrayAttr({value, b.getFloatAttr(getRealType(type), 0.0)});
    name = complex::ConstantOp::getOperationName();
  }
  NamedAttribute attribute(b.getStringAttr("value"), value);
  return apply(OperationName(name, type.getContext()),
               b.getDictionaryAttr(attribute), type, {});
}

/// `op` is add, sub, mul or neg; one operand if y is null.
const Expr *StepReader::binary(StringRef op, const Expr *x, const Expr *y) {
  MLIRContext *context = x->type.getContext();
  std::string name = isa<ComplexType>(x->type) ? ("complex." + op).str()
                                               : ("arith." + op + "f").str();
  SmallVector<const Expr *> operands = {x};
  if (y)
    operands.push_back(y);
  return apply(OperationName(name, context), DictionaryAttr::get(context),
               x->type, operands);
}

const Expr *StepReader::negate(const Expr *x) {
  return x ? binary("neg", x, nullptr) : x;
}
const Expr *StepReader::add(const Expr *x, const Expr *y) {
  return !x ? y : !y ? x : binary("add", x, y);
}
const Expr *StepReader::subtract(const Expr *x, const Expr *y) {
  return !x ? negate(y) : !y ? x : binary("sub", x, y);
}

bool ssm::isOne(const Expr &x) {
  return x.kind == Expr::Apply && x.operands.empty() && !x.origin;
}

const Expr *StepReader::multiply(const Expr *x, const Expr *y) {
  if (!x || !y)
    return nullptr;
  return isOne(*x) ? y : isOne(*y) ? x : binary("mul", x, y);
}

const Expr *StepReader::makeConjugate(const Expr *x) {
  return isa<ComplexType>(x->type) ? binary("conj", x, nullptr) : x;
}

std::optional<AffineExprs> StepReader::decompose(const Expr *expr,
                                                 unsigned state) {
  if (!(expr->states >> state & 1))
    return AffineExprs{nullptr, expr};
  auto key = std::pair(expr, state);
  if (auto it = forms.find(key); it != forms.end())
    return it->second;
  std::optional<AffineExprs> form =
      AffineExprs{makeConstant(expr->type, 1.0), nullptr};
  if (expr->kind == Expr::Apply && !(form = decomposeApply(expr, state)))
    return std::nullopt;
  return forms[key] = *form;
}

std::optional<AffineExprs> StepReader::decomposeApply(const Expr *expr,
                                                      unsigned state) {
  SmallVector<AffineExprs, 3> of;
  for (const Expr *operand : expr->operands) {
    std::optional<AffineExprs> form = decompose(operand, state);
    if (!form)
      return std::nullopt;
    of.push_back(*form);
  }
  auto is = [&](auto... names) {
    return ((expr->name->getStringRef() == names) || ...);
  };
  auto times = [&](AffineExprs x, AffineExprs y) {
    return AffineExprs{x.a ? multiply(x.a, y.b) : multiply(x.b, y.a),
                       multiply(x.b, y.b)};
  };
  bool isProduct = is("arith.mulf", "complex.mul", "math.fma");
  if (isProduct && of[0].a && of[1].a)
    blocked(expr->origin);
  else if (is("math.fma")) {
    AffineExprs product = times(of[0], of[1]);
    return AffineExprs{add(product.a, of[2].a), add(product.b, of[2].b)};
  } else if (isProduct)
    return times(of[0], of[1]);
  else if (is("arith.negf", "complex.neg"))
    return AffineExprs{negate(of[0].a), negate(of[0].b)};
  else if (is("arith.addf", "complex.add"))
    return AffineExprs{add(of[0].a, of[1].a), add(of[0].b, of[1].b)};
  else if (is("arith.subf", "complex.sub"))
    return AffineExprs{subtract(of[0].a, of[1].a), subtract(of[0].b, of[1].b)};
  blocked(expr->origin);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// All of time at once
//===----------------------------------------------------------------------===//

namespace {
/// Clones scalar ops into the body of a linalg op.
struct ScalarEmitter {
  OpBuilder &b;
  Location loc;
  DenseMap<const Expr *, Value> values;

  ScalarEmitter(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value emit(const Expr *expr) {
    if (Value known = values.lookup(expr))
      return known;
    if (expr->kind == Expr::Input)
      return expr->origin;
    SmallVector<Value> operands;
    for (const Expr *operand : expr->operands)
      operands.push_back(emit(operand));
    OperationState state(loc, *expr->name, operands, {expr->type},
                         expr->attributes.getValue());
    return values[expr] = b.create(state)->getResult(0);
  }
};
} // namespace

static void collectInputs(const Expr *expr,
                          llvm::SetVector<const Expr *> &inputs,
                          DenseSet<const Expr *> &seen) {
  if (!seen.insert(expr).second)
    return;
  if (expr->kind == Expr::Input && expr->map)
    inputs.insert(expr);
  for (const Expr *operand : expr->operands)
    collectInputs(operand, inputs, seen);
}

bool ssm::usesDim(const Expr &expr, unsigned dim) {
  llvm::SetVector<const Expr *> inputs;
  DenseSet<const Expr *> seen;
  collectInputs(&expr, inputs, seen);
  return llvm::any_of(inputs,
                      [&](const Expr *input) { return uses(input->map, dim); });
}

/// A tensor of rank 0.
static Value buildScalar(OpBuilder &b, Location loc, const Expr &expr) {
  ScalarEmitter emitter(b, loc);
  Value scalar = emitter.emit(&expr);
  auto type = RankedTensorType::get({}, expr.type);
  Attribute constant;
  if (!matchPattern(scalar, m_Constant(&constant)) ||
      isa<ComplexType>(expr.type))
    return tensor::FromElementsOp::create(b, loc, type, scalar);
  if (scalar.use_empty() && expr.kind == Expr::Apply)
    scalar.getDefiningOp()->erase();
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, constant));
}

Indexed ssm::buildSequence(OpBuilder &b, Location loc, const Expr &expr,
                           AffineMap layout, ArrayRef<OpFoldResult> loopSizes,
                           ArrayRef<unsigned> needed) {
  MLIRContext *context = b.getContext();
  llvm::SetVector<const Expr *> inputs;
  DenseSet<const Expr *> seen;
  collectInputs(&expr, inputs, seen);
  // 1. The loop dimensions, in the order of the layout.
  SmallVector<unsigned> dims;
  for (unsigned dim : dimsOf(layout))
    if (llvm::is_contained(needed, dim) ||
        llvm::any_of(inputs,
                     [&](const Expr *input) { return uses(input->map, dim); }))
      dims.push_back(dim);
  if (expr.kind == Expr::Input && expr.map &&
      llvm::all_of(needed, [&](unsigned dim) { return uses(expr.map, dim); }))
    return {expr.origin, expr.map};
  unsigned numDims = layout.getNumDims();
  AffineMap whole =
      AffineMap::getMultiDimMapWithTargets(numDims, dims, context);
  if (dims.empty() && inputs.empty())
    return {buildScalar(b, loc, expr), whole};
  // 2. One linalg op over nothing but them.
  SmallVector<AffineExpr> renumbered(numDims,
                                     getAffineConstantExpr(0, context));
  for (auto [i, dim] : llvm::enumerate(dims))
    renumbered[dim] = b.getAffineDimExpr(i);
  SmallVector<Indexed> ins;
  for (const Expr *input : inputs)
    ins.push_back({input->origin, input->map.replaceDimsAndSymbols(
                                      renumbered, {}, dims.size(), 0)});
  Value empty =
      tensor::EmptyOp::create(b, loc, applyMap(whole, loopSizes), expr.type);
  Indexed out{empty, b.getMultiDimIdentityMap(dims.size())};
  auto body = [&](OpBuilder &nested, Location bodyLoc,
                  ValueRange args) -> SmallVector<Value> {
    ScalarEmitter emitter(nested, bodyLoc);
    for (auto [input, arg] : llvm::zip(inputs, args))
      emitter.values[input] = arg;
    return {emitter.emit(&expr)};
  };
  return {buildGeneric(b, loc, dims.size(), ins, {out}, body)[0], whole};
}
