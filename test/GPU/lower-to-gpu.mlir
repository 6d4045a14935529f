// One recurrence of a function's arguments becomes one kernel. Channels last:
// a thread for each channel. Time last: a block for each row.
// RUN: ssm-opt %s --ssm-lower-to-gpu --split-input-file --verify-each | FileCheck %s

#bth = affine_map<(b, t, h) -> (b, t, h)>
#bh = affine_map<(b, t, h) -> (b, h)>

// The grid is ceil(4 * size 0 / 128), where size 0 is the first dynamic one.
// CHECK: ssm.launches = [{block = 128 : i64, elements = array<i64: -1, 4>, entry = "channels", per_block = 128 : i64}]
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

// CHECK: ssm.launches = [{block = 128 : i64, elements = array<i64: 6>, entry = "rows", per_block = 1 : i64}]
// CHECK-LABEL: gpu.func @rows(
// CHECK-SAME:    workgroup(%{{.*}} : memref<16xf32, #gpu.address_space<workgroup>>)
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
