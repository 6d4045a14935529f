//===- Gradient.cpp - Vector-Jacobian products of functions ---------------===//
//
// For @f(inputs) -> results, adds @f_vjp(inputs, cotangents of the results) ->
// cotangents of the inputs: @f's body, then the rules of its ops in reverse
// order.
//
// Precondition: one block, of ops that have a rule or do not depend on the
// inputs. Tensors of integers have no cotangent.
//
//===----------------------------------------------------------------------===//
#include "Gradient.h"

#include "ssm/AOT/Signature.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Passes.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ssm;

namespace ssm {
#define GEN_PASS_DEF_GRADIENT
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

SumTarget SumTarget::of(OpBuilder &b, Indexed primal) {
  return {getElementTypeOrSelf(primal.value), primal.map,
          tensor::getMixedSizes(b, primal.value.getLoc(), primal.value)};
}

Value ssm::sumInto(
    OpBuilder &b, Location loc, const SumTarget &target, ArrayRef<Indexed> ins,
    llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  Type real = getWorkingType(target.element);
  Type sumType =
      isa<ComplexType>(target.element) ? Type(ComplexType::get(real)) : real;
  Value init = tensor::EmptyOp::create(b, loc, target.sizes, sumType);
  SmallVector<AffineMap> maps;
  for (const Indexed &in : ins)
    maps.push_back(in.map);
  maps.push_back(target.map);
  maps = compressUnusedDims(maps);
  SmallVector<Indexed> inputs(ins);
  for (auto [in, map] : llvm::zip(inputs, maps))
    in.map = map;
  bool sums = maps.back().getNumDims() > maps.back().getNumResults();
  if (sums) {
    NumBuilder num(b, loc, real);
    Value zero = num.store(num.constant(0.0), sumType);
    init = linalg::FillOp::create(b, loc, zero, init).getResult(0);
  }
  auto accumulate = [&](OpBuilder &nested, Location at, ValueRange args) {
    NumBuilder num(nested, at, real);
    Num term = num.load(body(nested, at, args.drop_back()));
    if (!isa<ComplexType>(sumType))
      term.im = Value();
    if (sums)
      term = num.add(num.load(args.back()), term);
    return SmallVector<Value>{num.store(term, sumType)};
  };
  Value sum = buildGeneric(b, loc, maps.back().getNumDims(), inputs,
                           {{init, maps.back()}}, accumulate)[0];
  if (sumType == target.element)
    return sum;
  AffineMap identity = b.getMultiDimIdentityMap(target.sizes.size());
  Value out = tensor::EmptyOp::create(b, loc, target.sizes, target.element);
  auto round = [&](OpBuilder &nested, Location at, ValueRange args) {
    NumBuilder num(nested, at, real);
    return SmallVector<Value>{num.store(num.load(args[0]), target.element)};
  };
  return buildGeneric(b, loc, target.sizes.size(), {{sum, identity}},
                      {{out, identity}}, round)[0];
}

Value ssm::sumOfProducts(OpBuilder &b, Location loc, const SumTarget &target,
                         Indexed x, Indexed y) {
  if (!y.value && x.map == target.map &&
      getElementTypeOrSelf(x.value) == target.element)
    return x.value;
  SmallVector<Indexed> ins = {x};
  if (y.value)
    ins.push_back(y);
  Type real = getWorkingType(target.element);
  return sumInto(b, loc, target, ins,
                 [&](OpBuilder &nested, Location at, ValueRange args) {
                   NumBuilder num(nested, at, real);
                   Num product = num.load(args[0]);
                   if (y.value) {
                     Num other = num.load(args[1]);
                     if (other.isComplex())
                       other.im = num.negf(other.im);
                     product = num.mul(product, other);
                   }
                   return num.store(product, product.isComplex()
                                                 ? Type(ComplexType::get(real))
                                                 : real);
                 });
}

Value ssm::zerosLike(OpBuilder &b, Value tensor) {
  Location loc = tensor.getLoc();
  Type element = getElementTypeOrSelf(tensor);
  NumBuilder num(b, loc, getWorkingType(element));
  Value zero = num.store(num.constant(0.0), element);
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, tensor), element);
  return linalg::FillOp::create(b, loc, zero, empty).getResult(0);
}

