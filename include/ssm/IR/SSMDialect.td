//===- SSMDialect.td - The ssm dialect ---------------------*- tablegen -*-===//

#ifndef SSM_IR_SSMDIALECT_TD
#define SSM_IR_SSMDIALECT_TD

include "mlir/IR/OpBase.td"

def SSM_Dialect : Dialect {
  let name = "ssm";
  let cppNamespace = "::ssm";
  let summary = "Sequence models built on linear recurrences";
  let description = [{
    The `ssm` dialect states *what* a sequence model computes, a linear
    recurrence

        x_t = A_t x_{t-1} + B_t u_t,      y_t = C_t x_t,

    and leaves *how* it is computed to a strategy that one pass
    (`--ssm-select-strategy`) writes on the op as `#ssm.strategy` and the
    lowerings read.

    Ops are structured in the manner of `linalg`: every operand and result
    carries an affine map from the op's loop dimensions to its own dimensions.
    One loop dimension is time. Every layout and every kind of sharing is then
    one op, and an operand is time-invariant if its map does not use time.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // SSM_IR_SSMDIALECT_TD
