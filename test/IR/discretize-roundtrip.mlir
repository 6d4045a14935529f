// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#hn = affine_map<(h, n) -> (h, n)>
#h = affine_map<(h, n) -> (h)>
#n = affine_map<(n) -> (n)>

// CHECK-LABEL: func @zoh
// CHECK: ssm.discretize zoh transition(%{{.*}} : tensor<4x8xcomplex<f32>>) step(%{{.*}} : tensor<4xf32>) input(%{{.*}} : tensor<4x8xf32>)
// CHECK-SAME: {indexing_maps = [{{.*}}]} -> tensor<4x8xcomplex<f32>>, tensor<4x8xcomplex<f32>>
func.func @zoh(%a: tensor<4x8xcomplex<f32>>, %dt: tensor<4xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xcomplex<f32>> {
  %abar, %bbar = ssm.discretize zoh transition(%a : tensor<4x8xcomplex<f32>>) step(%dt : tensor<4xf32>)
      input(%b : tensor<4x8xf32>) {indexing_maps = [#hn, #h, #hn, #hn, #hn]}
      -> tensor<4x8xcomplex<f32>>, tensor<4x8xcomplex<f32>>
  return %bbar : tensor<4x8xcomplex<f32>>
}

// Results wider than the parameters.
// CHECK-LABEL: func @wider
// CHECK: ssm.discretize zoh {{.*}} -> tensor<?xf64>, tensor<?xcomplex<f32>>
func.func @wider(%a: tensor<?xbf16>, %dt: tensor<?xbf16>, %b: tensor<?xcomplex<f32>>, %s: tensor<?xf32>) -> tensor<?xf64> {
  %a0, %b0 = ssm.discretize euler transition(%a : tensor<?xbf16>) step(%dt : tensor<?xbf16>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<?xf32>, tensor<?xbf16>
  %a1, %b1 = ssm.discretize zoh transition(%a0 : tensor<?xf32>) step(%s : tensor<?xf32>) input(%b : tensor<?xcomplex<f32>>)
      {indexing_maps = [#n, #n, #n, #n, #n]} -> tensor<?xf64>, tensor<?xcomplex<f32>>
  return %a1 : tensor<?xf64>
}

// Three results; euler's input lacks the transition's dimension.
// CHECK-LABEL: func @others
// CHECK: ssm.discretize trapezoid {{.*}} weight(%{{.*}} : tensor<?xf64>)
// CHECK-SAME: -> tensor<?x8xf64>, tensor<?xf64>, tensor<?x8xf64>
// CHECK: ssm.discretize euler
// CHECK: ssm.discretize dirac
func.func @others(%a: tensor<?x8xf64>, %dt: tensor<?xf64>, %w: tensor<?xf64>) -> (tensor<?x8xf64>, tensor<?xf64>) {
  %a0, %b0, %p0 = ssm.discretize trapezoid transition(%a : tensor<?x8xf64>) step(%dt : tensor<?xf64>)
      weight(%w : tensor<?xf64>) {indexing_maps = [#hn, #h, #h, #hn, #h, #hn]}
      -> tensor<?x8xf64>, tensor<?xf64>, tensor<?x8xf64>
  %a1, %b1 = ssm.discretize euler transition(%a : tensor<?x8xf64>) step(%dt : tensor<?xf64>)
      {indexing_maps = [#hn, #h, #hn, #h]} -> tensor<?x8xf64>, tensor<?xf64>
  %a2, %b2 = ssm.discretize dirac transition(%a : tensor<?x8xf64>) step(%dt : tensor<?xf64>)
      {indexing_maps = [#hn, #h, #hn, #hn]} -> tensor<?x8xf64>, tensor<?x8xf64>
  return %p0, %b1 : tensor<?x8xf64>, tensor<?xf64>
}

// CHECK-LABEL: func @dense
// CHECK: ssm.discretize bilinear {{.*}} {column = 2 : i64, indexing_maps = [{{.*}}], row = 1 : i64}
func.func @dense(%a: tensor<8x8xf64>, %dt: tensor<4xf64>, %b: tensor<8x3xf64>) -> tensor<4x8x8xf64> {
  %abar, %bbar = ssm.discretize bilinear transition(%a : tensor<8x8xf64>) step(%dt : tensor<4xf64>) input(%b : tensor<8x3xf64>)
      {indexing_maps = [affine_map<(h, n, m, i) -> (n, m)>, affine_map<(h, n, m, i) -> (h)>, affine_map<(h, n, m, i) -> (n, i)>,
                        affine_map<(h, n, m, i) -> (h, n, m)>, affine_map<(h, n, m, i) -> (h, n, i)>],
       row = 1 : i64, column = 2 : i64} -> tensor<4x8x8xf64>, tensor<4x8x3xf64>
  return %abar : tensor<4x8x8xf64>
}
