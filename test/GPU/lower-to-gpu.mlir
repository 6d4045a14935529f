// One recurrence of a function's arguments becomes one kernel. Channels last:
// a thread for each channel. Time last: a block for each row, or many.
// RUN: ssm-opt %s --ssm-lower-to-gpu=chip=sm_90 --split-input-file --verify-each | FileCheck %s

#bth = affine_map<(b, t, h) -> (b, t, h)>
#bh = affine_map<(b, t, h) -> (b, h)>

// The grid is ceil(4 * size 0 / 128), where size 0 is the first dynamic one.
// CHECK: ssm.launches = [{block = 128 : i64, entry = "channels", grid = [{elements = array<i64: -1, 4>, least = 0 : i64, per_block = 128 : i64}], kernel = "channel_scan",
// CHECK-SAME: workspace_bytes = 0 : i64, workspace_bytes_per_block = 0 : i64}]
// CHECK-LABEL: gpu.func @channels(
// CHECK-SAME:    %[[A:.*]]: !llvm.ptr<1>, %[[U:.*]]: !llvm.ptr<1>, %[[Y:.*]]: !llvm.ptr<1>, %[[X:.*]]: !llvm.ptr<1>, %[[B:.*]]: i64, %[[L:.*]]: i64) kernel
// CHECK:         gpu.block_id
// CHECK:         scf.for {{.*}} to %[[L]]
// CHECK:           %[[P:.*]] = arith.mulf %{{.*}}, %{{.*}} fastmath<contract> : f32
// CHECK-NEXT:      arith.addf %[[P]], %{{.*}} fastmath<contract> : f32
// CHECK:           llvm.store
func.func @channels(%a: tensor<?x?x4xf32>, %u: tensor<?x?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x?x4xf32>) signal(%u : tensor<?x?x4xf32>)
      {indexing_maps = [#bth, #bth, #bth, #bh], time = 1 : i64} -> tensor<?x?x4xf32>, tensor<?x4xf32>
  return %y, %x : tensor<?x?x4xf32>, tensor<?x4xf32>
}

// -----

#rt = affine_map<(r, t) -> (r, t)>
#r = affine_map<(r, t) -> (r)>

// CHECK: ssm.launches = [{block = 128 : i64, entry = "rows", grid = [{elements = array<i64: 6>, least = 0 : i64, per_block = 1 : i64}], kernel = "row_scan", reason = "a row is not longer than one tile",
// CHECK-LABEL: gpu.func @rows(
// CHECK-SAME:    workgroup(%{{.*}} : memref<8xf32, #gpu.address_space<workgroup>>, %{{.*}} : memref<8xf32, #gpu.address_space<workgroup>>)
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

// Four chunks are loaded before one barrier. One warp publishes the total of
// the tile in two words and its end in one.
// CHECK: grid = [{elements = array<i64: 6>, least = 0 : i64, per_block = 1 : i64}, {elements = array<i64: -1>, least = 1 : i64, per_block = 4096 : i64}], kernel = "look_back", reason = "there are too few rows to fill the machine", workspace_bytes = 32 : i64, workspace_bytes_per_block = 24 : i64
// CHECK-LABEL: gpu.func @few(
// CHECK-SAME:    %[[L:.*]]: i64, %[[W:.*]]: !llvm.ptr<1>)
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
