// RUN: ssm-opt %s --split-input-file --ssm-derive-step --verify-diagnostics
// RUN: not ssm-opt %s --split-input-file --ssm-derive-step=chunk=-3 2>&1 | FileCheck %s --check-prefix=CHUNK
// RUN: not ssm-opt %s --split-input-file --ssm-derive-step=entry=absent 2>&1 | FileCheck %s --check-prefix=ENTRY
// CHUNK: a chunk has at least 1 step, or 0 for any number of them, but it is -3
// ENTRY: there is no public function 'absent'

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @backward(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  // expected-error @+1 {{runs backward in time, so the function cannot be run step by step}}
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>}
      -> tensor<64x8xf32>, tensor<8xf32>
  return %x : tensor<64x8xf32>
}

// -----

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @mean(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %m: tensor<8xf32>) -> tensor<8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  // expected-error @+1 {{reduces over time}}
  %sum = linalg.reduce { arith.addf } ins(%x : tensor<64x8xf32>) outs(%m : tensor<8xf32>) dimensions = [0]
  return %sum : tensor<8xf32>
}

// -----

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @spectrum(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<33x8xcomplex<f32>> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  // expected-error @+1 {{'ssm.fft' op is not known to be causal in time}}
  %f = ssm.fft %x {dimension = 0 : i64} : tensor<64x8xf32> -> tensor<33x8xcomplex<f32>>
  return %f : tensor<33x8xcomplex<f32>>
}

// -----

// A window that is centred on the step, not one that ends there.
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @ahead(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  // expected-error @+1 {{pads time after the last step, as if later steps were known}}
  %padded = tensor.pad %x low[1, 0] high[1, 0] {
  ^bb0(%t: index, %c: index):
    tensor.yield %zero : f32
  } : tensor<64x8xf32> to tensor<66x8xf32>
  %y = tensor.extract_slice %padded[2, 0] [64, 8] [1, 1] : tensor<66x8xf32> to tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// -----

// expected-error @+1 {{has no argument that varies in time}}
func.func @nothing(%a: tensor<8xf32>) -> tensor<8xf32> {
  return %a : tensor<8xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>
func.func @two_sided(%u: tensor<64x8xf32>, %k: tensor<5x8xf32>) -> tensor<64x8xf32> {
  // expected-error @+1 {{is two-sided: it reads later steps than the one that it computes, so the function cannot be run step by step}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64, direction = #ssm.direction<two_sided>}
      : tensor<64x8xf32>, tensor<5x8xf32> -> tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}
