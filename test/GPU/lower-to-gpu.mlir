// One recurrence of a function's arguments becomes one kernel. Channels last:
// a block for some of them. Time last: a block for each row, or many. Or one
// scan, one kernel's taps, one convolution.
// RUN: ssm-opt %s --ssm-lower-to-gpu=chip=sm_90 --split-input-file --verify-each | FileCheck %s

#bth = affine_map<(b, t, h) -> (b, t, h)>
#bh = affine_map<(b, t, h) -> (b, h)>

// A thread has four channels, and eight of them are beside each other: the grid
// is ceil(4 * size 0 / 32), where size 0 is the first dynamic one.
// CHECK: ssm.launches = [{abi = {inputs = [{name = "a0", shape = ["d0", "d1", 4], type = f32}, {{.*}}], outputs = [{{.*}}, {name = "r1", shape = ["d0", 4], type = f32}],
// CHECK-SAME: block = 128 : i64, entry = "channels", grid = [{elements = array<i64: -1, 4>, least = 0 : i64, per_block = 32 : i64}], kernel = "column_scan", reason = "it is a plain recurrence or scan over contiguous channels"
// CHECK-SAME: workspace_bytes = 0 : i64, workspace_bytes_per_block = 0 : i64}]
// CHECK-LABEL: gpu.func @channels(
// CHECK-SAME:    %[[A:.*]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[U:.*]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[Y:.*]]: !llvm.ptr<1> {llvm.noalias}, %[[X:.*]]: !llvm.ptr<1> {llvm.noalias}, %[[B:.*]]: i64, %[[L:.*]]: i64) kernel
// CHECK:         gpu.block_id
// CHECK:         %[[CHUNKS:.*]] = arith.ceildivui %[[L]], %c128_i64
// Eight steps are loaded, then joined; every eighth lane has other steps.
// CHECK:         scf.for {{.*}} to %[[CHUNKS]]
// CHECK-COUNT-16:  llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK:           %[[P:.*]] = arith.mulf %[[A1:.*]], %{{.*}} fastmath<contract> : f32
// CHECK-NEXT:      %[[Q:.*]] = arith.mulf %[[A1]], %{{.*}} fastmath<contract> : f32
// CHECK-NEXT:      arith.addf %[[Q]], %{{.*}} fastmath<contract> : f32
// CHECK:           gpu.shuffle up %{{.*}}, %c8_i32,
// CHECK:           gpu.shuffle up %{{.*}}, %c16_i32,
// CHECK:           gpu.barrier
// CHECK:           llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
func.func @channels(%a: tensor<?x?x4xf32>, %u: tensor<?x?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x?x4xf32>) signal(%u : tensor<?x?x4xf32>)
      {indexing_maps = [#bth, #bth, #bth, #bh], time = 1 : i64} -> tensor<?x?x4xf32>, tensor<?x4xf32>
  return %y, %x : tensor<?x?x4xf32>, tensor<?x4xf32>
}

// -----

#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>

// CHECK: block = 128 : i64, entry = "rows", grid = [{elements = array<i64: 6>, least = 0 : i64, per_block = 1 : i64}], kernel = "row_scan", reason = "a row is not longer than one tile",
// CHECK: llvm.mlir.global internal @rows_shared0() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<16 x i32>
// CHECK-LABEL: gpu.func @rows(
// CHECK:         scf.for
// CHECK:           llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-10:  gpu.shuffle up
// CHECK:           gpu.barrier
// CHECK:           llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
// CHECK-NOT:     gpu.barrier
func.func @rows(%a: tensor<6x4096xf32>, %u: tensor<6x4096xf32>) -> tensor<6x4096xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<6x4096xf32>) signal(%u : tensor<6x4096xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<6x4096xf32>, tensor<6xf32>
  return %y : tensor<6x4096xf32>
}

// -----

#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>