Value ssm::conjugate(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!isa<ComplexType>(type.getElementType()))
    return tensor;
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Value out = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, tensor), type.getElementType());
  return buildGeneric(
      b, loc, type.getRank(), {{tensor, identity}}, {{out, identity}},
      [](OpBuilder &nested, Location at, ValueRange args) {
        return SmallVector<Value>{complex::ConjOp::create(nested, at, args[0])};
      })[0];
}

void Cotangents::add(OpBuilder &b, Value value, Value grad) {
  Value &sum = grads[value];
  if (!sum) {
    sum = grad;
    return;
  }
  auto type = cast<RankedTensorType>(value.getType());
  Location loc = value.getLoc();
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  Type real = getWorkingType(type.getElementType());
  Value out = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, value), type.getElementType());
  sum = buildGeneric(b, loc, type.getRank(),
                     {{sum, identity}, {grad, identity}}, {{out, identity}},
                     [&](OpBuilder &nested, Location at, ValueRange args) {
                       NumBuilder num(nested, at, real);
                       return SmallVector<Value>{num.store(
                           num.add(num.load(args[0]), num.load(args[1])),
                           type.getElementType())};
                     })[0];
}

/// Whether a value of this type has a cotangent.
static bool isDifferentiable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType, ComplexType>(tensor.getElementType());
}

namespace {
/// The making of one @f_vjp.
class Differentiation {
public:
  explicit Differentiation(func::FuncOp source) : source(source) {}

  LogicalResult run();

private:
  LogicalResult checkSource();
  void cloneSource();
  LogicalResult generalize();
  void addCotangentArguments();
  void findVaried();
  LogicalResult differentiateBody();
  void returnCotangents();

  func::FuncOp source, target;
  llvm::DenseSet<Value> varied;
  std::optional<Cotangents> cotangents;
  unsigned numInputs = 0;
};
} // namespace

LogicalResult Differentiation::checkSource() {
  if (!source.getBody().hasOneBlock())
    return source.emitError("a function with a gradient must have one block, "
                            "but '")
           << source.getName() << "' has branches; use selects";
  for (Type type : llvm::concat<const Type>(source.getArgumentTypes(),
                                            source.getResultTypes()))
    if (!isa<RankedTensorType>(type))
      return source.emitError("a function with a gradient takes and returns "
                              "ranked tensors, but '")
             << source.getName() << "' has a value of type " << type;
  return success();
}

void Differentiation::cloneSource() {
  target = source.clone();
  target.setName(source.getName().str() + "_vjp");
  SymbolTable(source->getParentOp()).insert(target, ++source->getIterator());
}

/// Leaves one form of linalg op: linalg.generic.
LogicalResult Differentiation::generalize() {
  RewritePatternSet patterns(target.getContext());
  linalg::populateElementwiseToLinalgConversionPatterns(patterns);
  linalg::populateLinalgNamedOpsGeneralizationPatterns(patterns);
  return applyPatternsGreedily(target, std::move(patterns));
}

static std::string getValueName(Attribute name, const char *letter,
                                unsigned i) {
  auto given = dyn_cast_if_present<StringAttr>(name);
  return "d_" + (given ? given.str() : letter + std::to_string(i));
}

void Differentiation::addCotangentArguments() {
  Builder b(target.getContext());
  numInputs = target.getNumArguments();
  for (unsigned i = 0, e = target.getNumResults(); i < e; ++i) {
    Type type = target.getResultTypes()[i];
    if (!isDifferentiable(type))
      continue;
    std::string name = getValueName(target.getResultAttr(i, kArgName), "r", i);
    auto attrs =
        b.getDictionaryAttr(b.getNamedAttr(kArgName, b.getStringAttr(name)));
    (void)target.insertArgument(target.getNumArguments(), type, attrs,
                                target.getLoc());
  }
}

