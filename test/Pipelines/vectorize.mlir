// RUN: ssm-opt %s --ssm-vectorize=max-elements=64 | FileCheck %s
// RUN: ssm-opt %s --ssm-vectorize="max-elements=64 max-rows=7" | FileCheck %s --check-prefix=ROWS

#id = affine_map<(d0) -> (d0)>

// The slice becomes a transfer from the tensor itself.
// CHECK-LABEL: func.func @tile
// CHECK-SAME: %[[A:.*]]: tensor<?x16xf32>, %[[H:.*]]: tensor<16xf32>, %[[T:.*]]: index
// CHECK-NOT: tensor.extract_slice
// CHECK: %[[VA:.*]] = vector.transfer_read %[[A]][%[[T]], %{{.*}}]
// CHECK: %[[VH:.*]] = vector.transfer_read %[[H]]
// CHECK: %[[P:.*]] = arith.mulf %[[VA]], %[[VH]] : vector<16xf32>
// CHECK: vector.transfer_write %[[P]], %[[H]]
func.func @tile(%a: tensor<?x16xf32>, %h: tensor<16xf32>, %t: index) -> tensor<16xf32> {
  %at = tensor.extract_slice %a[%t, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<16xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%at : tensor<16xf32>) outs(%h : tensor<16xf32>) {
  ^bb0(%x: f32, %y: f32):
    %p = arith.mulf %x, %y : f32
    linalg.yield %p : f32
  } -> tensor<16xf32>
  return %r : tensor<16xf32>
}

// Dynamic, larger than max-elements, of one element, or complex: loops.
// CHECK-LABEL: func.func @loops
// CHECK-COUNT-4: linalg.negf
// CHECK-NOT: vector
// CHECK: return
func.func @loops(%a: tensor<?xf32>, %b: tensor<65xf32>, %c: tensor<1xf32>, %d: tensor<4xcomplex<f32>>)
    -> (tensor<?xf32>, tensor<65xf32>, tensor<1xf32>, tensor<4xcomplex<f32>>) {
  %0 = linalg.negf ins(%a : tensor<?xf32>) outs(%a : tensor<?xf32>) -> tensor<?xf32>
  %1 = linalg.negf ins(%b : tensor<65xf32>) outs(%b : tensor<65xf32>) -> tensor<65xf32>
  %2 = linalg.negf ins(%c : tensor<1xf32>) outs(%c : tensor<1xf32>) -> tensor<1xf32>
  %3 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"], doc = "linalg.negf"} outs(%d : tensor<4xcomplex<f32>>) {
  ^bb0(%x: complex<f32>):
    %n = complex.neg %x : complex<f32>
    linalg.yield %n : complex<f32>
  } -> tensor<4xcomplex<f32>>
  return %0, %1, %2, %3 : tensor<?xf32>, tensor<65xf32>, tensor<1xf32>, tensor<4xcomplex<f32>>
}

// Bits, which a vector packs in memory: a loop.
// CHECK-LABEL: func.func @bits
// CHECK-NOT: vector
// CHECK: return
func.func @bits(%a: tensor<16xi1>, %b: tensor<16xi1>) -> tensor<16xi1> {
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%a : tensor<16xi1>) outs(%b : tensor<16xi1>) {
  ^bb0(%x: i1, %y: i1):
    %p = arith.ori %x, %y : i1
    linalg.yield %p : i1
  } -> tensor<16xi1>
  return %r : tensor<16xi1>
}

// A square is transposed by log2(4) rounds of shuffles of its rows.
// CHECK-LABEL: func.func @transpose
// CHECK: vector.transfer_read
// CHECK: vector.shuffle {{.*}} [0, 1, 4, 5]
// CHECK: vector.shuffle {{.*}} [2, 3, 6, 7]
// CHECK: vector.shuffle {{.*}} [0, 4, 2, 6]
// CHECK: vector.shuffle {{.*}} [1, 5, 3, 7]
// CHECK-NOT: vector.transpose
// CHECK: vector.transfer_write
func.func @transpose(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = linalg.transpose ins(%x : tensor<4x4xf32>) outs(%y : tensor<4x4xf32>) permutation = [1, 0]
  return %0 : tensor<4x4xf32>
}

