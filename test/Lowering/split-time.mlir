// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// Two blocks of 16 segments of 64 steps, and 52 steps that are left over.
// CHECK-LABEL: func.func @one_channel(
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%[[Y:.*]] = %{{.*}}, %[[STATE:.*]] = %{{.*}}) -> (tensor<2100xf32>, tensor<f32>)
// Steps of lanes.
// CHECK: tensor.expand_shape {{.*}} : tensor<1024xf32> into tensor<16x64xf32>
// CHECK: %[[A:.*]] = scf.forall {{.*}} -> (tensor<64x16xf32>)
// CHECK: %[[U:.*]] = scf.forall {{.*}} -> (tensor<64x16xf32>)
// The map of each segment: the product of its transitions, and its states from 0.
// CHECK: %[[P:.*]] = scf.for %{{.*}} = %c0 to %c64 {{.*}} -> (tensor<16xf32>)
// CHECK: %[[S:.*]] = scf.for %{{.*}} = %c0 to %c64 {{.*}} -> (tensor<16xf32>)
// The states before the segments.
// CHECK: %[[LINK:.*]]:2 = scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args(%{{.*}} = %[[STATE]], {{.*}}) -> (tensor<f32>, tensor<16xf32>)
// CHECK: tensor.extract_slice %[[P]]
// CHECK: tensor.extract_slice %[[S]]
// All states.
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 iter_args(%{{.*}} = %[[LINK]]#1, {{.*}}) -> (tensor<16xf32>, tensor<64x16xf32>)
// CHECK: scf.forall {{.*}} -> (tensor<16x64xf32>)
// CHECK: tensor.collapse_shape
// CHECK: scf.for %{{.*}} = %c0 to %c52
func.func @one_channel(%a: tensor<2100xf32>, %u: tensor<2100xf32>, %x0: tensor<f32>) -> (tensor<2100xf32>, tensor<f32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2100xf32>) signal(%u : tensor<2100xf32>) init(%x0 : tensor<f32>)
      {indexing_maps = [#t, #t, #none, #t, #none], time = 0 : i64}
      -> tensor<2100xf32>, tensor<f32>
  return %y, %x : tensor<2100xf32>, tensor<f32>
}

// Less than a block.
// CHECK-LABEL: func.func @short(
// CHECK-NOT: tensor<64x16xf32>
func.func @short(%a: tensor<1000xf32>, %u: tensor<1000xf32>) -> tensor<1000xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<1000xf32>) signal(%u : tensor<1000xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<1000xf32>, tensor<f32>
  return %y : tensor<1000xf32>
}
