//===- RealProducts.h - Complex products of which half is read --*- C++ -*-===//

#ifndef SSM_LIB_LOWERING_REALPRODUCTS_H
#define SSM_LIB_LOWERING_REALPRODUCTS_H

#include "mlir/IR/PatternMatch.h"

namespace ssm {

/// The real part of a product of complex matrices -> a real product of them.
void populateRealProductsPatterns(mlir::RewritePatternSet &patterns);

} // namespace ssm

#endif // SSM_LIB_LOWERING_REALPRODUCTS_H
