//===- TurnedProducts.h - Products that are read transposed -----*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_TURNEDPRODUCTS_H
#define SSM_LIB_LOWERING_TURNEDPRODUCTS_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// The transpose of a product of matrices -> a product with that result.
void populateTurnedProductsPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_LOWERING_TURNEDPRODUCTS_H
