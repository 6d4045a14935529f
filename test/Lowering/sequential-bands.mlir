// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s --check-prefix=ALONE
// RUN: ssm-opt %s --ssm-lower-to-linalg="cores=2" --canonicalize --cse | FileCheck %s --check-prefix=PORTABLE
// RUN: sed "s/time = 0 : i64, strategy/time = 0 : i64, direction = #ssm.direction<backward>, strategy/" %s | ssm-opt --ssm-lower-to-linalg="vectors cores=2" --canonicalize --cse | FileCheck %s --check-prefix=BACK

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
// ALONE: return
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

// Tiles with states take 16 steps each, whose rows are apart: a step asks for the
// row of the next tile, here 16 channels on, of the signal and of what the
// transition is computed from. Backward, the next tile lies before this one. B_t
// of all channels is asked for by nobody.
// CHECK-LABEL: func.func @ahead(
// CHECK-SAME: %[[DT:[a-z0-9]+]]: tensor<64x256xf32>, %{{.*}}: tensor<256x4xf32>, %[[B:[a-z0-9]+]]: tensor<64x4xf32>, %[[U:[a-z0-9]+]]: tensor<64x256xf32>)
// CHECK: scf.for
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[DT_ROWS:.*]] = bufferization.to_buffer %[[DT]] read_only
// CHECK: %[[NEXT:.*]] = arith.addi %[[CHANNEL:.*]], %c16
// CHECK: memref.prefetch %[[DT_ROWS]][%[[STEP:.*]], %[[NEXT]]], read, locality<3>, data
// CHECK: %[[U_ROWS:.*]] = bufferization.to_buffer %[[U]] read_only
// CHECK: memref.prefetch %[[U_ROWS]][%[[STEP]], %[[NEXT]]], read
// CHECK-NOT: memref.prefetch
// CHECK: math.exp
// CHECK-NOT: memref.prefetch
// CHECK: return
// BACK-LABEL: func.func @ahead(
// BACK: arith.addi %{{.*}}, %c112
// BACK: %[[NEXT:.*]] = arith.addi %{{.*}}, %c96
// BACK: memref.prefetch %{{.*}}[%{{.*}}, %[[NEXT]]]
// PORTABLE-LABEL: func.func @ahead(
// PORTABLE-NOT: memref.prefetch
#tdn = affine_map<(t, d, n) -> (t, d, n)>
#tn = affine_map<(t, d, n) -> (t, n)>
#tc = affine_map<(t, d, n) -> (t, d)>
#dn = affine_map<(t, d, n) -> (d, n)>
func.func @ahead(%dt: tensor<64x256xf32>, %A: tensor<256x4xf32>, %b: tensor<64x4xf32>, %u: tensor<64x256xf32>)
    -> tensor<64x256xf32> {
  %empty = tensor.empty() : tensor<64x256x4xf32>
  %a = linalg.generic {indexing_maps = [#tc, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<64x256xf32>, tensor<256x4xf32>) outs(%empty : tensor<64x256x4xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %p = arith.mulf %x, %y : f32
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<64x256x4xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<64x256x4xf32>) signal(%u : tensor<64x256xf32>)
      input(%b : tensor<64x4xf32>) output(%b : tensor<64x4xf32>)
      {indexing_maps = [#tdn, #tc, #tn, #tn, #tc, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<64x256xf32>, tensor<256x4xf32>
  return %y : tensor<64x256xf32>
}
