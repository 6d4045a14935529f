//===- RaiseKernels.cpp - Sums of powers become kernels -------------------===//
//
//   K[h, l] = sum over n of c[h, n] a[h, n]^l
//
// of a tensor of all powers, as a^l or as exp(x y l) with l anywhere among the
// factors, becomes one `ssm.materialize_kernel`, which forms them as it sums.
// exp(x y) is computed in f64: the error of l multiplications with an f32 is l
// times its own.
//
// Precondition: l is the index of a dimension that nothing else has.
//
// Source: Gu et al., "On the Parameterization and Initialization of Diagonal
// State Space Models" (arXiv 2206.11893), whose kernels are written like this.
//
//===----------------------------------------------------------------------===//
#include "ssm/Analysis/ElementForm.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Import/Passes.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_RAISEKERNELS
#include "ssm/Import/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

namespace {
/// base^l of the only factor, or exp(l product of the factors).
struct Powers {
  SmallVector<Mapped> factors;
  unsigned lag;
  bool isExponential;
};

/// The sum of c base^l over the loop dimensions of an op.
struct PowerSum {
  Powers powers;
  Mapped output;
  AffineMap result;
};
} // namespace

/// How deep l may lie in a product.
static constexpr unsigned kMaxFactors = 8;

/// The factors of a product of which one is the index of a loop dimension.
static std::optional<Powers> splitLag(Mapped value, unsigned depth = 0) {
  if (std::optional<unsigned> lag = findPosition(value))
    return Powers{{}, *lag, /*isExponential=*/true};
  auto element = findElementOp(seeThroughCopies(value));
  if (!element || depth == kMaxFactors)
    return std::nullopt;
  // A real number as a complex one.
  if (isa<complex::CreateOp>(element->op) &&
      findUniform(element->operands[1].tensor) == 0.0)
    return splitLag(element->operands[0], depth + 1);
  if (!isa<arith::MulFOp, complex::MulOp>(element->op))
    return std::nullopt;
  for (unsigned i : {1u, 0u}) {
    std::optional<Powers> powers = splitLag(element->operands[i], depth + 1);
    Mapped other = seeThroughCopies(element->operands[1 - i]);
    if (!powers || uses(other.map, powers->lag))
      continue;
    powers->factors.push_back(other);
    return powers;
  }
  return std::nullopt;
}

static std::optional<Powers> findPowers(Mapped value) {
  std::optional<ElementOp> element = findElementOp(seeThroughCopies(value));
  if (!element)
    return std::nullopt;
  if (isa<math::PowFOp, math::FPowIOp, complex::PowOp>(element->op)) {
    std::optional<unsigned> lag = findPosition(element->operands[1]);
    Mapped base = seeThroughCopies(element->operands[0]);
    if (!lag || uses(base.map, *lag))
      return std::nullopt;
    return Powers{{base}, *lag, /*isExponential=*/false};
  }
  if (!isa<math::ExpOp, complex::ExpOp>(element->op))
    return std::nullopt;
  std::optional<Powers> powers = splitLag(element->operands[0]);
  return powers && !powers->factors.empty() ? powers : std::nullopt;
}

/// The factors of what the op sums, over its loop dimensions.
static SmallVector<Mapped> findSummed(linalg::GenericOp op) {
  if (std::optional<Product> product = findProduct(op)) {
    if (product->start.tensor)
      return {};
    return {product->left, product->right};
  }
  if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1 || !isFilledWithZero(op.getOutputs()[0]) ||
      !isa<arith::AddFOp, complex::AddOp>(op.getBlock()->front()) ||
      op.getBlock()->getOperations().size() != 2 ||
      !op.getIndexingMapsArray()[0].isProjectedPermutation())
    return {};
  auto element = findElementOp(
      seeThroughCopies({op.getInputs()[0], op.getIndexingMapsArray()[0]}));
  if (!element || !isa<arith::MulFOp, complex::MulOp>(element->op))
    return {};
  return element->operands;
}

static std::optional<PowerSum> findPowerSum(linalg::GenericOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1)
    return std::nullopt;
  SmallVector<Mapped> factors = findSummed(op);
  AffineMap result = op.getIndexingMapsArray().back();
  for (unsigned i : llvm::seq<unsigned>(factors.size())) {
    std::optional<Powers> powers = findPowers(factors[i]);
    Mapped output = seeThroughCopies(factors[1 - i]);
    if (!powers || uses(output.map, powers->lag) ||
        !uses(result, powers->lag) || !result.isProjectedPermutation())
      continue;
    auto isCovered = [&](unsigned dim) {
      return dim == powers->lag || uses(output.map, dim) ||
             llvm::any_of(powers->factors, [&](const Mapped &factor) {
               return uses(factor.map, dim);
             });
    };
    if (llvm::all_of(llvm::seq(op.getNumLoops()), isCovered))
      return PowerSum{*powers, output, result};
  }
  return std::nullopt;
}

