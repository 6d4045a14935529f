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
func.func @odd_size(%x: tensor<8x12xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size that is a power of two, found 'tensor<8x12xcomplex<f32>>' along dimension 1}}
  %y = ssm.fft %x {dimension = 1 : i64} : tensor<8x12xcomplex<f32>>
  return
}

// -----
func.func @empty(%x: tensor<0xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size that is a power of two, found 'tensor<0xcomplex<f32>>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<0xcomplex<f32>>
  return
}

// -----
func.func @dynamic(%x: tensor<?xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size that is a power of two, found 'tensor<?xcomplex<f32>>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<?xcomplex<f32>>
  return
}

// -----
func.func @huge(%x: tensor<9223372036854775807xcomplex<f32>>) {
  // expected-error@+1 {{(fft_c2) the transformed dimension must have a static size that is a power of two, found 'tensor<9223372036854775807xcomplex<f32>>' along dimension 0}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<9223372036854775807xcomplex<f32>>
  return
}

// -----
func.func @real(%x: tensor<8xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor of complex type with 32-bit float elements or complex type with 64-bit float elements values, but got 'tensor<8xf32>'}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<8xf32>
  return
}
