// RUN: ssm-opt %s --ssm-check-associativity --split-input-file --verify-diagnostics

// Exact on integers, a maximum, and a tuple with a flag: nothing to report.
func.func @associative(%i: tensor<8xi64>, %x: tensor<8xf32>, %f: tensor<8xi1>) -> (tensor<8xi64>, tensor<8xf32>, tensor<8xf32>) {
  %zero = arith.constant 0 : i64
  %0 = ssm.associative_scan(%i) identity(%zero : i64) {dimension = 0 : i64} : (tensor<8xi64>) {
  ^bb0(%l: i64, %r: i64):
    %s = arith.addi %l, %r : i64
    ssm.yield %s : i64
  }
  %1 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.maximumf %l, %r : f32
    ssm.yield %s : f32
  }
  // Segments: a flag starts a new sum.
  %g, %2 = ssm.associative_scan(%f, %x) {dimension = 0 : i64} : (tensor<8xi1>, tensor<8xf32>) {
  ^bb0(%fl: i1, %l: f32, %fr: i1, %r: f32):
    %s = arith.addf %l, %r : f32
    %e = arith.select %fr, %r, %s : f32
    %o = arith.ori %fl, %fr : i1
    ssm.yield %o, %e : i1, f32
  }
  return %0, %1, %2 : tensor<8xi64>, tensor<8xf32>, tensor<8xf32>
}

// -----
// Associative but for rounding: sums, affine maps, complex products, and the
// logarithm of a sum of exponentials.
func.func @rounding(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8xcomplex<f64>>) -> (tensor<8xf32>, tensor<8xcomplex<f64>>, tensor<8xf32>) {
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  %p, %0 = ssm.associative_scan(%x, %y) identity(%one, %zero : f32, f32) {dimension = 0 : i64} : (tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%ai: f32, %bi: f32, %aj: f32, %bj: f32):
    %a = arith.mulf %aj, %ai : f32
    %ab = arith.mulf %aj, %bi : f32
    %b = arith.addf %ab, %bj : f32
    ssm.yield %a, %b : f32, f32
  }
  %1 = ssm.associative_scan(%z) {dimension = 0 : i64} : (tensor<8xcomplex<f64>>) {
  ^bb0(%l: complex<f64>, %r: complex<f64>):
    %m = complex.mul %l, %r : complex<f64>
    ssm.yield %m : complex<f64>
  }
  %2 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %m = arith.maximumf %l, %r : f32
    %dl = arith.subf %l, %m : f32
    %dr = arith.subf %r, %m : f32
    %el = math.exp %dl : f32
    %er = math.exp %dr : f32
    %s = arith.addf %el, %er : f32
    %g = math.log %s : f32
    %e = arith.addf %m, %g : f32
    ssm.yield %e : f32
  }
  return %0, %1, %2 : tensor<8xf32>, tensor<8xcomplex<f64>>, tensor<8xf32>
}

// -----
func.func @difference(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{the combiner is not associative: with a = (}}
  %0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.subf %l, %r : f32
    ssm.yield %s : f32
  }
  return %0 : tensor<8xf32>
}

// -----
// The affine pair the wrong way round.
func.func @swapped(%x: tensor<8xf64>, %y: tensor<8xf64>) -> tensor<8xf64> {
  // expected-error@+1 {{the combiner is not associative: with a = (}}
  %p, %0 = ssm.associative_scan(%x, %y) {dimension = 0 : i64} : (tensor<8xf64>, tensor<8xf64>) {
  ^bb0(%ai: f64, %bi: f64, %aj: f64, %bj: f64):
    %a = arith.mulf %aj, %ai : f64
    %ab = arith.mulf %ai, %bi : f64
    %b = arith.addf %ab, %bj : f64
    ssm.yield %a, %b : f64, f64
  }
  return %0 : tensor<8xf64>
}

// -----
func.func @identity(%x: tensor<8xf32>) -> tensor<8xf32> {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{the identity is none: with a = (}}
  %0 = ssm.associative_scan(%x) identity(%zero : f32) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.maximumf %l, %r : f32
    ssm.yield %s : f32
  }
  return %0 : tensor<8xf32>
}

// -----
// What has no constant value cannot be tried.
func.func @unknown(%x: tensor<8xf32>, %k: f32) -> tensor<8xf32> {
  // expected-remark@+1 {{associativity is not checked: arith.mulf takes a value from around the scan that is not constant}}
  %0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.mulf %l, %k : f32
    ssm.yield %s : f32
  }
  return %0 : tensor<8xf32>
}
