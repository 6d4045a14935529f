// RUN: ssm-opt %s --ssm-expand-copies | FileCheck %s

// CHECK-LABEL: func.func @contiguous
// CHECK-COUNT-2: memref.copy
func.func @contiguous(%a: memref<?x4xf32>, %b: memref<?x4xf32>, %s: memref<1x4xf32, strided<[9, 1], offset: ?>>, %t: memref<1x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  memref.copy %s, %t : memref<1x4xf32, strided<[9, 1], offset: ?>> to memref<1x4xf32>
  return
}

// CHECK-LABEL: func.func @strided
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
func.func @strided(%a: memref<4x4xf32, strided<[9, 1]>>, %b: memref<4x4xf32>) {
  memref.copy %a, %b : memref<4x4xf32, strided<[9, 1]>> to memref<4x4xf32>
  return
}

// Contiguous, but LLVM's lowering only believes that of static shapes.
// CHECK-LABEL: func.func @dynamic
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
func.func @dynamic(%a: memref<?x4xf32, strided<[4, 1], offset: ?>>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32, strided<[4, 1], offset: ?>> to memref<?x4xf32>
  return
}

// CHECK-LABEL: func.func @self
// CHECK-NEXT: return
func.func @self(%a: memref<?x4xf32>) {
  memref.copy %a, %a : memref<?x4xf32> to memref<?x4xf32>
  return
}
