// RUN: ssm-opt %s --split-input-file --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s

// Windows one after another; one that is not inside changes nothing.
// CHECK-LABEL: func.func @adds(
// CHECK-SAME: %[[X:.*]]: tensor<6x4xf32>, %[[I:.*]]: tensor<3x1xi32>, %[[V:.*]]: tensor<3x4xf32>
// CHECK: %[[Y:.*]] = scf.for %[[K:.*]] = %c0 to %c3 step %c1 iter_args(%[[OUT:.*]] = %[[X]])
// CHECK: %[[N:.*]] = tensor.extract %[[I]][%[[K]], %c0]
// CHECK: %[[AT:.*]] = arith.index_cast %[[N]]
// CHECK: %[[FITS:.*]] = arith.cmpi ule, %[[AT]], %c5
// CHECK: %[[ROW:.*]] = arith.select %[[FITS]], %[[AT]], %c0
// CHECK-DAG: %[[NEW:.*]] = tensor.extract_slice %[[V]][%[[K]], 0] [1, 4] [1, 1] : tensor<3x4xf32> to tensor<4xf32>
// CHECK-DAG: %[[OLD:.*]] = tensor.extract_slice %[[OUT]][%[[ROW]], 0] [1, 4]
// CHECK: linalg.generic {{.*}} ins(%[[OLD]], %[[NEW]]
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: arith.select %[[FITS]], %[[SUM]]
// CHECK: tensor.insert_slice %{{.*}} into %[[OUT]][%[[ROW]], 0] [1, 4]
// CHECK: return %[[Y]]
func.func @adds(%x: tensor<6x4xf32>, %i: tensor<3x1xi32>, %v: tensor<3x4xf32>) -> tensor<6x4xf32> {
  %y = "stablehlo.scatter"(%x, %i, %v) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%s) : (tensor<f32>) -> ()
  }) : (tensor<6x4xf32>, tensor<3x1xi32>, tensor<3x4xf32>) -> tensor<6x4xf32>
  return %y : tensor<6x4xf32>
}

// -----

// ys.at[t].set(y) in a loop of jax.lax.fori_loop, whose index counts beside the
// loop's own counter and may count from the end for all that JAX knows: a slice.
// CHECK-LABEL: func.func @in_a_loop(
// CHECK-SAME: %[[V:.*]]: tensor<4xf32>, %[[X:.*]]: tensor<6x4xf32>
// CHECK: %[[Y:.*]] = scf.for %[[T:.*]] = %c0 to %c6 step %c1 iter_args(%[[OUT:.*]] = %[[X]])
// CHECK-NEXT: tensor.insert_slice %[[V]] into %[[OUT]][%[[T]], 0] [1, 4]
// CHECK: return %[[Y]]
func.func @in_a_loop(%v: tensor<4xf32>, %x: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %first = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %r:3 = "stablehlo.while"(%first, %first, %x) ({
  ^bb0(%n: tensor<i32>, %t: tensor<i32>, %y: tensor<6x4xf32>):
    %end = "stablehlo.constant"() <{value = dense<6> : tensor<i32>}> : () -> tensor<i32>
    %goes = "stablehlo.compare"(%n, %end) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
    "stablehlo.return"(%goes) : (tensor<i1>) -> ()
  }, {
  ^bb0(%n: tensor<i32>, %t: tensor<i32>, %y: tensor<6x4xf32>):
    %next:2 = func.call @step(%t, %v, %y) : (tensor<i32>, tensor<4xf32>, tensor<6x4xf32>) -> (tensor<i32>, tensor<6x4xf32>)
    %one = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
    %m = "stablehlo.add"(%n, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
    "stablehlo.return"(%m, %next#0, %next#1) : (tensor<i32>, tensor<i32>, tensor<6x4xf32>) -> ()
  }) : (tensor<i32>, tensor<i32>, tensor<6x4xf32>) -> (tensor<i32>, tensor<i32>, tensor<6x4xf32>)
  return %r#2 : tensor<6x4xf32>
}

func.func private @step(%t: tensor<i32>, %v: tensor<4xf32>, %y: tensor<6x4xf32>) -> (tensor<i32>, tensor<6x4xf32>) {
  %zero = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %one = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
  %size = "stablehlo.constant"() <{value = dense<6> : tensor<i32>}> : () -> tensor<i32>
  %next = "stablehlo.add"(%t, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  %from_end = "stablehlo.compare"(%t, %zero) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
  %back = "stablehlo.add"(%t, %size) : (tensor<i32>, tensor<i32>) -> tensor<i32>
  %i = "stablehlo.select"(%from_end, %back, %t) : (tensor<i1>, tensor<i32>, tensor<i32>) -> tensor<i32>
  %at = "stablehlo.broadcast_in_dim"(%i) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<1xi32>
  %z = "stablehlo.scatter"(%y, %at, %v) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [0], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0]>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    "stablehlo.return"(%b) : (tensor<f32>) -> ()
  }) : (tensor<6x4xf32>, tensor<1xi32>, tensor<4xf32>) -> tensor<6x4xf32>
  return %next, %z : tensor<i32>, tensor<6x4xf32>
}