// A transition that does not vary in time has powers in f64, in front of the
// loop; only signals are loaded, and states shuffled.
// CHECK: entry = "steady", {{.*}} kernel = "row_scan"
// CHECK-LABEL: gpu.func @steady(
// CHECK:         arith.extf %{{.*}} : f32 to f64
// CHECK:         arith.mulf %{{.*}} : f64
// CHECK:         arith.truncf %{{.*}} : f64 to f32
// CHECK:         scf.for
// CHECK-NOT:       f64
// CHECK:           llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-5:   gpu.shuffle up
// CHECK-NOT:       gpu.shuffle
// CHECK:           gpu.barrier
// CHECK:           llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
func.func @steady(%a: tensor<6xf32>, %u: tensor<6x4096xf32>) -> tensor<6x4096xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<6xf32>) signal(%u : tensor<6x4096xf32>)
      {indexing_maps = [#r, #rt, #rt, #r], time = 1 : i64} -> tensor<6x4096xf32>, tensor<6xf32>
  return %y : tensor<6x4096xf32>
}

// -----

#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>

// Four chunks are loaded before one barrier. One warp publishes the total of
// the tile in two words and its end in one. A tile has room for what is in front
// of a row, so that accesses begin with sectors.
// CHECK: grid = [{elements = array<i64: 6>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: -1>, least = 1 : i64, per_block = 4088 : i64}], kernel = "look_back", reason = "there are too few rows to fill the machine", workspace_bytes = 32 : i64, workspace_bytes_per_block = 24 : i64
// CHECK-LABEL: gpu.func @few(
// CHECK-SAME:    i64, %[[W:.*]]: !llvm.ptr<1>)
// CHECK-SAME:    known_block_size = array<i32: 256, 1, 1>
// CHECK:           llvm.atomicrmw add %[[W]], %{{.*}} syncscope("device") monotonic
// CHECK:         gpu.barrier
// CHECK-COUNT-8:   llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK:         gpu.barrier
// CHECK-COUNT-2:   llvm.store {{.*}} atomic syncscope("device") monotonic {alignment = 8 : i64}
// CHECK:           scf.while
// CHECK-COUNT-3:   llvm.load {{.*}} atomic syncscope("device") monotonic {alignment = 8 : i64}
// CHECK:           llvm.store {{.*}} atomic syncscope("device") monotonic {alignment = 8 : i64}
// CHECK:         gpu.barrier
// CHECK-COUNT-4:   llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
func.func @few(%a: tensor<6x?xf32>, %u: tensor<6x?xf32>) -> tensor<6x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<6x?xf32>) signal(%u : tensor<6x?xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<6x?xf32>, tensor<6xf32>
  return %y : tensor<6x?xf32>
}

// -----

#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#btn = affine_map<(b, t, h, n) -> (b, t, n)>
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bthn = affine_map<(b, t, h, n) -> (b, t, h, n)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>

