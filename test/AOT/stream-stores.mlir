// RUN: ssm-opt %s --ssm-stream-stores=min-bytes=4096 | FileCheck %s

// The result is only written, and each vector starts at a multiple of 64 bytes.
// CHECK-LABEL: func.func @rows
// CHECK: %[[P:.*]] = memref.extract_aligned_pointer_as_index %[[OUT:.*]] :
// CHECK: %[[LOW:.*]] = arith.andi %[[P]], %c63
// CHECK: %[[ALIGNED:.*]] = arith.cmpi eq, %[[LOW]], %c0
// CHECK: scf.if %[[ALIGNED]] {
// CHECK:   scf.for
// CHECK:     vector.store %{{.*}}, %{{.*}} {alignment = 64 : i64, nontemporal = true}
// CHECK:   llvm.fence seq_cst
// CHECK: } else {
// CHECK:   scf.for
// CHECK:     vector.transfer_write
// CHECK-NOT: vector.store
func.func @rows(%x: vector<16xf32>, %out: memref<4x8x64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %d = arith.muli %i, %c16 : index
    %view = memref.subview %out[%i, 0, 0] [1, 8, 64] [1, 1, 1]
        : memref<4x8x64xf32> to memref<8x64xf32, strided<[64, 1], offset: ?>>
    scf.for %t = %c0 to %c4 step %c1 {
      %place = affine.apply affine_map<(d0) -> (d0 + 32)>(%d)
      vector.transfer_write %x, %view[%t, %place] {in_bounds = [true]}
          : vector<16xf32>, memref<8x64xf32, strided<[64, 1], offset: ?>>
    }
  }
  return
}

