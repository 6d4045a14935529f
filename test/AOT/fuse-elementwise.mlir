// RUN: ssm-opt %s --ssm-fuse-elementwise | FileCheck %s
#ij = affine_map<(i, j) -> (i, j)>
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

// A thread computes the part that it alone reads; rows that several threads read
// are computed once.
// CHECK-LABEL: func.func @threads
// CHECK-SAME: %[[A:[^:]*]]: tensor<64x8xf32>
// CHECK: %[[SHARED:.*]] = linalg.generic
// CHECK: scf.forall (%[[B:.*]], %[[I:.*]]) in (2, 4)
// CHECK:   %[[BEGIN:.*]] = arith.muli %[[I]]
// CHECK:   tensor.extract_slice %[[SHARED]][%[[BEGIN]], 0]
// CHECK: scf.forall (%{{.*}}, %[[J:.*]]) in (1, 4)
// CHECK:   %[[BEGIN:.*]] = arith.muli %[[J]]
// CHECK:   %[[PART:.*]] = tensor.extract_slice %[[A]][%[[BEGIN]], 0] [16, 8]
// CHECK:   linalg.generic {{.*}} ins(%[[PART]] : tensor<16x8xf32>)
// CHECK:   arith.mulf
func.func @threads(%a: tensor<64x8xf32>, %out: tensor<2x64x8xf32>) -> (tensor<2x64x8xf32>, tensor<64x8xf32>) {
  %c16 = arith.constant 16 : index
  %two = arith.constant 2.0 : f32
  %e = tensor.empty() : tensor<64x8xf32>
  %x = linalg.generic {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<64x8xf32>) outs(%e : tensor<64x8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %0 = arith.mulf %in, %two : f32
    linalg.yield %0 : f32
  } -> tensor<64x8xf32>
  %y = linalg.generic {indexing_maps = [#ij, #ij], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<64x8xf32>) outs(%e : tensor<64x8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %0 = arith.mulf %in, %two : f32
    linalg.yield %0 : f32
  } -> tensor<64x8xf32>
  %r = scf.forall (%b, %i) in (2, 4) shared_outs(%o = %out) -> (tensor<2x64x8xf32>) {
    %begin = arith.muli %i, %c16 : index
    %part = tensor.extract_slice %x[%begin, 0] [16, 8] [1, 1] : tensor<64x8xf32> to tensor<16x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %part into %o[%b, %begin, 0] [1, 16, 8] [1, 1, 1] : tensor<16x8xf32> into tensor<2x64x8xf32>
    }
  }
  %s = scf.forall (%b, %i) in (1, 4) shared_outs(%o = %e) -> (tensor<64x8xf32>) {
    %begin = arith.muli %i, %c16 : index
    %part = tensor.extract_slice %y[%begin, 0] [16, 8] [1, 1] : tensor<64x8xf32> to tensor<16x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %part into %o[%begin, 0] [16, 8] [1, 1] : tensor<16x8xf32> into tensor<64x8xf32>
    }
  }
  return %r, %s : tensor<2x64x8xf32>, tensor<64x8xf32>
}
