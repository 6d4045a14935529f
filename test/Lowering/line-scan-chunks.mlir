// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=THREADS
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048576" | FileCheck %s --check-prefix=CACHED
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048575" | FileCheck %s --check-prefix=PAST

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// One line alone is cut into chunks of 2^15 steps, whose tail is reduced first. If
// its product does not vanish, one thread computes the map of the rest beside the
// states. What a state that is no number reaches is no number.
// CHECK-LABEL: func.func @alone(
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[X:.*]] = %{{.*}})
// CHECK: %[[TAIL:.*]]:11 = scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: %[[P1:.*]] = vector.extract %[[TAIL]]#0[15]
// CHECK: %[[S1:.*]] = vector.extract %[[TAIL]]#1[15]
// CHECK: %[[KNOWN:.*]] = arith.cmpf oeq, %[[P1]], %{{.*}} : f32
// CHECK: %[[DONE:.*]]:12 = scf.if %[[KNOWN]]
// CHECK: scf.for %{{.*}} = %c0 to %c480 step %c1
// CHECK: scf.yield %[[P1]], %[[S1]],
// CHECK: } else {
// CHECK: %[[REST:.*]]:12 = scf.for %{{.*}} = %c0 to %c480 step %c1
// CHECK: %[[P0:.*]] = vector.extract %[[REST]]#0[15]
// CHECK: %[[S0:.*]] = vector.extract %[[REST]]#1[15]
// CHECK: %[[PS:.*]] = arith.mulf %[[P1]], %[[S0]] fastmath<contract> : f32
// CHECK: %[[S:.*]] = arith.addf %[[PS]], %[[S1]] fastmath<contract> : f32
// CHECK: arith.mulf %[[P1]], %[[P0]] fastmath<contract> : f32
// CHECK: %[[END:.*]]:10 = scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: %[[PX:.*]] = arith.mulf %[[DONE]]#0, %[[X]] fastmath<contract> : f32
// CHECK: %[[NEXT:.*]] = arith.addf %[[PX]], %[[DONE]]#1 fastmath<contract> : f32
// CHECK: %[[LAST:.*]] = vector.extract %[[END]]#1[15]
// CHECK: arith.select %{{.*}}, %[[NEXT]], %[[LAST]]

// Several scan the chunks of a group and find the maps of the next one's, in
// parallel: the rest is read only if the product of the tail does not vanish.
// THREADS-LABEL: func.func @alone(
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<4xf32>, tensor<4xf32>)
// THREADS-NOT: vector.transfer_write
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<262144xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
// THREADS: scf.for %{{.*}} = %c0 to %c32 step %c1
// THREADS-NOT: vector.transfer_write
// THREADS: %[[KNOWN:.*]] = arith.cmpf oeq
// THREADS: %[[DONE:.*]]:12 = scf.if %[[KNOWN]]
// THREADS: scf.for %{{.*}} = %c0 to %c480 step %c1
// THREADS: } else {
// THREADS: scf.for %{{.*}} = %c0 to %c480 step %c1
// THREADS: scf.for %{{.*}} = %c0 to %c32 step %c1 iter_args(%{{.*}} = %[[DONE]]#2,
// THREADS: scf.forall (%{{.*}}) in (4) {{.*}} -> (tensor<262144xf32>, tensor<4xf32>)

// Chunks behind a state that is no number are scanned again, in order.
// THREADS: scf.for %{{.*}} = %c1 to %c8 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[BEFORE:.*]] = %{{.*}})
// THREADS: %[[SIZE:.*]] = math.absf %[[BEFORE]]
// THREADS: %[[FINITE:.*]] = arith.cmpf olt, %[[SIZE]]
// THREADS: scf.if %[[FINITE]]
// THREADS: } else {
// THREADS: scf.for %{{.*}} = %c0 to %c512 step %c1
// THREADS: } {ssm.cached}

// What the caches have room for is not written past them by several threads.
// CACHED-LABEL: func.func @alone(
// CACHED: scf.forall {{.*}} -> (tensor<262144xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
// CACHED: scf.forall.in_parallel
// CACHED: } {ssm.cached}
// CACHED: scf.forall {{.*}} -> (tensor<262144xf32>, tensor<4xf32>)
// PAST-LABEL: func.func @alone(
// PAST-NOT: ssm.cached
// PAST: scf.for %{{.*}} = %c1 to %c8
// PAST: } {ssm.cached}
func.func @alone(%a: tensor<262144xf32>, %u: tensor<262144xf32>) -> tensor<262144xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<262144xf32>) signal(%u : tensor<262144xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64}
      -> tensor<262144xf32>, tensor<f32>
  return %y : tensor<262144xf32>
}
