// RUN: ssm-opt %s --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse --ssm-raise-loops --canonicalize | FileCheck %s --check-prefix=RAISED

// CHECK-DAG: #[[LEFT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1)>
// CHECK-DAG: #[[RIGHT:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2, d0)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>

// What jax.lax.scan(lambda x, u: (a * x + u,) * 2, x0, u) is lowered to: a loop
// that counts, with calls for the slices. Places are inside, so none is clamped.
// CHECK: module @jit_f {
// CHECK-LABEL: func.func @scan(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32>, %[[U:.*]]: tensor<64x8xf32>, %[[X0:.*]]: tensor<8xf32>) -> (tensor<64x8xf32>, tensor<8xf32>) {
// CHECK: scf.for %[[T:.*]] = %c0 to %c64 step %c1 iter_args(%[[X:.*]] = %[[X0]], %[[Y:.*]] = %{{.*}})
// CHECK-NEXT: tensor.extract_slice %[[U]][%[[T]], 0] [1, 8] [1, 1] : tensor<64x8xf32> to tensor<8xf32>
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[X]]
// CHECK: arith.mulf
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK: tensor.insert_slice %{{.*}} into %[[Y]][%[[T]], 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<64x8xf32>
// CHECK-NOT: func.func private @at
// RAISED-LABEL: func.func @scan(
// RAISED-NOT: scf.for
// RAISED: ssm.linear_recurrence transition(%{{.*}} : tensor<8xf32>) signal(%{{.*}} : tensor<64x8xf32>) init(
module @jit_f attributes {mhlo.num_partitions = 1 : i32} {
  func.func @scan(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> (tensor<64x8xf32> {jax.result_info = "result[0]"}, tensor<8xf32>) {
    %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
    %y0 = "stablehlo.broadcast_in_dim"(%zero) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<64x8xf32>
    %start = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %r:5 = "stablehlo.while"(%u, %a, %start, %x0, %y0) ({
    ^bb0(%0: tensor<64x8xf32>, %1: tensor<8xf32>, %t: tensor<i32>, %3: tensor<8xf32>, %4: tensor<64x8xf32>):
      %end = "stablehlo.constant"() <{value = dense<64> : tensor<i32>}> : () -> tensor<i32>
      %more = "stablehlo.compare"(%t, %end) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
      "stablehlo.return"(%more) : (tensor<i1>) -> ()
    }, {
    ^bb0(%us: tensor<64x8xf32>, %as: tensor<8xf32>, %t: tensor<i32>, %x: tensor<8xf32>, %y: tensor<64x8xf32>):
      %ut = func.call @at(%us, %t) : (tensor<64x8xf32>, tensor<i32>) -> tensor<8xf32>
      %ax = "stablehlo.multiply"(%as, %x) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      %next = "stablehlo.add"(%ax, %ut) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      %row = "stablehlo.broadcast_in_dim"(%next) <{broadcast_dimensions = array<i64: 1>}> : (tensor<8xf32>) -> tensor<1x8xf32>
      %c0 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
      %ys = "stablehlo.dynamic_update_slice"(%y, %row, %t, %c0) : (tensor<64x8xf32>, tensor<1x8xf32>, tensor<i32>, tensor<i32>) -> tensor<64x8xf32>
      %c1 = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
      %later = "stablehlo.add"(%t, %c1) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%us, %as, %later, %next, %ys) : (tensor<64x8xf32>, tensor<8xf32>, tensor<i32>, tensor<8xf32>, tensor<64x8xf32>) -> ()
    }) : (tensor<64x8xf32>, tensor<8xf32>, tensor<i32>, tensor<8xf32>, tensor<64x8xf32>) -> (tensor<64x8xf32>, tensor<8xf32>, tensor<i32>, tensor<8xf32>, tensor<64x8xf32>)
    return %r#4, %r#3 : tensor<64x8xf32>, tensor<8xf32>
  }
  func.func private @at(%u: tensor<64x8xf32>, %t: tensor<i32>) -> tensor<8xf32> {
    %c0 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %row = "stablehlo.dynamic_slice"(%u, %t, %c0) <{slice_sizes = array<i64: 1, 8>}> : (tensor<64x8xf32>, tensor<i32>, tensor<i32>) -> tensor<1x8xf32>
    %ut = "stablehlo.reshape"(%row) : (tensor<1x8xf32>) -> tensor<8xf32>
    return %ut : tensor<8xf32>
  }

  // A place that is not known is clamped to those where the slice is inside.
  // CHECK-LABEL: func.func @clamps(
  // CHECK-SAME: %[[X:.*]]: tensor<10xf32>, %[[I:.*]]: tensor<i32>
  // CHECK-DAG: %[[N:.*]] = tensor.extract %[[I]][] : tensor<i32>
  // CHECK-DAG: %[[AT:.*]] = arith.index_cast %[[N]] : i32 to index
  // CHECK: %[[LOW:.*]] = arith.maxsi %[[AT]], %c0
  // CHECK: %[[PLACE:.*]] = arith.minsi %[[LOW]], %c6
  // CHECK: tensor.extract_slice %[[X]][%[[PLACE]]] [4] [1]
  func.func @clamps(%x: tensor<10xf32>, %i: tensor<i32>) -> tensor<4xf32> {
    %y = "stablehlo.dynamic_slice"(%x, %i) <{slice_sizes = array<i64: 4>}> : (tensor<10xf32>, tensor<i32>) -> tensor<4xf32>
    return %y : tensor<4xf32>
  }

  // Batches, then free dimensions of the left and of the right, then sums.
  // CHECK-LABEL: func.func @products(
  // CHECK: linalg.generic {indexing_maps = [#[[LEFT]], #[[RIGHT]], #[[OUT]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<2x5x3xf32>, tensor<5x4x2xf32>)
  func.func @products(%x: tensor<2x5x3xf32>, %y: tensor<5x4x2xf32>) -> tensor<2x3x4xf32> {
    %z = "stablehlo.dot_general"(%x, %y) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [2], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<2x5x3xf32>, tensor<5x4x2xf32>) -> tensor<2x3x4xf32>
    return %z : tensor<2x3x4xf32>
  }

  // Any other loop is kept as one.
  // CHECK-LABEL: func.func @doubles(
  // CHECK: scf.while
  // CHECK: %[[MORE:.*]] = tensor.extract %{{.*}}[] : tensor<i1>
  // CHECK: scf.condition(%[[MORE]])
  func.func @doubles(%x: tensor<f32>) -> tensor<f32> {
    %r = "stablehlo.while"(%x) ({
    ^bb0(%v: tensor<f32>):
      %end = "stablehlo.constant"() <{value = dense<100.0> : tensor<f32>}> : () -> tensor<f32>
      %more = "stablehlo.compare"(%v, %end) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      "stablehlo.return"(%more) : (tensor<i1>) -> ()
    }, {
    ^bb0(%v: tensor<f32>):
      %w = "stablehlo.add"(%v, %v) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%w) : (tensor<f32>) -> ()
    }) : (tensor<f32>) -> tensor<f32>
    return %r : tensor<f32>
  }

  // What is not read needs no import, nor does what only that reads.
  // CHECK-LABEL: func.func @unused(
  // CHECK-NEXT: return %arg0
  func.func @unused(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = "stablehlo.negate"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %key:2 = "stablehlo.custom_call"(%y) <{call_target_name = "f", has_side_effect = false}> : (tensor<4xf32>) -> (tensor<4xf32>, tensor<ui32>)
    return %x : tensor<4xf32>
  }
}
