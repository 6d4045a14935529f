// The pipeline computes in the output: no copy, no allocation, and the loop
// reads the arguments and writes the result.
// RUN: ssm-opt %s --ssm-cpu-pipeline | FileCheck %s

// CHECK: llvm.func internal @axpy
// CHECK-NOT: malloc
// CHECK-NOT: memcpy
// CHECK: llvm.fmul %{{.*}}, %{{.*}} {fastmathFlags = #llvm.fastmath<contract>} : f32
// CHECK: llvm.fadd %{{.*}}, %{{.*}} {fastmathFlags = #llvm.fastmath<contract>} : f32
// CHECK: llvm.store
// CHECK: llvm.return
// CHECK: llvm.func @axpy_workspace_bytes() -> i64
// CHECK: llvm.func @axpy_signature() -> !llvm.ptr
// CHECK: llvm.func @axpy_run(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
func.func @axpy(%a: f32, %x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %s = linalg.fill ins(%a : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %p = linalg.mul ins(%s, %x : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %r = linalg.add ins(%p, %y : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}
