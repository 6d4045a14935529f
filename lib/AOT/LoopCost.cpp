//===- LoopCost.cpp - How long a loop of known size takes -----------------===//
#include "LoopCost.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace ssm;

static constexpr double kUnknown = std::numeric_limits<double>::infinity();

/// Two ops on vectors of `kVectorBytes` start in a cycle; a function of math is
/// a polynomial of about that many ops.
static constexpr double kOpsPerCycle = 2, kVectorBytes = 64, kFunctionOps = 12;

static double bytesOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  Type element = shaped ? shaped.getElementType() : type;
  double parts = 1;
  if (auto complex = dyn_cast<ComplexType>(element)) {
    element = complex.getElementType();
    parts = 2;
  }
  if (!element.isIntOrFloat())
    return 0; // Addresses cost nothing beside what lies there.
  double elements = 1;
  if (shaped)
    elements = shaped.hasStaticShape() ? shaped.getNumElements() : kUnknown;
  return elements * parts * element.getIntOrFloatBitWidth() / 8;
}

/// Names of what is there already.
static bool isFree(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() ||
         op->hasTrait<OpTrait::IsTerminator>() ||
         isa<ViewLikeOpInterface, vector::BroadcastOp, vector::ShapeCastOp,
             vector::ToElementsOp, vector::FromElementsOp, vector::ExtractOp,
             vector::InsertOp, vector::ExtractStridedSliceOp,
             vector::InsertStridedSliceOp>(op);
}

/// Ops on vectors that `op`, without its regions, becomes; in the body of a
/// linalg op, which LLVM packs into vectors, parts of one.
static double vectorOpsOf(Operation *op) {
  if (isFree(op))
    return 0;
  if (auto copy = dyn_cast<memref::CopyOp>(op))
    return 2 * std::ceil(bytesOf(copy.getSource().getType()) / kVectorBytes);
  double most = 0;
  auto take = [&](Type type) {
    if (!isa<MemRefType>(type))
      most = std::max(most, bytesOf(type));
  };
  llvm::for_each(op->getOperandTypes(), take);
  llvm::for_each(op->getResultTypes(), take);
  bool isFunction =
      isa<math::MathDialect>(op->getDialect()) &&
      !isa<math::FmaOp, math::AbsFOp, math::CopySignOp, math::FloorOp>(op);
  double each = isFunction ? kFunctionOps : 1;
  double vectors = most / kVectorBytes;
  bool isPacked = isa_and_present<linalg::LinalgOp>(op->getParentOp()) &&
                  !isa<memref::LoadOp>(op);
  return each * (isPacked ? vectors : std::ceil(vectors));
}

/// Ops on vectors that move the operands of an iteration of a linalg op.
static double accessesOf(Operation *op) {
  double bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += bytesOf(getElementTypeOrSelf(type));
  return bytes / kVectorBytes;
}

/// How often the regions of `op` run.
static double timesOf(Operation *op) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    double times = 1;
    for (int64_t range : structured.getStaticLoopRanges())
      times *= ShapedType::isDynamic(range) ? kUnknown : range;
    return times;
  }
  auto loop = dyn_cast<LoopLikeOpInterface>(op);
  if (!loop)
    return 1;
  auto lower = loop.getLoopLowerBounds(), upper = loop.getLoopUpperBounds(),
       steps = loop.getLoopSteps();
  if (!lower || !upper || !steps)
    return kUnknown; // scf.while
  double times = 1;
  for (auto [from, to, step] : llvm::zip_equal(*lower, *upper, *steps)) {
    auto first = getConstantIntValue(from), end = getConstantIntValue(to),
         by = getConstantIntValue(step);
    times *= first && end && by && *by > 0
                 ? std::max(0.0, std::ceil(double(*end - *first) / *by))
                 : kUnknown;
  }
  return times;
}

double ssm::cyclesOf(Operation *op) {
  if (isa<CallOpInterface>(op))
    return kUnknown;
  double inside = 0;
  for (Region &region : op->getRegions())
    for (Operation &nested : region.getOps())
      inside += cyclesOf(&nested);
  if (isa<linalg::LinalgOp>(op))
    inside += accessesOf(op) / kOpsPerCycle;
  double own = isa<linalg::LinalgOp>(op) ? 0 : vectorOpsOf(op) / kOpsPerCycle;
  // Nothing, an unknown number of times, is nothing.
  return own + (inside == 0 ? 0 : timesOf(op) * inside);
}
