//===- SSMDialect.cpp - The ssm dialect -----------------------------------===//
#include "ssm/IR/SSMDialect.h"
#include "ssm/IR/SSMOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

#include "ssm/IR/SSMDialect.cpp.inc"
#include "ssm/IR/SSMEnums.cpp.inc"
#include "ssm/IR/SSMInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ssm/IR/SSMAttributes.cpp.inc"

namespace {
/// Every op is pure and knows nothing of the function around it.
struct Inliner : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  /// Into the regions of ssm ops.
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void ssm::SSMDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ssm/IR/SSMAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ssm/IR/SSMOps.cpp.inc"
      >();
  addInterfaces<Inliner>();
}

LogicalResult
ssm::StrategyAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                          StrategyKind kind, int64_t leaf, int64_t lanes,
                          int64_t taps, int64_t points, Type matrix) {
  bool isConvolution =
      kind == StrategyKind::FFTConv || kind == StrategyKind::DirectConv;
  if (taps < 0 || (taps > 0 && !isConvolution))
    return emitError() << "taps is the length of a convolution's kernel, or 0 "
                          "for all of it, found "
                       << taps << " for " << stringifyStrategyKind(kind);
  if (points != 0 &&
      (kind != StrategyKind::FFTConv || !llvm::isPowerOf2_64(points)))
    return emitError()
           << "points is a power of two, the size of the transforms "
              "of fft_conv, or 0 for what the length needs, found "
           << points << " for " << stringifyStrategyKind(kind);
  if (matrix && (kind != StrategyKind::FFTConv || !matrix.isBF16()))
    return emitError()
           << "matrix is bf16, the elements of the matrices that the "
              "transforms of fft_conv are products of, or left out, found "
           << matrix << " for " << stringifyStrategyKind(kind);
  if (leaf < 1 || lanes < 1)
    return emitError() << "strategy parameters are at least 1, found leaf = "
                       << leaf << ", lanes = " << lanes;
  return success();
}
