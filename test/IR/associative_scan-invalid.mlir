// RUN: ssm-opt %s --split-input-file --verify-diagnostics

func.func @nothing() {
  // expected-error@+1 {{(associative_scan_c1) scans a tuple of at least one tensor, found none}}
  "ssm.associative_scan"() <{dimension = 0 : i64, operandSegmentSizes = array<i32: 0, 0>}> ({
    ssm.yield
  }) : () -> ()
  return
}

// -----
func.func @shapes(%x: tensor<8xf32>, %y: tensor<9xf32>) {
  // expected-error@+1 {{(associative_scan_c1) all inputs must have the same shape, found 'tensor<8xf32>' and 'tensor<9xf32>'}}
  %r0, %r1 = ssm.associative_scan(%x, %y) {dimension = 0 : i64} : (tensor<8xf32>, tensor<9xf32>) {
  ^bb0(%l: f32, %m: f32, %r: f32, %s: f32):
    ssm.yield %l, %m : f32, f32
  }
  return
}

// -----
func.func @no_such_dimension(%x: tensor<8xf32>) {
  // expected-error@+1 {{(associative_scan_c2) dimension must be one of the 1 dimensions of the inputs, found -1}}
  %r0 = ssm.associative_scan(%x) {dimension = -1 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return
}

// -----
func.func @rank_zero(%x: tensor<f32>) {
  // expected-error@+1 {{(associative_scan_c2) dimension must be one of the 0 dimensions of the inputs, found 0}}
  %r0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<f32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return
}

// -----
func.func @exclusive_without_identity(%x: tensor<8xf32>) {
  // expected-error@+1 {{(associative_scan_c3) an exclusive scan starts with the identity; give identity(...)}}
  %r0 = ssm.associative_scan(%x) {dimension = 0 : i64, exclusive} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return
}

// -----
func.func @identity_count(%x: tensor<8xf32>, %z: f32) {
  // expected-error@+1 {{(associative_scan_c3) identity needs one scalar per input: expected 1, found 2}}
  %r0 = ssm.associative_scan(%x) identity(%z, %z : f32, f32) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return
}

// -----
func.func @identity_type(%x: tensor<8xf32>, %z: f64) {
  // expected-error@+1 {{(associative_scan_c3) identity has the inputs' element types, found 'f64' for 'tensor<8xf32>'}}
  %r0 = ssm.associative_scan(%x) identity(%z : f64) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return
}

// -----
func.func @arguments(%x: tensor<8xf32>) {
  // expected-error@+1 {{(associative_scan_c4) the combiner takes the left and then the right tuple: expected arguments of types ('f32', 'f32'), found ('f32')}}
  %r0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32):
    ssm.yield %l : f32
  }
  return
}

// -----
func.func @yield_type(%x: tensor<8xf32>) {
  // expected-error@+1 {{(associative_scan_c4) the combiner must end with ssm.yield of the tuple ('f32'), found ssm.yield of ('f32', 'f32')}}
  %r0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
    ssm.yield %l, %r : f32, f32
  }
  return
}

// -----
func.func @empty_block(%x: tensor<8xf32>) {
  // expected-error@+1 {{expects a non-empty block}}
  %r0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32):
  }
  return
}

// -----
// expected-error@+1 {{'ssm.yield' op expects parent op to be one of 'ssm.associative_scan, ssm.nonlinear_recurrence'}}
"ssm.yield"() : () -> ()
