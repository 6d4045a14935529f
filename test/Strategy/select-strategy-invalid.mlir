// RUN: not ssm-opt %s --ssm-select-strategy=force=fft_conv 2>&1 | FileCheck %s --check-prefix=FORCED
// RUN: not ssm-opt %s --ssm-select-strategy=force=magic 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not ssm-opt %s --ssm-select-strategy 2>&1 | FileCheck %s --check-prefix=PINNED

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// FORCED: error: 'ssm.linear_recurrence' op strategy fft_conv cannot compute this op: the transition varies in time
// NAME: error: there is no strategy 'magic'; use auto, sequential, tree_scan, fft_conv or direct_conv
// PINNED: error: 'ssm.linear_recurrence' op strategy direct_conv cannot compute this op: the transition varies in time
func.func @varying(%a: tensor<16x8xf32>, %u: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16x8xf32>)
      signal(%u : tensor<16x8xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64,
       strategy = #ssm.strategy<direct_conv>}
      -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}