// Two threads for each channel, with four states each. A does not change in
// time, so it is loaded in front of the loop; what a step needs of B and C is
// one load each. Each thread gets the sum and computes the gate at a time of its
// own: two sums that change lanes take one shuffle.
// CHECK: grid = [{elements = array<i64: 2, 6>, least = 0 : i64, per_block = 64 : i64}], kernel = "channel_scan", reason = "it is no plain recurrence or scan over contiguous time or channels"
// CHECK-LABEL: gpu.func @selective(
// CHECK-SAME:    %[[A:.*]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[DT:.*]]: !llvm.ptr<1> {{{.*}}}, %[[U:.*]]: !llvm.ptr<1> {{{.*}}}, %[[B:.*]]: !llvm.ptr<1> {{{.*}}}, %[[C:.*]]: !llvm.ptr<1> {{{.*}}}, %[[Y:.*]]: !llvm.ptr<1> {llvm.noalias})
// CHECK:         %[[PA:.*]] = llvm.getelementptr %[[A]]
// CHECK-NEXT:    llvm.load %[[PA]] {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK:         scf.for
// CHECK:           %[[PB:.*]] = llvm.getelementptr %[[B]]
// CHECK-NEXT:      llvm.load %[[PB]] {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-16:  math.exp
// CHECK-NOT:       math.exp
// CHECK:           %[[SENT:.*]] = arith.select %[[ODD:.*]], %[[Y0:.*]], %[[Y1:.*]] : f32
// CHECK:           %[[KEPT:.*]] = arith.select %[[ODD2:.*]], %[[Y1]], %[[Y0]] : f32
// CHECK:           %[[GOT:.*]], %{{.*}} = gpu.shuffle xor %[[SENT]]
// CHECK:           %[[MINE:.*]] = arith.addf %[[KEPT]], %[[GOT]]
// CHECK:           %[[Z:.*]] = arith.mulf %[[MINE]], %{{.*}} : f32
// CHECK:           scf.if
// CHECK:             llvm.store %[[Z]]
func.func @selective(%A: tensor<6x8xf32>, %dt: tensor<2x9x6xf32>, %u: tensor<2x9x6xf32>, %B: tensor<2x9x8xf32>, %C: tensor<2x9x8xf32>) -> tensor<2x9x6xf32> {
  %a, %scale = ssm.discretize euler transition(%A : tensor<6x8xf32>) step(%dt : tensor<2x9x6xf32>)
      {indexing_maps = [#hn, #bth, #bthn, #bth]} -> tensor<2x9x6x8xf32>, tensor<2x9x6xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x9x6x8xf32>) signal(%u : tensor<2x9x6xf32>)
      input(%B : tensor<2x9x8xf32>) output(%C : tensor<2x9x8xf32>)
      {indexing_maps = [#bthn, #bth, #btn, #btn, #bth, #bhn], time = 1 : i64} -> tensor<2x9x6xf32>, tensor<2x6x8xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(b, t, h) -> (b, t, h)>, affine_map<(b, t, h) -> (b, t, h)>, affine_map<(b, t, h) -> (b, t, h)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %u : tensor<2x9x6xf32>, tensor<2x9x6xf32>) outs(%y : tensor<2x9x6xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %g = arith.mulf %l, %r : f32
    linalg.yield %g : f32
  } -> tensor<2x9x6xf32>
  return %z : tensor<2x9x6xf32>
}

// -----

// A combiner takes the place of the recurrence's: two elements of each type in
// one access, the total of a tile in three words, as its end is.
// CHECK: kernel = "look_back"
// CHECK-SAME: workspace_bytes_per_block = 48 : i64
// CHECK-LABEL: gpu.func @argmax(
// CHECK:         llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> vector<2xf32>
// CHECK:         llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<2xi64>
// CHECK:         %[[RIGHT:.*]] = arith.cmpf ogt, %[[R:.*]], %[[L:.*]] : f32
// CHECK-NEXT:    arith.select %[[RIGHT]], %[[R]], %[[L]] : f32
func.func @argmax(%v: tensor<2x9000xf32>, %i: tensor<2x9000xi64>) -> (tensor<2x9000xf32>, tensor<2x9000xi64>) {
  %none = arith.constant -1.0 : f32
  %zero = arith.constant 0 : i64
  %m, %j = ssm.associative_scan(%v, %i) identity(%none, %zero : f32, i64) {dimension = 1 : i64} : (tensor<2x9000xf32>, tensor<2x9000xi64>) {
  ^bb0(%l0: f32, %l1: i64, %r0: f32, %r1: i64):
    %right = arith.cmpf ogt, %r0, %l0 : f32
    %x = arith.select %right, %r0, %l0 : f32
    %k = arith.select %right, %r1, %l1 : i64
    ssm.yield %x, %k : f32, i64
  }
  return %m, %j : tensor<2x9000xf32>, tensor<2x9000xi64>
}

// -----

#n = affine_map<(n, l) -> (n)>
#l = affine_map<(n, l) -> (l)>

// For each state, one power by squaring in f64; then 16 taps 128 lags apart.
// CHECK: grid = [{elements = array<i64>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 5000>, least = 0 : i64, per_block = 2048 : i64}], kernel = "powers", reason = "it is the only one"
// CHECK-LABEL: gpu.func @taps(
// CHECK:         scf.for %{{.*}} = %c0_i64{{.*}} to %{{.*}} step
// CHECK:           %[[A:.*]] = llvm.load {{.*}} -> f32
// CHECK:           scf.for {{.*}} to %c13_i64
// CHECK:             arith.select %{{.*}} : f64
// CHECK:         scf.if
// CHECK:           arith.truncf %{{.*}} : f64 to f32
// CHECK:           llvm.store
func.func @taps(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>) -> tensor<5000xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<3xf32>) input(%b : tensor<3xf32>) output(%c : tensor<3xf32>)
      {indexing_maps = [#n, #n, #n, #l], time = 1 : i64} -> tensor<5000xf32>
  return %k : tensor<5000xf32>
}

// -----

// A block for each row where they fill 132 multiprocessors, or may.
// CHECK: entry = "many", {{.*}} kernel = "row_scan", reason = "there are rows enough to fill the machine"
// CHECK: entry = "unknown", {{.*}} kernel = "row_scan", reason = "the number of rows is known at run time only, and taken to fill the machine"
#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>
func.func @many(%a: tensor<4096x9000xf32>, %u: tensor<4096x9000xf32>) -> tensor<4096x9000xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<4096x9000xf32>) signal(%u : tensor<4096x9000xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<4096x9000xf32>, tensor<4096xf32>
  return %y : tensor<4096x9000xf32>
}
func.func @unknown(%a: tensor<?x9000xf32>, %u: tensor<?x9000xf32>) -> tensor<?x9000xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<?x9000xf32>) signal(%u : tensor<?x9000xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<?x9000xf32>, tensor<?xf32>
  return %y : tensor<?x9000xf32>
}

// -----

// A block convolves all five signals with its kernel, by transforms of 1024
// points of which each of 64 threads has 16: four times four neighbours where it
// accesses tensors.
// CHECK: inputs = [{name = "a0", shape = ["d0", 5, 600], type = f32}, {name = "a1", shape = ["d0", 600], type = f32}]
// CHECK-SAME: block = 64 : i64, entry = "conv", grid = [{elements = array<i64: -1>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 5>, least = 0 : i64, per_block = 5 : i64}], kernel = "fft_conv"
// CHECK: llvm.mlir.global internal @conv_points() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<2048 x i32>
// CHECK-LABEL: gpu.func @conv(
// CHECK-COUNT-4: llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-3: gpu.barrier
// CHECK:         scf.for
// CHECK-COUNT-4:   llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-4:   gpu.barrier
// CHECK-COUNT-4:   llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
// CHECK-NOT:     gpu.barrier
#bht = affine_map<(b, h, t) -> (h, b, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @conv(%u: tensor<?x5x600xf32>, %k: tensor<?x600xf32>) -> tensor<?x5x600xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
      : tensor<?x5x600xf32>, tensor<?x600xf32> -> tensor<?x5x600xf32>
  return %y : tensor<?x5x600xf32>
}

