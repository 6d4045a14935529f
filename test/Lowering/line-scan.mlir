// RUN: ssm-opt %s --ssm-lower-to-linalg=vectors --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg='vectors ahead=0' | FileCheck %s --check-prefix=LEFT
// RUN: ssm-opt %s --ssm-lower-to-linalg='vectors line-lanes=8' --canonicalize --cse | FileCheck %s --check-prefix=EIGHT
// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s --check-prefix=PORTABLE

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>

// 32 blocks of 64 steps, and 52 steps that are left over.
// CHECK-LABEL: func.func @one_channel(
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<2100xf32>, %[[U:[a-z0-9]+]]: tensor<2100xf32>, %[[X0:[a-z0-9]+]]: tensor<f32>)
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-DAG: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : vector<16xf32>
// CHECK: %[[INIT:.*]] = tensor.extract %[[X0]][]
// CHECK: %[[START:.*]] = vector.broadcast %[[INIT]] : f32 to vector<16xf32>
// The line, the states after 16 segments, and the maps of four rounds.
// CHECK: %[[BLOCKS:.*]]:10 = scf.for %{{.*}} = %c0 to %c32 step %c1 iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}, %[[STATES:.*]] = %[[START]], %[[P1:.*]] = %[[ONE]], %[[S1:.*]] = %[[ZERO]], %[[P2:.*]] = %[[ONE]], %[[S2:.*]] = %[[ZERO]], %[[P4:.*]] = %[[ONE]], %[[S4:.*]] = %[[ZERO]], %[[P8:.*]] = %[[ONE]], %[[S8:.*]] = %[[ZERO]])
// Squares of 4 x 4, of the transition and of the signal.
// CHECK-COUNT-4: vector.transfer_read {{.*}} {in_bounds = [true]} : tensor<64xf32>, vector<16xf32>
// CHECK: vector.shuffle {{.*}} [0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29]
// CHECK-COUNT-4: vector.transfer_read
// The segment before: the lane 4 to the left, or the last lane of the four
// before, of which the first is in the block before.
// CHECK: %[[P:.*]] = vector.shuffle %[[P1]], %[[P0:.*]] [15, 28, 29, 30, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]
// CHECK: %[[S:.*]] = vector.shuffle %[[S1]], %[[S0:.*]] [15, 28, 29, 30,
// CHECK: arith.mulf %[[P0]], %[[S]]
// CHECK: arith.mulf %[[P0]], %[[P]]
// Two, four and eight segments before.
// CHECK: vector.shuffle %[[P2]], %{{.*}} [11, 24, 25, 26, 15, 28, 29, 30,
// CHECK: vector.shuffle %[[P4]], %{{.*}} [3, 16, 17, 18,
// CHECK: vector.shuffle %[[P8]], %{{.*}} [2, 3, 16, 17,
// CHECK: arith.mulf %{{.*}}, %[[STATES]]
// CHECK-COUNT-4: vector.transfer_write {{.*}} {in_bounds = [true]} : vector<16xf32>, tensor<64xf32>
// CHECK: scf.yield %{{[^,]+}}, %{{[^,]+}}, %[[P0]], %[[S0]],
// The missing steps multiply by 1 and add 0.
// CHECK: vector.transfer_read {{.*}} : tensor<52xf32>, vector<16xf32>
// CHECK: %[[MASK:.*]] = vector.constant_mask [4] : vector<16xi1>
// CHECK: arith.select %[[MASK]], %{{.*}}, %[[ONE]]
// The last segment's.
// CHECK: vector.extract {{.*}}[15]
// 65 blocks of 32 steps, and 20 that are left over: 8 segments, and three rounds.
// EIGHT-LABEL: func.func @one_channel(
// EIGHT: scf.for %{{.*}} = %c0 to %c65 step %c1 iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9]+}}, %[[STATES:.*]] = %{{.*}}, %[[P1:.*]] = %{{.*}}, %[[S1:.*]] = %{{.*}}, %[[P2:.*]] = %{{.*}}, %{{.*}} = %{{.*}}, %[[P4:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (tensor<2100xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// EIGHT-COUNT-4: vector.transfer_read {{.*}} {in_bounds = [true]} : tensor<32xf32>, vector<8xf32>
// EIGHT: vector.shuffle {{.*}} [0, 8, 1, 9, 4, 12, 5, 13]
// EIGHT: vector.shuffle %[[P1]], %{{.*}} [7, 12, 13, 14, 8, 9, 10, 11]
// EIGHT: vector.shuffle %[[P2]], %{{.*}} [3, 8, 9, 10, 7, 12, 13, 14]
// EIGHT: vector.shuffle %[[P4]], %{{.*}} [2, 3, 8, 9, 6, 7, 12, 13]
// EIGHT: vector.extract {{.*}}[7]
// PORTABLE-LABEL: func.func @one_channel(
// PORTABLE-NOT: vector.
func.func @one_channel(%a: tensor<2100xf32>, %u: tensor<2100xf32>, %x0: tensor<f32>) -> (tensor<2100xf32>, tensor<f32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2100xf32>) signal(%u : tensor<2100xf32>) init(%x0 : tensor<f32>)
      {indexing_maps = [#t, #t, #none, #t, #none], time = 0 : i64}
      -> tensor<2100xf32>, tensor<f32>
  return %y, %x : tensor<2100xf32>, tensor<f32>
}

#dt = affine_map<(d, t) -> (d, t)>
#d = affine_map<(d, t) -> (d)>

// A line for each channel; the producer of the transition is computed in
// vectors, and one without time in all lanes.
// CHECK-LABEL: func.func @channels(
// CHECK: scf.forall (%[[D:.*]]) in (48)
// CHECK:   scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK:     %[[GAIN:.*]] = vector.broadcast %{{.*}} : f32 to vector<16xf32>
// CHECK:     %[[SCALED:.*]] = arith.mulf %{{.*}}, %[[GAIN]] : vector<16xf32>
// CHECK:     math.exp %[[SCALED]] : vector<16xf32>
// CHECK:     tensor.insert_slice {{.*}} tensor<64xf32> into tensor<1x128xf32>
func.func @channels(%dt: tensor<48x128xf32>, %gain: tensor<48xf32>, %u: tensor<48x128xf32>) -> tensor<48x128xf32> {
  %empty = tensor.empty() : tensor<48x128xf32>
  %a = linalg.generic {indexing_maps = [#dt, #d, #dt], iterator_types = ["parallel", "parallel"]}
      ins(%dt, %gain : tensor<48x128xf32>, tensor<48xf32>) outs(%empty : tensor<48x128xf32>) {
  ^bb0(%in: f32, %g: f32, %out: f32):
    %p = arith.mulf %in, %g : f32
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<48x128xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<48x128xf32>) signal(%u : tensor<48x128xf32>)
      {indexing_maps = [#dt, #dt, #dt, #d], time = 1 : i64} -> tensor<48x128xf32>, tensor<48xf32>
  return %y : tensor<48x128xf32>
}

// Less than a block; order that matters; steps that are apart.
// CHECK-LABEL: func.func @not_lines(
// CHECK-NOT: vector.
func.func @not_lines(%a: tensor<63xf32>, %b: tensor<128xf32>, %c: tensor<128x48xf32>)
    -> (tensor<63xf32>, tensor<128xf32>, tensor<128x48xf32>) {
  %x, %x1 = ssm.linear_recurrence transition(%a : tensor<63xf32>) signal(%a : tensor<63xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<63xf32>, tensor<f32>
  %y, %y1 = ssm.linear_recurrence transition(%b : tensor<128xf32>) signal(%b : tensor<128xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64, numerics = #ssm.numerics<strict>}
      -> tensor<128xf32>, tensor<f32>
  %z, %z1 = ssm.linear_recurrence transition(%c : tensor<128x48xf32>) signal(%c : tensor<128x48xf32>)
      {indexing_maps = [#dt, #dt, #dt, affine_map<(t, d) -> (d)>], time = 0 : i64}
      -> tensor<128x48xf32>, tensor<48xf32>
  return %x, %y, %z : tensor<63xf32>, tensor<128xf32>, tensor<128x48xf32>
}

// A dimension of size one after time is no part of a line.
// CHECK-LABEL: func.func @one_of_one(
// CHECK: %[[LINE:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<128x1xf32> into tensor<128xf32>
// CHECK: tensor.extract_slice %[[LINE]][%{{.*}}] [64] [1] : tensor<128xf32> to tensor<64xf32>
func.func @one_of_one(%a: tensor<128x1xf32>, %u: tensor<128x1xf32>) -> tensor<128x1xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<128x1xf32>) signal(%u : tensor<128x1xf32>)
      {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>,
                        affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
       time = 0, strategy = #ssm.strategy<sequential>} -> tensor<128x1xf32>, tensor<1xf32>
  return %y : tensor<128x1xf32>
}

// Complex numbers are taken apart before, into buffers of a whole block, and put
// together behind.
// CHECK-LABEL: func.func @complex(
// CHECK: scf.for
// CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<64xcomplex<f32>>) outs(%{{.*}}, %{{.*}} : tensor<64xf32>, tensor<64xf32>)
// CHECK:     complex.re
// CHECK:     complex.im
// CHECK-COUNT-8: vector.transfer_read
// CHECK:   linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<64xf32>, tensor<64xf32>) outs(%{{.*}} : tensor<64xcomplex<f32>>)
// CHECK:     complex.create
// What is left over of a block.
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0] [36] [1] : tensor<36xf32> into tensor<64xf32>
func.func @complex(%a: tensor<164xcomplex<f32>>, %u: tensor<164xf32>) -> tensor<164xcomplex<f32>> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<164xcomplex<f32>>) signal(%u : tensor<164xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<164xcomplex<f32>>, tensor<complex<f32>>
  return %y : tensor<164xcomplex<f32>>
}

// More than the second cache holds: what is read a page and a cache line later
// is asked for. Backward, the end of the next line comes before the start of
// this one.
// LEFT-NOT: memref.prefetch
// CHECK-LABEL: func.func @ahead(
// CHECK: scf.forall (%[[D:.*]]) in (8)
// CHECK:   scf.for %[[I:.*]] = %c0 to %c1024 step %c1
// CHECK:     %[[BEGIN:.*]] = arith.muli %[[I]], %c64
// CHECK:     %[[MEMORY:.*]] = bufferization.to_buffer %{{.*}} read_only : tensor<65536xf32>
// CHECK:     %[[AHEAD:.*]] = arith.addi %[[BEGIN]], %c1040
// CHECK:     memref.prefetch %[[MEMORY]][%[[AHEAD]]], read, locality<3>, data
// CHECK-COUNT-7: memref.prefetch
// CHECK-NOT: memref.prefetch
// CHECK: scf.forall
// CHECK:     %[[FROM_END:.*]] = arith.muli %{{.*}}, %c-64
// CHECK:     %[[BACK:.*]] = arith.addi %[[FROM_END]], %c64432
// CHECK:     %[[WRAPPED:.*]] = arith.addi %[[FROM_END]], %c195504
// CHECK:     %[[IS:.*]] = arith.cmpi slt, %[[BACK]], %c0
// CHECK:     %[[AT:.*]] = arith.select %[[IS]], %[[WRAPPED]], %[[BACK]]
// CHECK:     memref.prefetch %{{.*}}[%[[AT]]]
func.func @ahead(%a: tensor<8x65536xf32>, %u: tensor<8x65536xf32>) -> (tensor<8x65536xf32>, tensor<8x65536xf32>) {
  %x, %x1 = ssm.linear_recurrence transition(%a : tensor<8x65536xf32>) signal(%u : tensor<8x65536xf32>)
      {indexing_maps = [#dt, #dt, #dt, #d], time = 1 : i64} -> tensor<8x65536xf32>, tensor<8xf32>
  %y, %y1 = ssm.linear_recurrence transition(%a : tensor<8x65536xf32>) signal(%u : tensor<8x65536xf32>)
      {indexing_maps = [#dt, #dt, #dt, #d], time = 1 : i64, direction = #ssm.direction<backward>}
      -> tensor<8x65536xf32>, tensor<8xf32>
  return %x, %y : tensor<8x65536xf32>, tensor<8x65536xf32>
}

// Input, output and what is computed of the result, as they lie in memory: eight
// shuffles for the transition, nine in the scan, and eight each for the signal
// and the states.
// CHECK-LABEL: func.func @neighbours(
// CHECK-SAME: %[[C:[a-z0-9]+]]: tensor<128xf32>, %[[SKIP:[a-z0-9]+]]: tensor<8xf32>)
// CHECK: scf.forall
// CHECK: scf.for
// CHECK-COUNT-8: vector.shuffle
// CHECK: arith.mulf {{.*}} : vector<16xf32>
// CHECK-COUNT-25: vector.shuffle
// CHECK-NOT: vector.shuffle
// CHECK: tensor.extract_slice %[[C]][%{{.*}}] [64] [1]
// CHECK-COUNT-4: arith.mulf {{.*}} fastmath<contract>
// CHECK: tensor.extract_slice %[[SKIP]]
// CHECK-COUNT-4: math.fma
// CHECK-COUNT-4: vector.transfer_write
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @neighbours(%a: tensor<8x128xf32>, %u: tensor<8x128xf32>, %b: tensor<8x128xf32>, %c: tensor<128xf32>,
                      %skip: tensor<8xf32>) -> tensor<8x128xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x128xf32>) signal(%u : tensor<8x128xf32>)
      input(%b : tensor<8x128xf32>) output(%c : tensor<128xf32>)
      {indexing_maps = [#dt, #dt, #dt, affine_map<(d, t) -> (t)>, #dt, #d], time = 1 : i64}
      -> tensor<8x128xf32>, tensor<8xf32>
  %empty = tensor.empty() : tensor<8x128xf32>
  %y = linalg.generic {indexing_maps = [#dt, #dt, #d, #dt], iterator_types = ["parallel", "parallel"]}
      ins(%x, %u, %skip : tensor<8x128xf32>, tensor<8x128xf32>, tensor<8xf32>) outs(%empty : tensor<8x128xf32>) {
  ^bb0(%in: f32, %w: f32, %s: f32, %out: f32):
    %sum = math.fma %w, %s, %in : f32
    linalg.yield %sum : f32
  } -> tensor<8x128xf32>
  return %y : tensor<8x128xf32>
}

// A transition that is constant: its powers once a line, in f64 and rounded
// once. The loop multiplies the signal's part of the maps by them, with four
// looks ahead, and carries one product for the first block and the others. The
// rest multiplies step by step.
// CHECK-LABEL: func.func @constant(
// CHECK: scf.forall
// CHECK:   %[[A1:.*]] = arith.extf %{{.*}} : f32 to f64
// CHECK:   %[[A2:.*]] = arith.mulf %[[A1]], %[[A1]] : f64
// CHECK:   %[[A3:.*]] = arith.mulf %[[A2]], %[[A1]] : f64
// CHECK:   %[[A4:.*]] = arith.mulf %[[A3]], %[[A1]] : f64
// CHECK:   %[[A8:.*]] = arith.mulf %[[A4]], %[[A4]] : f64
// CHECK:   %[[A16:.*]] = arith.mulf %[[A8]], %[[A8]] : f64
// CHECK:   %[[A32:.*]] = arith.mulf %[[A16]], %[[A16]] : f64
// CHECK:   %[[A64:.*]] = arith.mulf %[[A32]], %[[A32]] : f64
// CHECK:   %[[SIZE:.*]] = math.absf %[[A64]]
// CHECK:   %[[VANISHES:.*]] = arith.cmpf olt, %[[SIZE]], %{{.*}} : f64
// CHECK:   %[[KEPT:.*]] = arith.select %[[VANISHES]], %{{.*}}, %[[A64]] : f64
// CHECK:   %[[ROUNDED:.*]] = arith.truncf %[[KEPT]] : f64 to f32
// CHECK:   %[[BLOCK:.*]] = vector.broadcast %[[ROUNDED]]
// CHECK-COUNT-4: vector.shuffle
// CHECK:   %[[FIRST:.*]] = arith.mulf
// CHECK:   scf.for {{.*}} to %c16 {{.*}} = %[[FIRST]])
// CHECK-COUNT-21: vector.shuffle
// CHECK-NOT: vector.shuffle
// CHECK:     scf.yield {{.*}}, %[[BLOCK]] :
// CHECK:   vector.constant_mask
// CHECK:   return
func.func @constant(%a: tensor<8xf32>, %u: tensor<8x1030xf32>) -> tensor<8x1030xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<8x1030xf32>)
      {indexing_maps = [#d, #dt, #dt, #d], time = 1 : i64} -> tensor<8x1030xf32>, tensor<8xf32>
  return %x : tensor<8x1030xf32>
}

// As much would be lost as is saved in so few blocks.
// CHECK-LABEL: func.func @constant_and_short(
// CHECK-NOT: f64
// CHECK: return
func.func @constant_and_short(%a: tensor<8xf32>, %u: tensor<8x500xf32>) -> tensor<8x500xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<8x500xf32>)
      {indexing_maps = [#d, #dt, #dt, #d], time = 1 : i64} -> tensor<8x500xf32>, tensor<8xf32>
  return %x : tensor<8x500xf32>
}
