//===- SplitOutputs.cpp - What outputs read beside the states -------------===//
//
//   y = start + sum of c (x + u k v)          x: states, v lacks what is summed
//
// becomes y = start + sum of c x + (sum of c u k) v: the first sum is known for
// the output map of a recurrence, and no tensor has the states' dimensions any
// more. RWKV-6 reads its states with such a bonus for the present.
//
// Precondition: real numbers; nothing else reads x + u k v.
//
// Source: Peng et al., "Eagle and Finch" (arXiv 2404.05892), equation 18.
//
//===----------------------------------------------------------------------===//
#include "AbsorbContractions.h"
#include "Contraction.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/LoopRanges.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

namespace {
/// c (x + the product of `factors`), over the loop dimensions of the sum.
struct OutputAndRest {
  Product sum;
  Mapped output, states;
  SmallVector<Mapped> factors;
};
} // namespace

/// The arguments that a body multiplies to `value`, each once or more; none if
/// it has another op.
static bool findFactors(Value value, SmallVectorImpl<BlockArgument> &factors) {
  if (auto arg = dyn_cast<BlockArgument>(value)) {
    factors.push_back(arg);
    return true;
  }
  auto product = value.getDefiningOp<arith::MulFOp>();
  return product && findFactors(product.getLhs(), factors) &&
         findFactors(product.getRhs(), factors);
}

/// What the factor is made of: the factors of an outer product are several.
static void addFactors(Mapped factor, SmallVectorImpl<Mapped> &factors) {
  factor = seeThroughCopies(factor);
  auto parts = findOuterProduct(factor);
  if (!parts)
    return factors.push_back(factor);
  addFactors(parts->first, factors);
  addFactors(parts->second, factors);
}

/// The two terms of an elementwise op x + u k v that only `value` is made of.
static std::optional<OutputAndRest> splitFactor(Product sum, Mapped value,
                                                Mapped output) {
  auto op = value.tensor.getDefiningOp<linalg::GenericOp>();
  if (!op || !op->hasOneUse() || op->getBlock() != sum.op->getBlock() ||
      op.getNumReductionLoops() != 0 || op.getNumDpsInits() != 1 ||
      !op.hasPureTensorSemantics())
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto added = op.getBlock()
                   ->getTerminator()
                   ->getOperand(0)
                   .getDefiningOp<arith::AddFOp>();
  if (!added || !maps.back().isPermutation() ||
      !llvm::all_of(maps,
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return std::nullopt;
  AffineMap place = inversePermutation(maps.back()).compose(value.map);
  auto inputOf = [&](BlockArgument arg) -> Mapped {
    return {op->getOperand(arg.getArgNumber()),
            maps[arg.getArgNumber()].compose(place)};
  };
  for (bool isRight : {false, true}) {
    auto x = dyn_cast<BlockArgument>(added->getOperand(isRight));
    Mapped states;
    SmallVector<BlockArgument> factors;
    if (!x || !x.hasOneUse() || !findStates(inputOf(x), states) ||
        !findFactors(added->getOperand(!isRight), factors))
      continue;
    OutputAndRest found{sum, output, inputOf(x), {}};
    for (BlockArgument factor : factors)
      addFactors(inputOf(factor), found.factors);
    return found;
  }
  return std::nullopt;
}

static std::optional<OutputAndRest> findOutputAndRest(linalg::GenericOp op) {
  std::optional<Product> sum = findProduct(op);
  if (!sum || !isa<FloatType>(getElementTypeOrSelf(op.getResult(0))))
    return std::nullopt;
  auto found = splitFactor(*sum, sum->left, sum->right);
  return found ? found : splitFactor(*sum, sum->right, sum->left);
}

/// start + sum of a product of factors, over a sum's loop dimensions that they
/// and the result have.
static Value buildSum(OpBuilder &b, Location loc, ArrayRef<Mapped> factors,
                      Mapped start) {
  SmallVector<AffineMap> maps;
  for (const Mapped &factor : factors)
    maps.push_back(factor.map);
  maps.push_back(start.map);
  maps = dropUnusedLoops(maps);
  SmallVector<Indexed> ins;
  for (auto [factor, map] : llvm::zip(factors, maps))
    ins.push_back({factor.tensor, map});
  auto body = [&](OpBuilder &inner, Location bodyLoc, ValueRange args) {
    NumBuilder num(inner, bodyLoc, args.back().getType());
    Value product = num.load(args[0]).re;
    for (Value x : args.slice(1, args.size() - 2))
      product = num.mulf(product, num.load(x).re);
    auto flags = arith::FastMathFlags::contract | arith::FastMathFlags::reassoc;
    return SmallVector<Value>{
        arith::AddFOp::create(inner, bodyLoc, args.back(), product, flags)};
  };
  return buildGeneric(b, loc, maps[0].getNumDims(), ins,
                      {{start.tensor, maps.back()}}, body)[0];
}

namespace {
struct SplitOutput : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<OutputAndRest> found = findOutputAndRest(op);
    if (!found)
      return rewriter.notifyMatchFailure(op, "no states with something added");
    Location loc = op.getLoc();
    AffineMap result = found->sum.result.map;
    Value y = buildSum(rewriter, loc, {found->output, found->states},
                       {op.getOutputs()[0], result});
    // What varies along the sum, and what does not.
    SmallVector<Mapped> inside = {found->output}, outside;
    for (const Mapped &factor : found->factors) {
      bool isSummed = llvm::any_of(
          dimsOf(factor.map), [&](unsigned dim) { return !uses(result, dim); });
      (isSummed ? inside : outside).push_back(factor);
    }
    SmallVector<AffineExpr> kept;
    for (AffineExpr dim : result.getResults())
      if (llvm::any_of(inside, [&](const Mapped &factor) {
            return uses(factor.map, cast<AffineDimExpr>(dim).getPosition());
          }))
        kept.push_back(dim);
    AffineMap map =
        AffineMap::get(result.getNumDims(), 0, kept, op.getContext());
    SmallVector<OpFoldResult> sizes = getLoopSizes(rewriter, op);
    Type element = getElementTypeOrSelf(op.getResult(0));
    Value zero = buildFilled(rewriter, loc, applyMap(map, sizes), element, 0);
    Value inner = buildSum(rewriter, loc, inside, {zero, map});
    outside.push_back({inner, map});
    rewriter.replaceOp(op, buildSum(rewriter, loc, outside, {y, result}));
    return success();
  }
};
} // namespace

void ssm::populateSplitOutputsPatterns(RewritePatternSet &patterns) {
  patterns.add<SplitOutput>(patterns.getContext());
}
