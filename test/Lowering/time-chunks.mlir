// RUN: ssm-opt %s --ssm-lower-to-linalg=vectors --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s --check-prefix=PORTABLE

// Channels of one tile are scanned in chunks of time, each from the state that the
// tail of the one before it leads to, if what is before the tail is forgotten; in
// order, if that is not so or some chunk ends with what is no number.
// CHECK-LABEL: func.func @cut(
// CHECK-SAME: %[[A:.*]]: tensor<40001x16xf32>, %[[U:.*]]: tensor<40001x16xf32>)
// CHECK: %[[OUT:.*]] = tensor.empty() : tensor<40001x16xf32>
// CHECK: %[[TAIL:.*]]:2 = scf.for %[[I:.*]] = %c0 to %c512
// CHECK: %[[T:.*]] = arith.addi %[[I]], %c19489
// CHECK: tensor.extract_slice %[[A]][%[[T]], 0] [1, 16]
// CHECK: %[[STARTS:.*]] = tensor.insert_slice %[[TAIL]]#1 into %{{.*}}[1, 0] [1, 16]
// CHECK: tensor.insert_slice %[[TAIL]]#0 into
// CHECK: %[[VANISHES:.*]] = arith.cmpf olt, %{{.*}}, %{{.*}} : f32
// CHECK: %[[ONCE:.*]] = arith.index_castui %[[VANISHES]]
// CHECK: %[[TRIED:.*]]:3 = scf.for %{{.*}} = %c0 to %[[ONCE]] step %c1 iter_args(%[[SHARED:.*]] = %[[OUT]], %{{.*}} = %{{.*}}, %{{.*}} = %true)
// CHECK: scf.forall (%[[N:.*]]) in (2) shared_outs(%{{.*}} = %[[SHARED]],
// CHECK: %[[SIZE:.*]] = arith.minsi %{{.*}}, %c20001
// CHECK: %[[START:.*]] = tensor.extract_slice %[[STARTS]][%[[N]], 0] [1, 16]
// CHECK: scf.for %{{.*}} = %c0 to %[[SIZE]] step %c1 iter_args(%{{.*}} = %[[START]],
// CHECK: %[[IS_KNOWN:.*]] = arith.cmpf olt, %{{.*}}, %{{.*}} : f32
// CHECK: arith.xori %[[IS_KNOWN]], %true
// CHECK: %[[DUE:.*]] = arith.index_castui %[[TRIED]]#2
// CHECK: scf.for %{{.*}} = %c0 to %[[DUE]] step %c1 iter_args(%{{.*}} = %[[TRIED]]#0, %{{.*}} = %[[TRIED]]#1)
// CHECK: scf.for %{{.*}} = %c0 to %c40001

// PORTABLE-LABEL: func.func @cut(
// PORTABLE-NOT: scf.forall
// PORTABLE: return
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @cut(%a: tensor<40001x16xf32>, %u: tensor<40001x16xf32>) -> (tensor<40001x16xf32>, tensor<16xf32>) {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<40001x16xf32>) signal(%u : tensor<40001x16xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<40001x16xf32>, tensor<16xf32>
  return %y, %last : tensor<40001x16xf32>, tensor<16xf32>
}

// Backward the tail of the first chunk is at its lower end.
// CHECK-LABEL: func.func @back(
// CHECK-SAME: %{{.*}}: tensor<16xf32>, %[[U:.*]]: tensor<32768x16xf32>, %[[INIT:.*]]: tensor<16xf32>)
// CHECK: tensor.insert_slice %[[INIT]] into %{{.*}}[0, 0] [1, 16]
// CHECK: scf.for %[[I:.*]] = %c0 to %c512
// CHECK: %[[T:.*]] = arith.subi %c16895, %[[I]]
// CHECK: tensor.extract_slice %[[U]][%[[T]], 0] [1, 16]
// CHECK: scf.forall (%{{.*}}) in (2)
func.func @back(%a: tensor<16xf32>, %u: tensor<32768x16xf32>, %init: tensor<16xf32>) -> tensor<32768x16xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<16xf32>) signal(%u : tensor<32768x16xf32>) init(%init : tensor<16xf32>)
      {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>,
       strategy = #ssm.strategy<sequential, lanes = 16>} -> tensor<32768x16xf32>, tensor<16xf32>
  return %y : tensor<32768x16xf32>
}

// Time stays whole where its order matters, where channels are less than half a
// vector or more than a tile, and where two chunks would be shorter than they
// must be.
// CHECK-LABEL: func.func @strict(
// CHECK-NOT: scf.forall (
// CHECK-LABEL: func.func @few(
// CHECK-NOT: scf.forall (
// CHECK-LABEL: func.func @many(
// CHECK: scf.forall (%{{.*}}) in (5)
// CHECK-NOT: scf.forall (
// CHECK-LABEL: func.func @short(
// CHECK-NOT: scf.forall (
func.func @strict(%a: tensor<16xf32>, %u: tensor<32768x16xf32>) -> tensor<32768x16xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<16xf32>) signal(%u : tensor<32768x16xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, numerics = #ssm.numerics<strict>,
       strategy = #ssm.strategy<sequential, lanes = 16>} -> tensor<32768x16xf32>, tensor<16xf32>
  return %y : tensor<32768x16xf32>
}
func.func @few(%a: tensor<7xf32>, %u: tensor<32768x7xf32>) -> tensor<32768x7xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<7xf32>) signal(%u : tensor<32768x7xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<32768x7xf32>, tensor<7xf32>
  return %y : tensor<32768x7xf32>
}
func.func @many(%a: tensor<80xf32>, %u: tensor<32768x80xf32>) -> tensor<32768x80xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<80xf32>) signal(%u : tensor<32768x80xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<32768x80xf32>, tensor<80xf32>
  return %y : tensor<32768x80xf32>
}
func.func @short(%a: tensor<16xf32>, %u: tensor<32767x16xf32>) -> tensor<32767x16xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<16xf32>) signal(%u : tensor<32767x16xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<32767x16xf32>, tensor<16xf32>
  return %y : tensor<32767x16xf32>
}
