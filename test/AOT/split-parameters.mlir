// RUN: ssm-opt %s --ssm-split-parameters --canonicalize --cse | FileCheck %s

#t = affine_map<(t) -> (t)>

// What depends on %k alone moves, and a table of nothing; a buffer that is only
// cleared and what depends on %u stay. The parameter itself is handed on where
// data meets it.
// CHECK-LABEL: func @conv_prepare
// CHECK-SAME: (%[[K:.*]]: memref<8xf32>, %[[S:.*]]: memref<f32>, %[[P0:.*]]: memref<8xf32>, %[[P1:.*]]: memref<f32>, %[[P2:.*]]: memref<8xf32>, %[[P3:.*]]: memref<8xf32>)
// CHECK-SAME: ssm.abi = {inputs = [{name = "a1", shape = [8], type = f32}, {name = "scale", shape = [], type = f32}]
// CHECK-SAME: outputs = [{name = "prepared0", shape = [8], type = f32}, {name = "prepared1", shape = [], type = f32}
// CHECK-DAG: %[[KT:.*]] = bufferization.to_tensor %[[K]]
// CHECK-DAG: %[[ST:.*]] = memref.load %[[S]][]
// CHECK-DAG: %[[TABLE:.*]] = scf.forall
// CHECK-DAG: math.sin
// CHECK-DAG: %[[SPECTRUM:.*]] = linalg.generic {{.*}} ins(%[[KT]], %[[TABLE]]
// CHECK-DAG: bufferization.materialize_in_destination %[[KT]] in restrict writable %[[P0]]
// CHECK-DAG: memref.store %[[ST]], %[[P1]][]
// CHECK-DAG: bufferization.materialize_in_destination %[[TABLE]] in restrict writable %[[P2]]
// CHECK-DAG: bufferization.materialize_in_destination %[[SPECTRUM]] in restrict writable %[[P3]]

// CHECK-LABEL: func @conv(
// CHECK-SAME: %[[U:.*]]: memref<?xf32>, %[[P0:.*]]: memref<8xf32>, %[[P1:.*]]: memref<f32>, %[[P2:.*]]: memref<8xf32>, %[[P3:.*]]: memref<8xf32>, %[[Y:.*]]: memref<8xf32>)
// CHECK-SAME: inputs = [{name = "a0", shape = ["d0"], type = f32}, {name = "prepared0", shape = [8], type = f32}
// CHECK-SAME: states = [array<i64: 0, 0>]
// CHECK-NOT: parameters
// CHECK-NOT: math.sin
// CHECK-DAG: %[[KT:.*]] = bufferization.to_tensor %[[P0]]
// CHECK-DAG: %[[ST:.*]] = memref.load %[[P1]][]
// CHECK-DAG: %[[TABLE:.*]] = bufferization.to_tensor %[[P2]]
// CHECK-DAG: %[[SPECTRUM:.*]] = bufferization.to_tensor %[[P3]]
// CHECK: %[[CLEARED:.*]] = scf.for
// CHECK: linalg.fill
// CHECK: linalg.generic {{.*}} ins(%[[SPECTRUM]], %[[KT]], %{{.*}}, %[[TABLE]] : {{.*}}) outs(%[[CLEARED]]
func.func @conv(%k: memref<8xf32>, %scale: memref<f32>, %u: memref<?xf32>, %y: memref<8xf32>)
    attributes {ssm.abi = {inputs = [{name = "a1", shape = [8], type = f32}, {name = "scale", shape = [], type = f32},
                                     {name = "a0", shape = ["d0"], type = f32}],
                           outputs = [{name = "r0", shape = [8], type = f32}], parameters = array<i64: 0, 1>,
                           states = [array<i64: 2, 0>], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %kt = bufferization.to_tensor %k restrict : memref<8xf32> to tensor<8xf32>
  %s = memref.load %scale[] : memref<f32>
  %ut = bufferization.to_tensor %u restrict : memref<?xf32> to tensor<?xf32>
  %part = tensor.extract_slice %ut[0] [8] [1] : tensor<?xf32> to tensor<8xf32>
  %e = tensor.empty() : tensor<8xf32>
  %table = scf.forall (%i) in (8) shared_outs(%o = %e) -> tensor<8xf32> {
    %n = arith.index_cast %i : index to i32
    %x = arith.sitofp %n : i32 to f32
    %w = math.sin %x : f32
    %one = tensor.from_elements %w : tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    }
  }
  %cleared = scf.for %i = %c0 to %c8 step %c1 iter_args(%o = %e) -> tensor<8xf32> {
    %row = tensor.empty() : tensor<1xf32>
    %z = linalg.fill ins(%zero : f32) outs(%row : tensor<1xf32>) -> tensor<1xf32>
    %n = tensor.insert_slice %z into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    scf.yield %n : tensor<8xf32>
  }
  %spectrum = linalg.generic {indexing_maps = [#t, #t, #t], iterator_types = ["parallel"]}
      ins(%kt, %table : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<8xf32>
  %r = linalg.generic {indexing_maps = [#t, #t, #t, #t, #t], iterator_types = ["parallel"]}
      ins(%spectrum, %kt, %part, %table : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      outs(%cleared : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %x: f32, %w: f32, %o: f32):
    %0 = arith.mulf %a, %x : f32
    %1 = arith.addf %0, %b : f32
    %2 = arith.mulf %1, %s : f32
    %3 = arith.addf %2, %w : f32
    %4 = arith.addf %3, %o : f32
    linalg.yield %4 : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %r in restrict writable %y : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// A function without parameters stays one.
// CHECK-LABEL: func @plain
// CHECK-NOT: func @plain_prepare
func.func @plain(%u: memref<8xf32>, %y: memref<8xf32>)
    attributes {ssm.abi = {inputs = [{name = "a0", shape = [8], type = f32}],
                           outputs = [{name = "r0", shape = [8], type = f32}], strategies = [], workspace = [],
                           workspace_bytes = 0 : i64}} {
  memref.copy %u, %y : memref<8xf32> to memref<8xf32>
  return
}
