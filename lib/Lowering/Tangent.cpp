//===- Tangent.cpp - Derivatives of tensor code ---------------------------===//
//
//   linalg ops    the op with one more, outermost, parallel loop over the
//   seeds;
//                 its body computes the tangent of the scalar body
//   arith, math   the same with the op itself as the scalar body
//   slices        the slice of the tangent
//
// Reference: Griewank and Walther, Evaluating Derivatives, chapter 3.
//
//===----------------------------------------------------------------------===//

#include "Tangent.h"

#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

namespace {
/// Tangents of scalar ops. Primal values are cloned when a rule asks for them.
class ScalarTangents {
public:
  ScalarTangents(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  void map(Value value, Value primal, Value tangent) {
    if (primal)
      primals.map(value, primal);
    if (tangent)
      tangents[value] = tangent;
  }
  Value get(Value value) const { return tangents.lookup(value); }
  /// Fails if there is no rule, or the rule needs a value that was not mapped.
  LogicalResult emit(Operation *op);
  /// Why it failed, or nothing.
  std::string refusal;

private:
  /// The tangent of the op's result, given those of its operands.
  Value rule(Operation *op, ArrayRef<Value> dx);
  Value primal(Value value);
  Value constant(Type type, double value) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value add(Value x, Value y) {
    return !x ? y : !y ? x : Value(arith::AddFOp::create(b, loc, x, y));
  }
  Value sub(Value x, Value y) {
    if (!y)
      return x;
    return x ? Value(arith::SubFOp::create(b, loc, x, y)) : neg(y);
  }
  Value neg(Value x) { return arith::NegFOp::create(b, loc, x); }
  Value orZero(Value x, Type type) { return x ? x : constant(type, 0); }
  /// d f(x) = slope dx
  Value unary(Operation *op, Value dx);

  OpBuilder &b;
  Location loc;
  IRMapping primals;
  DenseMap<Value, Value> tangents;
  bool isMissing = false;
};
} // namespace

static std::string hasNoDerivative(Operation *op) {
  return (op->getName().getStringRef() + " has no derivative").str();
}

static bool hasTangentRule(Operation *op) {
  return isa<linalg::LinalgOp, tensor::ExtractSliceOp, tensor::InsertSliceOp,
             tensor::CastOp, arith::AddFOp, arith::SubFOp, arith::MulFOp,
             arith::DivFOp, arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::SelectOp, math::TanhOp, math::ExpOp, math::ExpM1Op,
             math::LogOp, math::Log1pOp, math::SqrtOp, math::SinOp, math::CosOp,
             math::ErfOp, math::AbsFOp, math::FmaOp>(op);
}

Value ScalarTangents::primal(Value value) {
  if (Value known = primals.lookupOrNull(value))
    return known;
  Operation *def = value.getDefiningOp();
  // Captured from around the body.
  bool isAround =
      def ? !isa<linalg::LinalgOp>(def->getParentOp())
          : !isa<linalg::LinalgOp>(value.getParentBlock()->getParentOp());
  if (isAround)
    return value;
  if (!def || isa<linalg::IndexOp>(def)) {
    isMissing = true;
    return constant(value.getType(), 0);
  }
  for (Value operand : def->getOperands())
    primals.map(operand, primal(operand));
  return b.clone(*def, primals)->getResult(0);
}

Value ScalarTangents::unary(Operation *op, Value dx) {
  Value x = op->getOperand(0);
  Type type = x.getType();
  auto y = [&] { return primal(op->getResult(0)); };
  auto one = [&] { return constant(type, 1); };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::TanhOp) {
        Value t = y();
        return mul(sub(one(), mul(t, t)), dx);
      })
      .Case([&](math::ExpOp) { return mul(y(), dx); })
      .Case([&](math::ExpM1Op) { return mul(add(y(), one()), dx); })
      .Case([&](math::LogOp) { return div(dx, primal(x)); })
      .Case([&](math::Log1pOp) { return div(dx, add(primal(x), one())); })
      .Case(
          [&](math::SqrtOp) { return div(mul(constant(type, 0.5), dx), y()); })
      .Case([&](math::SinOp) {
        return mul(math::CosOp::create(b, loc, primal(x)), dx);
      })
      .Case([&](math::CosOp) {
        return neg(mul(math::SinOp::create(b, loc, primal(x)), dx));
      })
      .Case([&](math::ErfOp) {
        Value p = primal(x);
        Value bell = math::ExpOp::create(b, loc, neg(mul(p, p)));
        return mul(mul(constant(type, 2 * llvm::numbers::inv_sqrtpi), bell),
                   dx);
      })
      .Case([&](math::AbsFOp) {
        return mul(math::CopySignOp::create(b, loc, one(), primal(x)), dx);
      })
      .Default(Value());
}

