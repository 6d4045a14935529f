// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=THREADS

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// One line alone is cut into groups of four chunks of 2^15 steps. One thread
// computes the maps of the chunks beside their states; several scan those of a
// group and find the maps of the next one's, in parallel.
// CHECK-LABEL: func.func @alone(
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK: %[[CHUNK:.*]]:12 = scf.for %{{.*}} = %c0 to %c512 step %c1
// CHECK: %[[P:.*]] = vector.extract %[[CHUNK]]#1[15]
// CHECK: %[[S:.*]] = vector.extract %[[CHUNK]]#2[15]
// CHECK: %[[PX:.*]] = arith.mulf %[[P]], %{{.*}} fastmath<contract> : f32
// CHECK: arith.addf %[[PX]], %[[S]] fastmath<contract> : f32
// THREADS-LABEL: func.func @alone(
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<4xf32>, tensor<4xf32>)
// THREADS-NOT: vector.transfer_write
// THREADS: scf.for
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<262144xf32>, tensor<4xf32>, tensor<4xf32>)
// THREADS: scf.for %{{.*}} = %c0 to %c512 step %c1
// THREADS: vector.transfer_write
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<262144xf32>)
func.func @alone(%a: tensor<262144xf32>, %u: tensor<262144xf32>) -> tensor<262144xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<262144xf32>) signal(%u : tensor<262144xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64}
      -> tensor<262144xf32>, tensor<f32>
  return %y : tensor<262144xf32>
}
