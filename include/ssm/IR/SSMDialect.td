//===- SSMDialect.td - The ssm dialect ---------------------*- tablegen -*-===//
#ifndef SSM_IR_SSMDIALECT_TD
#define SSM_IR_SSMDIALECT_TD

include "mlir/IR/OpBase.td"

def SSM_Dialect : Dialect {
  let name = "ssm";
  let cppNamespace = "::ssm";
  let summary = "Sequence models built on linear recurrences";
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // SSM_IR_SSMDIALECT_TD