// -----

// A signal of a length that is known at run time only: windows of 1024 steps that
// overlap by 32. A block has two of each of the three signals.
// CHECK: inputs = [{name = "a0", shape = [3, "d0"], type = f32}, {name = "a1", shape = [33], type = f32}]
// CHECK-SAME: block = 32 : i64, entry = "windows", grid = [{elements = array<i64>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 3>, least = 0 : i64, per_block = 3 : i64}, {elements = array<i64: -1>, least = 0 : i64, per_block = 1984 : i64}]
// CHECK-NOT: then =
// CHECK-LABEL: gpu.func @windows(
// CHECK:         scf.for {{.*}} iter_args(
// CHECK:           scf.for {{.*}} iter_args(
#bt = affine_map<(b, t) -> (b, t)>
#t = affine_map<(b, t) -> (t)>
func.func @windows(%u: tensor<3x?xf32>, %k: tensor<33xf32>) -> tensor<3x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64}
      : tensor<3x?xf32>, tensor<33xf32> -> tensor<3x?xf32>
  return %y : tensor<3x?xf32>
}

// -----

// 8192 points are the most that a block has, 32 of them a thread: the launch
// gives it the memory for their exchange, and for the spectrum. The kernel is in
// front of its windows. Sixteen bytes an access cost no round.
// CHECK: block = 256 : i64, entry = "window", grid = [{elements = array<i64>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 3>, least = 0 : i64, per_block = 1 : i64}], kernel = "fft_conv", reason = "it is the only one without matrices", shared_bytes = 131072 : i64
// CHECK-NOT:   llvm.mlir.global internal
// CHECK:       llvm.mlir.global external @window_shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<0 x i32>
// CHECK-LABEL: gpu.func @window(
// CHECK:         llvm.mlir.addressof @window_shared : !llvm.ptr<3>
// CHECK-COUNT-8: llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-NOT:     gpu.barrier
// CHECK:         scf.for {{.*}} iter_args(
// CHECK-COUNT-8:   llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-COUNT-2:   gpu.barrier
// CHECK:           scf.if
// CHECK:             gpu.barrier
// CHECK:           else
// CHECK-COUNT-2:     gpu.barrier
// CHECK-COUNT-8:     llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
#bt = affine_map<(b, t) -> (b, t)>
#t = affine_map<(b, t) -> (t)>
func.func @window(%u: tensor<3x8192xf32>, %k: tensor<8192xf32>) -> tensor<3x8192xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64}
      : tensor<3x8192xf32>, tensor<8192xf32> -> tensor<3x8192xf32>
  return %y : tensor<3x8192xf32>
}

