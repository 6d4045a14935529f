// RUN: ssm-opt %s --split-input-file --verify-diagnostics

func.func @no_maps(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c1) needs one indexing map per operand and result: expected 3, found 0}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    ]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<8x100xf32>
  return
}

// -----
func.func @repeated_dim(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c1) indexing map #1 must be a projected permutation, found (d0, d1) -> (d1, d1)}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (t, t)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<8x100xf32>
  return
}

// -----
func.func @rank(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c1) the rank of result must be its indexing map's: 'tensor<100xf32>' with (d0, d1) -> (d0, d1)}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<100xf32>
  return
}

// -----
func.func @no_such_time(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c2) time must be one of the 2 loop dimensions, found -1}}
  %y = ssm.long_conv %u, %k {time = -1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<8x100xf32>
  return
}

// -----
func.func @kernel_without_lag(%u: tensor<8x100xf32>, %k: tensor<8xf32>) {
  // expected-error@+1 {{(long_conv_c2) the map of the kernel must use the time dimension d1, found (d0, d1) -> (d0)}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<8xf32> -> tensor<8x100xf32>
  return
}

// -----
func.func @sizes(%u: tensor<8x100xf32>, %k: tensor<7x50xf32>) {
  // expected-error@+1 {{(long_conv_c3) values that share a loop dimension must agree on its size: d0 is 8 in signal and 7 in kernel}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<7x50xf32> -> tensor<8x100xf32>
  return
}

// -----
func.func @precision(%u: tensor<8x100xf32>, %k: tensor<8x50xf64>) {
  // expected-error@+1 {{(long_conv_c4) operands must be of one precision: signal is of 'f32', kernel of 'f64'; cast one of them}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>]} : tensor<8x100xf32>, tensor<8x50xf64> -> tensor<8x100xf32>
  return
}

// -----
func.func @summed(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c5) the result's map must cover all 2 loop dimensions, found (d0, d1) -> (d1)}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (h, t)>, affine_map<(h, t) -> (t)>]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<100xf32>
  return
}

// -----
func.func @no_size(%u: tensor<8x100xf32>, %k: tensor<8x50xf32>) {
  // expected-error@+1 {{(long_conv_c5) every loop dimension must be in an operand's map, d2 is in none}}
  %y = ssm.long_conv %u, %k {time = 1 : i64, indexing_maps = [
    affine_map<(h, t, z) -> (h, t)>, affine_map<(h, t, z) -> (h, t)>, affine_map<(h, t, z) -> (h, t, z)>]} : tensor<8x100xf32>, tensor<8x50xf32> -> tensor<8x100x2xf32>
  return
}
// -----
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @long_kernel(%u: tensor<2x3x64xf32>, %k: tensor<3x17xf32>) -> tensor<2x3x64xf32> {
  // expected-error@+1 {{(long_conv_c6) blocks of 16 points need a kernel that is not longer, found 17 taps}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, points = 16>} : tensor<2x3x64xf32>, tensor<3x17xf32> -> tensor<2x3x64xf32>
  return %y : tensor<2x3x64xf32>
}
// -----
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @unknown_kernel(%u: tensor<2x3x64xf32>, %k: tensor<3x?xf32>) -> tensor<2x3x64xf32> {
  // expected-error@+1 {{(long_conv_c6) blocks of 16 points need a kernel of known length; give taps, or leave points out}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, points = 16>} : tensor<2x3x64xf32>, tensor<3x?xf32> -> tensor<2x3x64xf32>
  return %y : tensor<2x3x64xf32>
}
// -----
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @wide_matrix(%u: tensor<2x3x64xf64>, %k: tensor<3x64xf64>) -> tensor<2x3x64xf64> {
  // expected-error@+1 {{(long_conv_c7) products of 'bf16' matrices have two or three digits of the 15 of 'f64'; leave matrix out, or take f32}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, matrix = bf16>} : tensor<2x3x64xf64>, tensor<3x64xf64> -> tensor<2x3x64xf64>
  return %y : tensor<2x3x64xf64>
}
// -----
#bht = affine_map<(b, h, t) -> (b, h, t)>
#ht = affine_map<(b, h, t) -> (h, t)>
func.func @unknown_length(%u: tensor<2x3x?xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x?xf32> {
  // expected-error@+1 {{(long_conv_c7) products of matrices need a signal of known length; give points, or leave matrix out}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, matrix = bf16>} : tensor<2x3x?xf32>, tensor<3x64xf32> -> tensor<2x3x?xf32>
  return %y : tensor<2x3x?xf32>
}
