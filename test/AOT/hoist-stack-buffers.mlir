// RUN: ssm-opt %s --ssm-hoist-stack-buffers --allow-unregistered-dialect | FileCheck %s

// CHECK-LABEL: func.func @loops
// CHECK-NEXT: %[[B:.*]] = memref.alloca() : memref<vector<8xf32>>
// CHECK: scf.for
// CHECK: scf.if
// CHECK-NEXT: "test.use"(%[[B]])
func.func @loops(%n: index, %p: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    scf.if %p {
      %b = memref.alloca() : memref<vector<8xf32>>
      "test.use"(%b) : (memref<vector<8xf32>>) -> ()
    }
  }
  return
}

// Each thread needs its own; a dynamic size may not be known outside.
// CHECK-LABEL: func.func @threads
// CHECK: scf.parallel
// CHECK-NEXT: memref.alloca() : memref<4xf32>
// CHECK-NEXT: scf.for %[[I:.*]] =
// CHECK-NEXT: memref.alloca(%[[I]]) : memref<?xf32>
func.func @threads(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.for %j = %c0 to %n step %c1 {
      %d = memref.alloca(%j) : memref<?xf32>
      %b = memref.alloca() : memref<4xf32>
      "test.use"(%b, %d) : (memref<4xf32>, memref<?xf32>) -> ()
    }
  }
  return
}
