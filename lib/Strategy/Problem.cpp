//===- Problem.cpp - What the cost of an op depends on --------------------===//
#include "ssm/Analysis/Magnitude.h"
#include "ssm/Analysis/ManyStates.h"
#include "ssm/Analysis/TimeChunks.h"
#include "ssm/IR/Lines.h"
#include "ssm/IR/SharedSignal.h"
#include "ssm/Plan/ScanPlan.h"
#include "ssm/Strategy/Strategy.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace ssm;

/// Sizes that are known at run time only are taken to be this.
static constexpr double kAssumedSize = 4096;

static double sizeOr(int64_t size, Problem &problem) {
  if (!ShapedType::isDynamic(size))
    return size;
  problem.assumedSizes = true;
  return kAssumedSize;
}

static bool hasComplex(Value value) {
  return value && isa<ComplexType>(getElementTypeOrSelf(value));
}

static double bytesOf(ValueRange values, Problem &problem) {
  double bytes = 0;
  for (Value value : values) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || (isa<OpResult>(value) && value.use_empty()))
      continue;
    Type element = type.getElementType();
    double size =
        element.isIntOrFloat() || isa<ComplexType>(element)
            ? getElementWidth(element) / 8.0 * (1 + isa<ComplexType>(element))
            : 8;
    for (int64_t dim : type.getShape())
      size *= sizeOr(dim, problem);
    bytes += size;
  }
  return bytes;
}

/// The T for which |a|^T / (1 - |a|), what all taps from T on can sum to, is
/// half a rounding of the first; 0 if no bound below 1 on |a| is proved.
static int64_t proveTaps(LinearRecurrenceOp op) {
  if (!op.isDiagonal() || op.getNumerics() == Numerics::Strict)
    return 0;
  std::optional<double> bound = boundMagnitude(op.getTransition());
  if (!bound)
    return 0;
  auto type = cast<FloatType>(getRealType(op.getStateElementType()));
  // The bound does not count the rounding of what computes a.
  double unit = std::ldexp(1.0, -type.getFPMantissaWidth());
  double most = *bound * (1 + 16 * unit);
  if (most >= 1)
    return 0;
  if (most == 0)
    return 1;
  return std::ceil(std::log(unit / 2 * (1 - most)) / std::log(most));
}

/// How matrices that vary, the signal and the states lie in memory.
static void describeMatrices(LinearRecurrenceOp op, Problem &problem) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  AffineMap transition = op.getTransitionMap(),
            result = op.getResultIndexingMap();
  if (!op.isDense() || !uses(transition, dims.time) || dims.parallel.empty() ||
      !uses(transition, dims.parallel.back()))
    return;
  auto isLast = [](AffineMap map, unsigned dim, unsigned behind) {
    return positionOf(map, dim) == map.getNumResults() - 1 - behind;
  };
  problem.sideMatrices = isLast(transition, *dims.column, 0) &&
                         isLast(transition, *dims.row, 1) &&
                         isLast(result, *dims.row, 0);
  problem.channelsApart = llvm::all_of(
      ArrayRef{transition, op.getSignalMap(), result}, [&](AffineMap map) {
        auto time = positionOf(map, dims.time);
        auto lane = positionOf(map, dims.parallel.back());
        return !time || !lane || *lane < *time;
      });
}

/// Whether a tile computes the operand where it needs it.
static bool isComputed(Value operand) {
  auto producer = operand.getDefiningOp<linalg::GenericOp>();
  return producer && producer.getNumReductionLoops() == 0;
}

/// What lanes of channels would be gathered from.
static void describeSides(LinearRecurrenceOp op, ArrayRef<int64_t> sizes,
                          Problem &problem) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  if (dims.state.empty() || dims.parallel.empty())
    return;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = maps[operand.getOperandNumber()];
    if (isComputed(operand.get()) || !uses(map, dims.time) ||
        !uses(map, dims.parallel.back()) ||
        positionOf(map, dims.state.back()) != map.getNumResults() - 1)
      continue;
    double states = sizeOr(sizes[dims.state.back()], problem);
    problem.sideNumbers =
        std::max(problem.sideNumbers, states * (1 + hasComplex(operand.get())));
  }
}

/// Operations of a transition that mixes N elements by a dense matrix or by r
/// outer products. Composed with others, both are dense: N^3 products, or r N^2
/// to put a low rank after them.
static void describeMixing(LinearRecurrenceOp op, ArrayRef<int64_t> sizes,
                           Problem &problem) {
  LinearRecurrenceOp::Dims dims = op.getDims();
  double n = sizeOr(sizes[*dims.row], problem), rank = 1;
  for (unsigned dim : dims.rank)
    rank *= sizeOr(sizes[dim], problem);
  double product = problem.complexTransition ? 8 : 2;
  problem.row = n;
  problem.applyFlops = product * (op.isDense() ? n * n : (1 + 2 * rank) * n);
  problem.composeFlops =
      product * (op.isDense() ? n * n * n : (1 + 2 * rank) * n * n);
}

/// Of several channels, each lies in one piece.
static bool isTimeContiguous(AffineMap result, unsigned time) {
  unsigned rank = result.getNumResults();
  return rank > 1 && positionOf(result, time) == rank - 1;
}

