// Functions around recurrences, such as residual blocks: reductions of rows,
// slices and paddings are stages too.
// RUN: ssm-opt %s --linalg-generalize-named-ops --ssm-lower-to-gpu=chip=sm_90 --split-input-file --verify-each | FileCheck %s

#bd = affine_map<(b, d) -> (b, d)>
#b = affine_map<(b, d) -> (b)>
#d = affine_map<(b, d) -> (d)>

// x - log(sum of exp(x)), one warp for each of four rows of a block: two
// accesses of 16 bytes a lane are loaded once. Sums have no barrier; what is
// computed from them is stored by the same kernel.
// CHECK: block = 128 : i64, entry = "log_softmax", grid = [{elements = array<i64: -1>, least = 0 : i64, per_block = 4 : i64}], kernel = "row_reduction"
// CHECK-LABEL: gpu.func @log_softmax(
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-4: math.exp
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-4: math.exp
// CHECK-NOT:     llvm.load
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK-NOT:     gpu.barrier
// CHECK:         math.log
// CHECK-COUNT-2: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK-NOT:     gpu.func
func.func @log_softmax(%x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x256xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %none = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#bd, #b], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x256xf32>) outs(%none : tensor<?xf32>) {
  ^bb0(%v: f32, %o: f32):
    %p = math.exp %v : f32
    %s = arith.addf %o, %p fastmath<reassoc> : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %all = tensor.empty(%n) : tensor<?x256xf32>
  %y = linalg.generic {indexing_maps = [#bd, #b, #bd], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sum : tensor<?x256xf32>, tensor<?xf32>) outs(%all : tensor<?x256xf32>) {
  ^bb0(%v: f32, %s: f32, %o: f32):
    %l = math.log %s : f32
    %r = arith.subf %v, %l : f32
    linalg.yield %r : f32
  } -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// -----

#ik = affine_map<(i, j, k) -> (i, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>
#rows = affine_map<(i, j) -> (i, j)>

// Halves of a product's columns are products by halves of its matrix, which are
// read where they are: rows of 128 elements, at 0 and 64. The padded one is two
// kernels, of zeros and of its rows from the third on; the result reads it at
// once from two places of the workspace.
// A block has eight rows of 16 accesses.
// CHECK: kernel = "matrix_product, elementwise, elementwise, matrix_product"
// CHECK-SAME: entry = "gated_2", grid = [{elements = array<i64: 66>, least = 0 : i64, per_block = 8 : i64}, {elements = array<i64: 64>, least = 0 : i64, per_block = 64 : i64}]
// CHECK-LABEL: gpu.func @gated(
// CHECK-COUNT-16: llvm.intr.fma
// CHECK-LABEL: gpu.func @gated_2(
// CHECK-LABEL: gpu.func @gated_3(
// CHECK-LABEL: gpu.func @gated_4(
// CHECK-COUNT-16: llvm.intr.fma
// CHECK-NOT:   gpu.func
func.func @gated(%x: tensor<64x32xf32>, %w: tensor<32x128xf32>) -> tensor<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %wide = tensor.empty() : tensor<64x128xf32>
  %none = linalg.fill ins(%zero : f32) outs(%wide : tensor<64x128xf32>) -> tensor<64x128xf32>
  %both = linalg.generic {indexing_maps = [#ik, #kj, #ij], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<64x32xf32>, tensor<32x128xf32>) outs(%none : tensor<64x128xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  } -> tensor<64x128xf32>
  %u = tensor.extract_slice %both[0, 0] [64, 64] [1, 1] : tensor<64x128xf32> to tensor<64x64xf32>
  %z = tensor.extract_slice %both[0, 64] [64, 64] [1, 1] : tensor<64x128xf32> to tensor<64x64xf32>
  %longer = tensor.empty() : tensor<66x64xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%longer : tensor<66x64xf32>) -> tensor<66x64xf32>
  %padded = tensor.insert_slice %u into %zeros[2, 0] [64, 64] [1, 1] : tensor<64x64xf32> into tensor<66x64xf32>
  %now = tensor.extract_slice %padded[2, 0] [64, 64] [1, 1] : tensor<66x64xf32> to tensor<64x64xf32>
  %past = tensor.extract_slice %padded[0, 0] [64, 64] [1, 1] : tensor<66x64xf32> to tensor<64x64xf32>
  %e = tensor.empty() : tensor<64x64xf32>
  %y = linalg.generic {indexing_maps = [#rows, #rows, #rows, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%now, %past, %z : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) {
  ^bb0(%p: f32, %q: f32, %g: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    %m = arith.mulf %s, %g : f32
    linalg.yield %m : f32
  } -> tensor<64x64xf32>
  return %y : tensor<64x64xf32>
}

// -----

#b = affine_map<(b, d) -> (b, d)>

// A loop that is not linear: a thread for each of 2 x 40 elements of the state.
// What 8 steps read is loaded in front of the first, and one step is left.
// CHECK: block = 64 : i64, entry = "largest", grid = [{elements = array<i64: 2, 40>, least = 0 : i64, per_block = 64 : i64}], kernel = "step_loop"
// CHECK-LABEL: gpu.func @largest(
// CHECK:         scf.for {{.*}} -> (f32)
// CHECK-COUNT-8:   llvm.load
// CHECK-COUNT-8:   arith.maximumf
// CHECK:         scf.for {{.*}} -> (f32)
// CHECK:           arith.maximumf
// CHECK-NOT:       arith.maximumf
// CHECK:         gpu.return
func.func @largest(%u: tensor<9x2x40xf32>, %h0: tensor<2x40xf32>) -> tensor<9x2x40xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %e = tensor.empty() : tensor<2x40xf32>
  %all = tensor.empty() : tensor<9x2x40xf32>
  %last, %y = scf.for %t = %c0 to %c9 step %c1 iter_args(%h = %h0, %ys = %all) -> (tensor<2x40xf32>, tensor<9x2x40xf32>) {
    %ut = tensor.extract_slice %u[%t, 0, 0] [1, 2, 40] [1, 1, 1] : tensor<9x2x40xf32> to tensor<2x40xf32>
    %next = linalg.generic {indexing_maps = [#b, #b, #b], iterator_types = ["parallel", "parallel"]}
        ins(%h, %ut : tensor<2x40xf32>, tensor<2x40xf32>) outs(%e : tensor<2x40xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %m = arith.maximumf %p, %q : f32
      linalg.yield %m : f32
    } -> tensor<2x40xf32>
    %set = tensor.insert_slice %next into %ys[%t, 0, 0] [1, 2, 40] [1, 1, 1] : tensor<2x40xf32> into tensor<9x2x40xf32>
    scf.yield %next, %set : tensor<2x40xf32>, tensor<9x2x40xf32>
  }
  return %y : tensor<9x2x40xf32>
}
