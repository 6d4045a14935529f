// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

#ltd = affine_map<(b, t, d) -> (b, t, d)>
#d = affine_map<(b, t, d) -> (d)>
#bd = affine_map<(b, t, d) -> (b, d)>

// The states of a time-invariant diagonal; defaults are not printed.
// CHECK-LABEL: func @states
// CHECK: ssm.linear_recurrence transition(%{{.*}} : tensor<8xf32>) signal(%{{.*}} : tensor<2x?x8xf32>)
// CHECK-SAME: {indexing_maps = [#{{.*}}, #{{.*}}, #{{.*}}, #{{.*}}], time = 1 : i64}
// CHECK-SAME: -> tensor<2x?x8xf32>, tensor<2x8xf32>
func.func @states(%a: tensor<8xf32>, %u: tensor<2x?x8xf32>) -> (tensor<2x?x8xf32>, tensor<2x8xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<2x?x8xf32>)
    {direction = #ssm.direction<forward>, projection = #ssm.projection<none>,
     read = #ssm.read<after>, numerics = #ssm.numerics<norm>,
     indexing_maps = [#d, #ltd, #ltd, #bd], time = 1 : i64} -> tensor<2x?x8xf32>, tensor<2x8xf32>
  return %y, %x : tensor<2x?x8xf32>, tensor<2x8xf32>
}

// A time-varying transition in bf16: the state, and so init and final, is f32.
// CHECK-LABEL: func @varying
// CHECK: init(%{{.*}} : tensor<2x8xf32>)
// CHECK-SAME: direction = #ssm.direction<backward>
// CHECK-SAME: numerics = #ssm.numerics<strict>
// CHECK-SAME: read = #ssm.read<before>
// CHECK-SAME: strategy = #ssm.strategy<sequential, lanes = 32>
// CHECK-SAME: -> tensor<2x16x8xbf16>, tensor<2x8xf32>
func.func @varying(%a: tensor<2x16x8xbf16>, %x0: tensor<2x8xf32>) -> (tensor<2x16x8xbf16>, tensor<2x8xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x16x8xbf16>) signal(%a : tensor<2x16x8xbf16>) init(%x0 : tensor<2x8xf32>)
    {direction = #ssm.direction<backward>, read = #ssm.read<before>, numerics = #ssm.numerics<strict>,
     strategy = #ssm.strategy<sequential, lanes = 32>,
     indexing_maps = [#ltd, #ltd, #bd, #ltd, #bd], time = 1 : i64} -> tensor<2x16x8xbf16>, tensor<2x8xf32>
  return %y, %x : tensor<2x16x8xbf16>, tensor<2x8xf32>
}

// S5: the input map sums channels into states, the output map states into channels.
// CHECK-LABEL: func @s5
// CHECK: input(%{{.*}} : tensor<16x4xcomplex<f64>>) output(%{{.*}} : tensor<3x16xcomplex<f64>>)
// CHECK-SAME: projection = #ssm.projection<twice_real>
// CHECK-SAME: -> tensor<?x3xf64>, tensor<16xcomplex<f64>>
func.func @s5(%a: tensor<16xcomplex<f64>>, %b: tensor<16x4xcomplex<f64>>, %c: tensor<3x16xcomplex<f64>>,
              %u: tensor<?x4xf64>) -> tensor<?x3xf64> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16xcomplex<f64>>) signal(%u : tensor<?x4xf64>)
    input(%b : tensor<16x4xcomplex<f64>>) output(%c : tensor<3x16xcomplex<f64>>)
    {indexing_maps = [affine_map<(t, i, n, o) -> (n)>, affine_map<(t, i, n, o) -> (t, i)>,
                      affine_map<(t, i, n, o) -> (n, i)>, affine_map<(t, i, n, o) -> (o, n)>,
                      affine_map<(t, i, n, o) -> (t, o)>, affine_map<(t, i, n, o) -> (n)>],
     time = 0 : i64, projection = #ssm.projection<twice_real>} -> tensor<?x3xf64>, tensor<16xcomplex<f64>>
  return %y : tensor<?x3xf64>
}

// Mamba-2: a matrix state [n, p] under one scalar transition a head.
// CHECK-LABEL: func @matrix_state
// CHECK: ssm.linear_recurrence transition(%{{.*}} : tensor<?x2xf32>)
// CHECK-SAME: -> tensor<?x2x8xf32>, tensor<2x4x8xf32>
func.func @matrix_state(%a: tensor<?x2xf32>, %b: tensor<?x4xf32>, %u: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?x2xf32>) signal(%u : tensor<?x2x8xf32>)
    input(%b : tensor<?x4xf32>) output(%b : tensor<?x4xf32>)
    {indexing_maps = [affine_map<(t, h, n, p) -> (t, h)>, affine_map<(t, h, n, p) -> (t, h, p)>,
                      affine_map<(t, h, n, p) -> (t, n)>, affine_map<(t, h, n, p) -> (t, n)>,
                      affine_map<(t, h, n, p) -> (t, h, p)>, affine_map<(t, h, n, p) -> (h, n, p)>],
     time = 0 : i64} -> tensor<?x2x8xf32>, tensor<2x4x8xf32>
  return %y : tensor<?x2x8xf32>
}

// A single channel: the state has rank 0.
// CHECK-LABEL: func @scalar
// CHECK: -> tensor<?xf32>, tensor<f32>
func.func @scalar(%a: tensor<f32>, %u: tensor<?xf32>) -> tensor<f32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<?xf32>)
    {indexing_maps = [affine_map<(t) -> ()>, affine_map<(t) -> (t)>, affine_map<(t) -> (t)>, affine_map<(t) -> ()>],
     time = 0 : i64} -> tensor<?xf32>, tensor<f32>
  return %x : tensor<f32>
}

// A transition in f64 makes the state f64; the result has the signal's type.
// CHECK-LABEL: @wide_transition
// CHECK: -> tensor<9x4xf32>, tensor<4xf64>
func.func @wide_transition(%a: tensor<4xf64>, %u: tensor<9x4xf32>, %h: tensor<4xf64>)
    -> (tensor<9x4xf32>, tensor<4xf64>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xf64>) signal(%u : tensor<9x4xf32>) init(%h : tensor<4xf64>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>,
                        affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>], time = 0 : i64}
      -> tensor<9x4xf32>, tensor<4xf64>
  return %y, %x : tensor<9x4xf32>, tensor<4xf64>
}
