//===- RaiseConvolutions.cpp - Products of spectra become convolutions ----===//
//
//   y = ifft(fft(u) fft(k))[0 .. L]
//
// is the convolution of u and k modulo the number of points N. Which lags reach
// the first L steps without being taken modulo N says what it is along time:
//
//   forward     u and k and what they come to fit N
//   backward    one spectrum is conjugated, and k and L fit N
//   two_sided   k lags d < 0 are at N + d, as layers that look both ways put
//   them
//
// Source: Gu et al., "Efficiently Modeling Long Sequences with Structured State
// Spaces" (arXiv 2111.00396), whose layers are written like this.
//
//===----------------------------------------------------------------------===//
#include "ssm/Analysis/ElementForm.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Import/Passes.h"
#include "ssm/Utils/Generic.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"

namespace ssm {
#define GEN_PASS_DEF_RAISECONVOLUTIONS
#include "ssm/Import/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

namespace {
/// A sequence whose transform is a factor, without the zeros behind it, over
/// the dimensions of the result.
struct Sequence {
  Mapped values;
  int64_t length;
  bool isConjugated;
};

/// A product of transforms, of `points` along dimension `time` of the result.
struct SpectraProduct {
  unsigned time;
  int64_t points, length;
  SmallVector<Sequence> factors;
  double scale = 1;
};
} // namespace

static bool isComplex(Value tensor) {
  return isa<ComplexType>(getElementTypeOrSelf(tensor));
}

/// What a tensor is made of that ends with zeros along `dim` and else has all
/// of it.
static Value dropZeros(Value tensor, unsigned dim) {
  auto hasAll = [&](Value source, ArrayRef<int64_t> offsets) {
    auto from = cast<RankedTensorType>(source.getType()),
         to = cast<RankedTensorType>(tensor.getType());
    if (from.getRank() != to.getRank() || from.isDynamicDim(dim))
      return false;
    return llvm::all_of(llvm::seq<unsigned>(from.getRank()), [&](unsigned i) {
      return offsets[i] == 0 &&
             (i == dim || (!from.isDynamicDim(i) &&
                           from.getDimSize(i) == to.getDimSize(i)));
    });
  };
  if (auto insert = tensor.getDefiningOp<tensor::InsertSliceOp>())
    if (insert.hasUnitStride() && isFilledWithZero(insert.getDest()) &&
        hasAll(insert.getSource(), insert.getStaticOffsets()))
      return insert.getSource();
  if (auto pad = tensor.getDefiningOp<tensor::PadOp>()) {
    Value value = pad.getConstantPaddingValue();
    if (value && findUniform(value) == 0.0 &&
        hasAll(pad.getSource(), pad.getStaticLow()))
      return pad.getSource();
  }
  return tensor;
}

/// What a copy is made of, unless it is the same at all times.
static Mapped seeThrough(Mapped value, const SpectraProduct &product) {
  Mapped source = seeThroughCopies(value);
  return uses(source.map, product.time) ? source : value;
}

static std::optional<Sequence> findSequence(FFTOp transform, AffineMap map,
                                            const SpectraProduct &product,
                                            bool isConjugated) {
  unsigned dim = transform.getDimension();
  if (transform.getInverse() || !isComplex(transform.getResult()) ||
      transform.getPoints() != product.points ||
      map.getDimPosition(dim) != product.time ||
      (isComplex(transform.getOperand()) && isConjugated))
    return std::nullopt;
  // Real numbers made complex, with zeros behind them and in any order.
  Mapped values = seeThrough(
      seeThroughComplex(seeThrough({transform.getOperand(), map}, product)),
      product);
  values.tensor =
      dropZeros(values.tensor, *positionOf(values.map, product.time));
  auto type = cast<RankedTensorType>(values.tensor.getType());
  int64_t length = type.getDimSize(*positionOf(values.map, product.time));
  return Sequence{seeThrough(values, product), length, isConjugated};
}

/// The other factor of a product with a real number, or the dividend, and the
/// scale times that number.
static std::optional<Mapped> takeScale(const ElementOp &element,
                                       double &scale) {
  bool divides = isa<arith::DivFOp, complex::DivOp>(element.op);
  if (!divides && !isa<arith::MulFOp, complex::MulOp>(element.op))
    return std::nullopt;
  for (unsigned i : {1u, 0u}) {
    std::optional<double> number = findUniform(element.operands[i].tensor);
    if (!number || (divides && i == 0))
      continue;
    scale *= divides ? 1 / *number : *number;
    return element.operands[1 - i];
  }
  return std::nullopt;
}

/// Adds the transforms that a tensor is the product of; false if it is anything
/// else.
static bool collect(Mapped value, bool isConjugated, SpectraProduct &product) {
  value = seeThroughCopies(value);
  if (auto transform = value.tensor.getDefiningOp<FFTOp>()) {
    auto sequence = findSequence(transform, value.map, product, isConjugated);
    if (sequence)
      product.factors.push_back(*sequence);
    return sequence.has_value();
  }
  if (std::optional<Mapped> other = findConjugated(value))
    return collect(*other, !isConjugated, product);
  std::optional<ElementOp> element = findElementOp(value);
  if (!element || !isa<complex::MulOp, complex::DivOp>(element->op))
    return false;
  if (std::optional<Mapped> rest = takeScale(*element, product.scale))
    return collect(*rest, isConjugated, product);
  return isa<complex::MulOp>(element->op) &&
         collect(element->operands[0], isConjugated, product) &&
         collect(element->operands[1], isConjugated, product);
}

/// The product that `value`, along time as far as `length` or all of it, is the
/// inverse transform of.
static std::optional<SpectraProduct> findProduct(Mapped value,
                                                 ArrayRef<int64_t> shape) {
  double scale = 1;
  value = seeThroughCopies(value);
  while (auto element = findElementOp(value)) {
    std::optional<Mapped> rest = takeScale(*element, scale);
    if (!rest)
      return std::nullopt;
    value = seeThroughCopies(*rest);
  }
  auto inverse = value.tensor.getDefiningOp<FFTOp>();
  if (!inverse || !inverse.getInverse() || !value.map.isPermutation() ||
      !isComplex(inverse.getOperand()))
    return std::nullopt;
  unsigned time = value.map.getDimPosition(inverse.getDimension());
  SpectraProduct product{time, inverse.getPoints(), shape[time], {}, scale};
  if (!collect({inverse.getOperand(), value.map}, false, product) ||
      product.factors.size() != 2 || product.scale == 0)
    return std::nullopt;
  for (unsigned dim : llvm::seq<unsigned>(shape.size()))
    if (llvm::none_of(product.factors, [&](const Sequence &factor) {
          return uses(factor.values.map, dim);
        }))
      return std::nullopt;
  return product;
}

namespace {
/// Builds the convolution in place of an op.
class Convolver {
public:
  Convolver(RewriterBase &b, Operation *op, SpectraProduct product)
      : b(b), loc(op->getLoc()), product(product),
        type(cast<RankedTensorType>(op->getResult(0).getType())) {
    chooseKernel();
  }

