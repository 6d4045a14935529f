// RUN: ssm-opt %s --split-input-file --verify-diagnostics

func.func @no_maps(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c1) needs one indexing map per operand and result: expected 4, found 0}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    ]} -> tensor<8x16xf32>
  return
}

// -----
func.func @constant_map(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c1) indexing map #0 must be a projected permutation, found (d0, d1) -> (0)}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (0)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @rank(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c1) the rank of result must be its indexing map's: 'tensor<16xf32>' with (d0, d1) -> (d0, d1)}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<16xf32>
  return
}

// -----
func.func @no_such_lag(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c2) time must be one of the 2 loop dimensions, found 4294967296}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 4294967296 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @result_without_lag(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c2) the result's map must use the lag dimension d1, found (d0, d1) -> (d0)}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>]} -> tensor<8xf32>
  return
}

// -----
func.func @varying_transition(%a: tensor<8x16xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c2) a kernel exists only if transition, input and output are time-invariant: the map of transition uses the lag dimension d1}}
  %k = ssm.materialize_kernel transition(%a : tensor<8x16xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h, l)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @sizes(%a: tensor<8xf32>, %b: tensor<7xf32>) {
  // expected-error@+1 {{(materialize_kernel_c3) values that share a loop dimension must agree on its size: d0 is 8 in transition and 7 in input}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<7xf32>) output(%b : tensor<7xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @precision(%a: tensor<8xf64>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c4) no operand may be narrower than the result: that is of 'f64', input of 'f32'; cast one of them}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf64>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf64>
  return
}

// -----
func.func @result_precision(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c4) no operand may be narrower than the result: that is of 'f64', transition of 'f32'; cast one of them}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf64>
  return
}

// -----
func.func @complex_result(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c4) the result must be real, found 'tensor<8x16xcomplex<f32>>'}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xcomplex<f32>>
  return
}

// -----
func.func @no_size(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c5) every loop dimension must be in an operand's map, d2 is in none}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l, z) -> (h)>, affine_map<(h, l, z) -> (h)>, affine_map<(h, l, z) -> (h)>, affine_map<(h, l, z) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @real_projection(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c6) projection twice_real takes the real part of a complex kernel, but all operands are real; use projection<none>}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, projection = #ssm.projection<twice_real>, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}

// -----
func.func @missing_length(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(materialize_kernel_c7) length is given if and only if the lag is dynamic: it is missing for 'tensor<8x?xf32>'}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x?xf32>
  return
}

// -----
func.func @superfluous_length(%a: tensor<8xf32>, %b: tensor<8xf32>, %n: index) {
  // expected-error@+1 {{(materialize_kernel_c7) length is given if and only if the lag is dynamic: it is superfluous for 'tensor<8x16xf32>'}}
  %k = ssm.materialize_kernel transition(%a : tensor<8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) length(%n) {time = 1 : i64, indexing_maps = [
    affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h)>, affine_map<(h, l) -> (h, l)>]} -> tensor<8x16xf32>
  return
}
