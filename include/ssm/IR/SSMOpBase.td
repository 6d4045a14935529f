//===- SSMOpBase.td - What the ops have in common ----------*- tablegen -*-===//

#ifndef SSM_IR_SSMOPBASE_TD
#define SSM_IR_SSMOPBASE_TD

include "ssm/IR/SSMAttributes.td"
include "ssm/IR/SSMDialect.td"
include "ssm/IR/SSMInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class SSM_Op<string mnemonic, list<Trait> traits = []>
    : Op<SSM_Dialect, mnemonic, traits>;

/// Element types that a sequence model is made of.
def SSM_Element : AnyTypeOf<[F16, BF16, F32, F64, Complex<F32>, Complex<F64>],
                            "f16, bf16, f32, f64, complex<f32> or complex<f64>">;
def SSM_Tensor : RankedTensorOf<[SSM_Element]>;
def SSM_FFTTensor : RankedTensorOf<[F32, F64, Complex<F32>, Complex<F64>]>;

/// An op over named loop dimensions of which one is time.
class SSM_IndexedOp<string mnemonic, list<Trait> traits = []>
    : SSM_Op<mnemonic, !listconcat([
        Pure, DeclareOpInterfaceMethods<SSM_IndexedOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>], traits)>;

#endif // SSM_IR_SSMOPBASE_TD
