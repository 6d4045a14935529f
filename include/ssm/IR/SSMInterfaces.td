//===- SSMInterfaces.td - Interfaces of the ssm dialect ----*- tablegen -*-===//

#ifndef SSM_IR_SSMINTERFACES_TD
#define SSM_IR_SSMINTERFACES_TD

include "mlir/IR/OpBase.td"

def SSM_IndexedOpInterface : OpInterface<"IndexedOpInterface"> {
  let cppNamespace = "::ssm";
  let description = [{
    An op whose tensor operands and results are indexed by projected
    permutations of a common set of loop dimensions, one of which is time.
    `indexing_maps` holds one map per tensor operand, then one per result.
  }];
  let methods = [
    InterfaceMethod<"The maps, one per tensor operand and then per result.",
      "::llvm::SmallVector<::mlir::AffineMap>", "getIndexingMapsArray", (ins), [{}], [{
        return ::llvm::to_vector($_op.getIndexingMaps().template getAsValueRange<
            ::mlir::AffineMapAttr, ::mlir::AffineMap>());
      }]>,
    InterfaceMethod<"The loop dimension that is time.",
      "unsigned", "getTimeDim", (ins), [{}], [{ return $_op.getTime(); }]>,
    InterfaceMethod<"The tensor operands, in the order of the maps.",
      "::llvm::SmallVector<::mlir::Value>", "getIndexedOperands">,
  ];
  let extraSharedClassDeclaration = [{
    /// Number of loop dimensions.
    unsigned getNumLoops() { return $_op.getIndexingMapsArray()[0].getNumDims(); }

    /// Map of the i-th result.
    ::mlir::AffineMap getResultMap(unsigned i) {
      return $_op.getIndexingMapsArray()[$_op.getIndexedOperands().size() + i];
    }
  }];
}

#endif // SSM_IR_SSMINTERFACES_TD
