// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=THREADS
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048576" | FileCheck %s --check-prefix=CACHED
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048575" | FileCheck %s --check-prefix=PAST

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// One line alone is cut into chunks of 2^15 steps. One thread computes the maps
// of their tail and of the rest beside their states; the former is enough if its
// product vanishes. What a state that is no number reaches is no number.
// CHECK-LABEL: func.func @alone(
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[X:.*]] = %{{.*}})
// CHECK: %[[REST:.*]]:12 = scf.for %{{.*}} = %c0 to %c480 step %c1
// CHECK: %[[P0:.*]] = vector.extract %[[REST]]#0[15]
// CHECK: %[[S0:.*]] = vector.extract %[[REST]]#1[15]
// CHECK: %[[TAIL:.*]]:12 = scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: %[[P1:.*]] = vector.extract %[[TAIL]]#0[15]
// CHECK: %[[S1:.*]] = vector.extract %[[TAIL]]#1[15]
// CHECK: %[[PS:.*]] = arith.mulf %[[P1]], %[[S0]] fastmath<contract> : f32
// CHECK: %[[S:.*]] = arith.addf %[[PS]], %[[S1]] fastmath<contract> : f32
// CHECK: %[[KNOWN:.*]] = arith.cmpf oeq, %[[P1]], %{{.*}} : f32
// CHECK: %[[P:.*]] = arith.select %[[KNOWN]], %[[P1]]
// CHECK: %[[SUM:.*]] = arith.select %[[KNOWN]], %[[S1]], %[[S]]
// CHECK: %[[PX:.*]] = arith.mulf %[[P]], %[[X]] fastmath<contract> : f32
// CHECK: %[[NEXT:.*]] = arith.addf %[[PX]], %[[SUM]] fastmath<contract> : f32
// CHECK: %[[END:.*]] = vector.extract %[[TAIL]]#3[15]
// CHECK: arith.select %{{.*}}, %[[NEXT]], %[[END]]

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
