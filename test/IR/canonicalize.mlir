// RUN: ssm-opt %s --canonicalize | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// An initial state of zero is dropped with its map.
// CHECK-LABEL: func @zero_init
// CHECK-NOT: init(
// CHECK: {indexing_maps = [#[[D:.*]], #[[TD:.*]], #[[TD]], #[[D]]], time = 0 : i64}
func.func @zero_init(%a: tensor<8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>) init(%zero : tensor<8xf32>)
    {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  return %y : tensor<?x8xf32>
}

// -0 is another number, and 1 all the more.
// CHECK-LABEL: func @other_init
// CHECK-COUNT-2: init(
func.func @other_init(%a: tensor<8xf32>, %u: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %minus = arith.constant dense<-0.0> : tensor<8xf32>
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %y0, %x0 = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>) init(%minus : tensor<8xf32>)
    {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  %y1, %x1 = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>) init(%one : tensor<8xf32>)
    {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  return %y0, %y1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @zero_complex_init
// CHECK-NOT: init(
// CHECK: return
func.func @zero_complex_init(%a: tensor<8xcomplex<f32>>, %u: tensor<?x8xf32>) -> tensor<8xcomplex<f32>> {
  %zero = arith.constant dense<(0.0, 0.0)> : tensor<8xcomplex<f32>>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xcomplex<f32>>) signal(%u : tensor<?x8xf32>) init(%zero : tensor<8xcomplex<f32>>)
    {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x8xcomplex<f32>>, tensor<8xcomplex<f32>>
  return %x : tensor<8xcomplex<f32>>
}

// Only init makes the state complex, or gives it its size: it has to stay.
// CHECK-LABEL: func @deciding_init
// CHECK-COUNT-2: init(
func.func @deciding_init(%a: tensor<8xf32>, %u: tensor<?x8xf32>, %a0: tensor<f32>, %u0: tensor<?xf32>)
    -> (tensor<8xcomplex<f32>>, tensor<8xf32>) {
  %complex = arith.constant dense<(0.0, 0.0)> : tensor<8xcomplex<f32>>
  %y0, %x0 = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>) init(%complex : tensor<8xcomplex<f32>>)
    {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64} -> tensor<?x8xcomplex<f32>>, tensor<8xcomplex<f32>>
  %real = arith.constant dense<0.0> : tensor<8xf32>
  %y1, %x1 = ssm.linear_recurrence transition(%a0 : tensor<f32>) signal(%u0 : tensor<?xf32>) init(%real : tensor<8xf32>)
    {indexing_maps = [affine_map<(t, d) -> ()>, affine_map<(t, d) -> (t)>, #d, #td, #d], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  return %x0, %x1 : tensor<8xcomplex<f32>>, tensor<8xf32>
}

// One position: an inclusive scan and a transform are their input.
// CHECK-LABEL: func @one_position
// CHECK-SAME: (%[[X:.*]]: tensor<8x1xf32>, %[[Z:.*]]: tensor<1xcomplex<f64>>)
// CHECK-NEXT: return %[[X]], %[[Z]]
func.func @one_position(%x: tensor<8x1xf32>, %z: tensor<1xcomplex<f64>>) -> (tensor<8x1xf32>, tensor<1xcomplex<f64>>) {
  %s = ssm.associative_scan(%x) {dimension = 1 : i64} : (tensor<8x1xf32>) {
  ^bb0(%l: f32, %r: f32):
    %sum = arith.addf %l, %r : f32
    ssm.yield %sum : f32
  }
  %Z = ssm.fft %z {dimension = 0 : i64} : tensor<1xcomplex<f64>>
  return %s, %Z : tensor<8x1xf32>, tensor<1xcomplex<f64>>
}

// An exclusive scan over one position is the identity, not its input.
// CHECK-LABEL: func @exclusive
// CHECK: ssm.associative_scan
func.func @exclusive(%x: tensor<1xf32>, %zero: f32) -> tensor<1xf32> {
  %s = ssm.associative_scan(%x) identity(%zero : f32) {dimension = 0 : i64, exclusive} : (tensor<1xf32>) {
  ^bb0(%l: f32, %r: f32):
    %sum = arith.addf %l, %r : f32
    ssm.yield %sum : f32
  }
  return %s : tensor<1xf32>
}

// Ops without effects disappear with their last use.
// CHECK-LABEL: func @dead
// CHECK-NEXT: return
func.func @dead(%u: tensor<4x8xf32>) {
  %y = ssm.long_conv %u, %u {indexing_maps = [#td, #td, #td], time = 0 : i64}
    : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
