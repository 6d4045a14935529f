//===- ConvOperands.cpp - What a convolution reads and writes -------------===//
#include "ConvOperands.h"
#include "Roots.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

/// The map over `numDims` loop dimensions, with `to` instead of `from`.
static AffineMap widen(AffineMap map, unsigned numDims, unsigned from,
                       unsigned to) {
  SmallVector<unsigned> dims = dimsOf(map);
  llvm::replace(dims, from, to);
  return AffineMap::getMultiDimMapWithTargets(numDims, dims, map.getContext());
}

ConvShape::ConvShape(LongConvOp op)
    : loc(op.getLoc()), signal(op.getSignal()), kernel(op.getKernel()),
      result(op.getResult()),
      isBackward(op.getDirection() == Direction::Backward), time(op.getTime()),
      sizes(getStaticLoopSizes(op)) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  lag = sizes.size();
  int64_t all = cast<RankedTensorType>(kernel.getType())
                    .getDimSize(*positionOf(maps[1], time));
  sizes.push_back(all);
  signalMap = widen(maps[0], lag + 1, time, time);
  kernelMap = widen(maps[1], lag + 1, time, lag);
  resultMap = widen(maps[2], lag + 1, time, time);
  for (unsigned dim : dimsOf(resultMap))
    if (dim != time)
      (uses(kernelMap, dim) ? kernelDims : signalDims).push_back(dim);
  isComplex = isa<ComplexType>(getElementTypeOrSelf(result.getType()));
  StrategyAttr strategy = op.getStrategyAttr();
  hasMatrices = strategy && strategy.getMatrix();
  int64_t center = op.getDirection() == Direction::TwoSided ? all / 2 : 0;
  int64_t length = sizes[time];
  bool isKnown = !ShapedType::isDynamic(length);
  future = isKnown ? std::clamp<int64_t>(length - 1, 0, center) : center;
  skipped = center - future;
  taps = isKnown ? std::min(all - skipped, future + length) : all;
}

bool ConvShape::isTurned(AffineMap map) const {
  unsigned last = dimsOf(map).back();
  return last != time && last != lag;
}

/// Whether four neighbours of a row of each tensor are an access: none is
/// beyond the row, or an end of the taps.
bool ConvShape::isAligned() const {
  auto isWhole = [](int64_t size) {
    return !ShapedType::isDynamic(size) && size % 4 == 0;
  };
  return !isBackward && isWhole(sizes[time]) && isWhole(sizes[lag]) &&
         isWhole(taps) && isWhole(skipped) && isWhole(future);
}

