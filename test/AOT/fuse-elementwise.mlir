// RUN: ssm-opt %s --ssm-fuse-elementwise | FileCheck %s
#id = affine_map<(i) -> (i)>

// Two operations of one block fuse; the one outside the loop stays there.
// CHECK-LABEL: func.func @fuse
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: scf.for
// CHECK: linalg.generic
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
func.func @fuse(%a: tensor<8xf32>, %init: tensor<8xf32>, %n: index) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<8xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%a : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  } -> tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %init) -> tensor<8xf32> {
    %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%x, %h : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
    ^bb0(%p: f32, %q: f32, %out: f32):
      %0 = arith.mulf %p, %q : f32
      linalg.yield %0 : f32
    } -> tensor<8xf32>
    %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%y, %a : tensor<8xf32>, tensor<8xf32>) outs(%h : tensor<8xf32>) {
    ^bb0(%p: f32, %q: f32, %out: f32):
      %0 = arith.addf %p, %q : f32
      linalg.yield %0 : f32
    } -> tensor<8xf32>
    scf.yield %z : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// A product that is updated in place and read by every row is not fused into
// the loop over the rows, which would update it in each.
// CHECK-LABEL: func.func @update_once
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel"]
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
func.func @update_once(%x: tensor<4xf64>, %s: tensor<4xf64>, %rows: tensor<7x4xf64>) -> tensor<7x4xf64> {
  %e = tensor.empty() : tensor<7x4xf64>
  %h = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%s : tensor<4xf64>) outs(%x : tensor<4xf64>) {
  ^bb0(%a: f64, %b: f64):
    %m = arith.mulf %a, %b : f64
    linalg.yield %m : f64
  } -> tensor<4xf64>
  %z = linalg.generic {indexing_maps = [affine_map<(r, i) -> (i)>, affine_map<(r, i) -> (r, i)>, affine_map<(r, i) -> (r, i)>],
                       iterator_types = ["parallel", "parallel"]} ins(%h, %rows : tensor<4xf64>, tensor<7x4xf64>) outs(%e : tensor<7x4xf64>) {
  ^bb0(%a: f64, %b: f64, %c: f64):
    %m = arith.mulf %a, %b : f64
    linalg.yield %m : f64
  } -> tensor<7x4xf64>
  return %z : tensor<7x4xf64>
}
