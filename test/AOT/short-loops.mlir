// RUN: ssm-opt %s '--pass-pipeline=builtin.module(func.func(ssm-loop-kinds{threads target=x86-64-v4}))' | FileCheck %s
// RUN: sed 's/^module {/module attributes {dlti.target_system_spec = #dlti.target_system_spec<"CPU" = #dlti.target_device_spec<"forkJoin" = 1.0e-9 : f64>>} {/' %s \
// RUN:   | ssm-opt '--pass-pipeline=builtin.module(func.func(ssm-loop-kinds{threads target=x86-64-v4}))' | FileCheck %s --check-prefix=CHEAP

// Threads cost 4 us, so that loops of less than 24,000 cycles run on one.

module {
// 64 * 16 iterations of two vector accesses and an FMA: 1,500 cycles.
// CHECK-LABEL: func.func @short
// CHECK-NOT: scf.parallel
// CHECK: scf.for
// CHEAP-LABEL: func.func @short
// CHEAP: scf.parallel
func.func @short(%m: memref<64x256xf32>) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c256 = arith.constant 256 : index
  scf.forall (%i) in (64) {
    scf.for %j = %c0 to %c256 step %c16 {
      %x = vector.load %m[%i, %j] : memref<64x256xf32>, vector<16xf32>
      %y = math.fma %x, %x, %x : vector<16xf32>
      vector.store %y, %m[%i, %j] : memref<64x256xf32>, vector<16xf32>
    }
  }
  return
}

// 256 * 16 iterations of an exponential, each some 12 ops: 29,000 cycles.
// CHECK-LABEL: func.func @functions
// CHECK: scf.parallel
func.func @functions(%m: memref<256x256xf32>) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c256 = arith.constant 256 : index
  scf.forall (%i) in (256) {
    scf.for %j = %c0 to %c256 step %c16 {
      %x = vector.load %m[%i, %j] : memref<256x256xf32>, vector<16xf32>
      %y = math.exp %x : vector<16xf32>
      vector.store %y, %m[%i, %j] : memref<256x256xf32>, vector<16xf32>
    }
  }
  return
}

// Elements become vectors of 16.
// CHECK-LABEL: func.func @elements
// CHECK-NOT: scf.parallel
// CHECK: scf.for
// CHECK: linalg.generic
// CHECK: scf.parallel
// CHECK: linalg.generic
func.func @elements(%m: memref<64x512xf32>, %large: memref<2048x512xf32>) {
  scf.forall (%i) in (64) {
    %row = memref.subview %m[%i, 0] [1, 512] [1, 1] : memref<64x512xf32> to memref<512xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        outs(%row : memref<512xf32, strided<[1], offset: ?>>) {
    ^bb0(%o: f32):
      %y = arith.addf %o, %o : f32
      linalg.yield %y : f32
    }
  }
  scf.forall (%i) in (2048) {
    %row = memref.subview %large[%i, 0] [1, 512] [1, 1] : memref<2048x512xf32> to memref<512xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        outs(%row : memref<512xf32, strided<[1], offset: ?>>) {
    ^bb0(%o: f32):
      %y = arith.addf %o, %o : f32
      linalg.yield %y : f32
    }
  }
  return
}

// Nobody knows how long.
// CHECK-LABEL: func.func @unknown
// CHECK-COUNT-2: scf.parallel
func.func @unknown(%m: memref<?xf32>, %x: f32, %n: index) {
  scf.forall (%i) in (%n) {
    memref.store %x, %m[%i] : memref<?xf32>
  }
  scf.forall (%i) in (4) {
    func.call @other(%i) : (index) -> ()
  }
  return
}

func.func private @other(index)
}
