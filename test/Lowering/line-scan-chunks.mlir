// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=THREADS
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048576" | FileCheck %s --check-prefix=CACHED
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 cached=1048575" | FileCheck %s --check-prefix=PAST

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// One line alone is cut into chunks of 2^15 steps, whose tail is reduced first, a
// piece of 512 steps after the other from the last one on, until their product
// vanishes. If that of the tail does not, one thread computes the map of the rest
// beside the states. What a state that is no number reaches is no number.
// CHECK-LABEL: func.func @alone(
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1 iter_args(%{{.*}} = %{{.*}}, %[[X:.*]] = %{{.*}})
// CHECK: %[[TAIL:.*]]:2 = scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%[[P2:.*]] = %{{.*}}, %[[S2:.*]] = %{{.*}}) -> (f32, f32)
// CHECK: %[[ENOUGH:.*]] = arith.cmpf oeq, %[[P2]], %{{.*}} : f32
// CHECK: scf.if %[[ENOUGH]]
// CHECK: scf.yield %[[P2]], %[[S2]]
// CHECK: %[[PIECE:.*]]:11 = scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: %[[P1:.*]] = vector.extract %[[PIECE]]#0[15]
// CHECK: %[[S1:.*]] = vector.extract %[[PIECE]]#1[15]
// CHECK: arith.mulf %[[P2]], %[[P1]] fastmath<contract> : f32
// CHECK: %[[PS2:.*]] = arith.mulf %[[P2]], %[[S1]] fastmath<contract> : f32
// CHECK: arith.addf %[[PS2]], %[[S2]] fastmath<contract> : f32
// CHECK: %[[KNOWN:.*]] = arith.cmpf oeq, %[[TAIL]]#0, %{{.*}} : f32
// CHECK: %[[DONE:.*]]:12 = scf.if %[[KNOWN]]
// CHECK: scf.for %{{.*}} = %c0 to %c480 step %c1
// CHECK: scf.yield %[[TAIL]]#0, %[[TAIL]]#1,
// CHECK: } else {
// CHECK: %[[REST:.*]]:12 = scf.for %{{.*}} = %c0 to %c480 step %c1
// CHECK: %[[P0:.*]] = vector.extract %[[REST]]#0[15]
// CHECK: %[[S0:.*]] = vector.extract %[[REST]]#1[15]
// CHECK: arith.mulf %[[TAIL]]#0, %[[P0]] fastmath<contract> : f32
// CHECK: %[[PS:.*]] = arith.mulf %[[TAIL]]#0, %[[S0]] fastmath<contract> : f32
// CHECK: arith.addf %[[PS]], %[[TAIL]]#1 fastmath<contract> : f32
// CHECK: %[[END:.*]]:10 = scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: %[[PX:.*]] = arith.mulf %[[DONE]]#0, %[[X]] fastmath<contract> : f32
// CHECK: %[[NEXT:.*]] = arith.addf %[[PX]], %[[DONE]]#1 fastmath<contract> : f32
// CHECK: %[[LAST:.*]] = vector.extract %[[END]]#1[15]
// CHECK: arith.select %{{.*}}, %[[NEXT]], %[[LAST]]

// Several find the maps of the chunks in parallel, the states before them follow
// in order, and then those of the chunks in parallel.
// THREADS-LABEL: func.func @alone(
// THREADS: %[[MAPS:.*]]:2 = scf.forall (%{{.*}}) in (8) {{.*}} -> (tensor<8xf32>, tensor<8xf32>)
// THREADS-NOT: vector.transfer_write
// THREADS: scf.for %[[I:.*]] = %c0 to %c8 step %c1 iter_args(%[[STARTS:.*]] = %{{.*}}, %[[X:.*]] = %{{.*}}) -> (tensor<8xf32>, f32)
// THREADS: tensor.insert %[[X]] into %[[STARTS]][%[[I]]]
// THREADS: tensor.extract %[[MAPS]]#0[%[[I]]]
// THREADS: tensor.extract %[[MAPS]]#1[%[[I]]]
// THREADS: scf.forall (%{{.*}}) in (8) {{.*}} -> (tensor<262144xf32>, tensor<8xf32>)

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
// CACHED: scf.forall {{.*}} -> (tensor<262144xf32>, tensor<8xf32>)
// CACHED: scf.forall.in_parallel
// CACHED: } {ssm.cached}
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

// More than 32 chunks are groups, here two of 18 and one chunk that is left over:
// while one is scanned, the maps of the next one's chunks are found.
// CHECK-LABEL: func.func @groups(
// CHECK: scf.for %{{.*}} = %c0 to %c36 step %c1
// THREADS-LABEL: func.func @groups(
// THREADS: scf.forall (%{{.*}}) in (18) {{.*}} -> (tensor<18xf32>, tensor<18xf32>)
// THREADS: scf.forall (%{{.*}}) in (18) {{.*}} -> (tensor<1212416xf32>, tensor<18xf32>, tensor<18xf32>, tensor<18xf32>)
// THREADS: %[[ENOUGH:.*]] = arith.cmpf oeq
// THREADS: scf.if %[[ENOUGH]]
// THREADS: %[[KNOWN:.*]] = arith.cmpf oeq
// THREADS: %[[DONE:.*]]:12 = scf.if %[[KNOWN]]
// THREADS: scf.for %{{.*}} = %c0 to %c480 step %c1
// THREADS: } else {
// THREADS: scf.for %{{.*}} = %c0 to %c480 step %c1
// THREADS: scf.for %{{.*}} = %c0 to %c32 step %c1 iter_args(%{{.*}} = %[[DONE]]#2,
// THREADS: scf.forall (%{{.*}}) in (18) {{.*}} -> (tensor<1212416xf32>, tensor<18xf32>)
// THREADS: scf.for %{{.*}} = %c1 to %c36 step %c1
// THREADS: scf.for %{{.*}} = %c0 to %c512 step %c1
// THREADS: scf.for %{{.*}} = %c0 to %c512 step %c1
func.func @groups(%a: tensor<1212416xf32>, %u: tensor<1212416xf32>) -> tensor<1212416xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<1212416xf32>) signal(%u : tensor<1212416xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64}
      -> tensor<1212416xf32>, tensor<f32>
  return %y : tensor<1212416xf32>
}
