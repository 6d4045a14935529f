// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

// A complex transition that is computed elementwise, from a step that all states
// share, never is in memory: the loop over time works on real parts alone. What
// has no channels of its own (C) is taken apart once for all of them.
// CHECK-LABEL: func.func @selective
// CHECK-NOT: tensor<?x48x8xcomplex<f32>>
// CHECK: scf.for
// CHECK:   linalg.generic {{.*}} ins({{.*}} : tensor<8x16xf32>, tensor<8x16xf32>, tensor<16xf32>, tensor<16xf32>)
// CHECK-NOT: complex
// CHECK:     math.exp
// CHECK:     math.cos
// CHECK:     math.sin
// CHECK-NOT: complex
// CHECK:     linalg.yield
// CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<8xcomplex<f32>>) outs(%{{.*}}, %{{.*}} : tensor<8xf32>, tensor<8xf32>)
// CHECK:     complex.re
// CHECK:     complex.im {{.*}} : complex<f32>
// CHECK-NOT: complex
// CHECK: return
func.func @selective(%a: tensor<48x8xcomplex<f32>>, %dt: tensor<?x48xf32>, %c: tensor<?x8xcomplex<f32>>,
                     %u: tensor<?x48xf32>) -> tensor<?x48xf32> {
  %abar, %b = ssm.discretize euler transition(%a : tensor<48x8xcomplex<f32>>) step(%dt : tensor<?x48xf32>)
      {indexing_maps = [affine_map<(t, d, n) -> (d, n)>, affine_map<(t, d, n) -> (t, d)>,
                        affine_map<(t, d, n) -> (t, d, n)>, affine_map<(t, d, n) -> (t, d)>]}
      -> tensor<?x48x8xcomplex<f32>>, tensor<?x48xf32>
  %y, %x = ssm.linear_recurrence transition(%abar : tensor<?x48x8xcomplex<f32>>) signal(%u : tensor<?x48xf32>)
      output(%c : tensor<?x8xcomplex<f32>>)
      {indexing_maps = [affine_map<(t, d, n) -> (t, d, n)>, affine_map<(t, d, n) -> (t, d)>,
                        affine_map<(t, d, n) -> (t, n)>, affine_map<(t, d, n) -> (t, d)>, affine_map<(t, d, n) -> (d, n)>],
       time = 0, projection = #ssm.projection<twice_real>, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<?x48xf32>, tensor<48x8xcomplex<f32>>
  return %y : tensor<?x48xf32>
}