Value ScalarTangents::rule(Operation *op, ArrayRef<Value> dx) {
  auto x = [&](unsigned i) { return primal(op->getOperand(i)); };
  Type type = op->getResult(0).getType();
  auto product = [&](unsigned i, unsigned j) {
    return dx[i] ? mul(dx[i], x(j)) : Value();
  };
  auto choose = [&](arith::CmpFPredicate predicate) -> Value {
    Value left = arith::CmpFOp::create(b, loc, predicate, x(0), x(1));
    return arith::SelectOp::create(b, loc, left, orZero(dx[0], type),
                                   orZero(dx[1], type));
  };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::AddFOp) { return add(dx[0], dx[1]); })
      .Case([&](arith::SubFOp) { return sub(dx[0], dx[1]); })
      .Case([&](arith::MulFOp) { return add(product(0, 1), product(1, 0)); })
      .Case([&](math::FmaOp) {
        return add(add(product(0, 1), product(1, 0)), dx[2]);
      })
      .Case([&](arith::DivFOp) {
        // d(x / y) = (dx - (x / y) dy) / y
        Value quotient = dx[1] ? mul(primal(op->getResult(0)), dx[1]) : Value();
        return div(sub(dx[0], quotient), x(1));
      })
      .Case([&](arith::NegFOp) { return neg(dx[0]); })
      .Case(
          [&](arith::MaximumFOp) { return choose(arith::CmpFPredicate::OGE); })
      .Case(
          [&](arith::MinimumFOp) { return choose(arith::CmpFPredicate::OLE); })
      .Case([&](arith::SelectOp) -> Value {
        return arith::SelectOp::create(b, loc, x(0), orZero(dx[1], type),
                                       orZero(dx[2], type));
      })
      .Default([&](Operation *) { return dx[0] ? unary(op, dx[0]) : Value(); });
}

LogicalResult ScalarTangents::emit(Operation *op) {
  SmallVector<Value> dx = llvm::map_to_vector(
      op->getOperands(), [&](Value operand) { return get(operand); });
  if (llvm::none_of(dx, [](Value d) { return bool(d); }))
    return success();
  // A comparison of values that vary is constant almost everywhere.
  if (isa<arith::CmpFOp>(op))
    return success();
  if (!hasTangentRule(op) || op->getNumRegions() || op->getNumResults() != 1 ||
      !isa<FloatType>(op->getResult(0).getType())) {
    refusal = hasNoDerivative(op);
    return failure();
  }
  Value tangent = rule(op, dx);
  if (!tangent)
    refusal = hasNoDerivative(op);
  else if (isMissing)
    refusal = "the derivative of " + op->getName().getStringRef().str() +
              " needs what a reduction has so far, or an index";
  if (!refusal.empty())
    return failure();
  tangents[op->getResult(0)] = tangent;
  return success();
}

Value TangentBuilder::zeros(Value like) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, like);
  sizes.insert(sizes.begin(), numSeeds);
  return buildFilled(b, loc, sizes, getElementTypeOrSelf(like.getType()), 0);
}

/// The map with the seeds' loop before its own.
static AffineMap withSeeds(AffineMap map, bool isTangent) {
  AffineMap shifted = map.shiftDims(1);
  return isTangent
             ? shifted.insertResult(getAffineDimExpr(0, map.getContext()), 0)
             : shifted;
}

LogicalResult TangentBuilder::emitStructured(Operation *op) {
  auto structured = cast<linalg::LinalgOp>(op);
  Block &body = *structured.getBlock();
  SmallVector<AffineMap> maps = structured.getIndexingMapsArray();
  unsigned numIns = structured.getNumDpsInputs();
  SmallVector<Value> ins, outs;
  SmallVector<AffineMap> newMaps;
  // Primal inputs, then the tangents of those that have one.
  for (auto [i, operand] : llvm::enumerate(structured.getDpsInputs())) {
    ins.push_back(operand);
    newMaps.push_back(withSeeds(maps[i], /*isTangent=*/false));
  }
  SmallVector<unsigned> active;
  for (auto [i, operand] : llvm::enumerate(structured.getDpsInputs()))
    if (Value tangent = get(operand)) {
      active.push_back(i);
      ins.push_back(tangent);
      newMaps.push_back(withSeeds(maps[i], /*isTangent=*/true));
    }
  for (auto [i, operand] : llvm::enumerate(structured.getDpsInits())) {
    Value tangent = get(operand);
    outs.push_back(tangent ? tangent : zeros(operand));
    newMaps.push_back(withSeeds(maps[numIns + i], /*isTangent=*/true));
  }
  SmallVector<utils::IteratorType> iterators = {utils::IteratorType::parallel};
  llvm::append_range(iterators, structured.getIteratorTypesArray());
  LogicalResult status = success();
  auto generic = linalg::GenericOp::create(
      b, loc, TypeRange(ValueRange(outs)), ins, outs, newMaps, iterators,
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        ScalarTangents scalars(nested, bodyLoc);
        for (unsigned i = 0; i < numIns; ++i)
          scalars.map(body.getArgument(i), args[i], Value());
        for (auto [k, i] : llvm::enumerate(active))
          scalars.map(body.getArgument(i), Value(), args[numIns + k]);
        for (unsigned i = 0; i < outs.size(); ++i)
          scalars.map(body.getArgument(numIns + i), Value(),
                      args[numIns + active.size() + i]);
        for (Operation &scalar : body.without_terminator())
          if (failed(scalars.emit(&scalar))) {
            status = failure();
            refusal = scalars.refusal;
            break;
          }
        SmallVector<Value> yields;
        for (auto [value, out] :
             llvm::zip_equal(body.getTerminator()->getOperands(),
                             args.take_back(outs.size()))) {
          Value tangent = scalars.get(value);
          yields.push_back(tangent ? tangent
                                   : arith::ConstantOp::create(
                                         nested, bodyLoc,
                                         nested.getZeroAttr(out.getType())));
        }
        linalg::YieldOp::create(nested, bodyLoc, yields);
      });
  for (auto [result, tangent] :
       llvm::zip_equal(op->getResults(), generic.getResults()))
    tangents[result] = tangent;
  return status;
}

