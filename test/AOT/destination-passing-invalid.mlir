// RUN: ssm-opt %s --split-input-file --ssm-destination-passing --verify-diagnostics

// expected-error @+1 {{every result size must be a constant or the size of an argument, so that a caller can bring the memory; dimension 0 of result #0 ('tensor<?xf32>') is neither; make it static, or pass an argument of that size}}
func.func @unknown(%n: index) -> tensor<?xf32> {
  // expected-note @+1 {{the result is computed here}}
  %e = tensor.empty(%n) : tensor<?xf32>
  return %e : tensor<?xf32>
}

// -----

func.func @conflict(%a: tensor<?xf32>, %b: tensor<4xf32>, %c: tensor<5xf32>) -> tensor<?xf32> {
  %x = tensor.cast %b : tensor<4xf32> to tensor<?xf32>
  %y = tensor.cast %c : tensor<5xf32> to tensor<?xf32>
  %s = arith.addf %a, %x : tensor<?xf32>
  // expected-error @+1 {{sizes that this operation needs equal are 4 and 5; make the shapes of its operands agree}}
  %r = arith.addf %s, %y : tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// expected-error @+1 {{a kernel takes elements of f16, bf16, f32, f64, complex<f32>, complex<f64>, i1, i8, i16, i32, i64 and index, but argument #0 has elements of 'i7'; cast inside the kernel}}
func.func @element(%a: tensor<4xi7>) {
  return
}

// -----

// expected-error @+1 {{a kernel takes and returns ranked tensors or scalars, but argument #1 is 'memref<4xf32>'; make the function private or change the type}}
func.func @memref(%a: tensor<4xf32>, %b: memref<4xf32>) {
  return
}

// -----

// expected-error @+1 {{a kernel takes dense row-major tensors, but argument #0 has the encoding}}
func.func @encoding(%a: tensor<4xf32, "sparse">) {
  return
}

// -----

// expected-error @+1 {{a kernel has one block, but this function has 2; use scf instead of branches}}
func.func @blocks(%a: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^next
^next:
  return %a : tensor<4xf32>
}
