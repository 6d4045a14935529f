// RUN: ssm-opt %s --split-input-file --ssm-workspace='max-stack-bytes=64 threads=3' --allow-unregistered-dialect | FileCheck %s

// Buffers outside parallel loops become arguments, one per buffer, at offsets
// that are multiples of 64.
// CHECK-LABEL: func.func @sequential(
// CHECK-SAME: %[[OUT:.*]]: memref<4xf32>, %[[W0:.*]]: memref<4xf32>, %[[W1:.*]]: memref<3x7xcomplex<f64>>)
// CHECK-SAME: workspace = [{offset = 0 : i64, shape = array<i64: 4>}, {offset = 64 : i64, shape = array<i64: 3, 7>}], workspace_bytes = 448 : i64
// CHECK-NOT: memref.alloc
// CHECK: memref.copy %[[W0]], %[[OUT]]
// CHECK: scf.for
// CHECK: "test.use"(%[[W1]])
func.func @sequential(%out: memref<4xf32>) attributes {ssm.abi = {inputs = [], outputs = [{name = "r0", shape = [4], type = f32}], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %a = memref.alloc() : memref<4xf32>
  memref.copy %a, %out : memref<4xf32> to memref<4xf32>
  memref.dealloc %a : memref<4xf32>
  scf.for %i = %c0 to %c4 step %c1 {
    %b = memref.alloc() : memref<3x7xcomplex<f64>>
    "test.use"(%b) : (memref<3x7xcomplex<f64>>) -> ()
  }
  return
}

// -----

// What a loop takes little of is on the stack.
// CHECK-LABEL: func.func @block(
// CHECK-SAME: workspace_bytes = 0 : i64
// CHECK-NEXT: memref.alloca() {alignment = 64 : i64} : memref<16xf32>
// CHECK: scf.for
func.func @block(%out: memref<4xf32>) attributes {ssm.abi = {inputs = [], outputs = [{name = "r0", shape = [4], type = f32}], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %a = memref.alloc() : memref<16xf32>
    "test.use"(%a) : (memref<16xf32>) -> ()
  }
  return
}

// -----

// In a parallel loop small buffers go on the stack, at the start of the body;
// large ones are slices of the workspace, one per thread. Buffers of dynamic
// size stay, and so does one that a loop carries to its next iteration.
// CHECK-LABEL: func.func @parallel(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<8644xi8>)
// CHECK-SAME: workspace = [{offset = 0 : i64, shape = array<i64: 8644>}], workspace_bytes = 8704 : i64
// CHECK: scf.parallel
// CHECK-NEXT: %[[ID:.*]] = func.call @omp_get_thread_num()
// CHECK-NEXT: %[[INDEX:.*]] = arith.index_cast %[[ID]]
// CHECK-NEXT: %[[SIZE:.*]] = arith.constant 4288
// CHECK-NEXT: %[[OFFSET:.*]] = arith.muli %[[INDEX]], %[[SIZE]]
// CHECK-NEXT: %[[S:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
// CHECK-NEXT: scf.for
// CHECK: "test.use"(%[[S]])
// CHECK: %[[B:.*]] = memref.view %[[W]][%[[OFFSET]]][] : memref<8644xi8> to memref<17xf32>
// CHECK: "test.use"(%[[B]])
// CHECK: memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK: scf.for
// CHECK: memref.alloc() : memref<2xf32>
func.func @parallel(%init: memref<2xf32>, %n: index) attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    scf.for %j = %c0 to %c4 step %c1 {
      %a = memref.alloc() : memref<16xf32>
      "test.use"(%a) : (memref<16xf32>) -> ()
    }
    %b = memref.alloc() : memref<17xf32>
    "test.use"(%b) : (memref<17xf32>) -> ()
    %c = memref.alloc(%n) : memref<?xf32>
    "test.use"(%c) : (memref<?xf32>) -> ()
  }
  %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%h = %init) -> memref<2xf32> {
    %d = memref.alloc() : memref<2xf32>
    "test.use"(%d, %h) : (memref<2xf32>, memref<2xf32>) -> ()
    scf.yield %d : memref<2xf32>
  }
  "test.use"(%r) : (memref<2xf32>) -> ()
  return
}

