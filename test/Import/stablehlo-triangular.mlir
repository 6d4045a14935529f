// RUN: ssm-opt %s --split-input-file --allow-unregistered-dialect --ssm-import-stablehlo --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @lower(
// CHECK-SAME: %[[M:.*]]: tensor<2x5x5xf32>, %[[B:.*]]: tensor<2x5x3xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c5 step %c1 iter_args(%[[X:.*]] = %{{.*}}) -> (tensor<2x5x3xf32>)
// CHECK-DAG: %[[RIGHT:.*]] = tensor.extract_slice %[[B]][0, %[[I]], 0] [2, 1, 3]
// CHECK-DAG: %[[ROW:.*]] = tensor.extract_slice %[[M]][0, %[[I]], 0] [2, 1, 5]
// CHECK: arith.cmpi ult, %{{.*}}, %[[I]] : index
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} "reduction"]} ins(%{{.*}}, %[[X]] :
// CHECK: %[[D:.*]] = tensor.extract_slice %[[M]][0, %[[I]], %[[I]]] [2, 1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[RIGHT]], %[[SUM]], %[[D]]
// CHECK: arith.subf
// CHECK: arith.divf
// CHECK: tensor.insert_slice %{{.*}} into %[[X]][0, %[[I]], 0] [2, 1, 3]
func.func @lower(%m: tensor<2x5x5xf32>, %b: tensor<2x5x3xf32>) -> tensor<2x5x3xf32> {
  %x = "stablehlo.triangular_solve"(%m, %b) <{left_side = true, lower = true, transpose_a = #stablehlo<transpose NO_TRANSPOSE>, unit_diagonal = false}> : (tensor<2x5x5xf32>, tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
  return %x : tensor<2x5x3xf32>
}

// -----

// x M = b: columns of M, and of an upper triangle again from the first.
// CHECK-LABEL: func.func @right(
// CHECK-SAME: %[[M:.*]]: tensor<5x5xf32>, %[[B:.*]]: tensor<3x5xf32>
// CHECK: scf.for %[[I:.*]] = %c0 to %c5
// CHECK: tensor.extract_slice %[[M]][0, %[[I]]] [5, 1]
// CHECK: arith.cmpi ult
// CHECK-NOT: arith.divf
// CHECK: tensor.insert_slice %{{.*}}[0, %[[I]]] [3, 1]
func.func @right(%m: tensor<5x5xf32>, %b: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %x = "stablehlo.triangular_solve"(%m, %b) <{left_side = false, lower = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>, unit_diagonal = true}> : (tensor<5x5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>
  return %x : tensor<3x5xf32>
}
