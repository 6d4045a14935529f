// RUN: ssm-opt %s --split-input-file --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s

// jnp.cumsum: windows that end at each element.
// CHECK-LABEL: func.func @cumulative(
// CHECK-SAME: %[[X:.*]]: tensor<8x3xf32>
// CHECK: %[[SUM:.*]] = ssm.associative_scan(%[[X]]) {dimension = 0 : i64} : (tensor<8x3xf32>) {
// CHECK-NEXT: ^bb0(%[[L:.*]]: f32, %[[R:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[L]], %[[R]]
// CHECK-NEXT: ssm.yield %[[S]]
// CHECK: ssm.associative_scan(%[[SUM]]) {dimension = 1 : i64, direction = #ssm.direction<backward>}
// CHECK: arith.maximumf
func.func @cumulative(%x: tensor<8x3xf32>, %zero: tensor<f32>, %low: tensor<f32>) -> tensor<8x3xf32> {
  %s = "stablehlo.reduce_window"(%x, %zero) <{padding = dense<[[7, 0], [0, 0]]> : tensor<2x2xi64>, window_dimensions = array<i64: 8, 1>, window_strides = array<i64: 1, 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%c) : (tensor<f32>) -> ()
  }) : (tensor<8x3xf32>, tensor<f32>) -> tensor<8x3xf32>
  %m = "stablehlo.reduce_window"(%s, %low) <{padding = dense<[[0, 0], [0, 2]]> : tensor<2x2xi64>, window_dimensions = array<i64: 1, 3>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%c) : (tensor<f32>) -> ()
  }) : (tensor<8x3xf32>, tensor<f32>) -> tensor<8x3xf32>
  return %m : tensor<8x3xf32>
}

// -----

// Two tensors at once: the largest and its place.
// CHECK-LABEL: func.func @argmax(
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4x8xi32>) outs(%{{.*}}, %{{.*}} : tensor<4xf32>, tensor<4xi32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[I:.*]]: i32, %[[MOST:.*]]: f32, %[[AT:.*]]: i32):
// CHECK-NEXT: %[[ISMORE:.*]] = arith.cmpf ogt, %[[MOST]], %[[X]]
// CHECK-NEXT: %[[V:.*]] = arith.select %[[ISMORE]], %[[MOST]], %[[X]]
// CHECK-NEXT: %[[J:.*]] = arith.select %[[ISMORE]], %[[AT]], %[[I]]
// CHECK-NEXT: linalg.yield %[[V]], %[[J]]
func.func @argmax(%x: tensor<4x8xf32>, %i: tensor<4x8xi32>, %low: tensor<f32>, %zero: tensor<i32>) -> tensor<4xi32> {
  %r:2 = "stablehlo.reduce"(%x, %i, %low, %zero) <{dimensions = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>, %ai: tensor<i32>, %b: tensor<f32>, %bi: tensor<i32>):
    %more = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
    %v = "stablehlo.select"(%more, %a, %b) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
    %j = "stablehlo.select"(%more, %ai, %bi) : (tensor<i1>, tensor<i32>, tensor<i32>) -> tensor<i32>
    "stablehlo.return"(%v, %j) : (tensor<f32>, tensor<i32>) -> ()
  }) : (tensor<4x8xf32>, tensor<4x8xi32>, tensor<f32>, tensor<i32>) -> (tensor<4xf32>, tensor<4xi32>)
  return %r#1 : tensor<4xi32>
}

// -----

// Its order is the implementation's.
// CHECK-LABEL: func.func @sum(
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
func.func @sum(%x: tensor<4x8xf32>, %zero: tensor<f32>) -> tensor<4xf32> {
  %r = "stablehlo.reduce"(%x, %zero) <{dimensions = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %v = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%v) : (tensor<f32>) -> ()
  }) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// CHECK-DAG: #[[SIGNAL:.*]] = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK-DAG: #[[KERNEL:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>

// Of each channel: the causal one of Mamba has its last tap first.
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[U:.*]]: tensor<2x50x8xf32>
// CHECK: %[[REVERSED:.*]] = linalg.generic
// CHECK: %[[K:.*]] = tensor.collapse_shape %[[REVERSED]] {{.*}} : tensor<4x1x8xf32> into tensor<4x8xf32>
// CHECK: %[[Y:.*]] = ssm.long_conv %[[U]], %[[K]] {indexing_maps = [#[[SIGNAL]], #[[KERNEL]], #[[SIGNAL]]], numerics = #ssm.numerics<strict>, time = 2 : i64}
// CHECK: return %[[Y]]
func.func @causal(%u: tensor<2x50x8xf32>, %k: tensor<4x1x8xf32>) -> tensor<2x50x8xf32> {
  %y = "stablehlo.convolution"(%u, %k) <{batch_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, feature_group_count = 8 : i64, padding = dense<[[3, 0]]> : tensor<1x2xi64>}> : (tensor<2x50x8xf32>, tensor<4x1x8xf32>) -> tensor<2x50x8xf32>
  return %y : tensor<2x50x8xf32>
}

