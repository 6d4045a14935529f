// RUN: ssm-opt %s --ssm-derive-step | FileCheck %s
// RUN: ssm-opt %s --ssm-derive-step="entry=decay chunk=0" | FileCheck %s --check-prefix=ANY

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// The final state is returned once, as the state; %x0 is where it starts.
// CHECK: func.func @decay_start(%{{.*}}: tensor<8xf32> {ssm.argument = 0 : i64}, %{{.*}}: tensor<1x8xf32> {{.*}}, %[[X0:.*]]: tensor<8xf32> {{.*}}) -> (tensor<8xf32> {ssm.state = 0 : i64})
// CHECK-NEXT: return %[[X0]]
// CHECK: func.func @decay_step(%[[A:.*]]: tensor<8xf32> {ssm.argument = 0 : i64}, %[[U:.*]]: tensor<1x8xf32> {ssm.argument = 1 : i64, ssm.time = 0 : i64}, %[[X:.*]]: tensor<8xf32> {ssm.state = 0 : i64})
// CHECK-SAME: -> (tensor<1x8xf32> {ssm.result = 0 : i64, ssm.time = 0 : i64}, tensor<8xf32> {ssm.result = 1 : i64, ssm.state = 0 : i64})
// CHECK: %[[Y:.*]], %[[LAST:.*]] = ssm.linear_recurrence transition(%[[A]] {{.*}}) signal(%[[U]] {{.*}}) init(%[[X]] {{.*}})
// CHECK: return %[[Y]], %[[LAST]]
// ANY: func.func @decay_step(%{{.*}}: tensor<8xf32> {{.*}}, %{{.*}}: tensor<?x8xf32>
// ANY-NOT: func.func @delay_step
func.func @decay(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %x0: tensor<8xf32>)
    -> (tensor<64x8xf32>, tensor<8xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64}
      -> tensor<64x8xf32>, tensor<8xf32>
  return %x, %last : tensor<64x8xf32>, tensor<8xf32>
}

// A delay of two steps keeps the last two, which are zero at first.
// CHECK: func.func @delay_start
// CHECK: tensor.generate
// CHECK: func.func @delay_step(%{{.*}}, %[[U:arg1]]: tensor<1x8xf32> {{.*}}%[[W:.*]]: tensor<2x8xf32> {ssm.state = {{.}} : i64}
// CHECK: tensor.insert_slice %[[W]] into %{{.*}}[0, 0] [2, 8]
// CHECK: %[[ALL:.*]] = tensor.insert_slice %[[U]] into %{{.*}}[2, 0] [1, 8]
// CHECK: %[[LATE:.*]] = tensor.extract_slice %[[ALL]][0, 0] [1, 8]
// CHECK: ssm.linear_recurrence {{.*}} signal(%[[LATE]]
// CHECK: tensor.extract_slice %[[ALL]][1, 0] [2, 8]
func.func @delay(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %zero = arith.constant 0.0 : f32
  %padded = tensor.pad %u low[2, 0] high[0, 0] {
  ^bb0(%t: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<64x8xf32> to tensor<66x8xf32>
  %late = tensor.extract_slice %padded[0, 0] [64, 8] [1, 1] : tensor<66x8xf32> to tensor<64x8xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%late : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  return %x : tensor<64x8xf32>
}

// The size of a dimension that does not exist has no meaning, and ends nothing.
// CHECK: func.func @nowhere_step({{.*}}%[[U:arg1]]: tensor<1x8xf32>
// CHECK: %[[SEVEN:.*]] = arith.constant 7
// CHECK: tensor.dim %[[U]], %[[SEVEN]]
func.func @nowhere(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> (tensor<64x8xf32>, index) {
  %c7 = arith.constant 7 : index
  %size = tensor.dim %u, %c7 : tensor<64x8xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  return %x, %size : tensor<64x8xf32>, index
}
