// RUN: ssm-opt %s --ssm-return-status --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @checked(
// CHECK-SAME: %{{[a-z0-9]*}}: memref<?xf32>, %[[A:.*]]: i1, %[[B:.*]]: i1) -> i32
// CHECK: cf.cond_br %[[A]], ^[[SECOND:.*]], ^[[FAILED:.*]]
// CHECK: ^[[SECOND]]:
// CHECK: cf.cond_br %[[B]], ^[[REST:.*]], ^[[FAILED]]
// CHECK: ^[[REST]]:
// CHECK: memref.store
// CHECK: %[[OK:.*]] = arith.constant 0 : i32
// CHECK: return %[[OK]] : i32
// CHECK: ^[[FAILED]]:
// CHECK: %[[BAD:.*]] = arith.constant 14 : i32
// CHECK: return %[[BAD]] : i32
func.func @checked(%y: memref<?xf32>, %a: i1, %b: i1) {
  cf.assert %a, "a"
  cf.assert %b, "b"
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  memref.store %one, %y[%c0] : memref<?xf32>
  return
}

// Without assertions nothing changes.
// CHECK-LABEL: func @plain() {
func.func @plain() {
  return
}

// -----

// expected-error @+1 {{a function with assertions must have no results, but it has 1; run ssm-destination-passing and one-shot-bufferize before}}
func.func @results(%a: i1) -> i1 {
  cf.assert %a, "a"
  return %a : i1
}
