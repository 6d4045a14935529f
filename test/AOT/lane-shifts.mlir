// RUN: ssm-compile %s --target=x86-64-v4 --emit=llvm -o - | FileCheck %s
// RUN: ssm-compile %s --target=x86-64-v4 --emit=asm -o - | FileCheck %s --check-prefix=ASM
// RUN: ssm-compile %s --target=x86-64-v3 --emit=llvm -o - | FileCheck %s --check-prefix=NARROW

// The states four segments before: a shift within lanes of four, of the block
// before and of this one. The others are no such shifts.
// CHECK-LABEL: @f(
// CHECK: asm "vpalignr $$12, $1, $2, $0", "=v,v,v"(<16 x float> %{{.*}}, <16 x float> %{{.*}})
// CHECK: shufflevector {{.*}} <i32 2, i32 3, i32 16, i32 17,
// ASM: vpalignr $12, %zmm
// NARROW-NOT: vpalignr
#line = affine_map<(d, t) -> (d, t)>
#last = affine_map<(d, t) -> (d)>
func.func @f(%a: tensor<8x4096xf32>, %u: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4096xf32>) signal(%u : tensor<8x4096xf32>)
      {indexing_maps = [#line, #line, #line, #last], time = 1 : i64} -> tensor<8x4096xf32>, tensor<8xf32>
  return %x : tensor<8x4096xf32>
}

// CHECK-LABEL: @backward(
// CHECK: asm "vpalignr $$4, $2, $1, $0", "=v,v,v"(<16 x float> %{{.*}}, <16 x float> %{{.*}})
func.func @backward(%a: tensor<8x4096xf32>, %u: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4096xf32>) signal(%u : tensor<8x4096xf32>)
      {indexing_maps = [#line, #line, #line, #last], time = 1 : i64,
       direction = #ssm.direction<backward>} -> tensor<8x4096xf32>, tensor<8xf32>
  return %x : tensor<8x4096xf32>
}
