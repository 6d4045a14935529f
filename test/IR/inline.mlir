// RUN: ssm-opt %s --inline | FileCheck %s

func.func private @decay(%a: tensor<8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>)
    {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>,
                      affine_map<(t, d) -> (d)>], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  return %y : tensor<?x8xf32>
}

func.func private @larger(%x: f32, %y: f32) -> f32 {
  %m = arith.maximumf %x, %y : f32
  return %m : f32
}

// A function of ssm ops goes into its caller.
// CHECK-LABEL: func @calls
// CHECK-NOT: call
// CHECK: ssm.linear_recurrence
func.func @calls(%a: tensor<8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = call @decay(%a, %u) : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// And a scalar function into a combiner.
// CHECK-LABEL: func @combines
// CHECK: ssm.associative_scan
// CHECK: arith.maximumf
func.func @combines(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<?xf32>) {
  ^bb0(%l: f32, %r: f32):
    %m = func.call @larger(%l, %r) : (f32, f32) -> f32
    ssm.yield %m : f32
  }
  return %y : tensor<?xf32>
}
