// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg=cores=1 --canonicalize --cse | FileCheck %s --check-prefix=ONE

#d = affine_map<(b, t, d) -> (d)>
#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>

// Tiles of channels in parallel; in each, one loop over time that carries the
// state. The transition is read outside the loop.
// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[A:.*]]: tensor<32xf32>, %[[U:.*]]: tensor<2x100x32xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C100:.*]] = arith.constant 100 : index
// CHECK: scf.forall (%[[B:.*]], %{{.*}}) in (2, 2) shared_outs(%[[Y:.*]] = %{{.*}}, %[[X:.*]] = %{{.*}})
// CHECK: %[[D:.*]] = arith.muli
// CHECK: %[[AT:.*]] = tensor.extract_slice %[[A]][%[[D]]] [16] [1]
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[Y]][%[[B]], 0, %[[D]]] [1, 100, 16]
// CHECK: %[[LOOP:.*]]:2 = scf.for %[[T:.*]] = %[[C0]] to %[[C100]] step %[[C1]] iter_args(%[[STATE:.*]] = %[[ZERO]], %[[OUT:.*]] = %[[PART]])
// CHECK: %[[UT:.*]] = tensor.extract_slice %[[U]][%[[B]], %[[T]], %[[D]]] [1, 1, 16]
// CHECK: %[[NEXT:.*]] = linalg.generic {{.*}} ins(%[[AT]], %[[UT]] : {{.*}}) outs(%[[STATE]] :
// CHECK: arith.mulf
// CHECK-NEXT: arith.addf
// CHECK: %[[STORED:.*]] = tensor.insert_slice %[[NEXT]] into %[[OUT]][0, %[[T]], 0] [1, 1, 16]
// CHECK: scf.yield %[[NEXT]], %[[STORED]]
// CHECK: tensor.parallel_insert_slice %[[LOOP]]#1 into %[[Y]][%[[B]], 0, %[[D]]] [1, 100, 16]
// CHECK-NEXT: tensor.parallel_insert_slice %[[LOOP]]#0 into %[[X]][%[[B]], %[[D]]] [1, 16]
// CHECK-NOT: scf.for
func.func @static(%a: tensor<32xf32>, %u: tensor<2x100x32xf32>) -> (tensor<2x100x32xf32>, tensor<2x32xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<2x100x32xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<2x100x32xf32>, tensor<2x32xf32>
  return %y, %x : tensor<2x100x32xf32>, tensor<2x32xf32>
}

// An unknown number of channels: full tiles, then the channels left over.
// Backward, step i is at time L - 1 - i.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %{{.*}}: tensor<?xf32>, %[[U:.*]]: tensor<2x?x?xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]]
// CHECK: %[[REST:.*]] = arith.remsi
// CHECK: %[[FULL:.*]] = scf.forall
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[L]] step
// CHECK: %[[LAST:.*]] = arith.subi %[[L]], %{{.*}} : index
// CHECK: %[[T:.*]] = arith.subi %[[LAST]], %[[I]] : index
// CHECK: tensor.extract_slice %[[U]][%{{.*}}, %[[T]], %{{.*}}] [1, 1, 16]
// CHECK: tensor.insert_slice {{.*}}[0, %[[T]], 0] [1, 1, 16]
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[FULL]])
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[L]] step
// CHECK: linalg.generic {{.*}} : tensor<?xf32>
// CHECK-NOT: scf.forall ({{.*}}) in
func.func @dynamic(%a: tensor<?xf32>, %u: tensor<2x?x?xf32>) -> tensor<2x?x?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<2x?x?xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64,
       direction = #ssm.direction<backward>,
       strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<2x?x?xf32>, tensor<2x?xf32>
  return %y : tensor<2x?x?xf32>
}

