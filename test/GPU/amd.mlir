// The kernels compile for AMD's chips, without spills; clang links them with lld.
// RUN: ssm-compile %s --target=amd:gfx942 -o %t.s && FileCheck %s < %t.s
// RUN: %clang -target amdgcn-amd-amdhsa -mcpu=gfx942 -fuse-ld=lld %t.s -o %t.hsaco

// CHECK: .amdgcn_target "amdgcn-amd-amdhsa--gfx942"
// CHECK: few:
// CHECK: global_atomic_add_x2 {{.*}} sc0
// CHECK: ds_bpermute_b32
// CHECK: s_barrier
// CHECK: channels:
// CHECK: v_exp_f32
// CHECK: conv:
// CHECK: ds_{{read|write}}
// CHECK: tiles:
// CHECK: ds_read_b128
// CHECK-COUNT-4: .vgpr_spill_count: 0

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>
func.func @few(%a: tensor<?xf32>, %u: tensor<?xf32>) -> tensor<?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<?xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<?xf32>, tensor<f32>
  return %y : tensor<?xf32>
}

#tr = affine_map<(r, t) -> (t, r)>
#r = affine_map<(r, t) -> (r)>
func.func @channels(%a: tensor<4096x?xf32>, %u: tensor<4096x?xf32>) -> tensor<4096x?xf32> {
  %e = math.exp %a : tensor<4096x?xf32>
  %y, %x = ssm.linear_recurrence transition(%e : tensor<4096x?xf32>) signal(%u : tensor<4096x?xf32>)
      {indexing_maps = [#tr, #tr, #tr, #r], time = 1 : i64} -> tensor<4096x?xf32>, tensor<?xf32>
  return %y : tensor<4096x?xf32>
}

#bt = affine_map<(b, t) -> (b, t)>
#k = affine_map<(b, t) -> (t)>
func.func @conv(%u: tensor<?x2048xf16>, %k: tensor<2048xf16>) -> tensor<?x2048xf16> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #k, #bt], time = 1 : i64}
      : tensor<?x2048xf16>, tensor<2048xf16> -> tensor<?x2048xf16>
  return %y : tensor<?x2048xf16>
}

#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#btn = affine_map<(b, t, h, n) -> (b, t, n)>
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
func.func @tiles(%A: tensor<?x16xf32>, %u: tensor<2x?x?xf32>, %B: tensor<2x?x16xf32>) -> tensor<2x?x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%A : tensor<?x16xf32>) signal(%u : tensor<2x?x?xf32>)
      input(%B : tensor<2x?x16xf32>) output(%B : tensor<2x?x16xf32>)
      {indexing_maps = [#hn, #bth, #btn, #btn, #bth, #bhn], time = 1 : i64} -> tensor<2x?x?xf32>, tensor<2x?x16xf32>
  return %y : tensor<2x?x?xf32>
}
