// On sm_90a the products of a chunk are those of four warps together: C [B^T, X]
// over 64 states, P U from registers, and V^T B, each over 64 steps. A wait has
// the sums that it is for; the state is computed while rows are stored.
// RUN: ssm-opt %s --ssm-lower-to-gpu=chip=sm_90a --verify-each | FileCheck %s

// CHECK: entry = "ssd", {{.*}} kernel = "chunked_scan", {{.*}} shared_bytes = 66336 : i64
// CHECK: llvm.mlir.global external @ssd_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i32>
// CHECK-LABEL: gpu.func @ssd(
// CHECK-COUNT-8: "llvm.nvvm.cp.async.cg.shared.global.16"
// CHECK:         gpu.barrier
// CHECK:         scf.for
// CHECK:           "llvm.nvvm.cp.async.wait.all"
// CHECK:           "llvm.nvvm.fence.proxy.async.shared_cta"
// CHECK:           gpu.barrier
// CHECK:           llvm.ptrtoint
// CHECK:           "llvm.nvvm.wgmma.fence.sync.aligned"
// CHECK:           llvm.inline_asm has_side_effects "{\0A.reg .pred p;\0Asetp.ne.b32 p, 0, 0;\0Awgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, $64, $65, p, 1, 1, 0, 0;\0A}"
// CHECK-COUNT-3:   llvm.inline_asm has_side_effects "{\0A.reg .pred p;\0Asetp.ne.b32 p, 1, 0;\0Awgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, $64, $65, p, 1, 1, 0, 0;\0A}"
// CHECK:           "llvm.nvvm.wgmma.commit_group.sync.aligned"
// CHECK-COUNT-8:   "llvm.nvvm.cp.async.cg.shared.global.16"
// CHECK:           llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,{{.*}},63,~{memory}"
// CHECK:           scf.if {{.*}} -> (i32, i32, i32, i32)
// CHECK:           "llvm.nvvm.wgmma.fence.sync.aligned"
// CHECK-COUNT-4:   wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, {$32, $33, $34, $35}, $36, p, 1, 1, 1;
// CHECK:           "llvm.nvvm.wgmma.commit_group.sync.aligned"
// CHECK:           "llvm.nvvm.wgmma.fence.sync.aligned"
// CHECK-COUNT-4:   wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, $32, $33, p, 1, 1, 1, 1;
// CHECK:           "llvm.nvvm.wgmma.commit_group.sync.aligned"
// CHECK:           "wgmma.wait_group.sync.aligned 1;", "=f,{{.*}},31,~{memory}"
// CHECK:           llvm.store {{.*}} : vector<8xbf16>, !llvm.ptr<1>
// CHECK:           "wgmma.wait_group.sync.aligned 0;"
// CHECK:           gpu.barrier
// CHECK-NOT:     ldmatrix
// CHECK-NOT:     gpu.barrier
#bth = affine_map<(b, t, h, p, n) -> (b, t, h)>
#bthp = affine_map<(b, t, h, p, n) -> (b, t, h, p)>
#btn = affine_map<(b, t, h, p, n) -> (b, t, n)>
#bhpn = affine_map<(b, t, h, p, n) -> (b, h, p, n)>
func.func @ssd(%a: tensor<2x128x3xf32>, %u: tensor<2x128x3x64xbf16>, %b: tensor<2x128x64xbf16>) -> tensor<2x128x3x64xbf16> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x128x3xf32>) signal(%u : tensor<2x128x3x64xbf16>)
      input(%b : tensor<2x128x64xbf16>) output(%b : tensor<2x128x64xbf16>)
      {indexing_maps = [#bth, #bthp, #btn, #btn, #bthp, #bhpn], time = 1 : i64} -> tensor<2x128x3x64xbf16>, tensor<2x3x64x64xf32>
  return %y : tensor<2x128x3x64xbf16>
}
