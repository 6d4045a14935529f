//===- StableHLOUnsigned.cpp - Integers without a sign of their own -------===//
//
// Before: %m = "stablehlo.maximum"(%a, %b) : (tensor<4xui32>, tensor<4xui32>)
//             -> tensor<4xui32>
// After:  %m = "stablehlo.maximum"(%a, %b) {ssm.unsigned}
//             : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
//
// Upstream's dialects have the sign in their ops. Those of which the result
// depends on it are marked, then the types lose it.
//
//===----------------------------------------------------------------------===//
#include "StableHLO.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

static bool isUnsigned(Value value) {
  return getElementTypeOrSelf(value).isUnsignedInteger();
}

static Type withoutSign(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getElementType().isUnsignedInteger())
    return type;
  unsigned bits = tensor.getElementTypeBitWidth();
  return tensor.clone(IntegerType::get(type.getContext(), bits));
}

static void retype(ValueRange values) {
  for (Value value : values)
    value.setType(withoutSign(value.getType()));
}

ElementsAttr ssm::getConstant(Operation *op) {
  auto value = dyn_cast_if_present<ElementsAttr>(getAttribute(op, "value"));
  auto dense = dyn_cast_if_present<DenseElementsAttr>(value);
  if (!dense || !dense.getElementType().isUnsignedInteger())
    return value;
  return dense.bitcast(getElementTypeOrSelf(withoutSign(dense.getType())));
}

void ssm::dropSigns(ModuleOp module) {
  Attribute mark = UnitAttr::get(module.getContext());
  // A number that becomes an unsigned one is marked by itself: one that has a
  // sign is extended with it.
  module.walk([&](Operation *op) {
    if (op->getNumOperands() == 0)
      return;
    bool toUnsigned = op->getNumResults() == 1 &&
                      isUnsigned(op->getResult(0)) &&
                      isa<FloatType>(getElementTypeOrSelf(op->getOperand(0)));
    if (llvm::any_of(op->getOperands(), isUnsigned) || toUnsigned)
      op->setDiscardableAttr(kUnsigned, mark);
  });
  module.walk([&](Operation *op) {
    retype(op->getResults());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        retype(block.getArguments());
    if (auto func = dyn_cast<func::FuncOp>(op)) {
      auto all = [](TypeRange types) {
        return llvm::map_to_vector(types, withoutSign);
      };
      func.setFunctionType(FunctionType::get(module.getContext(),
                                             all(func.getArgumentTypes()),
                                             all(func.getResultTypes())));
    }
  });
}
