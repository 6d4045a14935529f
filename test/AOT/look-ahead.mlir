// Lines of a large tensor are asked for where the processor does not follow them.
// RUN: ssm-compile %s --target=emeraldrapids --emit=llvm -o - | FileCheck %s
// RUN: ssm-compile %s --target=znver4 --emit=llvm -o - | FileCheck %s --check-prefix=FOLLOWED
// A Zen 5 follows those in memory by itself, but not those in its last cache, nor
// those of which a part is there.
// RUN: ssm-compile %s --target=znver5 --emit=llvm -o - | FileCheck %s --check-prefixes=CHECK,NEAR
// RUN: sed 's/<8x/<64x/g' %s > %t.part.mlir
// RUN: ssm-compile %t.part.mlir --target=znver5 --emit=llvm -o - | FileCheck %s --check-prefixes=CHECK,FAR
// RUN: sed 's/<8x/<128x/g' %s > %t.long.mlir
// RUN: ssm-compile %t.long.mlir --target=znver5 --emit=llvm -o - | FileCheck %s --check-prefix=FOLLOWED
// RUN: sed 's/xf32/xcomplex<f32>/g' %s > %t.mlir
// RUN: ssm-compile %t.mlir --target=znver4 --emit=llvm -o - | FileCheck %s --check-prefix=FOLLOWED
// RUN: ssm-compile %t.mlir --target=znver5 --emit=llvm -o - | FileCheck %s

// NEAR: add nuw nsw i64 %{{.*}}, 256
// FAR: add nuw nsw i64 %{{.*}}, 3088
// CHECK: call void @llvm.prefetch
// FOLLOWED-NOT: @llvm.prefetch
#line = affine_map<(d, t) -> (d, t)>
#last = affine_map<(d, t) -> (d)>
func.func @f(%a: tensor<8x65536xf32>, %u: tensor<8x65536xf32>) -> tensor<8x65536xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x65536xf32>) signal(%u : tensor<8x65536xf32>)
      {indexing_maps = [#line, #line, #line, #last], time = 1 : i64} -> tensor<8x65536xf32>, tensor<8xf32>
  return %x : tensor<8x65536xf32>
}