GPUConvProblem ConvShape::problem(StringRef chip) const {
  GPUConvProblem problem;
  if (!ShapedType::isDynamic(sizes[time]))
    problem.length = sizes[time];
  problem.kernels = multiply(sizes, kernelDims);
  problem.signals = multiply(sizes, signalDims);
  problem.taps = taps;
  problem.future = future;
  problem.isComplex = isComplex;
  problem.isAligned = isAligned();
  problem.hasMatrices = hasMatrices;
  GPUChip model = GPUChip::forName(std::string_view(chip));
  problem.multiprocessors = model.multiprocessors;
  problem.sharedBytes = model.sharedBytes;
  return problem;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

ConvOperands::ConvOperands(OpBuilder &b, Kernel &k, const ConvShape &shape,
                           const GPUConvPlan &plan)
    : signal(k.argument(shape.signal, shape.signalMap)),
      kernel(k.argument(shape.kernel, shape.kernelMap)),
      result(k.result(shape.result, shape.resultMap)),
      indices(shape.sizes.size()), b(b), k(k), shape(shape), plan(plan) {
  Value offset;
  for (KernelTensor *tensor : {&signal, &kernel, &result})
    if (shape.isTurned(tensor->map))
      *tensor = place(*tensor, offset);
  if (plan.hasPasses()) {
    complexMemory.element = ComplexType::get(b.getF32Type());
    complexMemory.map = AffineMap::get(b.getContext());
    complexMemory.pointer = k.workspace(offset);
  }
}

/// The tensor with time last, in f32, at an offset of the workspace, in words,
/// that grows by whole sectors.
KernelTensor ConvOperands::place(KernelTensor tensor, Value &offset) {
  Type f32 = b.getF32Type();
  bool isComplex = isa<ComplexType>(tensor.element);
  SmallVector<unsigned> dims = dimsOf(tensor.map);
  for (unsigned dim : {shape.time, shape.lag})
    if (auto *found = llvm::find(dims, dim); found != dims.end()) {
      dims.erase(found);
      dims.push_back(dim);
      break;
    }
  KernelTensor turned{k.workspace(offset),
                      AffineMap::getMultiDimMapWithTargets(
                          tensor.map.getNumDims(), dims, b.getContext()),
                      isComplex ? Type(ComplexType::get(f32)) : f32};
  Value words = k.mul(countRows(dims), k.constant(isComplex ? 2 : 1));
  Value sectors = arith::CeilDivUIOp::create(b, k.loc, words, k.constant(8));
  words = k.mul(sectors, k.constant(8));
  offset = offset ? k.add(offset, words) : words;
  return turned;
}

Value ConvOperands::countRows(ArrayRef<unsigned> dims) {
  Value count = k.constant(1);
  for (unsigned dim : dims)
    count = k.mul(count, k.size(dim));
  return count;
}

GridFactor ConvOperands::rowFactor(ArrayRef<unsigned> dims, int64_t perBlock) {
  GridFactor factor{{}, perBlock};
  for (unsigned dim : dims)
    factor.elements.push_back(k.launchSize(dim));
  return factor;
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// From and to: the block's share of `count`, where `block` numbers the groups;
/// what is left of its number.
std::pair<Value, Value> ConvOperands::takeGroup(Value &block, Value count,
                                                int64_t perBlock) {
  Value per = k.constant(perBlock);
  Value groups = arith::CeilDivUIOp::create(b, k.loc, count, per);
  Value from = k.mul(arith::RemUIOp::create(b, k.loc, block, groups), per);
  block = arith::DivUIOp::create(b, k.loc, block, groups);
  return {from, arith::MinUIOp::create(b, k.loc, k.add(from, per), count)};
}

ConvOperands::Share ConvOperands::findShare() {
  Value block = k.blockIndex();
  Value windows = plan.isOne
                      ? k.constant(1)
                      : arith::CeilDivUIOp::create(b, k.loc, k.size(shape.time),
                                                   k.constant(plan.step))
                            .getResult();
  Share share;
  std::tie(share.firstWindow, share.endWindow) =
      takeGroup(block, windows, plan.windows);
  std::tie(share.firstSignal, share.endSignal) =
      takeGroup(block, countRows(shape.signalDims), plan.signals);
  enter(block, shape.kernelDims);
  return share;
}

SmallVector<GridFactor> ConvOperands::gridOfShares() {
  SmallVector<GridFactor> grid{rowFactor(shape.kernelDims),
                               rowFactor(shape.signalDims, plan.signals)};
  if (!plan.isOne)
    grid.push_back(rowFactor(shape.time, plan.step * plan.windows));
  return grid;
}

Value ConvOperands::difference(Value first, Value end) {
  return arith::SubIOp::create(b, k.loc, end, first);
}

Value ConvOperands::countWindows(const Share &share) {
  return k.mul(difference(share.firstSignal, share.endSignal),
               difference(share.firstWindow, share.endWindow));
}

ConvOperands::Place ConvOperands::placeOf(const Share &share, Value number) {
  Value windows = difference(share.firstWindow, share.endWindow);
  return {k.add(share.firstSignal,
                arith::DivUIOp::create(b, k.loc, number, windows)),
          k.add(share.firstWindow,
                arith::RemUIOp::create(b, k.loc, number, windows))};
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

/// exp(2 pi i own / 4N) of real convolutions.
Num ConvOperands::ownWeight(int64_t own) {
  auto [re, im] = rootOfUnity(own, 4 * plan.points());
  return {k.num.constant(re).re, k.num.constant(im).re};
}

Num ConvOperands::weightOf(Value threadPoint) {
  return plan.isComplex ? Num()
                        : emitRootOfUnity(b, k, threadPoint, 4 * plan.points());
}

ConvOperands::Numbers ConvOperands::weigh(int64_t own, Numbers z) {
  if (!plan.isComplex)
    for (auto [i, x] : llvm::enumerate(z))
      x = k.num.mul(ownWeight(own + i), x);
  return z;
}

ConvOperands::Numbers ConvOperands::unweigh(int64_t own, Numbers z) {
  if (plan.isComplex)
    return z;
  for (auto [i, x] : llvm::enumerate(z)) {
    Num weight = ownWeight(own + i);
    x = k.num.mul(x, {weight.re, k.num.negf(weight.im)});
  }
  return z;
}

Value ConvOperands::isBelow(Value x, Value bound) {
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, bound);
}

ConvOperands::Numbers ConvOperands::readOrZero(const KernelTensor &tensor,
                                               unsigned dim, Value index,
                                               Value isInside, int64_t count) {
  unsigned width = isa<ComplexType>(tensor.element) ? 2 : 1;
  Value zero = k.num.constant(0).re;
  SmallVector<Value> parts = k.branch(
      isInside,
      [&] {
        indices[dim] = index;
        SmallVector<Value> loaded;
        for (const Num &x : k.load(tensor, k.offset(tensor, indices), count)) {
          loaded.push_back(x.re);
          if (x.isComplex())
            loaded.push_back(x.im);
        }
        return loaded;
      },
      [&] { return SmallVector<Value>(count * width, zero); });
  Numbers read;
  for (int64_t i = 0; i < count; ++i)
    read.push_back(
        {parts[i * width], width == 2 ? parts[i * width + 1] : Value()});
  return read;
}

/// Numbers of the first half, and of the second one, if it has any.
ConvOperands::Numbers ConvOperands::join(Numbers first, ArrayRef<Num> second) {
  for (auto [x, y] : llvm::zip(first, second))
    x.im = y.re;
  return first;
}

ConvOperands::Numbers ConvOperands::takeTaps(Value thread, int64_t own,
                                             int64_t count) {
  Value point = k.add(thread, k.constant(own));
  auto taps = [&](int64_t offset) {
    return readOrZero(kernel, shape.lag,
                      k.add(point, k.constant(shape.skipped + offset)),
                      isBelow(point, k.constant(shape.taps - offset)), count);
  };
  if (plan.isComplex)
    return taps(0);
  // A kernel of more than N taps has its second half as imaginary part.
  int64_t half = plan.points();
  Numbers first = taps(0), second;
  if (shape.taps > half + own)
    second = taps(half);
  return join(first, second);
}

/// Time, or time from the end.
Value ConvOperands::stepOf(Value time) {
  if (!shape.isBackward)
    return time;
  Value last = k.add(k.size(shape.time), k.constant(-1));
  return arith::SubIOp::create(b, k.loc, last, time);
}

ConvOperands::Numbers ConvOperands::readSignal(Value time, int64_t count,
                                               Value isThere) {
  Value isInside = isBelow(time, k.size(shape.time));
  if (isThere)
    isInside = arith::AndIOp::create(b, k.loc, isInside, isThere);
  return readOrZero(signal, shape.time, stepOf(time), isInside, count);
}

/// What is the same for all windows is added last: as a sum of the thread's
/// alone it would have a register for each point.
ConvOperands::Numbers ConvOperands::takeSignal(Value base, Value thread,
                                               int64_t own, int64_t count,
                                               Value isThere) {
  Value from = k.add(base, thread);
  auto steps = [&](int64_t offset) {
    return readSignal(k.add(from, k.constant(own + offset)), count, isThere);
  };
  if (plan.isComplex)
    return steps(0);
  Numbers second;
  if (hasSecondPart(own))
    second = steps(plan.points());
  return join(steps(0), second);
}

/// Point p of a window is its result p - overlap, if it is one. The address is
/// that of the thread's first point, and what is known further.
void ConvOperands::storeSteps(Value first, Value thread, int64_t own,
                              ArrayRef<Num> y) {
  int64_t number = own - plan.overlap;
  Value from = k.add(first, thread);
  Value isResult = isBelow(k.add(from, k.constant(number)), k.size(shape.time));
  if (!plan.isOne)
    isResult = arith::AndIOp::create(
        b, k.loc, isResult,
        isBelow(k.add(thread, k.constant(number)), k.constant(plan.step)));
  indices[shape.time] = stepOf(from);
  Value offset = k.offset(result, indices);
  k.when(isResult, [&] {
    k.store(result,
            k.add(offset, k.constant(shape.isBackward ? -number : number)), y);
  });
}

void ConvOperands::putHalf(Value first, Value thread, int64_t own, int64_t half,
                           ArrayRef<Value> y) {
  if (half && !hasSecondResults(own))
    return;
  storeSteps(first, thread, own + half * plan.points(),
             llvm::map_to_vector(y, [](Value x) { return Num{x, Value()}; }));
}

void ConvOperands::putResult(Value first, Value thread, int64_t own,
                             ArrayRef<Num> y) {
  if (plan.isComplex)
    return storeSteps(first, thread, own, y);
  auto part = [&](Value Num::*of) {
    return llvm::map_to_vector(y, [&](const Num &x) { return x.*of; });
  };
  putHalf(first, thread, own, 0, part(&Num::re));
  putHalf(first, thread, own, 1, part(&Num::im));
}

} // namespace ssm