LogicalResult TangentBuilder::emitElementwise(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || op->getNumResults() != 1) {
    refusal = hasNoDerivative(op);
    return failure();
  }
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<Indexed> ins;
  SmallVector<std::pair<unsigned, bool>> roles;
  SmallVector<Value> scalarsAround(op->getNumOperands());
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    if (!isa<RankedTensorType>(operand.getType())) {
      scalarsAround[i] = operand;
      continue;
    }
    ins.push_back({operand, withSeeds(identity, /*isTangent=*/false)});
    roles.push_back({i, false});
    if (Value tangent = get(operand)) {
      ins.push_back({tangent, withSeeds(identity, /*isTangent=*/true)});
      roles.push_back({i, true});
    }
  }
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, loc, op->getOperands().back());
  sizes.insert(sizes.begin(), numSeeds);
  Value out = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  LogicalResult status = success();
  Value tangent = buildGeneric(
      b, loc, type.getRank() + 1, ins,
      {{out, withSeeds(identity, /*isTangent=*/true)}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        ScalarTangents scalars(nested, bodyLoc);
        SmallVector<Value> operands(scalarsAround);
        for (auto [role, arg] : llvm::zip(roles, args))
          if (!role.second)
            operands[role.first] = arg;
        OperationState state(bodyLoc, op->getName(), operands,
                             {type.getElementType()}, op->getAttrs());
        Operation *scalar = nested.create(state);
        for (Value operand : operands)
          scalars.map(operand, operand, Value());
        scalars.map(scalar->getResult(0), scalar->getResult(0), Value());
        for (auto [role, arg] : llvm::zip(roles, args))
          if (role.second)
            scalars.map(operands[role.first], Value(), arg);
        status = scalars.emit(scalar);
        refusal = scalars.refusal;
        Value result = scalars.get(scalar->getResult(0));
        if (!result)
          result = arith::ConstantOp::create(
              nested, bodyLoc, nested.getZeroAttr(type.getElementType()));
        return SmallVector<Value>{result};
      })[0];
  tangents[op->getResult(0)] = tangent;
  return status;
}

LogicalResult TangentBuilder::emit(Operation *op) {
  bool isActive =
      llvm::any_of(op->getOperands(), [&](Value v) { return bool(get(v)); });
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  if (llvm::any_of(captured, [&](Value v) { return bool(get(v)); })) {
    refusal =
        (op->getName().getStringRef() + " uses a state in its body").str();
    return failure();
  }
  if (!isActive || isa<arith::CmpFOp, tensor::DimOp>(op))
    return success();
  if (!hasTangentRule(op)) {
    refusal = hasNoDerivative(op);
    return failure();
  }
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  auto withSeed = [&](SmallVector<OpFoldResult> list, OpFoldResult first) {
    list.insert(list.begin(), first);
    return list;
  };
  auto withSeedType = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    shape.insert(shape.begin(),
                 getConstantIntValue(numSeeds).value_or(ShapedType::kDynamic));
    return RankedTensorType::get(shape, tensor.getElementType());
  };
  if (isa<linalg::LinalgOp>(op))
    return emitStructured(op);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    tangents[op->getResult(0)] = tensor::ExtractSliceOp::create(
        b, loc, withSeedType(slice.getType()), get(slice.getSource()),
        withSeed(slice.getMixedOffsets(), zero),
        withSeed(slice.getMixedSizes(), numSeeds),
        withSeed(slice.getMixedStrides(), one));
    return success();
  }
  if (auto slice = dyn_cast<tensor::InsertSliceOp>(op)) {
    Value source = get(slice.getSource()), dest = get(slice.getDest());
    tangents[op->getResult(0)] = tensor::InsertSliceOp::create(
        b, loc, source ? source : zeros(slice.getSource()),
        dest ? dest : zeros(slice.getDest()),
        withSeed(slice.getMixedOffsets(), zero),
        withSeed(slice.getMixedSizes(), numSeeds),
        withSeed(slice.getMixedStrides(), one));
    return success();
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    tangents[op->getResult(0)] = tensor::CastOp::create(
        b, loc, withSeedType(cast.getType()), get(cast.getSource()));
    return success();
  }
  return emitElementwise(op);
}
