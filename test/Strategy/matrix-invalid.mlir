// RUN: not ssm-opt %s --ssm-select-strategy 2>&1 | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// CHECK: error: 'ssm.linear_recurrence' op strategy fft_conv cannot compute this op: products of bf16 matrices have two or three of the digits of f64; leave matrix out, or take f32
func.func @digits(%a: tensor<8xf64>, %u: tensor<16x8xf64>) -> tensor<16x8xf64> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf64>)
      signal(%u : tensor<16x8xf64>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64,
       strategy = #ssm.strategy<fft_conv, matrix = bf16>}
      -> tensor<16x8xf64>, tensor<8xf64>
  return %y : tensor<16x8xf64>
}