/// What depends on an input, in the order of the block.
void Differentiation::findVaried() {
  for (BlockArgument arg : target.getArguments().take_front(numInputs))
    if (isDifferentiable(arg.getType()))
      varied.insert(arg);
  for (Operation &op : target.getBody().front()) {
    bool depends = false;
    op.walk([&](Operation *inner) {
      depends |= llvm::any_of(inner->getOperands(), [&](Value operand) {
        return varied.contains(operand);
      });
    });
    // Sizes do not change with the numbers, nor comparisons.
    if (!depends || isa<tensor::DimOp>(op))
      continue;
    for (Value result : op.getResults())
      if (isa<FloatType, ComplexType>(getElementTypeOrSelf(result)))
        varied.insert(result);
  }
}

static LogicalResult differentiateOp(OpBuilder &b, Operation &op,
                                     Cotangents &cotangents) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<LinearRecurrenceOp, MaterializeKernelOp, LongConvOp,
            AssociativeScanOp, linalg::GenericOp, tensor::ExtractSliceOp,
            tensor::InsertSliceOp, tensor::ExpandShapeOp,
            tensor::CollapseShapeOp>(
          [&](auto typed) { return differentiate(b, typed, cotangents); })
      .Default([](Operation *other) {
        return other->emitError("an op between inputs and results must have a "
                                "gradient, but '")
               << other->getName()
               << "' has none; write it as linalg.generic or take it out of "
                  "the function";
      });
}

LogicalResult Differentiation::differentiateBody() {
  auto terminator =
      cast<func::ReturnOp>(target.getBody().front().getTerminator());
  OpBuilder b(terminator);
  cotangents.emplace(varied);
  unsigned next = numInputs;
  for (Value result : terminator.getOperands())
    if (isDifferentiable(result.getType()))
      cotangents->add(b, result, target.getArgument(next++));
  SmallVector<Operation *> ops;
  for (Operation &op : target.getBody().front().without_terminator())
    if (llvm::any_of(op.getResults(),
                     [&](Value result) { return varied.contains(result); }))
      ops.push_back(&op);
  // The ops that the rules add are behind these.
  for (Operation *op : llvm::reverse(ops))
    if (llvm::any_of(op->getResults(),
                     [&](Value result) { return cotangents->get(result); }))
      if (failed(differentiateOp(b, *op, *cotangents)))
        return failure();
  return success();
}

void Differentiation::returnCotangents() {
  Operation *terminator = target.getBody().front().getTerminator();
  OpBuilder b(terminator);
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> attrs;
  for (BlockArgument arg : target.getArguments().take_front(numInputs)) {
    if (!isDifferentiable(arg.getType()))
      continue;
    Value grad = cotangents->get(arg);
    if (!grad)
      grad = zerosLike(b, arg);
    if (grad.getType() != arg.getType())
      grad = tensor::CastOp::create(b, arg.getLoc(), arg.getType(), grad);
    unsigned i = arg.getArgNumber();
    std::string name = getValueName(target.getArgAttr(i, kArgName), "", i);
    values.push_back(grad);
    attrs.push_back(
        b.getDictionaryAttr(b.getNamedAttr(kArgName, b.getStringAttr(name))));
  }
  terminator->setOperands(values);
  target.setType(b.getFunctionType(target.getArgumentTypes(),
                                   ValueRange(values).getTypes()));
  target.setAllResultAttrs(attrs);
}

LogicalResult Differentiation::run() {
  if (failed(checkSource()))
    return failure();
  cloneSource();
  if (failed(generalize()))
    return failure();
  addCotangentArguments();
  findVaried();
  if (failed(differentiateBody()))
    return failure();
  returnCotangents();
  return success();
}

namespace {
struct Gradient : ssm::impl::GradientBase<Gradient> {
  using GradientBase::GradientBase;

  void runOnOperation() override {
    SmallVector<func::FuncOp> sources;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isPublic() && !func.isExternal() &&
          (entry.empty() || func.getName() == entry))
        sources.push_back(func);
    if (sources.empty() && !entry.empty()) {
      getOperation().emitError("the entry must be a public function of the "
                               "program, but '")
          << entry << "' is not";
      return signalPassFailure();
    }
    for (func::FuncOp source : sources)
      if (failed(Differentiation(source).run()))
        return signalPassFailure();
  }
};
} // namespace
