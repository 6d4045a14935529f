//===- StableHLOConvolution.cpp - Convolutions of StableHLO ---------------===//
//
// What the dialect calls a convolution is a correlation over spatial places s,
//
//   y[b, o, s] = sum of x[b, i, s * stride + k * dilation - low] w[k, i, o]
//
// over taps k and input features i. One that acts along a single dimension, on
// each feature alone and in single steps, becomes an ssm.long_conv; others are
// a sum of products of matrices, one for each tap.
//
//===----------------------------------------------------------------------===//
#include "StableHLO.h"

#include "ssm/IR/SSMOps.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

/// In a list such as [b, 0, f], the places of two letters and then of the
/// numbers 0, 1 and so on; none if one of them is missing.
static SmallVector<int64_t> readPlaces(StringRef list, StringRef first,
                                       StringRef second) {
  if (!list.consume_front("[") || !list.consume_back("]"))
    return {};
  SmallVector<StringRef> names;
  list.split(names, ',');
  SmallVector<int64_t> places(names.size(), -1);
  for (auto [place, name] : llvm::enumerate(names)) {
    name = name.trim();
    int64_t number = 0;
    if (name != first && name != second &&
        (name.getAsInteger(10, number) || number < 0))
      return {};
    size_t slot = name == first ? 0 : name == second ? 1 : number + 2;
    if (slot >= places.size() || places[slot] >= 0)
      return {};
    places[slot] = place;
  }
  return places;
}

namespace {
/// The attributes of a convolution.
struct Convolution {
  /// Places of batch and feature, of input and output feature, of batch and
  /// feature; each followed by those of the spatial dimensions.
  SmallVector<int64_t> signal, kernel, result;
  SmallVector<int64_t> strides, low, high, signalDilation, kernelDilation;
  SmallVector<int64_t> reversed; ///< Dimensions of the kernel.
  int64_t featureGroups = 1, batchGroups = 1;

  unsigned numSpatial() const { return result.size() - 2; }
  int64_t numGroups() const { return featureGroups * batchGroups; }
};
} // namespace

/// As many numbers as there are spatial dimensions; ones if they are left out.
static SmallVector<int64_t> readSpatial(Operation *op, StringRef name,
                                        unsigned count) {
  ArrayRef<int64_t> numbers = getNumbers(op, name);
  return numbers.empty() ? SmallVector<int64_t>(count, 1)
                         : SmallVector<int64_t>(numbers);
}

static bool readPlaces(Operation *op, Convolution &conv) {
  StringRef text = getKeyword(op, "dimension_numbers", "conv");
  if (!text.consume_front("<") || !text.consume_back(">"))
    return false;
  auto [operands, result] = text.split("->");
  auto [signal, kernel] = operands.split('x');
  conv.signal = readPlaces(signal.trim(), "b", "f");
  conv.kernel = readPlaces(kernel.trim(), "i", "o");
  conv.result = readPlaces(result.trim(), "b", "f");
  auto rankOf = [](Value value) {
    return size_t(cast<RankedTensorType>(value.getType()).getRank());
  };
  size_t rank = rankOf(op->getResult(0));
  return rank >= 2 && conv.signal.size() == rank &&
         conv.kernel.size() == rank && conv.result.size() == rank &&
         rankOf(op->getOperand(0)) == rank && rankOf(op->getOperand(1)) == rank;
}

static bool readPadding(Operation *op, Convolution &conv) {
  unsigned count = conv.numSpatial();
  conv.low.assign(count, 0);
  conv.high.assign(count, 0);
  Attribute attr = getAttribute(op, "padding");
  if (!attr)
    return true;
  auto padding = dyn_cast<DenseIntElementsAttr>(attr);
  if (!padding || padding.getNumElements() != int64_t(2 * count))
    return false;
  for (auto [i, number] : llvm::enumerate(padding.getValues<APInt>()))
    (i % 2 ? conv.high : conv.low)[i / 2] = number.getSExtValue();
  return true;
}