// A sum over rows may be contracted with the products that it adds.
// CHECK-LABEL: func.func @sum
// CHECK: %[[P:.*]] = arith.mulf
// CHECK-COUNT-2: arith.addf {{.*}} fastmath<contract> : vector<8xf32>
func.func @sum(%x: tensor<2x8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(r, c) -> (r, c)>, affine_map<(r, c) -> (c)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<2x8xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a fastmath<contract> : f32
    %t = arith.addf %p, %s fastmath<contract> : f32
    linalg.yield %t : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Lanes are added as the sum allows: in any order, or in theirs.
// CHECK-LABEL: func.func @any_order
// CHECK: %[[P:.*]] = arith.mulf {{.*}} fastmath<reassoc>
// CHECK: vector.reduction <add>, %[[P]], %{{.*}} fastmath<reassoc> : vector<16xf32> into f32
// CHECK-LABEL: func.func @in_order
// CHECK-NOT: reassoc
func.func @any_order(%x: tensor<16xf32>, %y: tensor<f32>) -> tensor<f32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<16xf32>) outs(%y : tensor<f32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a fastmath<reassoc> : f32
    %t = arith.addf %p, %s fastmath<reassoc> : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @in_order(%x: tensor<16xf32>, %y: tensor<f32>) -> tensor<f32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<16xf32>) outs(%y : tensor<f32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a : f32
    %t = arith.addf %p, %s : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}

// Sums of rows that may take any order: halves of eight lanes first, then the
// exchanges of a transpose of 4 x 4, whose rows are added.
// CHECK-LABEL: func.func @rows
// CHECK-COUNT-4: arith.addf {{.*}} : vector<4xf32>
// CHECK: vector.shuffle {{.*}} [0, 1, 4, 5]
// CHECK: vector.shuffle {{.*}} [2, 3, 6, 7]
// CHECK: arith.addf
// CHECK: arith.addf
// CHECK: vector.shuffle {{.*}} [0, 4, 2, 6]
// CHECK: vector.shuffle {{.*}} [1, 5, 3, 7]
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: arith.addf %[[SUM]], %{{.*}} : vector<4xf32>
// CHECK-LABEL: func.func @rows_in_order
// CHECK-NOT: vector.shuffle
#rc = affine_map<(r, c) -> (r, c)>
#r = affine_map<(r, c) -> (r)>
func.func @rows(%x: tensor<4x8xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [#rc, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%y : tensor<4xf32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a fastmath<reassoc> : f32
    %t = arith.addf %p, %s fastmath<reassoc> : f32
    linalg.yield %t : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @rows_in_order(%x: tensor<4x8xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [#rc, #r], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xf32>) outs(%y : tensor<4xf32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a : f32
    %t = arith.addf %p, %s : f32
    linalg.yield %t : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Four rows and one operation on each, or two, are no more than seven.
// CHECK-LABEL: func.func @much_of_each(
// CHECK-NOT: linalg
// CHECK: return
// ROWS-LABEL: func.func @much_of_each(
// ROWS: arith.negf {{.*}} : vector<4x8xf32>
// ROWS: linalg.generic
// ROWS: return
func.func @much_of_each(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = linalg.negf ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = linalg.generic {indexing_maps = [#rc, #rc], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x8xf32>) outs(%x : tensor<4x8xf32>) {
  ^bb0(%a: f32, %s: f32):
    %p = arith.mulf %a, %a : f32
    %t = arith.subf %p, %a : f32
    linalg.yield %t : f32
  } -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

#bhd = affine_map<(b, h, d) -> (b, h, d)>
#bh = affine_map<(b, h, d) -> (b, h)>

// Elements of matrices' diagonals, each in every lane of its row: read one by
// one, not by a loop over lanes.
// CHECK-LABEL: func.func @diagonal(
// CHECK-SAME: %[[X:.*]]: tensor<2x2x16xf32>
// CHECK-DAG: %[[XS:.*]] = vector.transfer_read %[[X]]{{.*}} vector<2x2x16xf32>
// CHECK-COUNT-4: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}]
// CHECK: %[[ELEMENTS:.*]] = vector.from_elements {{.*}} : vector<2x2x1xf32>
// CHECK: %[[LANES:.*]] = vector.broadcast %[[ELEMENTS]] : vector<2x2x1xf32> to vector<2x2x16xf32>
// CHECK: arith.divf %[[XS]], %[[LANES]]
func.func @diagonal(%x: tensor<2x2x16xf32>, %m: tensor<2x2x64x64xf32>, %i: index) -> tensor<2x2x16xf32> {
  %e = tensor.empty() : tensor<2x2x16xf32>
  %d = tensor.extract_slice %m[0, 0, %i, %i] [2, 2, 1, 1] [1, 1, 1, 1] : tensor<2x2x64x64xf32> to tensor<2x2xf32>
  %y = linalg.generic {indexing_maps = [#bhd, #bh, #bhd], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %d : tensor<2x2x16xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.divf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<2x2x16xf32>
  return %y : tensor<2x2x16xf32>
}
