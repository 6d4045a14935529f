// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#hn = affine_map<(h, n, l) -> (h, n)>
#hl = affine_map<(h, n, l) -> (h, l)>

// S4D: one real kernel a channel from N conjugate pairs.
// CHECK-LABEL: func @s4d
// CHECK: ssm.materialize_kernel transition(%[[A:.*]] : tensor<64x32xcomplex<f32>>) input(%[[A]] : tensor<64x32xcomplex<f32>>) output(%[[A]] : tensor<64x32xcomplex<f32>>)
// CHECK-SAME: {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}], projection = #ssm.projection<twice_real>, time = 2 : i64}
// CHECK-SAME: -> tensor<64x4096xf32>
func.func @s4d(%a: tensor<64x32xcomplex<f32>>) -> tensor<64x4096xf32> {
  %k = ssm.materialize_kernel transition(%a : tensor<64x32xcomplex<f32>>)
    input(%a : tensor<64x32xcomplex<f32>>) output(%a : tensor<64x32xcomplex<f32>>)
    {indexing_maps = [#hn, #hn, #hn, #hl], time = 2 : i64,
     projection = #ssm.projection<twice_real>} -> tensor<64x4096xf32>
  return %k : tensor<64x4096xf32>
}

// A dynamic number of lags takes `length`; the result may be lag-first.
// CHECK-LABEL: func @dynamic
// CHECK: output(%{{.*}} : tensor<f64>) length(%{{.*}}) {indexing_maps
// CHECK-SAME: -> tensor<?x?xf64>
func.func @dynamic(%a: tensor<?xf64>, %one: tensor<f64>, %length: index) -> tensor<?x?xf64> {
  %k = ssm.materialize_kernel transition(%a : tensor<?xf64>)
    input(%one : tensor<f64>) output(%one : tensor<f64>) length(%length)
    {indexing_maps = [affine_map<(h, l) -> (h)>, affine_map<(h, l) -> ()>,
                      affine_map<(h, l) -> ()>, affine_map<(h, l) -> (l, h)>],
     time = 1 : i64} -> tensor<?x?xf64>
  return %k : tensor<?x?xf64>
}

// A multi-input kernel [o, i, l], complex, of no lag at all.
// CHECK-LABEL: func @multi_input
// CHECK: -> tensor<3x4x0xcomplex<f32>>
func.func @multi_input(%a: tensor<16xcomplex<f32>>, %b: tensor<16x4xf32>, %c: tensor<3x16xf32>) -> tensor<3x4x0xcomplex<f32>> {
  %k = ssm.materialize_kernel transition(%a : tensor<16xcomplex<f32>>)
    input(%b : tensor<16x4xf32>) output(%c : tensor<3x16xf32>)
    {indexing_maps = [affine_map<(o, i, n, l) -> (n)>, affine_map<(o, i, n, l) -> (n, i)>,
                      affine_map<(o, i, n, l) -> (o, n)>, affine_map<(o, i, n, l) -> (o, i, l)>],
     time = 3 : i64} -> tensor<3x4x0xcomplex<f32>>
  return %k : tensor<3x4x0xcomplex<f32>>
}
