// RUN: ssm-opt %s --ssm-gradient --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-gradient=entry=decay | FileCheck %s --check-prefix=ENTRY

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// ENTRY: func @decay_vjp
// ENTRY-NOT: func @square_vjp

// The cotangents run backward with the same transition, and read p_{t+1}.
// CHECK-LABEL: func @decay(
// CHECK-NOT: backward
// CHECK-LABEL: func @decay_vjp(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32> {ssm.name = "a"}, %[[U:.*]]: tensor<?x8xf32>, %[[DY:.*]]: tensor<?x8xf32> {ssm.name = "d_y"}) -> (tensor<8xf32> {ssm.name = "d_a"}, tensor<?x8xf32> {ssm.name = "d_1"})
// CHECK: %[[P:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[DY]] : {{.*}}) input(%[[A]] : {{.*}}) {direction = #ssm.direction<backward>, {{.*}} read = #ssm.read<before>
// CHECK: %[[G:.*]] = linalg.generic {{.*}} ins(%[[DY]], %[[P]]
// CHECK: %[[X:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[U]] : {{.*}}) {{{.*}} read = #ssm.read<before>
// CHECK: %[[DA:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[G]], %[[X]]
// CHECK: return %[[DA]], %[[G]]
func.func @decay(%a: tensor<8xf32> {ssm.name = "a"}, %u: tensor<?x8xf32>) -> (tensor<?x8xf32> {ssm.name = "y"}) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<?x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
      -> tensor<?x8xf32>, tensor<8xf32>
  return %x : tensor<?x8xf32>
}

// What does not depend on an input is not looked at, and integers have no
// cotangent.
// CHECK-LABEL: func @square_vjp(
// CHECK-SAME: %[[X:.*]]: tensor<4xf64>, %{{.*}}: tensor<4xi32>, %[[DY:.*]]: tensor<4xf64> {ssm.name = "d_r0"}) -> (tensor<4xf64> {ssm.name = "d_0"})
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[X]], %[[DY]]
func.func @square(%x: tensor<4xf64>, %i: tensor<4xi32>) -> (tensor<4xf64>, tensor<4xi32>) {
  %one = arith.constant dense<1.0> : tensor<4xf64>
  %angle = math.tan %one : tensor<4xf64>
  %s = arith.mulf %x, %x : tensor<4xf64>
  %y = arith.addf %s, %angle : tensor<4xf64>
  return %y, %i : tensor<4xf64>, tensor<4xi32>
}

// A slice's cotangent lies among zeros, a reshape's has the shape before. What
// is compared has none.
// CHECK-LABEL: func.func @slices_vjp(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %[[DY:.*]]: tensor<8xf32>
// CHECK-DAG: %[[ZEROS:.*]] = linalg.fill {{.*}} -> tensor<4x6xf32>
// CHECK-DAG: %[[D:.*]] = tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [4, 2] : tensor<8xf32> into tensor<4x2xf32>
// CHECK: %[[DX:.*]] = tensor.insert_slice %[[D]] into %[[ZEROS]][0, 3] [4, 2] [1, 1]
// CHECK: return %[[DX]]
func.func @slices(%x: tensor<4x6xf32>) -> tensor<8xf32> {
  %part = tensor.extract_slice %x[0, 3] [4, 2] [1, 1] : tensor<4x6xf32> to tensor<4x2xf32>
  %row = tensor.collapse_shape %part [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %more = arith.cmpf ogt, %row, %zero : tensor<8xf32>
  %y = arith.select %more, %row, %zero : tensor<8xi1>, tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: func.func @inserted_vjp(
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>, %[[Z:.*]]: tensor<4x6xf32>, %[[DY:.*]]: tensor<4x6xf32>
// CHECK-DAG: %[[D:.*]] = tensor.extract_slice %[[DY]][0, 3] [4, 2] [1, 1]
// CHECK-DAG: %[[NOTHING:.*]] = linalg.fill {{.*}} -> tensor<4x2xf32>
// CHECK-DAG: %[[DZ:.*]] = tensor.insert_slice %[[NOTHING]] into %[[DY]][0, 3] [4, 2] [1, 1]
// CHECK-DAG: %[[DX:.*]] = tensor.collapse_shape %[[D]] {{\[}}[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
// CHECK: return %[[DX]], %[[DZ]]
func.func @inserted(%x: tensor<8xf32>, %z: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %part = tensor.expand_shape %x [[0, 1]] output_shape [4, 2] : tensor<8xf32> into tensor<4x2xf32>
  %y = tensor.insert_slice %part into %z[0, 3] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x6xf32>
  return %y : tensor<4x6xf32>
}

#w = affine_map<(t, n, v) -> (n)>
#tn = affine_map<(t, n, v) -> (t, n)>
#tv = affine_map<(t, n, v) -> (t, v)>
#nv = affine_map<(t, n, v) -> (n, v)>

// Back in time p and q change places.
// CHECK-LABEL: func.func @low_rank_vjp(
// CHECK-SAME: %[[P:[^:]*]]: tensor<9x4xf32> {ssm.name = "p"}, %[[Q:[^:]*]]: tensor<9x4xf32> {ssm.name = "q"}
// CHECK: ssm.linear_recurrence {{.*}} low_rank(%[[Q]], %[[P]] : tensor<9x4xf32>, tensor<9x4xf32>)
// CHECK-SAME: direction = #ssm.direction<backward>
// CHECK-SAME: read = #ssm.read<before>
func.func @low_rank(%w: tensor<4xf32> {ssm.name = "w"}, %p: tensor<9x4xf32> {ssm.name = "p"}, %q: tensor<9x4xf32> {ssm.name = "q"},
                    %k: tensor<9x4xf32> {ssm.name = "k"}, %v: tensor<9x3xf32> {ssm.name = "v"}) -> tensor<9x3xf32> {
  %y, %x = ssm.linear_recurrence transition(%w : tensor<4xf32>) signal(%v : tensor<9x3xf32>) input(%k : tensor<9x4xf32>)
      output(%k : tensor<9x4xf32>) low_rank(%p, %q : tensor<9x4xf32>, tensor<9x4xf32>)
      {indexing_maps = [#w, #tv, #tn, #tn, #tn, #tn, #tv, #nv], time = 0 : i64, row = 1 : i64} -> tensor<9x3xf32>, tensor<4x3xf32>
  return %y : tensor<9x3xf32>
}