// -----

// The slices of a thread lie beside each other. Those of the next one begin an
// eighth of a buffer and a page behind its end.
// CHECK-LABEL: func.func @slices(
// CHECK-SAME: %[[W0:[a-z0-9]+]]: memref<42496xi8>, %[[W1:[a-z0-9]+]]: memref<38304xi8>)
// CHECK-SAME: workspace = [{offset = 0 : i64, shape = array<i64: 42496>}, {offset = 8512 : i64, shape = array<i64: 38304>}], workspace_bytes = 46848 : i64
// CHECK: %[[APART:.*]] = arith.constant 17152
// CHECK-NEXT: %[[OFFSET:.*]] = arith.muli %{{.*}}, %[[APART]]
// CHECK: memref.view %[[W0]][%[[OFFSET]]][] : memref<42496xi8> to memref<2048xf32>
// CHECK: memref.view %[[W1]][%[[OFFSET]]][] : memref<38304xi8> to memref<1000xf32>
func.func @slices() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %a = memref.alloc() : memref<2048xf32>
    %b = memref.alloc() : memref<1000xf32>
    "test.use"(%a, %b) : (memref<2048xf32>, memref<1000xf32>) -> ()
  }
  return
}

// -----

// Thread numbers repeat in a nested parallel loop: its large buffers stay.
// CHECK-LABEL: func.func @nested(
// CHECK: memref.alloc() : memref<17xf32>
func.func @nested() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      %b = memref.alloc() : memref<17xf32>
      "test.use"(%b) : (memref<17xf32>) -> ()
    }
  }
  return
}

// -----

// The levels of a tree: 16, 8, 4, 2, 1 of the 32 rows.
// CHECK-LABEL: func.func @bounded(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<128xi8>)
// CHECK: scf.for
// CHECK: %[[ROWS:.*]] = arith.divui
// CHECK: %[[ZERO:.*]] = arith.constant 0
// CHECK: memref.view %[[W]][%[[ZERO]]][%[[ROWS]]] : memref<128xi8> to memref<?x2xf32>
func.func @bounded() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  %c32 = arith.constant 32 : index
  scf.for %i = %c0 to %c5 step %c1 {
    %half = arith.shli %c1, %i : index
    %stride = arith.muli %half, %c2 : index
    %rows = arith.divui %c32, %stride : index
    %b = memref.alloc(%rows) : memref<?x2xf32>
    "test.use"(%b) : (memref<?x2xf32>) -> ()
  }
  return
}

// -----

// Tiles of a length that is known at run time only: the largest index divided
// by 128 is no bound.
// CHECK-LABEL: func.func @unbounded(
// CHECK-SAME: workspace_bytes = 0 : i64
// CHECK: memref.alloc(%{{.*}}) : memref<?xf32>
func.func @unbounded(%x: memref<?xf32>) attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %length = memref.dim %x, %c0 : memref<?xf32>
  %tiles = arith.divui %length, %c128 : index
  %b = memref.alloc(%tiles) : memref<?xf32>
  "test.use"(%b) : (memref<?xf32>) -> ()
  return
}

// -----

// The same rows of two buffers are not in the same set of a cache.
// CHECK-LABEL: func.func @pages(
// CHECK-SAME: workspace = [{offset = 0 : i64, shape = array<i64: 2, 1024>}, {offset = 8512 : i64, shape = array<i64: 2, 1024>}, {offset = 17024 : i64, shape = array<i64: 4>}, {offset = 17088 : i64, shape = array<i64: 4>}], workspace_bytes = 17152 : i64
func.func @pages() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %re = memref.alloc() : memref<2x1024xf32>
  %im = memref.alloc() : memref<2x1024xf32>
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  "test.use"(%re, %im, %a, %b) : (memref<2x1024xf32>, memref<2x1024xf32>, memref<4xf32>, memref<4xf32>) -> ()
  return
}
