// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v4 | FileCheck %s

// A row is finished before the next begins.
// CHECK-LABEL: define internal {{.*}}@rows(
// CHECK: %[[P0:.*]] = fmul contract <16 x float> %[[X0:.*]], %[[X0]]
// CHECK: %[[D0:.*]] = fdiv contract <16 x float> %[[P0]],
// CHECK: %[[S0:.*]] = fadd contract <16 x float> %[[D0]],
// CHECK: %[[P1:.*]] = fmul contract <16 x float> %[[X1:.*]], %[[X1]]
// CHECK: %[[D1:.*]] = fdiv contract <16 x float> %[[P1]],
// CHECK: fadd contract <16 x float> %[[D1]], %[[S0]]
func.func @rows(%x: tensor<2x16xf32>, %s: tensor<16xf32>) -> tensor<16xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(r, c) -> (r, c)>, affine_map<(r, c) -> (c)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<2x16xf32>) outs(%s : tensor<16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %three = arith.constant 3.0 : f32
    %p = arith.mulf %a, %a : f32
    %d = arith.divf %p, %three : f32
    %t = arith.addf %d, %b : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// A sum of vectors that nothing needs after their difference stays: moved down
// to its user, it would keep both until then.
// CHECK-LABEL: define internal {{.*}}@butterfly(
// CHECK: fadd contract <16 x float>
// CHECK: fsub contract <16 x float>
// CHECK: fdiv contract <16 x float>
func.func @butterfly(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : tensor<16xf32>) outs(%b : tensor<16xf32>) {
  ^bb0(%x: f32, %y: f32):
    %three = arith.constant 3.0 : f32
    %sum = arith.addf %x, %y : f32
    %difference = arith.subf %x, %y : f32
    %d = arith.divf %difference, %three : f32
    %r = arith.mulf %sum, %d : f32
    linalg.yield %r : f32
  } -> tensor<16xf32>
  return %0 : tensor<16xf32>
}