// -----

// 16384 points are eight columns of 2048, in the workspace: those of the kernel,
// those of the signals, rows, and columns again. Four blocks hold 4096 points.
// CHECK: block = 256 : i64, entry = "passes", grid = [{elements = array<i64>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 4>, least = 0 : i64, per_block = 1 : i64}], kernel = "fft_conv"
// CHECK-SAME: then = [{block = 256 : i64, entry = "passes_2", grid = [{elements = array<i64>{{.*}}}, {elements = array<i64: 3>{{.*}}}, {elements = array<i64: 4>{{.*}}}], workspace_bytes_per_block = 32768 : i64},
// CHECK-SAME: {block = 128 : i64, entry = "passes_3", {{.*}}elements = array<i64: 8>, {{.*}}workspace_bytes_per_block = 0 : i64}, {block = 256 : i64, entry = "passes_4"
// CHECK-SAME: workspace_bytes = 0 : i64, workspace_bytes_per_block = 32768 : i64}
// CHECK-LABEL: gpu.func @passes(
// CHECK:         llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
// CHECK-LABEL: gpu.func @passes_2(
// CHECK-LABEL: gpu.func @passes_3(
// The next signal's row is loaded in front of this one's transform.
// CHECK-COUNT-16: llvm.load {{.*}} {alignment = 16 : i64} {{.*}}vector<4xf32>
// CHECK:         scf.for {{.*}} iter_args(
// CHECK-COUNT-8:   llvm.load {{.*}} {alignment = 16 : i64} {{.*}}vector<4xf32>
// CHECK:           arith.mulf
// CHECK:           gpu.barrier
// CHECK-COUNT-8:   llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>
// CHECK-LABEL: gpu.func @passes_4(
#bt = affine_map<(b, t) -> (b, t)>
#t = affine_map<(b, t) -> (t)>
func.func @passes(%u: tensor<3x16384xf32>, %k: tensor<16384xf32>) -> tensor<3x16384xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64}
      : tensor<3x16384xf32>, tensor<16384xf32> -> tensor<3x16384xf32>
  return %y : tensor<3x16384xf32>
}
// The names of kernels are not those of functions.
func.func @passes_1(%u: tensor<3x60xf32>, %k: tensor<60xf32>) -> tensor<3x60xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64}
      : tensor<3x60xf32>, tensor<60xf32> -> tensor<3x60xf32>
  return %y : tensor<3x60xf32>
}

