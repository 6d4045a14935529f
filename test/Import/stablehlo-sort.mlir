// RUN: ssm-opt %s --split-input-file --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s

// Three passes merge runs of 1, 2 and 4 of the six elements of each row.
// CHECK-LABEL: func.func @sorts(
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>
// CHECK: scf.for %[[P:.*]] = %c0 to %c3 step %c1 iter_args(%[[FROM:.*]] = %[[X]])
// CHECK: %[[WIDTH:.*]] = arith.shli %c1, %[[P]]
// CHECK: scf.for %[[ROW:.*]] = %c0 to %c2 step %c1 iter_args(%{{.*}} = %[[FROM]])
// CHECK: scf.for %[[O:.*]] = %c0 to %c6 step %c1 iter_args(%{{.*}} = %c0, %{{.*}} = %c0
// CHECK: tensor.extract %[[FROM]][%[[ROW]],
// CHECK: tensor.extract %[[FROM]][%[[ROW]],
// CHECK: arith.cmpf olt
// CHECK: tensor.insert %{{.*}}[%[[ROW]], %[[O]]]
func.func @sorts(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %y = "stablehlo.sort"(%x) <{dimension = 1 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %less = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "stablehlo.return"(%less) : (tensor<i1>) -> ()
  }) : (tensor<2x6xf32>) -> tensor<2x6xf32>
  return %y : tensor<2x6xf32>
}

// -----

// In the order of all numbers, NaN and signs of zeros too.
// CHECK-LABEL: func.func @largest(
// CHECK: arith.bitcast %{{.*}} : f32 to i32
// CHECK: arith.cmpi sgt
// CHECK: %[[V:.*]] = tensor.extract_slice %{{.*}}[0] [2] [1] : tensor<6xf32> to tensor<2xf32>
// CHECK: %[[I:.*]] = tensor.extract_slice %{{.*}}[0] [2] [1] : tensor<6xi32> to tensor<2xi32>
// CHECK: return %[[V]], %[[I]]
func.func @largest(%x: tensor<6xf32>) -> (tensor<2xf32>, tensor<2xi32>) {
  %v, %i = "chlo.top_k"(%x) <{k = 2 : i64}> : (tensor<6xf32>) -> (tensor<2xf32>, tensor<2xi32>)
  return %v, %i : tensor<2xf32>, tensor<2xi32>
}
