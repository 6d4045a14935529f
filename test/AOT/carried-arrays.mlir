// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v4 | FileCheck %s

// What a loop carries of a state of two dimensions are its rows.
// CHECK-LABEL: define internal {{.*}}@rows(
// CHECK-DAG: phi <16 x float> [ zeroinitializer, %{{.*}} ]
// CHECK-DAG: phi <16 x float> [ zeroinitializer, %{{.*}} ]
// CHECK-NOT: phi [2 x <16 x float>]
// CHECK: ret
#tdn = affine_map<(t, d, n) -> (t, n, d)>
#dn = affine_map<(t, d, n) -> (n, d)>
#td = affine_map<(t, d, n) -> (t, d)>
#tn = affine_map<(t, d, n) -> (t, n)>
#out = affine_map<(t, d, n) -> (t, d)>
func.func @rows(%a: tensor<64x2x16xf32>, %u: tensor<64x16xf32>, %c: tensor<64x2xf32>) -> tensor<64x16xf32> {
  %y, %h = ssm.linear_recurrence transition(%a : tensor<64x2x16xf32>) signal(%u : tensor<64x16xf32>) output(%c : tensor<64x2xf32>)
      {indexing_maps = [#tdn, #td, #tn, #out, #dn], time = 0 : i64} -> tensor<64x16xf32>, tensor<2x16xf32>
  return %y : tensor<64x16xf32>
}