/// Whether the kernel of such operands has elements of the type, and a length
/// that is known.
static bool isKernel(const PowerSum &sum, RankedTensorType type) {
  auto isWide = [&](Value operand) {
    auto tensor = dyn_cast<RankedTensorType>(operand.getType());
    auto real = tensor
                    ? dyn_cast<FloatType>(getRealType(tensor.getElementType()))
                    : nullptr;
    return real && real.getWidth() >= getElementWidth(type.getElementType());
  };
  auto isFactor = [&](const Mapped &factor) {
    return isWide(factor.tensor) && factor.map.isProjectedPermutation();
  };
  return llvm::all_of(sum.powers.factors, isFactor) &&
         isWide(sum.output.tensor) &&
         !type.isDynamicDim(*positionOf(sum.result, sum.powers.lag));
}

/// exp of the product of the factors, in f64, over the loop dimensions that any
/// of them has.
static Mapped exponentiate(OpBuilder &b, Location loc,
                           ArrayRef<Mapped> factors) {
  SmallVector<unsigned> dims;
  SmallVector<OpFoldResult> sizes;
  bool isComplex = false;
  for (const Mapped &factor : factors) {
    isComplex |= isa<ComplexType>(getElementTypeOrSelf(factor.tensor));
    for (auto [dim, size] : llvm::zip_equal(
             dimsOf(factor.map), tensor::getMixedSizes(b, loc, factor.tensor)))
      if (!llvm::is_contained(dims, dim)) {
        dims.push_back(dim);
        sizes.push_back(size);
      }
  }
  SmallVector<Indexed> ins;
  for (const Mapped &factor : factors) {
    SmallVector<AffineExpr> places;
    for (unsigned dim : dimsOf(factor.map))
      places.push_back(
          b.getAffineDimExpr(llvm::find(dims, dim) - dims.begin()));
    ins.push_back({factor.tensor,
                   AffineMap::get(dims.size(), 0, places, b.getContext())});
  }
  Type real = b.getF64Type(),
       element = isComplex ? ComplexType::get(real) : real;
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  AffineMap identity = b.getMultiDimIdentityMap(dims.size());
  Value powers =
      buildGeneric(b, loc, dims.size(), ins, {{empty, identity}},
                   [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
                     NumBuilder num(nested, bodyLoc, real);
                     Num product = num.load(args[0]);
                     for (Value factor : args.drop_front().drop_back())
                       product = num.mul(product, num.load(factor));
                     Value wide = num.store(product, element), power;
                     if (isComplex)
                       power = complex::ExpOp::create(nested, bodyLoc, wide);
                     else
                       power = math::ExpOp::create(nested, bodyLoc, wide);
                     return SmallVector<Value>{power};
                   })[0];
  SmallVector<AffineExpr> results = llvm::map_to_vector(
      dims, [&](unsigned dim) { return b.getAffineDimExpr(dim); });
  return {powers, AffineMap::get(factors[0].map.getNumDims(), 0, results,
                                 b.getContext())};
}

namespace {
struct RaisePowerSum : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<PowerSum> sum = findPowerSum(op);
    if (!sum)
      return rewriter.notifyMatchFailure(op, "no sum of powers");
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    if (!isKernel(*sum, type))
      return rewriter.notifyMatchFailure(op, "types of no kernel");
    Location loc = op.getLoc();
    const Powers &powers = sum->powers;
    Mapped base = powers.isExponential
                      ? exponentiate(rewriter, loc, powers.factors)
                      : powers.factors[0];
    bool isComplex = isa<ComplexType>(getElementTypeOrSelf(base.tensor)) ||
                     isa<ComplexType>(getElementTypeOrSelf(sum->output.tensor));
    bool isProjected = isComplex && !isa<ComplexType>(type.getElementType());
    Value one =
        buildFilled(rewriter, loc, {}, getRealType(type.getElementType()), 1);
    auto none = AffineMap::get(op.getNumLoops(), 0, getContext());
    SmallVector<AffineMap> maps = {base.map, none, sum->output.map,
                                   sum->result};
    remark::passed(
        loc, remark::RemarkOpts::name("Raised").category("ssm-raise-kernels"))
        << "the sum of powers is a kernel";
    rewriter.replaceOpWithNewOp<MaterializeKernelOp>(
        op, type, base.tensor, one, sum->output.tensor, /*length=*/Value(),
        /*left=*/Value(), /*right=*/Value(),
        rewriter.getAffineMapArrayAttr(maps),
        rewriter.getI64IntegerAttr(powers.lag),
        /*row=*/IntegerAttr(), /*column=*/IntegerAttr(),
        ProjectionAttr::get(getContext(),
                            isProjected ? Projection::Real : Projection::None));
    return success();
  }
};

