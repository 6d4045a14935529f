// RUN: ssm-opt %s --ssm-lower-to-linalg=normal-powers --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s --check-prefix=ANY

// The largest rate of each of 16 channels is found once, and four steps are taken
// by one of two loops over the states: powers of two of the first are normal numbers.
// The two steps left over are of any.
// CHECK-LABEL: func.func @selective(
// CHECK-SAME: %[[DT:[a-z0-9]+]]: tensor<6x16xf32>, %[[A:[a-z0-9]+]]: tensor<16x16xf32>
// CHECK: %[[RATES:.*]] = linalg.generic {{.*}} ins(%[[A]] :
// CHECK: %[[REACH:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[RATES]] :
// CHECK: arith.maxui
// CHECK: %[[DT0:.*]] = tensor.extract_slice %[[DT]][0, 0] [1, 16]
// CHECK: %[[DT3:.*]] = tensor.extract_slice %[[DT]][3, 0] [1, 16]
// CHECK: %[[MOST:.*]] = linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[REACH]], %[[DT0]], {{.*}}, %[[DT3]] :
// CHECK-COUNT-3: arith.maxui
// CHECK: arith.mulf
// CHECK: arith.maxui
// CHECK: %[[EXPONENT:.*]] = tensor.extract %[[MOST]][] : tensor<i32>
// CHECK: %[[NORMAL:.*]] = arith.cmpi ult, %[[EXPONENT]], %{{.*}} : i32
// CHECK: %[[NEXT:.*]]:2 = scf.if %[[NORMAL]]
// CHECK: scf.for
// CHECK-COUNT-4: math.exp2 %{{.*}} {ssm.normal} : f32
// CHECK: } else {
// CHECK: scf.for
// CHECK-COUNT-4: math.exp2 %{{.*}} : f32
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}} = %[[NEXT]]#0,
// CHECK: math.exp2 %{{.*}} : f32
// ANY-LABEL: func.func @selective(
// ANY-NOT: scf.if
// ANY-NOT: ssm.normal
// ANY: return
#td = affine_map<(t, d, n) -> (t, d)>
#tn = affine_map<(t, d, n) -> (t, n)>
#dn = affine_map<(t, d, n) -> (d, n)>
#tdn = affine_map<(t, d, n) -> (t, d, n)>
func.func @selective(%dt: tensor<6x16xf32>, %A: tensor<16x16xf32>, %q: tensor<6x16xf32>, %u: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %empty = tensor.empty() : tensor<6x16x16xf32>
  %a = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<6x16xf32>, tensor<16x16xf32>) outs(%empty : tensor<6x16x16xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %z = arith.mulf %x, %y : f32
    %e = math.exp2 %z : f32
    linalg.yield %e : f32
  } -> tensor<6x16x16xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<6x16x16xf32>) signal(%u : tensor<6x16xf32>)
      output(%q : tensor<6x16xf32>)
      {indexing_maps = [#tdn, #td, #tn, #td, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<16x16xf32>
  return %y : tensor<6x16xf32>
}

// A sum of what varies is no product: nothing tells how large it is.
// CHECK-LABEL: func.func @sum(
// CHECK-NOT: scf.if
// CHECK-NOT: ssm.normal
// CHECK: return
func.func @sum(%dt: tensor<6x16xf32>, %A: tensor<16x16xf32>, %q: tensor<6x16xf32>, %u: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %empty = tensor.empty() : tensor<6x16x16xf32>
  %a = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<6x16xf32>, tensor<16x16xf32>) outs(%empty : tensor<6x16x16xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %z = arith.addf %x, %y : f32
    %e = math.exp2 %z : f32
    linalg.yield %e : f32
  } -> tensor<6x16x16xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<6x16x16xf32>) signal(%u : tensor<6x16xf32>)
      output(%q : tensor<6x16xf32>)
      {indexing_maps = [#tdn, #td, #tn, #td, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<16x16xf32>
  return %y : tensor<6x16xf32>
}
