// The assembler keeps all kernels in registers, on every generation.
// REQUIRES: ptxas
// RUN: ssm-compile %s --target=nvidia:sm_80 -o %t.ptx && %ptxas -v -arch=sm_80 %t.ptx -o /dev/null 2>&1 | FileCheck %s
// RUN: ssm-compile %s --target=nvidia:sm_90a -o %t.ptx && %ptxas -v -arch=sm_90a %t.ptx -o /dev/null 2>&1 | FileCheck %s
// RUN: ssm-compile %s --target=nvidia:sm_100a -o %t.ptx && %ptxas -v -arch=sm_100a %t.ptx -o /dev/null 2>&1 | FileCheck %s
// RUN: ssm-compile %s --target=nvidia:sm_120a -o %t.ptx && %ptxas -v -arch=sm_120a %t.ptx -o /dev/null 2>&1 | FileCheck %s
// RUN: ssm-compile %s --target=nvidia:sm_90 -o %t.ptx
// RUN: FileCheck %s --check-prefixes=PTX,WARPS < %t.ptx
// RUN: ssm-compile %s --target=nvidia:sm_90a -o %t.ptx
// RUN: FileCheck %s --check-prefixes=PTX,GROUPS < %t.ptx
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: ssm-compile %S/../../examples/models/mamba1.mlir --entry=mamba1 --target=nvidia:sm_90a -o %t.ptx
// RUN: %ptxas -v -arch=sm_90a %t.ptx -o /dev/null 2>&1 | FileCheck %s --check-prefix=MAMBA
// MAMBA: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads

// CHECK-COUNT-6: 0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// WARPS: .target sm_90{{$}}
// GROUPS: .target sm_90a{{$}}
// PTX: .visible .entry rows(
// PTX: ld.global.nc.v4.b32
// PTX: .visible .entry channels(
// PTX: .visible .entry few(
// PTX: atom.global.add.u64
// PTX: st.relaxed.gpu.global.b64
// PTX: ld.relaxed.gpu.global.b64
// PTX: .visible .entry taps(
// PTX: .visible .entry conv(
// PTX: ld.global.nc.b32
// PTX: st.shared.b64
// PTX: ld.shared.b64
// PTX: .visible .entry ssd(
// WARPS: ld.global.nc.v4.b32
// WARPS: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// WARPS: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// WARPS: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// GROUPS-NOT: ldmatrix
// GROUPS: fence.proxy.async.shared::cta
// GROUPS: wgmma.fence.sync.aligned
// GROUPS: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// GROUPS: wgmma.commit_group.sync.aligned
// GROUPS: wgmma.wait_group.sync.aligned 1
// JSON: "entry": "rows"
// JSON: "entry": "channels"
// JSON: "entry": "few"
// JSON: "entry": "taps"
// JSON: "entry": "conv"
// JSON: "entry": "ssd"

#rt = affine_map<(r, t) -> (r, t)>
#tr = affine_map<(r, t) -> (t, r)>
#r = affine_map<(r, t) -> (r)>
#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>
func.func @rows(%a: tensor<?x4096xf32>, %u: tensor<?x4096xf32>) -> tensor<?x4096xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x4096xf32>) signal(%u : tensor<?x4096xf32>)
      {indexing_maps = [#rt, #rt, #rt, #r], time = 1 : i64} -> tensor<?x4096xf32>, tensor<?xf32>
  return %y : tensor<?x4096xf32>
}

func.func @channels(%a: tensor<4096x?xf32>, %u: tensor<4096x?xf32>) -> tensor<4096x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4096x?xf32>) signal(%u : tensor<4096x?xf32>)
      {indexing_maps = [#tr, #tr, #tr, #r], time = 1 : i64} -> tensor<4096x?xf32>, tensor<?xf32>
  return %y : tensor<4096x?xf32>
}

func.func @few(%a: tensor<?xf32>, %u: tensor<?xf32>) -> tensor<?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<?xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<?xf32>, tensor<f32>
  return %y : tensor<?xf32>
}

#n = affine_map<(n, l) -> (n)>
#l = affine_map<(n, l) -> (l)>
func.func @taps(%a: tensor<?xcomplex<f32>>, %b: tensor<?xcomplex<f32>>) -> tensor<4096xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<?xcomplex<f32>>) input(%b : tensor<?xcomplex<f32>>) output(%b : tensor<?xcomplex<f32>>)
      {indexing_maps = [#n, #n, #n, #l], time = 1 : i64, projection = #ssm.projection<twice_real>} -> tensor<4096xf32>
  return %k : tensor<4096xf32>
}

#bt = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @conv(%u: tensor<8x?x4096xf32>, %k: tensor<?x4096xf32>) -> tensor<8x?x4096xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #ht, #bt], time = 2 : i64}
      : tensor<8x?x4096xf32>, tensor<?x4096xf32> -> tensor<8x?x4096xf32>
  return %y : tensor<8x?x4096xf32>
}

#bth = affine_map<(b, t, h, p, n) -> (b, t, h)>
#bthp = affine_map<(b, t, h, p, n) -> (b, t, h, p)>
#btn = affine_map<(b, t, h, p, n) -> (b, t, n)>
#bhpn = affine_map<(b, t, h, p, n) -> (b, h, p, n)>
func.func @ssd(%a: tensor<?x?x24xbf16>, %u: tensor<?x?x24x64xbf16>, %b: tensor<?x?x128xbf16>, %c: tensor<?x?x128xbf16>) -> tensor<?x?x24x64xbf16> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x?x24xbf16>) signal(%u : tensor<?x?x24x64xbf16>) input(%b : tensor<?x?x128xbf16>) output(%c : tensor<?x?x128xbf16>)
      {indexing_maps = [#bth, #bthp, #btn, #btn, #bthp, #bhpn], time = 1 : i64} -> tensor<?x?x24x64xbf16>, tensor<?x24x64x128xf32>
  return %y : tensor<?x?x24x64xbf16>
}
