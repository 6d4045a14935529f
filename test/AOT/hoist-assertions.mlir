// RUN: ssm-opt %s --ssm-hoist-assertions --split-input-file --verify-diagnostics | FileCheck %s

// The assertion goes to the front with what it depends on, the loop included.
// CHECK-LABEL: func @first
// CHECK-NOT: linalg
// CHECK: %[[OK:.*]] = scf.for
// CHECK: cf.assert %[[OK]]
// CHECK: linalg.exp
func.func @first(%x: tensor<?xf32>, %n: tensor<?xi64>) -> tensor<?xf32> {
  %y = linalg.exp ins(%x : tensor<?xf32>) outs(%x : tensor<?xf32>) -> tensor<?xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %true = arith.constant true
  %zero = arith.constant 0 : i64
  %size = tensor.dim %n, %c0 : tensor<?xi64>
  %ok = scf.for %i = %c0 to %size step %c1 iter_args(%all = %true) -> i1 {
    %v = tensor.extract %n[%i] : tensor<?xi64>
    %good = arith.cmpi sge, %v, %zero : i64
    %both = arith.andi %all, %good : i1
    scf.yield %both : i1
  }
  cf.assert %ok, "lengths are not negative"
  return %y : tensor<?xf32>
}

// -----

func.func @inside(%n: index, %c: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error @+1 {{an assertion must stand in the body of its function, where it is checked before anything is written, but this one is inside 'scf.for'; reduce the conditions to one and assert that}}
    cf.assert %c, "within"
  }
  return
}

// -----

func.func private @effect() -> i1
func.func @effects() {
  %c = call @effect() : () -> i1
  // expected-error @+1 {{the condition of an assertion must be computed without side effects, but 'func.call' has some}}
  cf.assert %c, "called"
  return
}