/// Whether the numbers fit each other and the types.
static bool fits(const Convolution &conv, RankedTensorType signal,
                 RankedTensorType kernel, RankedTensorType result) {
  if (conv.featureGroups < 1 || conv.batchGroups < 1 ||
      (conv.featureGroups > 1 && conv.batchGroups > 1))
    return false;
  int64_t outputs = kernel.getDimSize(conv.kernel[1]);
  if (signal.getDimSize(conv.signal[1]) !=
          kernel.getDimSize(conv.kernel[0]) * conv.featureGroups ||
      signal.getDimSize(conv.signal[0]) !=
          result.getDimSize(conv.result[0]) * conv.batchGroups ||
      outputs != result.getDimSize(conv.result[1]) ||
      outputs % conv.numGroups() != 0)
    return false;
  for (unsigned i = 0; i < conv.numSpatial(); ++i) {
    int64_t size = signal.getDimSize(conv.signal[2 + i]),
            taps = kernel.getDimSize(conv.kernel[2 + i]);
    if (taps < 1 || conv.strides[i] < 1 || conv.signalDilation[i] < 1 ||
        conv.kernelDilation[i] < 1)
      return false;
    int64_t padded = conv.low[i] + conv.high[i] +
                     (size ? (size - 1) * conv.signalDilation[i] + 1 : 0);
    int64_t left = padded - (taps - 1) * conv.kernelDilation[i] - 1;
    if (result.getDimSize(conv.result[2 + i]) !=
        (left < 0 ? 0 : left / conv.strides[i] + 1))
      return false;
  }
  return true;
}

static std::optional<Convolution> readConvolution(Operation *op) {
  Convolution conv;
  if (!readPlaces(op, conv) || !readPadding(op, conv))
    return std::nullopt;
  unsigned count = conv.numSpatial();
  conv.strides = readSpatial(op, "window_strides", count);
  conv.signalDilation = readSpatial(op, "lhs_dilation", count);
  conv.kernelDilation = readSpatial(op, "rhs_dilation", count);
  if (conv.strides.size() != count || conv.signalDilation.size() != count ||
      conv.kernelDilation.size() != count)
    return std::nullopt;
  for (auto [name, groups] :
       {std::pair("feature_group_count", &conv.featureGroups),
        std::pair("batch_group_count", &conv.batchGroups)})
    if (auto number = dyn_cast_if_present<IntegerAttr>(getAttribute(op, name)))
      *groups = number.getInt();
  if (auto flags = dyn_cast_if_present<DenseBoolArrayAttr>(
          getAttribute(op, "window_reversal")))
    for (unsigned i = 0; i < std::min<size_t>(count, flags.size()); ++i)
      if (flags[i])
        conv.reversed.push_back(conv.kernel[2 + i]);
  return fits(conv, typeOf(op->getOperand(0)), typeOf(op->getOperand(1)),
              typeOf(op->getResult(0)))
             ? std::optional(conv)
             : std::nullopt;
}

/// Whether each feature is convolved by itself, in single steps of the only
/// spatial dimension.
static bool isLongConv(const Convolution &conv, RankedTensorType signal,
                       RankedTensorType kernel, RankedTensorType result) {
  Type element = result.getElementType();
  return conv.numSpatial() == 1 && conv.strides[0] == 1 &&
         conv.signalDilation[0] == 1 && conv.kernelDilation[0] == 1 &&
         conv.low[0] >= 0 && conv.high[0] >= 0 && result.getNumElements() > 0 &&
         kernel.getDimSize(conv.kernel[0]) == 1 &&
         kernel.getDimSize(conv.kernel[1]) == conv.featureGroups &&
         isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element) &&
         signal.getElementType() == element &&
         kernel.getElementType() == element;
}

static Value padWithZeros(OpBuilder &b, Location loc, Value source,
                          const Padding &padding) {
  if (padding.isNone())
    return source;
  auto type = RankedTensorType::get({}, typeOf(source).getElementType());
  return padTensor(b, loc, source, zeroTensor(b, loc, type), padding);
}

/// The map of a value whose places of batch, feature and time these are.
static AffineMap mapOfPlaces(MLIRContext *context, ArrayRef<int64_t> places) {
  SmallVector<unsigned> dims(places.size());
  for (auto [dim, place] : llvm::enumerate(places))
    dims[place] = dim;
  return AffineMap::getMultiDimMapWithTargets(places.size(), dims, context);
}

