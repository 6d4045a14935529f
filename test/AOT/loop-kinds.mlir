// RUN: ssm-opt %s --ssm-loop-kinds | FileCheck %s --check-prefix=SERIAL
// RUN: ssm-opt %s --ssm-loop-kinds=threads | FileCheck %s --check-prefix=THREADS

// SERIAL-LABEL: func.func @nest
// SERIAL-NOT: scf.forall
// SERIAL-NOT: scf.parallel
// SERIAL-COUNT-4: scf.for

// THREADS-LABEL: func.func @nest
// THREADS: scf.parallel
// THREADS-NOT: scf.forall
// THREADS: scf.for
// THREADS: scf.parallel
// THREADS: scf.for
func.func @nest(%m: memref<4x8xf32>, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.forall (%i) in (4) {
    scf.forall (%j) in (8) {
      memref.store %x, %m[%i, %j] : memref<4x8xf32>
    }
  }
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      memref.store %x, %m[%i, %j] : memref<4x8xf32>
    }
  }
  return
}

// THREADS-LABEL: func.func @small
// THREADS-NOT: scf.parallel
// THREADS: scf.for
func.func @small(%m: memref<4xf32>, %x: f32) {
  scf.forall (%i) in (4) {
    memref.store %x, %m[%i] : memref<4xf32>
  } {ssm.one_thread}
  return
}

// A loop whose lowering knows its iterations to be independent; inside another
// one it stays as it is, and so does one that hands values on.
// SERIAL-LABEL: func.func @independent
// SERIAL-NOT: scf.parallel
// THREADS-LABEL: func.func @independent
// THREADS: scf.parallel
// THREADS-NEXT: scf.for
// THREADS: {ssm.cached}
// THREADS: scf.for
// THREADS-NOT: scf.parallel
func.func @independent(%m: memref<4x4xf32>, %x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      memref.store %x, %m[%i, %j] : memref<4x4xf32>
    } {ssm.independent}
  } {ssm.cached, ssm.independent}
  %sum = scf.for %i = %c0 to %c4 step %c1 iter_args(%s = %x) -> f32 {
    %y = memref.load %m[%i, %i] : memref<4x4xf32>
    %t = arith.addf %s, %y : f32
    scf.yield %t : f32
  } {ssm.independent}
  return %sum : f32
}

// What is to be gathered by the caches still is.
// THREADS-LABEL: func.func @cached
// THREADS: scf.parallel
// THREADS: {ssm.cached}
func.func @cached(%m: memref<4xf32>, %x: f32) {
  scf.forall (%i) in (4) {
    memref.store %x, %m[%i] : memref<4xf32>
  } {ssm.cached}
  return
}
