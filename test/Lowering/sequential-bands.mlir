// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s --check-prefix=ALONE
// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=2" --canonicalize --cse | FileCheck %s --check-prefix=PORTABLE

// Two bands of a row: the states of each are in memory of its own, beside which
// no other thread writes. One band of a row needs none, and the portable stop
// has no such op.
// CHECK-LABEL: func.func @bands(
// CHECK: scf.forall
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[OWN:.*]] = bufferization.alloc_tensor() copy(%[[ZERO]]) : tensor<512xf32>
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[OWN]],
// ALONE-LABEL: func.func @bands(
// ALONE-NOT: bufferization
// PORTABLE-LABEL: func.func @bands(
// PORTABLE-NOT: bufferization
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @bands(%a: tensor<64x1024xf32>, %u: tensor<64x1024xf32>) -> (tensor<64x1024xf32>, tensor<1024xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<64x1024xf32>) signal(%u : tensor<64x1024xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 64>}
      -> tensor<64x1024xf32>, tensor<1024xf32>
  return %x, %last : tensor<64x1024xf32>, tensor<1024xf32>
}