static void describeRecurrence(LinearRecurrenceOp op, Problem &problem) {
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  LinearRecurrenceOp::Dims dims = op.getDims();
  problem.length = problem.taps = sizeOr(sizes[dims.time], problem);
  problem.provedTaps = proveTaps(op);
  if (problem.provedTaps > 0)
    problem.taps = std::min<double>(problem.taps, problem.provedTaps);
  if (!ShapedType::isDynamic(sizes[dims.time]))
    problem.knownTaps = problem.taps;
  auto inKernel = [&](unsigned dim) {
    return uses(op.getTransitionMap(), dim) ||
           (op.getInput() && uses(op.getInputIndexingMap(), dim)) ||
           (op.getOutput() && uses(op.getOutputIndexingMap(), dim));
  };
  for (unsigned dim : dims.parallel) {
    double size = sizeOr(sizes[dim], problem);
    problem.channels *= size;
    problem.laneChannels = size;
    if (inKernel(dim))
      problem.kernels *= size;
  }
  problem.sharesSignal =
      sharesSignal(dims.parallel, op.getSignalMap(), inKernel);
  for (unsigned dim : dims.state)
    problem.states *= sizeOr(sizes[dim], problem);
  problem.manyStates = hasManyStates(op);
  problem.walksRows = walksRows(op);
  problem.timeChunks = countTimeChunks(op);
  if (!dims.state.empty() &&
      positionOf(op.getFinalIndexingMap(), dims.state.back()) ==
          op.getFinalIndexingMap().getNumResults() - 1)
    problem.sideStates = sizeOr(sizes[dims.state.back()], problem);
  if (dims.rowComesOut())
    problem.states *= sizeOr(sizes[*dims.row], problem);
  problem.complexTransition = hasComplex(op.getTransition()) ||
                              hasComplex(op.getLeft()) ||
                              hasComplex(op.getRight());
  problem.varyingTransition = uses(op.getTransitionMap(), dims.time);
  problem.varyingLanes = problem.varyingTransition &&
                         (dims.parallel.empty() ||
                          uses(op.getTransitionMap(), dims.parallel.back()));
  problem.gathersTransition = problem.varyingLanes && !dims.state.empty() &&
                              uses(op.getTransitionMap(), dims.state.back());
  if (op.isDiagonal())
    describeSides(op, sizes, problem);
  else
    describeMixing(op, sizes, problem);
  describeMatrices(op, problem);
  bool complexState = isa<ComplexType>(op.getStateElementType());
  double product = problem.complexTransition ? 8 : complexState ? 4 : 2;
  problem.flopsPerStep = product +
                         (op.getInput() ? (complexState ? 2 : 1) : 0) +
                         (op.getOutput() ? (complexState ? 4 : 2) : 0);
  bool complexKernel = complexState || hasComplex(op.getOutput());
  bool complexSignal = hasComplex(op.getSignal());
  bool realTaps = op.getProjection() != Projection::None && !complexSignal;
  problem.convolutions =
      (complexSignal ? 2 : 1) * (complexKernel && !realTaps ? 2 : 1);
  problem.makesKernel = true;
  problem.finalIsUsed = !op.getFinal().use_empty();
  problem.timeContiguous =
      isTimeContiguous(op.getResultIndexingMap(), dims.time);
  problem.scansLines = ssm::scansLines(op) && problem.length >= kLineBlock;
  problem.elementBytes =
      getElementWidth(getRealType(op.getStateElementType())) / 8;
}

Problem ssm::describe(Operation *operation) {
  Problem problem;
  problem.op = operation;
  if (auto op = dyn_cast<LinearRecurrenceOp>(operation)) {
    describeRecurrence(op, problem);
  } else if (auto op = dyn_cast<LongConvOp>(operation)) {
    SmallVector<int64_t> sizes = getStaticLoopSizes(op);
    AffineMap kernel = op.getIndexingMapsArray()[1];
    SmallVector<unsigned> parallel;
    for (unsigned dim : dimsOf(op.getResultMap(0))) {
      double size = sizeOr(sizes[dim], problem);
      if (dim == op.getTime()) {
        problem.length = size;
        continue;
      }
      parallel.push_back(dim);
      problem.channels *= size;
      problem.laneChannels = size;
      if (uses(kernel, dim))
        problem.kernels *= size;
    }
    problem.sharesSignal =
        sharesSignal(parallel, op.getIndexingMapsArray()[0],
                     [&](unsigned dim) { return uses(kernel, dim); });
    int64_t taps =
        op.getKernel().getType().getDimSize(*positionOf(kernel, op.getTime()));
    problem.taps = sizeOr(taps, problem);
    if (!ShapedType::isDynamic(taps))
      problem.knownTaps = taps;
    problem.timeContiguous = isTimeContiguous(op.getResultMap(0), op.getTime());
    problem.sides = op.getDirection() == Direction::TwoSided ? 2 : 1;
    problem.convolutions =
        (1 + hasComplex(op.getSignal())) * (1 + hasComplex(op.getKernel()));
    problem.elementBytes = getElementWidth(op.getType().getElementType()) / 8;
  } else if (auto op = dyn_cast<AssociativeScanOp>(operation)) {
    auto type = cast<RankedTensorType>(op.getInputs()[0].getType());
    for (auto [dim, size] : llvm::enumerate(type.getShape())) {
      double known = sizeOr(size, problem);
      if (dim == op.getDimension())
        problem.length = known;
      else
        problem.channels *= known, problem.laneChannels = known;
    }
    problem.flopsPerStep = op.getCombiner().front().getOperations().size();
  }
  problem.bytes = bytesOf(operation->getOperands(), problem) +
                  bytesOf(operation->getResults(), problem);
  return problem;
}