// Loops of threads end with a fence of their own; values carried along stay.
// CHECK-LABEL: func.func @threads
// CHECK: scf.if
// CHECK:   scf.parallel
// CHECK:     nontemporal = true
// CHECK:     llvm.fence seq_cst
// CHECK:     scf.reduce
// CHECK:   llvm.fence seq_cst
// CHECK: %[[LAST:.*]] = scf.if %{{.*}} -> (vector<16xf32>) {
// CHECK:   %[[FAST:.*]] = scf.for
// CHECK:   scf.yield %[[FAST]]
// CHECK: } else {
// CHECK:   %[[SLOW:.*]] = scf.for
// CHECK:   scf.yield %[[SLOW]]
// CHECK: vector.transfer_write %[[LAST]], %{{.*}} : vector<16xf32>, memref<16xf32>
func.func @threads(%x: vector<16xf32>, %out: memref<64x16xf32>,
                   %last: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    vector.transfer_write %x, %out[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
  }
  %end = scf.for %i = %c0 to %c64 step %c1 iter_args(%s = %x) -> vector<16xf32> {
    %next = arith.addf %s, %x : vector<16xf32>
    vector.transfer_write %next, %out[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
    scf.yield %next : vector<16xf32>
  }
  vector.transfer_write %end, %last[%c0] {in_bounds = [true]} : vector<16xf32>, memref<16xf32>
  return
}

// Nothing is proved, or nothing is gained: the result is read again, is small,
// has rows of 15 elements, is written at an odd place, or has unknown sizes.
// CHECK-LABEL: func.func @none
// CHECK-NOT: scf.if
// CHECK-NOT: vector.store
func.func @none(%x: vector<16xf32>, %read: memref<64x16xf32>,
                %small: memref<8x16xf32>, %odd: memref<128x15xf32>,
                %shifted: memref<64x32xf32>, %dynamic: memref<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %y = vector.transfer_read %read[%c0, %c0], %zero {in_bounds = [true]} : memref<64x16xf32>, vector<16xf32>
    vector.transfer_write %y, %read[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
    vector.transfer_write %x, %small[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<8x16xf32>
    vector.transfer_write %x, %odd[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<128x15xf32>
    vector.transfer_write %x, %shifted[%i, %i] {in_bounds = [true]} : vector<16xf32>, memref<64x32xf32>
    vector.transfer_write %x, %dynamic[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<?x16xf32>
  }
  return
}

// Complex numbers from two arrays of parts: a line of each at a time. A loop of
// 12 numbers is no multiple of a line.
// CHECK-LABEL: func.func @pairs
// CHECK: scf.if
// CHECK:   scf.for %[[T:.*]] =
// CHECK:     %[[BASE:.*]], %[[OFFSET:.*]], %{{.*}}, %{{.*}} = memref.extract_strided_metadata
// CHECK:     %[[PLACE:.*]] = arith.muli %[[OFFSET]], %c8
// CHECK:     scf.for %[[I:.*]] = %c0 to %c96 step %c16
// CHECK:       %[[RE:.*]] = vector.load %{{.*}}[%[[I]]] : memref<96xf32>, vector<16xf32>
// CHECK:       %[[IM:.*]] = vector.load %{{.*}}[%[[I]]] : memref<96xf32>, vector<16xf32>
// CHECK:       %[[LINES:.*]] = vector.shuffle %[[RE]], %[[IM]] [0, 16, 1, 17,
// CHECK:       llvm.store %[[LINES]], %{{.*}} {alignment = 64 : i64, nontemporal} : vector<32xf32>
// CHECK:   llvm.fence seq_cst
// CHECK: } else {
// CHECK:   complex.create
// CHECK: scf.for
// CHECK-NOT: llvm.store
// CHECK: return
func.func @pairs(%re: memref<96xf32>, %im: memref<96xf32>, %out: memref<64x96xcomplex<f32>>, %odd: memref<64x12xcomplex<f32>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %c96 = arith.constant 96 : index
  %c64 = arith.constant 64 : index
  scf.for %t = %c0 to %c64 step %c1 {
    %row = memref.subview %out[%t, 0] [1, 96] [1, 1] : memref<64x96xcomplex<f32>> to memref<96xcomplex<f32>, strided<[1], offset: ?>>
    scf.for %i = %c0 to %c96 step %c1 {
      %x = memref.load %re[%i] : memref<96xf32>
      %y = memref.load %im[%i] : memref<96xf32>
      %z = complex.create %x, %y : complex<f32>
      memref.store %z, %row[%i] : memref<96xcomplex<f32>, strided<[1], offset: ?>>
    }
  }
  scf.for %t = %c0 to %c64 step %c1 {
    %row = memref.subview %odd[%t, 0] [1, 12] [1, 1] : memref<64x12xcomplex<f32>> to memref<12xcomplex<f32>, strided<[1], offset: ?>>
    scf.for %i = %c0 to %c12 step %c1 {
      %x = memref.load %re[%i] : memref<96xf32>
      %y = memref.load %im[%i] : memref<96xf32>
      %z = complex.create %x, %y : complex<f32>
      memref.store %z, %row[%i] : memref<12xcomplex<f32>, strided<[1], offset: ?>>
    }
  }
  return
}

// Rows of many places in turn: by way of the caches.
// CHECK-LABEL: func.func @cached
// CHECK-NOT: nontemporal
// CHECK: return
func.func @cached(%x: vector<16xf32>, %out: memref<64x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %t = %c0 to %c64 step %c1 {
    vector.transfer_write %x, %out[%t, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
  } {ssm.cached}
  return
}

// Half a line of each row: its other half does not come at once.
// CHECK-LABEL: func.func @parts
// CHECK-NOT: nontemporal
// CHECK: return
func.func @parts(%x: vector<8xf32>, %out: memref<64x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  scf.for %c = %c0 to %c16 step %c8 {
    scf.for %t = %c0 to %c64 step %c1 {
      vector.transfer_write %x, %out[%t, %c] {in_bounds = [true]} : vector<8xf32>, memref<64x16xf32>
    }
  }
  return
}

// It comes in the next iteration, or in the same.
// CHECK-LABEL: func.func @completed
// CHECK-COUNT-3: vector.store %{{.*}} {alignment = 32 : i64, nontemporal = true}
// CHECK: return
func.func @completed(%x: vector<8xf32>, %rows: memref<128x8xf32>, %halves: memref<64x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  scf.for %t = %c0 to %c64 step %c1 {
    %next = affine.apply affine_map<(d0) -> (d0 + 64)>(%t)
    %row = memref.subview %rows[%next, 0] [1, 8] [1, 1] : memref<128x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    vector.transfer_write %x, %row[%c0] {in_bounds = [true]} : vector<8xf32>, memref<8xf32, strided<[1], offset: ?>>
  }
  scf.for %t = %c0 to %c64 step %c1 {
    scf.for %c = %c0 to %c16 step %c16 {
      %second = affine.apply affine_map<(d0) -> (d0 + 8)>(%c)
      vector.transfer_write %x, %halves[%t, %c] {in_bounds = [true]} : vector<8xf32>, memref<64x16xf32>
      vector.transfer_write %x, %halves[%t, %second] {in_bounds = [true]} : vector<8xf32>, memref<64x16xf32>
    }
  }
  return
}

// A loop inside that is to write through the caches.
// CHECK-LABEL: func.func @cached_inside
// CHECK-NOT: nontemporal
// CHECK: return
func.func @cached_inside(%x: vector<16xf32>, %out: memref<64x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.for %i = %c0 to %c1 step %c1 {
    scf.for %t = %c0 to %c64 step %c1 {
      vector.transfer_write %x, %out[%t, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
    } {ssm.cached}
  }
  return
}

// A buffer that the last cache does not hold for the next loop, which reads it.
// CHECK-LABEL: func.func @beyond_caches
// CHECK: scf.if
// CHECK:   vector.store %{{.*}} {alignment = 64 : i64, nontemporal = true}
// CHECK: scf.if
// CHECK:   vector.transfer_read
// CHECK:   vector.store %{{.*}} {alignment = 64 : i64, nontemporal = true}
func.func @beyond_caches(%x: vector<16xf32>, %buffer: memref<524288x16xf32>, %out: memref<524288x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c524288 = arith.constant 524288 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c524288 step %c1 {
    vector.transfer_write %x, %buffer[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<524288x16xf32>
  }
  scf.for %i = %c0 to %c524288 step %c1 {
    %y = vector.transfer_read %buffer[%i, %c0], %zero {in_bounds = [true]} : memref<524288x16xf32>, vector<16xf32>
    vector.transfer_write %y, %out[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<524288x16xf32>
  }
  return
}

// One that its loop reads is in the caches then, and one that they hold stays.
// CHECK-LABEL: func.func @reads
// CHECK-NOT: vector.store
// CHECK: return
func.func @reads(%x: vector<16xf32>, %buffer: memref<524288x16xf32>, %small: memref<64x16xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.for %i = %c0 to %c64 step %c1 iter_args(%s = %x) -> vector<16xf32> {
    %y = vector.transfer_read %buffer[%i, %c0], %zero {in_bounds = [true]} : memref<524288x16xf32>, vector<16xf32>
    %next = arith.addf %s, %y : vector<16xf32>
    vector.transfer_write %next, %buffer[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<524288x16xf32>
    vector.transfer_write %next, %small[%i, %c0] {in_bounds = [true]} : vector<16xf32>, memref<64x16xf32>
    scf.yield %next : vector<16xf32>
  }
  %last = vector.transfer_read %small[%c0, %c0], %zero {in_bounds = [true]} : memref<64x16xf32>, vector<16xf32>
  %all = arith.addf %sum, %last : vector<16xf32>
  return %all : vector<16xf32>
}
