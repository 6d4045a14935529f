// RUN: ssm-opt %s --ssm-keep-order | FileCheck %s
// RUN: ssm-opt %s --ssm-keep-order --ssm-stream-stores=min-bytes=4096 | FileCheck %s --check-prefix=STREAMED

// A fence for the compiler stands behind all requests, and behind each write.
// CHECK-LABEL: func.func @lines(
// CHECK: scf.for
// CHECK: memref.prefetch
// CHECK-NEXT: memref.prefetch
// CHECK-NEXT: llvm.fence syncscope("singlethread") seq_cst
// CHECK-NEXT: vector.transfer_read
// CHECK-NEXT: vector.transfer_write
// CHECK-NEXT: llvm.fence syncscope("singlethread") seq_cst
// CHECK-NEXT: vector.transfer_read
// CHECK-NEXT: vector.transfer_write
// CHECK-NEXT: llvm.fence syncscope("singlethread") seq_cst
// CHECK-NEXT: }
// CHECK-NOT: ssm.in_order

// Past the caches, too.
// STREAMED-LABEL: func.func @lines(
// STREAMED: vector.store {{.*}}nontemporal
// STREAMED-NEXT: llvm.fence syncscope("singlethread") seq_cst
func.func @lines(%a: memref<32x32xf32>, %out: memref<32x32xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  scf.for %t = %c0 to %c32 step %c1 {
    memref.prefetch %a[%t, %c0], read, locality<3>, data : memref<32x32xf32>
    memref.prefetch %a[%t, %c16], read, locality<3>, data : memref<32x32xf32>
    %0 = vector.transfer_read %a[%t, %c0], %zero {in_bounds = [true]} : memref<32x32xf32>, vector<16xf32>
    vector.transfer_write %0, %out[%t, %c0] {in_bounds = [true]} : vector<16xf32>, memref<32x32xf32>
    %1 = vector.transfer_read %a[%t, %c16], %zero {in_bounds = [true]} : memref<32x32xf32>, vector<16xf32>
    vector.transfer_write %1, %out[%t, %c16] {in_bounds = [true]} : vector<16xf32>, memref<32x32xf32>
  } {ssm.in_order}
  return
}