// -----

// Transforms as products of matrices: 1024 points are 16 x 16 x 4, of one warp. The
// first sum over n1 has no imaginary part. In front of its window comes the kernel.
// CHECK: block = 32 : i64, entry = "matrices", {{.*}} kernel = "matrix_fft_conv", reason = "its strategy asks for matrices"
// CHECK: llvm.mlir.global internal @matrices_spectrum() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<1024 x i32>
// CHECK-LABEL: gpu.func @matrices(
// CHECK:         scf.for
// CHECK:           scf.if
// CHECK-COUNT-8:     llvm.load {{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK:           llvm.call_intrinsic "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK:           gpu.barrier
// CHECK:           llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3"
// CHECK:           llvm.call_intrinsic "llvm.nvvm.mma.m16n8k8.row.col.bf16"
// CHECK:           gpu.barrier
// CHECK:           llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3"
// CHECK-COUNT-8:   llvm.store {{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
#bt = affine_map<(b, t) -> (b, t)>
#t = affine_map<(b, t) -> (t)>
func.func @matrices(%u: tensor<3x1024xf32>, %k: tensor<1024xf32>) -> tensor<3x1024xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64, strategy = #ssm.strategy<fft_conv, matrix = bf16>}
      : tensor<3x1024xf32>, tensor<1024xf32> -> tensor<3x1024xf32>
  return %y : tensor<3x1024xf32>
}

// -----

// Time first: the signal is turned, and the result turned back.
// CHECK: block = 256 : i64, entry = "turned", grid = [{elements = array<i64>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 40>, least = 0 : i64, per_block = 32 : i64}, {elements = array<i64: 700>, least = 0 : i64, per_block = 32 : i64}]
// CHECK-SAME: then = [{block = 64 : i64, entry = "turned_1", {{.*}}, {block = 256 : i64, entry = "turned_2", {{.*}} workspace_bytes_per_block = 4096 : i64}], workspace_bytes = 0 : i64, workspace_bytes_per_block = 4096 : i64}]
// CHECK-COUNT-4: llvm.store {{.*}} : f32, !llvm.ptr<3>
// CHECK:         gpu.barrier
// CHECK-LABEL: gpu.func @turned_1(
// CHECK-LABEL: gpu.func @turned_2(
#tb = affine_map<(b, t) -> (t, b)>
#t = affine_map<(b, t) -> (t)>
func.func @turned(%u: tensor<700x40xf32>, %k: tensor<700xf32>) -> tensor<700x40xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#tb, #t, #tb], time = 1 : i64}
      : tensor<700x40xf32>, tensor<700xf32> -> tensor<700x40xf32>
  return %y : tensor<700x40xf32>
}

// -----