/// A kernel that only one elementwise op reads, through copies.
struct ReadKernel {
  MaterializeKernelOp kernel;
  AffineMap map; ///< Of the kernel, over the reader's loops.
};
} // namespace

static std::optional<ReadKernel> findKernel(Mapped value) {
  Mapped source = seeThroughCopies(value);
  auto kernel = source.tensor.getDefiningOp<MaterializeKernelOp>();
  if (!kernel)
    return std::nullopt;
  for (Value copy = value.tensor;; copy = copy.getDefiningOp()->getOperand(0)) {
    if (!copy.hasOneUse())
      return std::nullopt;
    if (copy == source.tensor)
      return ReadKernel{kernel, source.map};
  }
}

/// Replaces what is computed from a kernel by that of another projection.
static void project(PatternRewriter &rewriter, linalg::GenericOp op,
                    ReadKernel read, Projection projection) {
  auto type = read.kernel.getResult().getType();
  rewriter.setInsertionPoint(read.kernel);
  auto kernel = cast<MaterializeKernelOp>(rewriter.clone(*read.kernel));
  kernel.getResult().setType(type.clone(getRealType(type.getElementType())));
  kernel.setProjectionAttr(ProjectionAttr::get(op.getContext(), projection));
  rewriter.setInsertionPoint(op);
  AffineMap identity = rewriter.getMultiDimIdentityMap(op.getNumLoops());
  rewriter.replaceOp(op,
                     buildGeneric(rewriter, op.getLoc(), op.getNumLoops(),
                                  {{kernel.getResult(), read.map}},
                                  {{op.getOutputs()[0], identity}},
                                  [](OpBuilder &, Location, ValueRange args) {
                                    return SmallVector<Value>{args[0]};
                                  }));
}

/// What the op multiplies by two.
static std::optional<Mapped> halve(const ElementOp &element) {
  if (!isa<arith::MulFOp, complex::MulOp>(element.op))
    return std::nullopt;
  for (unsigned i : {0u, 1u})
    if (findUniform(element.operands[i].tensor) == 2.0)
      return element.operands[1 - i];
  return std::nullopt;
}

/// The kernel of which an op takes the real part, or the product of that and
/// two.
static std::optional<std::pair<ReadKernel, Projection>>
findProjection(const ElementOp &element) {
  bool takesReal = isa<complex::ReOp>(element.op);
  if (takesReal)
    if (std::optional<ReadKernel> read = findKernel(element.operands[0]))
      return std::pair{*read, Projection::Real};
  std::optional<ElementOp> product =
      takesReal ? findElementOp(seeThroughCopies(element.operands[0]))
                : std::optional(element);
  std::optional<Mapped> half = product ? halve(*product) : std::nullopt;
  std::optional<ReadKernel> read = half ? findKernel(*half) : std::nullopt;
  if (!read || (!takesReal && read->kernel.getProjection() != Projection::Real))
    return std::nullopt;
  return std::pair{*read, Projection::TwiceReal};
}

namespace {
/// 2 Re K, the factor before the real part or after it.
struct ProjectKernel : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast_or_null<RankedTensorType>(
        op.getNumResults() == 1 ? op.getResult(0).getType() : Type());
    if (!type || !op.getIndexingMapsArray().back().isIdentity())
      return rewriter.notifyMatchFailure(op, "not elementwise");
    std::optional<ElementOp> element = findElementOp(
        {op.getResult(0), rewriter.getMultiDimIdentityMap(type.getRank())});
    if (!element)
      return rewriter.notifyMatchFailure(op, "not one operation");
    auto projected = findProjection(*element);
    if (!projected)
      return rewriter.notifyMatchFailure(op, "no part of a kernel");
    project(rewriter, op, projected->first, projected->second);
    return success();
  }
};

struct RaiseKernels : ::ssm::impl::RaiseKernelsBase<RaiseKernels> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaisePowerSum, ProjectKernel>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