  /// The result, or null if the product is no convolution in time.
  Value build();

private:
  void chooseKernel();
  /// The tensor's elements [from, to) along time as [at, ...) of `size` ones,
  /// of which the others are those of `rest`, or zero.
  Value place(Mapped x, int64_t from, int64_t to, int64_t at, int64_t size,
              Value rest = Value());
  Value slice(Mapped x, int64_t from, int64_t length);
  /// x, cut off or with zeros behind it.
  Mapped fit(const Sequence &x, int64_t length);
  Mapped scaled(Mapped x);
  Mapped toComplex(Mapped x);
  Value convolve(Mapped u, Mapped k, Direction direction);
  Mapped makeTwoSided();

  RewriterBase &b;
  Location loc;
  SpectraProduct product;
  RankedTensorType type;
  Sequence signal, kernel;
};
} // namespace

void Convolver::chooseKernel() {
  auto [first, second] = std::pair(product.factors[0], product.factors[1]);
  auto rank = [](const Sequence &x) { return x.values.map.getNumResults(); };
  bool isFirst = first.isConjugated != second.isConjugated
                     ? first.isConjugated
                     : rank(first) < rank(second);
  signal = isFirst ? second : first;
  kernel = isFirst ? first : second;
}

static Type elementOf(Mapped x) { return getElementTypeOrSelf(x.tensor); }

Value Convolver::slice(Mapped x, int64_t from, int64_t length) {
  unsigned dim = *positionOf(x.map, product.time);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x.tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  if (from == 0 && getConstantIntValue(sizes[dim]) == length)
    return x.tensor;
  offsets[dim] = b.getIndexAttr(from);
  sizes[dim] = b.getIndexAttr(length);
  return tensor::ExtractSliceOp::create(b, loc, x.tensor, offsets, sizes,
                                        strides);
}

Value Convolver::place(Mapped x, int64_t from, int64_t to, int64_t at,
                       int64_t size, Value rest) {
  unsigned dim = *positionOf(x.map, product.time);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x.tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
      strides(sizes.size(), b.getIndexAttr(1));
  sizes[dim] = b.getIndexAttr(size);
  if (!rest)
    rest = buildFilled(b, loc, sizes, elementOf(x), 0);
  offsets[dim] = b.getIndexAttr(at);
  sizes[dim] = b.getIndexAttr(to - from);
  return tensor::InsertSliceOp::create(b, loc, slice(x, from, to - from), rest,
                                       offsets, sizes, strides);
}

Mapped Convolver::fit(const Sequence &x, int64_t length) {
  if (x.length >= length)
    return {slice(x.values, 0, length), x.values.map};
  return {place(x.values, 0, x.length, 0, length), x.values.map};
}

/// The tensor with each element as `body` makes it.
static Mapped mapElements(OpBuilder &b, Location loc, Mapped x, Type element,
                          llvm::function_ref<Num(NumBuilder &, Num)> body) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x.tensor);
  AffineMap identity = b.getMultiDimIdentityMap(sizes.size());
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  Value result = buildGeneric(
      b, loc, sizes.size(), {{x.tensor, identity}}, {{empty, identity}},
      [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
        NumBuilder num(nested, bodyLoc, getRealType(element));
        return SmallVector<Value>{
            num.store(body(num, num.load(args[0])), element)};
      })[0];
  return {result, x.map};
}

