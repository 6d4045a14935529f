//===- SliceProducers.h - Compute slices instead of wholes ------*- C++ -*-===//
#ifndef SSM_LIB_GPU_SLICEPRODUCERS_H
#define SSM_LIB_GPU_SLICEPRODUCERS_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

void populateSliceProducersPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_GPU_SLICEPRODUCERS_H