/// y_t = sum of w_j x_{t+j-low}, with zeros outside of x. In a convolution that
/// runs backward lag l is tap j = l; in others l = K-1-j, and what a causal one
/// has at t + K-1 - low is y_t. It has as many steps as the signal, which is
/// made longer where these are too few.
static Value buildLongConv(OpBuilder &b, Location loc, const Convolution &conv,
                           Value signal, Value kernel, RankedTensorType type) {
  unsigned time = conv.signal[2];
  int64_t taps = typeOf(kernel).getDimSize(conv.kernel[2]), low = conv.low[0],
          length = type.getDimSize(conv.result[2]);
  bool isMiddle = low == taps - 1 - taps / 2 && low + conv.high[0] == taps - 1;
  Direction direction = low == 0   ? Direction::Backward
                        : isMiddle ? Direction::TwoSided
                                   : Direction::Forward;
  int64_t first = direction == Direction::Forward ? taps - 1 - low : 0;
  int64_t before = std::max<int64_t>(-first, 0);
  first = std::max<int64_t>(first, 0);
  int64_t after = first + length - before - typeOf(signal).getDimSize(time);
  Padding padding(3);
  padding.low[time] = before;
  padding.high[time] = std::max<int64_t>(after, 0);
  signal = padWithZeros(b, loc, signal, padding);

  if (direction != Direction::Backward)
    kernel = reverseTensor(b, loc, kernel, conv.kernel[2]);
  SmallVector<int64_t> kernelShape(typeOf(kernel).getShape());
  kernelShape.erase(kernelShape.begin() + conv.kernel[0]);
  kernel = reshapeTensor(b, loc, kernel,
                         typeOf(kernel).clone(ArrayRef(kernelShape)));
  AffineMap signalMap = mapOfPlaces(b.getContext(), conv.signal),
            resultMap = mapOfPlaces(b.getContext(), conv.result);
  // The kernel's places are those of input feature, channel and lag, and the
  // first is gone.
  AffineMap kernelMap =
      mapOfPlaces(b.getContext(), conv.kernel).dropResult(conv.kernel[0]);
  SmallVector<int64_t> shape(type.getShape()), start(3, 0), ones(3, 1);
  shape[conv.result[2]] = typeOf(signal).getDimSize(time);
  start[conv.result[2]] = first;
  Value all = LongConvOp::create(
      b, loc, type.clone(ArrayRef(shape)), signal, kernel,
      b.getAffineMapArrayAttr({signalMap, kernelMap, resultMap}),
      /*time=*/2, direction, Numerics::Strict, StrategyAttr());
  return b.createOrFold<tensor::ExtractSliceOp>(
      loc, type, all, getAsIndexOpFoldResult(b.getContext(), start),
      getAsIndexOpFoldResult(b.getContext(), type.getShape()),
      getAsIndexOpFoldResult(b.getContext(), ones));
}

namespace {
/// A convolution as a loop over taps that adds a product of matrices for each:
/// of the places of the signal that a tap meets, and of the tap's weights.
class SumOfTaps {
public:
  SumOfTaps(OpBuilder &b, Location loc, const Convolution &conv,
            RankedTensorType type)
      : b(b), loc(loc), conv(conv), type(type), count(conv.numSpatial()),
        numDims(3 + count + (conv.numGroups() > 1)) {}

  Value emit(Value signal, Value kernel);

private:
  /// Of the product: batch, output feature (of a group), spatial places, input
  /// feature, group.
  AffineExpr dim(unsigned i) { return b.getAffineDimExpr(i); }
  AffineExpr input() { return dim(2 + count); }

  Indexed placesOf(Value signal, ValueRange taps);
  Indexed weightsOf(Value kernel, ValueRange taps);
  Indexed splitGroups(Value value, SmallVector<AffineExpr> exprs,
                      int64_t place);

  OpBuilder &b;
  Location loc;
  const Convolution &conv;
  RankedTensorType type;
  unsigned count, numDims;
};
} // namespace

/// With the dimension at `place` split into that of groups and that of the
/// rest, which `exprs` has there.
Indexed SumOfTaps::splitGroups(Value value, SmallVector<AffineExpr> exprs,
                               int64_t place) {
  int64_t groups = conv.numGroups();
  if (groups > 1) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    shape[place] /= groups;
    shape.insert(shape.begin() + place, groups);
    exprs.insert(exprs.begin() + place, dim(3 + count));
    value = reshapeTensor(b, loc, value, typeOf(value).clone(ArrayRef(shape)));
  }
  return {value, AffineMap::get(numDims, 0, exprs, b.getContext())};
}

