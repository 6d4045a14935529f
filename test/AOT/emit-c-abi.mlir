// RUN: ssm-opt %s --ssm-emit-c-abi='target=x86-64-v3 threads=2' | FileCheck %s

// One memref of rank 1 is two pointers, an offset, a size and a stride; only
// the second pointer is used, and it is noalias. The workspace buffer follows.
// CHECK: llvm.func internal @f(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr {llvm.align = 4 : i64, llvm.noalias}, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias},
// CHECK-SAME: no_inline

// No inputs, one output, a workspace; then dtype, bytes, alignment, rank, size.
// CHECK: llvm.mlir.global internal constant @f_table(dense<[0, 1, 1, 3, 4, 4, 1, -1]>
// CHECK: llvm.func @f_workspace_bytes() -> i64
// CHECK-NEXT: %[[BYTES:.*]] = llvm.mlir.constant(64 : i64)
// CHECK-NEXT: llvm.return %[[BYTES]]
// CHECK: llvm.mlir.global internal constant @f_signature_text("{\22inputs\22:[],\22name\22:\22f\22,\22outputs\22:[{\22dtype\22:\22float32\22,\22name\22:\22y\22,\22shape\22:[\22d0\22]}],\22strategies\22:[],\22target\22:\22x86-64-v3\22,\22threads\22:2,\22version\22:\22{{.*}}\22,\22workspace_bytes\22:64}\00")
// CHECK: llvm.func @f_signature() -> !llvm.ptr
// CHECK: llvm.func @f_run(%[[INS:.*]]: !llvm.ptr, %[[OUTS:.*]]: !llvm.ptr, %[[W:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32 {
// CHECK: %[[TABLE:.*]] = llvm.mlir.addressof @f_table
// CHECK: %[[STATUS:.*]] = llvm.call @ssm_check(%[[TABLE]], %[[INS]], %[[OUTS]], %[[W]]
// CHECK: llvm.icmp "eq" %[[STATUS]]
// CHECK-NOT: @syscall
// CHECK: llvm.call @f(

// What multiplies tiles asks Linux for them after the checks:
// arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA), or status 15.
// CHECK: llvm.func @tiles_run(
// CHECK: %[[CHECKED:.*]] = llvm.icmp "eq"
// CHECK-NEXT: llvm.cond_br %[[CHECKED]], ^[[ASK:.*]], ^[[DONE:.*]](%{{.*}} : i32)
// CHECK-NEXT: ^[[ASK]]:
// CHECK: %[[NUMBER:.*]] = llvm.mlir.constant(158 : i64)
// CHECK: %[[REQUEST:.*]] = llvm.mlir.constant(4131 : i64)
// CHECK: %[[TILES:.*]] = llvm.mlir.constant(18 : i64)
// CHECK: %[[REFUSED:.*]] = llvm.call @syscall(%[[NUMBER]], %[[REQUEST]], %[[TILES]]) vararg(!llvm.func<i64 (i64, ...)>)
// CHECK: %[[GRANTED:.*]] = llvm.icmp "eq" %[[REFUSED]], %{{.*}} : i64
// CHECK: %[[STATUS:.*]] = llvm.mlir.constant(15 : i32)
// CHECK: llvm.cond_br %[[GRANTED]], ^[[WORK:.*]], ^[[DONE]](%[[STATUS]] : i32)
// CHECK-NEXT: ^[[WORK]]:
// CHECK: llvm.call @tiles(
// CHECK: llvm.func internal @ssm_check_tensor
// CHECK: llvm.func weak_odr @ssm_status_string(%{{.*}}: i32) -> !llvm.ptr
llvm.func @f(%a: !llvm.ptr, %b: !llvm.ptr, %c: i64, %d: i64, %e: i64,
             %wa: !llvm.ptr, %wb: !llvm.ptr, %wc: i64, %wd: i64, %we: i64)
    attributes {ssm.abi = {inputs = [], outputs = [{name = "y", shape = ["d0"], type = f32}], strategies = [], workspace = [{offset = 0 : i64, shape = array<i64: 16>}], workspace_bytes = 64 : i64}} {
  llvm.return
}

llvm.func @tiles(%a: !llvm.ptr, %b: !llvm.ptr, %c: i64, %d: i64, %e: i64)
    attributes {ssm.abi = {inputs = [], outputs = [{name = "y", shape = ["d0"], type = f32}], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %rows = llvm.mlir.constant(16 : i16) : i16
  %bytes = llvm.mlir.constant(64 : i16) : i16
  %stride = llvm.mlir.constant(64 : i64) : i64
  %t = llvm.call_intrinsic "llvm.x86.tilezero.internal"(%rows, %bytes) : (i16, i16) -> !llvm.x86_amx
  llvm.call_intrinsic "llvm.x86.tilestored64.internal"(%rows, %bytes, %b, %stride, %t) : (i16, i16, !llvm.ptr, i64, !llvm.x86_amx) -> ()
  llvm.return
}