// A block for each head and 64 of its columns. In a chunk of 64 steps a warp has
// 8 products for the state that comes in, 2 x 4 and 8 for each block of 16
// steps, its own one first, and as many for the state that goes out. C of the
// next chunk is copied to where the state was; B is in registers meanwhile.
// CHECK: block = 128 : i64, entry = "ssd", grid = [{elements = array<i64: -1, 3>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 128>, least = 0 : i64, per_block = 64 : i64}], kernel = "chunked_scan", reason = "the state is a matrix, and the tensor cores take bf16"
// CHECK: llvm.mlir.global internal @ssd_outputs() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<2048 x i32>
// CHECK-LABEL: gpu.func @ssd(
// CHECK:         scf.if {{.*}} -> (f32,
// CHECK-COUNT-4:   "llvm.nvvm.cp.async.cg.shared.global.16"
// CHECK-COUNT-5:   gpu.shuffle down
// CHECK-COUNT-4:   llvm.load {{.*}} -> vector<4xi32>
// CHECK:           "llvm.nvvm.cp.async.wait.all"
// CHECK:           "llvm.nvvm.bar.warp.sync"
// CHECK-COUNT-4:   "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3"
// CHECK:           gpu.barrier
// CHECK:           scf.for
// CHECK-COUNT-8:     llvm.store {{.*}} : vector<4xi32>
// CHECK:             gpu.barrier
// CHECK-COUNT-32:    "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK:             gpu.barrier
// CHECK-COUNT-4:     "llvm.nvvm.cp.async.cg.shared.global.16"
// CHECK-COUNT-16:    "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK:             scf.for
// CHECK-COUNT-16:      "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK:             "llvm.nvvm.bar.warp.sync"
// CHECK-COUNT-4:     llvm.load {{.*}} -> vector<4xi32>
// CHECK:             scf.for
// CHECK-COUNT-8:       "llvm.nvvm.mma.m16n8k16.row.col.bf16"
// CHECK-NOT:           "llvm.nvvm.mma
// CHECK:             "llvm.nvvm.cp.async.wait.all"
// CHECK:             gpu.barrier
#bth = affine_map<(b, t, h, p, n) -> (b, t, h)>
#bthp = affine_map<(b, t, h, p, n) -> (b, t, h, p)>
#btn = affine_map<(b, t, h, p, n) -> (b, t, n)>
#bhpn = affine_map<(b, t, h, p, n) -> (b, h, p, n)>
func.func @ssd(%a: tensor<?x9x3xf32>, %u: tensor<?x9x3x128xbf16>, %b: tensor<?x9x64xbf16>) -> tensor<?x9x3x128xbf16> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x9x3xf32>) signal(%u : tensor<?x9x3x128xbf16>) input(%b : tensor<?x9x64xbf16>) output(%b : tensor<?x9x64xbf16>)
      {indexing_maps = [#bth, #bthp, #btn, #btn, #bthp, #bhpn], time = 1 : i64} -> tensor<?x9x3x128xbf16>, tensor<?x3x128x64xf32>
  return %y : tensor<?x9x3x128xbf16>
}

// -----

// A scan along another dimension than the last: four channels are an element.
// CHECK: entry = "sums", grid = [{elements = array<i64: 2, 64>, least = 0 : i64, per_block = 32 : i64}], kernel = "column_scan", reason = "it is a plain recurrence or scan over contiguous channels"
// The next chunk's 32 numbers are carried with the carries of these.
// CHECK-LABEL: gpu.func @sums(
// CHECK:         :36 = scf.for {{.*}} iter_args(
// CHECK-COUNT-8:   llvm.load %{{.*}} -> vector<4xf32>
// CHECK:           %[[FIRST:.*]] = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK:           arith.addf %[[FIRST]], %{{.*}} : f32
// CHECK:           llvm.store {{.*}} : vector<4xf32>
func.func @sums(%x: tensor<2x50x64xf32>) -> tensor<2x50x64xf32> {
  %zero = arith.constant 0.0 : f32
  %y = ssm.associative_scan(%x) identity(%zero : f32) {dimension = 1 : i64} : (tensor<2x50x64xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y : tensor<2x50x64xf32>
}

// -----

// Channels of a block share B and C by tiles of 32 steps: 2 x 32 x 16 elements
// are 128 accesses of 16 bytes each, one of each for each thread, and two of the
// signal, four of whose 64 channels each has. The next tile is loaded in front of
// this one's work, which is a loop over four turns of four steps, and stored behind
// it; sums become results behind the barrier.
// CHECK: grid = [{elements = array<i64: 2>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: 64>, least = 0 : i64, per_block = 32 : i64}], kernel = "channel_scan", reason = "it is no plain recurrence, and channels share what they read"
// CHECK: llvm.mlir.global internal @tiles_tiles() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<6144 x i32>
// CHECK-LABEL: gpu.func @tiles(
// CHECK-SAME:    nvvm.minctasm = 4 : i32
// CHECK:         scf.if
// CHECK-COUNT-2:   llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK:           gpu.barrier
// CHECK:           scf.for
// CHECK-COUNT-2:     llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK-COUNT-2:     llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-NOT:         !llvm.ptr<1> ->
// CHECK:             scf.for {{.*}} to %c8_i64{{.*}} step %c4_i64
// CHECK-COUNT-36:      llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK-NOT:           llvm.load
// CHECK-COUNT-4:       llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK:             } {llvm.loop_annotation = #{{.*}}}
// CHECK-COUNT-2:     llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK-COUNT-8:     llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK:             gpu.barrier
// CHECK-COUNT-2:     llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#btn = affine_map<(b, t, h, n) -> (b, t, n)>
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
func.func @tiles(%A: tensor<64x16xf32>, %u: tensor<2x?x64xf32>, %B: tensor<2x?x16xf32>, %C: tensor<2x?x16xf32>) -> tensor<2x?x64xf32> {
  %y, %x = ssm.linear_recurrence transition(%A : tensor<64x16xf32>) signal(%u : tensor<2x?x64xf32>)
      input(%B : tensor<2x?x16xf32>) output(%C : tensor<2x?x16xf32>)
      {indexing_maps = [#hn, #bth, #btn, #btn, #bth, #bhn], time = 1 : i64} -> tensor<2x?x64xf32>, tensor<2x64x16xf32>
  return %y : tensor<2x?x64xf32>
}

// -----

#n = affine_map<(b, t, n, i, o) -> (n)>
#bti = affine_map<(b, t, n, i, o) -> (b, t, i)>
#ni = affine_map<(b, t, n, i, o) -> (n, i)>
#on = affine_map<(b, t, n, i, o) -> (o, n)>
#bto = affine_map<(b, t, n, i, o) -> (b, t, o)>
#bn = affine_map<(b, t, n, i, o) -> (b, n)>

// Dense B and C are products of matrices around a scan of rows; what is between
// them is in the workspace, in rows of whole lines.
// CHECK: block = 256 : i64, entry = "dense", grid = [{elements = array<i64: -1>, {{.*}}}, {elements = array<i64: -2>, least = 0 : i64, per_block = 64 : i64}, {elements = array<i64: 24>, least = 0 : i64, per_block = 64 : i64}], kernel = "matrix_product, row_scan, matrix_product"
// CHECK-SAME: then = [{block = 128 : i64, entry = "dense_2", {{.*}}}, {block = 256 : i64, entry = "dense_3",
// CHECK-SAME: workspace = [{bytes = 128 : i64, grid = []}, {bytes = 128 : i64, grid = [{elements = array<i64: -1, 24>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: -2>, least = 0 : i64, per_block = 32 : i64}]}, {bytes = 128 : i64,
// CHECK-LABEL: gpu.func @dense(
// CHECK:         gpu.barrier
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK-COUNT-16:    llvm.intr.fma
// CHECK:           } {llvm.loop_annotation = #{{.*}}}
// CHECK:           gpu.barrier
// CHECK:         llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xf32>
// CHECK-LABEL: gpu.func @dense_2(
// CHECK:         gpu.shuffle up
// CHECK-LABEL: gpu.func @dense_3(
// CHECK:         gpu.barrier
func.func @dense(%a: tensor<24xf32>, %u: tensor<?x?x8xf32>, %b: tensor<24x8xf32>, %c: tensor<8x24xf32>) -> tensor<?x?x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<24xf32>) signal(%u : tensor<?x?x8xf32>)
      input(%b : tensor<24x8xf32>) output(%c : tensor<8x24xf32>)
      {indexing_maps = [#n, #bti, #ni, #on, #bto, #bn], time = 1 : i64} -> tensor<?x?x8xf32>, tensor<?x24xf32>
  return %y : tensor<?x?x8xf32>
}