// Without padding, as much as lies inside of the signal.
// CHECK-LABEL: func.func @inside(
// CHECK-SAME: %[[U:.*]]: tensor<2x50x8xf32>
// CHECK: %[[Y:.*]] = ssm.long_conv %[[U]], %{{.*}} {direction = #ssm.direction<backward>
// CHECK: tensor.extract_slice %[[Y]][0, 0, 0] [2, 47, 8] [1, 1, 1]
func.func @inside(%u: tensor<2x50x8xf32>, %k: tensor<4x1x8xf32>) -> tensor<2x47x8xf32> {
  %y = "stablehlo.convolution"(%u, %k) <{dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, feature_group_count = 8 : i64}> : (tensor<2x50x8xf32>, tensor<4x1x8xf32>) -> tensor<2x47x8xf32>
  return %y : tensor<2x47x8xf32>
}

// -----

// CHECK-DAG: #[[PLACE:.*]] = affine_map<()[s0] -> (s0 * 3)>
// CHECK-DAG: #[[IN:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4, d3)>
// CHECK-DAG: #[[TAP:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d4, d1)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4, d1)>

// Any other: tap by tap, over batch, output in a group, place; input; group.
// CHECK-LABEL: func.func @windows(
// CHECK-SAME: %[[U:.*]]: tensor<2x50x8xf32>, %[[K:.*]]: tensor<4x4x6xf32>
// CHECK: scf.for %[[TAP_AT:.*]] = %c0 to %c4 step %c1
// CHECK: %[[START:.*]] = affine.apply #[[PLACE]]()[%[[TAP_AT]]]
// CHECK: tensor.extract_slice %[[U]][0, %[[START]], 0] [2, 21, 8] [1, 2, 1]
// CHECK: tensor.extract_slice %[[K]][%[[TAP_AT]], 0, 0] [1, 4, 6] [1, 1, 1] : tensor<4x4x6xf32> to tensor<4x6xf32>
// CHECK: linalg.generic {indexing_maps = [#[[IN]], #[[TAP]], #[[OUT]]], iterator_types = ["parallel", "parallel", "parallel", "reduction", "parallel"]} ins(%{{.*}}, %{{.*}} : tensor<2x21x2x4xf32>, tensor<4x2x3xf32>) outs(%{{.*}} : tensor<2x21x2x3xf32>)
// CHECK: tensor.collapse_shape %{{.*}} : tensor<2x21x2x3xf32> into tensor<2x21x6xf32>
func.func @windows(%u: tensor<2x50x8xf32>, %k: tensor<4x4x6xf32>) -> tensor<2x21x6xf32> {
  %y = "stablehlo.convolution"(%u, %k) <{dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, feature_group_count = 2 : i64, window_strides = array<i64: 2>, rhs_dilation = array<i64: 3>}> : (tensor<2x50x8xf32>, tensor<4x4x6xf32>) -> tensor<2x21x6xf32>
  return %y : tensor<2x21x6xf32>
}

// -----

// Rows of a table: places are clamped.
// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[TABLE:.*]]: tensor<20x8xf32>, %[[AT:.*]]: tensor<2x5x1xi32>
// CHECK: linalg.generic
// CHECK-DAG: %[[B:.*]] = linalg.index 0
// CHECK-DAG: %[[T:.*]] = linalg.index 1
// CHECK-DAG: %[[D:.*]] = linalg.index 2
// CHECK: %[[N:.*]] = tensor.extract %[[AT]][%[[B]], %[[T]], %c0]
// CHECK: %[[I:.*]] = arith.index_cast %[[N]]
// CHECK: %[[LOW:.*]] = arith.maxsi %[[I]], %c0
// CHECK: %[[ROW:.*]] = arith.minsi %[[LOW]], %c19
// CHECK: tensor.extract %[[TABLE]][%[[ROW]], %[[D]]]
func.func @rows(%table: tensor<20x8xf32>, %at: tensor<2x5x1xi32>) -> tensor<2x5x8xf32> {
  %y = "stablehlo.gather"(%table, %at) <{dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 8>}> : (tensor<20x8xf32>, tensor<2x5x1xi32>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// -----

// An outer product is no sum.
// CHECK-LABEL: func.func @outer(
// CHECK: arith.mulf
// CHECK-NOT: arith.addf
func.func @outer(%k: tensor<2x8xf32>, %v: tensor<2x5xf32>) -> tensor<2x8x5xf32> {
  %kv = "stablehlo.dot_general"(%k, %v) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0]>}> : (tensor<2x8xf32>, tensor<2x5xf32>) -> tensor<2x8x5xf32>
  return %kv : tensor<2x8x5xf32>
}
