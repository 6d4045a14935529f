// RUN: ssm-opt %s --ssm-thread-buffers=threads=3 --allow-unregistered-dialect | FileCheck %s

// CHECK-LABEL: func.func @scope
// CHECK: %[[ALLOWED:.*]] = call @omp_get_max_threads()
// CHECK: %[[THREADS:.*]] = arith.minsi %[[ALLOWED]], %c3_i32
// CHECK: omp.parallel num_threads(%[[THREADS]] : i32) {
// CHECK-NEXT: %[[B:.*]] = memref.alloca() : memref<4xf32>
// CHECK-NEXT: omp.wsloop
// CHECK-NEXT: omp.loop_nest
// CHECK-NEXT: "test.use"(%[[B]])
// CHECK-NEXT: omp.yield
func.func @scope(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  omp.parallel {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
        memref.alloca_scope {
          %b = memref.alloca() : memref<4xf32>
          "test.use"(%b) : (memref<4xf32>) -> ()
        }
        omp.yield
      }
    }
    omp.terminator
  }
  return
}

// A fence waits for what a thread has stored: once, before the threads meet.
// CHECK-LABEL: func.func @fence
// CHECK: omp.wsloop
// CHECK-NEXT: omp.loop_nest
// CHECK-NEXT: "test.stream"
// CHECK-NEXT: omp.yield
// CHECK: llvm.fence seq_cst
// CHECK-NEXT: omp.terminator
func.func @fence(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  omp.parallel {
    omp.wsloop {
      omp.loop_nest (%i) : index = (%c0) to (%n) step (%c1) {
        memref.alloca_scope {
          "test.stream"() : () -> ()
          llvm.fence seq_cst
        }
        omp.yield
      }
    }
    omp.terminator
  }
  return
}