Indexed SumOfTaps::placesOf(Value signal, ValueRange taps) {
  unsigned rank = 2 + count;
  SmallVector<OpFoldResult> starts(rank, b.getIndexAttr(0)),
      steps(rank, b.getIndexAttr(1)),
      sizes = getAsIndexOpFoldResult(b.getContext(), typeOf(signal).getShape());
  SmallVector<AffineExpr> exprs(rank);
  exprs[conv.signal[0]] = dim(0);
  exprs[conv.signal[1]] = input();
  for (unsigned i = 0; i < count; ++i) {
    int64_t place = conv.signal[2 + i];
    exprs[place] = dim(2 + i);
    starts[place] = affine(
        b, loc, b.getAffineSymbolExpr(0) * conv.kernelDilation[i], {taps[i]});
    sizes[place] = b.getIndexAttr(type.getDimSize(conv.result[2 + i]));
    steps[place] = b.getIndexAttr(conv.strides[i]);
  }
  Value places =
      tensor::ExtractSliceOp::create(b, loc, signal, starts, sizes, steps);
  // What is grouped beside outputs.
  return splitGroups(places, exprs, conv.signal[conv.batchGroups > 1 ? 0 : 1]);
}

Indexed SumOfTaps::weightsOf(Value kernel, ValueRange taps) {
  unsigned rank = 2 + count;
  SmallVector<OpFoldResult> starts(rank, b.getIndexAttr(0)),
      ones(rank, b.getIndexAttr(1)), sizes = ones;
  bool isOutputFirst = conv.kernel[1] < conv.kernel[0];
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> exprs = {input(), dim(1)};
  for (unsigned i = 0; i < 2; ++i) {
    int64_t place = conv.kernel[isOutputFirst ? 1 - i : i];
    shape.push_back(typeOf(kernel).getDimSize(place));
    sizes[place] = b.getIndexAttr(shape.back());
  }
  if (isOutputFirst)
    std::swap(exprs[0], exprs[1]);
  for (unsigned i = 0; i < count; ++i)
    starts[conv.kernel[2 + i]] = taps[i];
  Value weights = tensor::ExtractSliceOp::create(
      b, loc, typeOf(kernel).clone(ArrayRef(shape)), kernel, starts, sizes,
      ones);
  return splitGroups(weights, exprs, isOutputFirst ? 0 : 1);
}

Value SumOfTaps::emit(Value signal, Value kernel) {
  Padding padding(2 + count);
  SmallVector<Value> zeros, ends, ones;
  SmallVector<AffineExpr> exprs(2 + count);
  exprs[conv.result[0]] = dim(0);
  exprs[conv.result[1]] = dim(1);
  for (unsigned i = 0; i < count; ++i) {
    padding.low[conv.signal[2 + i]] = conv.low[i];
    padding.high[conv.signal[2 + i]] = conv.high[i];
    padding.between[conv.signal[2 + i]] = conv.signalDilation[i] - 1;
    exprs[conv.result[2 + i]] = dim(2 + i);
    zeros.push_back(arith::ConstantIndexOp::create(b, loc, 0));
    ends.push_back(arith::ConstantIndexOp::create(
        b, loc, typeOf(kernel).getDimSize(conv.kernel[2 + i])));
    ones.push_back(arith::ConstantIndexOp::create(b, loc, 1));
  }
  signal = padWithZeros(b, loc, signal, padding);
  Indexed sum = splitGroups(zeroTensor(b, loc, type), exprs, conv.result[1]);
  bool isKnown = true;
  auto addTap = [&](OpBuilder &inner, Location, ValueRange taps,
                    ValueRange sums) -> scf::ValueVector {
    OpBuilder::InsertionGuard guard(b);
    b.restoreInsertionPoint(inner.saveInsertionPoint());
    Value next =
        sumProducts(b, loc, {placesOf(signal, taps), weightsOf(kernel, taps)},
                    {sums[0], sum.map});
    isKnown = bool(next);
    return {isKnown ? next : sums[0]};
  };
  Value all = scf::buildLoopNest(b, loc, zeros, ends, ones, {sum.value}, addTap)
                  .results[0];
  return isKnown ? reshapeTensor(b, loc, all, type) : Value();
}

LogicalResult StableHLOImporter::importConvolution(Operation *op) {
  std::optional<Convolution> conv = readConvolution(op);
  if (!conv)
    return refuse(op, "its numbers do not fit each other and its types");
  Location loc = op->getLoc();
  Value signal = get(op->getOperand(0)), kernel = get(op->getOperand(1));
  RankedTensorType type = typeOf(op->getResult(0));
  if (type.getNumElements() == 0) {
    set(op, empty(loc, type));
    return success();
  }
  kernel = reverseTensor(b, loc, kernel, conv->reversed);
  Value result = isLongConv(*conv, typeOf(signal), typeOf(kernel), type)
                     ? buildLongConv(b, loc, *conv, signal, kernel, type)
                     : SumOfTaps(b, loc, *conv, type).emit(signal, kernel);
  if (!result)
    return refuse(op, "its types are not imported");
  set(op, result);
  return success();
}
