// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 shared-rows-ahead=2 cached=8388608" --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,CACHED
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2 shared-rows-ahead=2 cached=8388607" --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,PAST
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1 shared-rows-ahead=2" --canonicalize --cse | FileCheck %s --check-prefix=ALONE
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=ALONE

// Threads that share rows take them in bands of 16 lines, whose states are apart.
// A step asks for the lines of both operands two steps ahead, and then advances and
// stores one line after the other. A result of half of the bytes that `cached` says
// goes through the caches.
// CHECK-LABEL: func.func @shared(
// CHECK-SAME: %[[A:.*]]: tensor<1024x1024xf32>, %[[U:.*]]: tensor<1024x1024xf32>)
// CHECK: scf.forall (%[[I:.*]]) in (4)
// CHECK: %[[BAND:.*]] = arith.muli %[[I]], %c256
// CHECK: %[[SECOND:.*]] = arith.addi %[[BAND]], %c16
// CHECK: %[[LAST:.*]] = arith.addi %[[BAND]], %c240
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<16xf32>
// CHECK: %[[SCANNED:.*]]:17 = scf.for %[[T:.*]] = %c0 to %c1024 step %c1 iter_args(%[[X:[a-z0-9]+]] = %[[ZERO]], %[[X1:[a-z0-9]+]] = %[[ZERO]],
// CHECK: %[[A_ROWS:.*]] = bufferization.to_buffer %[[A]] read_only
// CHECK: %[[AHEAD:.*]] = arith.addi %[[T]], %c2
// CHECK: memref.prefetch %[[A_ROWS]][%[[AHEAD]], %[[BAND]]], read
// CHECK: memref.prefetch %[[A_ROWS]][%[[AHEAD]], %[[SECOND]]], read
// CHECK-COUNT-13: memref.prefetch %[[A_ROWS]]
// CHECK: memref.prefetch %[[A_ROWS]][%[[AHEAD]], %[[LAST]]], read
// CHECK: %[[U_ROWS:.*]] = bufferization.to_buffer %[[U]] read_only
// CHECK-COUNT-16: memref.prefetch %[[U_ROWS]]
// CHECK-NOT: memref.prefetch
// CHECK: %[[AT:.*]] = tensor.extract_slice %[[A]][%[[T]], %[[BAND]]] [1, 16]
// CHECK: %[[UT:.*]] = tensor.extract_slice %[[U]][%[[T]], %[[BAND]]] [1, 16]
// CHECK: linalg.generic {{.*}} ins(%[[AT]], %[[UT]] : {{.*}} outs(%[[X]] :
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%[[T]], 0] [1, 16]
// CHECK: tensor.extract_slice %[[A]][%[[T]], %[[SECOND]]] [1, 16]
// CHECK: linalg.generic {{.*}} outs(%[[X1]] :
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%[[T]], 16] [1, 16]
// CHECK: } {ssm.in_order}
// CHECK: tensor.insert_slice %[[SCANNED]]#0 into %{{.*}}[0] [16]
// CHECK: tensor.insert_slice %[[SCANNED]]#15 into %{{.*}}[240] [16]
// CACHED: } {ssm.cached}
// PAST-NOT: ssm.cached

// ALONE-LABEL: func.func @shared(
// ALONE-NOT: ssm.in_order
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @shared(%a: tensor<1024x1024xf32>, %u: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<1024x1024xf32>) signal(%u : tensor<1024x1024xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 64>}
      -> tensor<1024x1024xf32>, tensor<1024xf32>
  return %x, %last : tensor<1024x1024xf32>, tensor<1024xf32>
}

// Backward, the steps that are ahead are before, and the last line comes first.
// Complex states are two registers each. Of a row of 8 kilobytes 1 is a band. With
// a single band of a thread each, all lines have those of another thread beside
// them sooner or later, and go past the caches.
// CHECK-LABEL: func.func @back(
// CHECK: scf.forall (%[[I:.*]]) in (2)
// CHECK: %[[BAND:.*]] = arith.muli %[[I]], %c128
// CHECK: %[[LAST:.*]] = arith.addi %[[BAND]], %c112
// CHECK: scf.for {{.*}} step %c1
// CHECK: %[[T:.*]] = arith.subi %c2047, %{{.*}}
// CHECK: %[[AHEAD:.*]] = arith.subi %c2045, %{{.*}}
// CHECK: memref.prefetch %{{.*}}[%[[AHEAD]], %[[BAND]]], read
// CHECK: tensor.extract_slice %{{.*}}[%[[T]], %[[LAST]]] [1, 16]
// CHECK: } {ssm.in_order}
// CHECK-NOT: ssm.cached
func.func @back(%a: tensor<2048x256xf32>, %u: tensor<2048x256xcomplex<f32>>) -> tensor<2048x256xcomplex<f32>> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2048x256xf32>) signal(%u : tensor<2048x256xcomplex<f32>>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>,
       strategy = #ssm.strategy<sequential, lanes = 64>} -> tensor<2048x256xcomplex<f32>>, tensor<256xcomplex<f32>>
  return %x : tensor<2048x256xcomplex<f32>>
}

// Rows of which each thread has its own, and what the second caches hold.
// CHECK-LABEL: func.func @rows(
// CHECK-NOT: ssm.in_order
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>
func.func @rows(%a: tensor<2x1024x1024xf32>, %u: tensor<2x1024x1024xf32>) -> tensor<2x1024x1024xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2x1024x1024xf32>) signal(%u : tensor<2x1024x1024xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64, strategy = #ssm.strategy<sequential, lanes = 64>}
      -> tensor<2x1024x1024xf32>, tensor<2x1024xf32>
  return %x : tensor<2x1024x1024xf32>
}
func.func @small(%a: tensor<256x1024xf32>, %u: tensor<256x1024xf32>) -> tensor<256x1024xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<256x1024xf32>) signal(%u : tensor<256x1024xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 64>}
      -> tensor<256x1024xf32>, tensor<1024xf32>
  return %x : tensor<256x1024xf32>
}
