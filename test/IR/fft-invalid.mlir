// RUN: ssm-opt %s --split-input-file --verify-diagnostics

func.func @no_such_dimension(%x: tensor<8xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c1) dimension must be one of the 1 dimensions of 'tensor<8xcomplex<f32>>', found 1}}
  %y = ssm.fft %x {dimension = 1 : i64} : tensor<8xcomplex<f32>>
  return
}

// -----
func.func @negative_dimension(%x: tensor<8xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c1) dimension must be one of the 1 dimensions of 'tensor<8xcomplex<f32>>', found -1}}
  %y = ssm.fft %x {dimension = -1 : i64} : tensor<8xcomplex<f32>>
  return
}

// -----
func.func @rank_zero(%x: tensor<complex<f32>>) {
  // expected-error@+1 {{(fft_c1) dimension must be one of the 0 dimensions of 'tensor<complex<f32>>', found 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<complex<f32>>
  return
}

// -----
func.func @empty(%x: tensor<0xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size of 1 to 2147483648 points, found 'tensor<0xcomplex<f32>>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<0xcomplex<f32>>
  return
}

// -----
func.func @empty_real(%x: tensor<1xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size of 1 to 2147483648 points, found 'tensor<0xf32>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64, inverse} : tensor<1xcomplex<f32>> -> tensor<0xf32>
  return
}

// -----
func.func @dynamic(%x: tensor<?xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size of 1 to 2147483648 points, found 'tensor<?xcomplex<f32>>' along dimension 0; tensor.cast to the size, one transform for each}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<?xcomplex<f32>>
  return
}

// -----
func.func @huge(%x: tensor<9223372036854775807xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size of 1 to 2147483648 points, found 'tensor<9223372036854775807xcomplex<f32>>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<9223372036854775807xcomplex<f32>>
  return
}

// -----
func.func @real_to_real(%x: tensor<8xf32>) {
  // expected-error@+1 {{(fft_c3) operand and result must be of one precision and one of them complex, found 'tensor<8xf32>' and 'tensor<8xf32>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xf32>
  return
}

// -----
func.func @precision(%x: tensor<8xf32>) {
  // expected-error@+1 {{(fft_c3) operand and result must be of one precision and one of them complex, found 'tensor<8xf32>' and 'tensor<5xcomplex<f64>>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xf32> -> tensor<5xcomplex<f64>>
  return
}

// -----
func.func @half_precision(%x: tensor<8xf16>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of 32-bit float or 64-bit float or complex type with 32-bit float elements or complex type with 64-bit float elements values, but got 'tensor<8xf16>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xf16>
  return
}

// -----
func.func @ranks(%x: tensor<8xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c4) operand and result must have the same rank, found 'tensor<8xcomplex<f32>>' and 'tensor<8x1xcomplex<f32>>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xcomplex<f32>> -> tensor<8x1xcomplex<f32>>
  return
}

// -----
func.func @other_sizes(%x: tensor<3x8xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c4) operand and result must have the same size along dimension 0, found 'tensor<3x8xcomplex<f32>>' and 'tensor<?x8xcomplex<f32>>'}}
  %y = ssm.fft %x {dimension = 1 : i64} : tensor<3x8xcomplex<f32>> -> tensor<?x8xcomplex<f32>>
  return
}

// -----
func.func @points(%x: tensor<8xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c4) the complex numbers along dimension 0 of a transform of 9 points must be 9, found 'tensor<8xcomplex<f32>>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xcomplex<f32>> -> tensor<9xcomplex<f32>>
  return
}

// -----
func.func @half_of_real(%x: tensor<8xf32>) {
  // expected-error@+1 {{(fft_c4) the complex numbers along dimension 0 of a transform of 8 points must be 5 (n/2 + 1), found 'tensor<8xcomplex<f32>>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xf32> -> tensor<8xcomplex<f32>>
  return
}

// -----
func.func @half_to_real(%x: tensor<4xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c4) the complex numbers along dimension 0 of a transform of 8 points must be 5 (n/2 + 1), found 'tensor<4xcomplex<f32>>'}}
  %y = ssm.fft %x {dimension = 0 : i64, inverse} : tensor<4xcomplex<f32>> -> tensor<8xf32>
  return
}
