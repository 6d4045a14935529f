// RUN: ssm-compile %s --target=x86-64-v4 --emit=llvm -o - | FileCheck %s
// RUN: ssm-compile %s --target=x86-64-v4 --emit=llvm -o - | opt -passes=verify -disable-output
// RUN: ssm-compile %s --target=x86-64-v3 --emit=llvm -o - | FileCheck %s --check-prefix=NARROW

// The lines of both operands in turn, upward; what is read first has its address
// from the loop, and each of the others waits for the one before.
// CHECK-LABEL: @f(
// CHECK: %[[A0:.*]] = load <16 x float>, ptr %{{.*}}, align
// CHECK: %[[PB:.*]] = call ptr asm "", "=r,0,v"(ptr %{{.*}}, <16 x float> %[[A0]])
// CHECK: %[[B0:.*]] = load <16 x float>
// CHECK: %[[PA:.*]] = call ptr asm "", "=r,0,v"(ptr %{{.*}}, <16 x float> %[[B0]])
// CHECK: %[[AT:.*]] = getelementptr i8, ptr %[[PA]], i64 64
// CHECK: %[[A1:.*]] = load <16 x float>, ptr %[[AT]]
// CHECK: call ptr asm "", "=r,0,v"(ptr %[[PB]], <16 x float> %[[A1]])
// CHECK: getelementptr i8, {{.*}}, i64 64
// CHECK: getelementptr i8, {{.*}}, i64 128
// CHECK: getelementptr i8, {{.*}}, i64 128
// CHECK: getelementptr i8, {{.*}}, i64 192
// CHECK: getelementptr i8, {{.*}}, i64 192
// CHECK: shufflevector

// Registers of half a line are too few for all that is read.
// NARROW-LABEL: @f(
// NARROW-NOT: asm ""
#line = affine_map<(d, t) -> (d, t)>
#last = affine_map<(d, t) -> (d)>
func.func @f(%a: tensor<8x4096xf32>, %u: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4096xf32>) signal(%u : tensor<8x4096xf32>)
      {indexing_maps = [#line, #line, #line, #last], time = 1 : i64} -> tensor<8x4096xf32>, tensor<8xf32>
  return %x : tensor<8x4096xf32>
}

// Backward in time, downward.
// CHECK-LABEL: @backward(
// CHECK: asm ""
// CHECK: getelementptr i8, {{.*}}, i64 128
// CHECK: asm ""
// CHECK: asm ""
// CHECK: getelementptr i8, {{.*}}, i64 64
func.func @backward(%a: tensor<8x4096xf32>, %u: tensor<8x4096xf32>) -> tensor<8x4096xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4096xf32>) signal(%u : tensor<8x4096xf32>)
      {indexing_maps = [#line, #line, #line, #last], time = 1 : i64,
       direction = #ssm.direction<backward>} -> tensor<8x4096xf32>, tensor<8xf32>
  return %x : tensor<8x4096xf32>
}