// No step: the final state is the initial one.
// CHECK-LABEL: func.func @no_steps(
// CHECK-SAME: %[[INIT:[a-z0-9]+]]: tensor<2x32xf32>)
// CHECK: %[[EMPTY:.*]] = tensor.empty() : tensor<2x0x32xf32>
// CHECK-NOT: scf.for %
// CHECK-NOT: linalg.generic
// CHECK: %[[SLICE:.*]] = tensor.extract_slice %[[INIT]]
// CHECK: tensor.parallel_insert_slice %[[SLICE]] into
// CHECK: return %[[EMPTY]],
func.func @no_steps(%a: tensor<32xf32>, %u: tensor<2x0x32xf32>, %x0: tensor<2x32xf32>) -> (tensor<2x0x32xf32>, tensor<2x32xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<2x0x32xf32>) init(%x0 : tensor<2x32xf32>)
      {indexing_maps = [#d, #btd, #bd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<2x0x32xf32>, tensor<2x32xf32>
  return %y, %x : tensor<2x0x32xf32>, tensor<2x32xf32>
}

#td = affine_map<(t, d) -> (t, d)>
#d1 = affine_map<(t, d) -> (d)>

// Many tiles in a row: bands of two, so that 8 cores have one each; a step of
// one tile and then of the next. For one core all tiles are one band.
// CHECK-LABEL: func.func @bands(
// CHECK: scf.forall (%{{.*}}) in (8)
// CHECK: scf.for %[[T:.*]] = %c0 to %c100 step %c1 iter_args(%[[STATES:[a-z0-9]+]] = %{{.*}}, {{.*}}) -> (tensor<32xf32>, tensor<100x32xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK: %[[TRANSITION:.*]] = tensor.extract_slice %{{.*}} [16] [1] : tensor<32xf32> to tensor<16xf32>
// CHECK: %[[STATE:.*]] = tensor.extract_slice %{{.*}} [16] [1] : tensor<32xf32> to tensor<16xf32>
// CHECK: %[[SIGNAL:.*]] = tensor.extract_slice %{{.*}}[%[[T]], %{{.*}}] [1, 16] [1, 1] : tensor<100x256xf32> to tensor<16xf32>
// CHECK-NOT: scf.for
// CHECK: linalg.generic {{.*}} ins(%[[TRANSITION]], %[[SIGNAL]] : {{.*}}) outs(%[[STATE]] :
// ONE-LABEL: func.func @bands(
// ONE: scf.for %{{.*}} = %c0 to %c100 step %c1 iter_args({{.*}}) -> (tensor<256xf32>, tensor<100x256xf32>)
// ONE: scf.for %{{.*}} = %c0 to %c16 step %c1
func.func @bands(%a: tensor<256xf32>, %u: tensor<100x256xf32>) -> tensor<100x256xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<256xf32>) signal(%u : tensor<100x256xf32>)
      {indexing_maps = [#d1, #td, #td, #d1], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<100x256xf32>, tensor<256xf32>
  return %y : tensor<100x256xf32>
}

// Backward the tiles of a row come in the other order too.
// ONE-LABEL: func.func @backward_bands(
// ONE: scf.for %{{.*}} = %c0 to %c100 step %c1
// ONE: scf.for %[[I:.*]] = %c0 to %c16 step %c1
// ONE: %[[STEP:.*]] = arith.muli %[[I]], %c-16
// ONE: %[[AT:.*]] = arith.addi %[[STEP]], %c240
// ONE: tensor.extract_slice %{{.*}}[%[[AT]]] [16] [1] : tensor<256xf32> to tensor<16xf32>
func.func @backward_bands(%a: tensor<256xf32>, %u: tensor<100x256xf32>) -> tensor<100x256xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<256xf32>) signal(%u : tensor<100x256xf32>)
      {indexing_maps = [#d1, #td, #td, #d1], time = 0 : i64, direction = #ssm.direction<backward>,
       strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<100x256xf32>, tensor<256xf32>
  return %y : tensor<100x256xf32>
}

#tdn = affine_map<(t, d, n) -> (t, d)>
#dn = affine_map<(t, d, n) -> (d, n)>

// Several states a channel: 16 steps of one tile before the next.
// CHECK-LABEL: func.func @bands_of_states(
// CHECK: scf.for %{{.*}} = %c0 to %c6 step %c1 iter_args({{.*}}) -> (tensor<4x32xf32>, tensor<100x32xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK: %[[PIECE:.*]] = tensor.extract_slice %{{.*}} [16, 16] [1, 1] : tensor<100x32xf32> to tensor<16x16xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[PIECE]])
// The last 4 steps.
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1
func.func @bands_of_states(%a: tensor<256x4xf32>, %u: tensor<100x256xf32>, %c: tensor<256x4xf32>) -> tensor<100x256xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<256x4xf32>) signal(%u : tensor<100x256xf32>)
      output(%c : tensor<256x4xf32>)
      {indexing_maps = [#dn, #tdn, #dn, #tdn, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<100x256xf32>, tensor<256x4xf32>
  return %y : tensor<100x256xf32>
}