Mapped Convolver::scaled(Mapped x) {
  if (product.scale == 1)
    return x;
  return mapElements(b, loc, x, elementOf(x), [&](NumBuilder &num, Num value) {
    return num.mul(value, num.constant(product.scale));
  });
}

Mapped Convolver::toComplex(Mapped x) {
  if (isComplex(x.tensor))
    return x;
  return mapElements(b, loc, x, ComplexType::get(elementOf(x)),
                     [](NumBuilder &, Num value) { return value; });
}

Value Convolver::convolve(Mapped u, Mapped k, Direction direction) {
  if (isComplex(u.tensor) != isComplex(k.tensor)) {
    u = toComplex(u);
    k = toComplex(k);
  }
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  int64_t length = cast<RankedTensorType>(u.tensor.getType())
                       .getDimSize(*positionOf(u.map, product.time));
  SmallVector<int64_t> shape(type.getShape());
  shape[product.time] = length;
  Mapped y{LongConvOp::create(
               b, loc, RankedTensorType::get(shape, elementOf(u)), u.tensor,
               k.tensor, b.getAffineMapArrayAttr({u.map, k.map, identity}),
               b.getI64IntegerAttr(product.time),
               DirectionAttr::get(b.getContext(), direction),
               NumericsAttr::get(b.getContext(), Numerics::Norm),
               StrategyAttr()),
           identity};
  y.tensor = slice(y, 0, product.length);
  return isa<ComplexType>(type.getElementType()) ? toComplex(y).tensor
                                                 : y.tensor;
}

Mapped Convolver::makeTwoSided() {
  int64_t length = signal.length, taps = 2 * length - 1;
  int64_t future = product.points - (length - 1);
  Value all = place(kernel.values, 0, std::min(kernel.length, length),
                    length - 1, taps);
  return {place(kernel.values, future, kernel.length, 0, taps, all),
          kernel.values.map};
}

Value Convolver::build() {
  int64_t points = product.points, length = product.length;
  if (signal.isConjugated)
    return {};
  if (kernel.isConjugated) {
    if (kernel.length + length - 1 > points)
      return {};
    return convolve(fit(signal, std::max(signal.length, length)),
                    scaled(kernel.values), Direction::Backward);
  }
  if (signal.length + kernel.length - 1 <= points)
    return convolve(fit(signal, length), scaled(kernel.values),
                    Direction::Forward);
  if (length == points || length > signal.length)
    return {};
  // Lags that wrap around are those of the future.
  return convolve(signal.values, scaled(makeTwoSided()), Direction::TwoSided);
}

/// Whether the slice begins at 0 and has all of every dimension but one.
static bool isBeginning(tensor::ExtractSliceOp slice, unsigned time) {
  auto source = slice.getSourceType(), type = slice.getType();
  if (source.getRank() != type.getRank() || !slice.hasUnitStride() ||
      !llvm::all_of(slice.getMixedOffsets(), isZeroInteger))
    return false;
  return llvm::all_of(llvm::seq<unsigned>(type.getRank()), [&](unsigned dim) {
    return !type.isDynamicDim(dim) &&
           (dim == time || type.getDimSize(dim) == source.getDimSize(dim));
  });
}

namespace {
struct RaiseConvolutions
    : ::ssm::impl::RaiseConvolutionsBase<RaiseConvolutions> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> places;
    // Slices first: of a result of which more is asked for, more has to fit.
    getOperation()->walk(
        [&](tensor::ExtractSliceOp op) { places.push_back(op); });
    getOperation()->walk([&](FFTOp op) { places.push_back(op); });
    for (Operation *op : places)
      raise(rewriter, op);
  }

  void raise(IRRewriter &rewriter, Operation *op) {
    if (op->use_empty())
      return;
    auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
    Value source = slice ? Value(slice.getSource()) : op->getResult(0);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (slice && slice.getSourceType().getRank() != type.getRank())
      return;
    AffineMap identity = rewriter.getMultiDimIdentityMap(type.getRank());
    auto product = ::findProduct({source, identity}, type.getShape());
    if (!product || (slice && !isBeginning(slice, product->time)))
      return;
    rewriter.setInsertionPoint(op);
    Value result = Convolver(rewriter, op, *product).build();
    if (!result)
      return;
    remark::passed(op->getLoc(), remark::RemarkOpts::name("Raised").category(
                                     "ssm-raise-convolutions"))
        << "the product of spectra is a convolution";
    rewriter.replaceOp(op, result);
  }
};
} // namespace
