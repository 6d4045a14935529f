// RUN: ssm-opt %s --ssm-gradient --split-input-file --verify-diagnostics

func.func @no_rule(%x: tensor<4xcomplex<f64>>) -> tensor<4xcomplex<f64>> {
  // expected-error @below {{an op between inputs and results must have a gradient, but 'ssm.fft' has none; write it as linalg.generic}}
  %y = ssm.fft %x {dimension = 0 : i64} : tensor<4xcomplex<f64>>
  return %y : tensor<4xcomplex<f64>>
}

// -----

#i = affine_map<(d) -> (d)>
func.func @no_scalar_rule(%x: tensor<4xf64>) -> tensor<4xf64> {
  // expected-error @below {{a scalar op between inputs and results must have a gradient, but 'math.tan' has none}}
  %y = math.tan %x : tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

func.func @largest(%x: tensor<4xf64>, %init: tensor<f64>) -> tensor<f64> {
  // expected-error @below {{a reduction with a gradient must add to its accumulator}}
  %y = linalg.reduce { arith.maximumf } ins(%x : tensor<4xf64>) outs(%init : tensor<f64>) dimensions = [0]
  return %y : tensor<f64>
}

// -----

func.func @running_largest(%x: tensor<4xf64>) -> tensor<4xf64> {
  // expected-error @below {{a scan with a gradient must be inclusive, of 32 or 64 bits, and combine by +, * or as the affine pairs}}
  %y = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<4xf64>) {
  ^bb0(%l: f64, %r: f64):
    %m = arith.maximumf %l, %r : f64
    ssm.yield %m : f64
  }
  return %y : tensor<4xf64>
}

// -----

// expected-error @below {{a function with a gradient takes and returns ranked tensors, but 'scalar' has a value of type 'f64'}}
func.func @scalar(%x: f64) -> f64 {
  return %x : f64
}

// -----

// expected-error @below {{a function with a gradient must have one block, but 'branch' has branches; use selects}}
func.func @branch(%c: tensor<i1>, %x: tensor<4xf64>) -> tensor<4xf64> {
  %0 = tensor.extract %c[] : tensor<i1>
  cf.cond_br %0, ^bb1, ^bb2
^bb1:
  return %x : tensor<4xf64>
^bb2:
  %y = arith.addf %x, %x : tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

func.func @captures(%x: tensor<4xf64>, %s: tensor<f64>) -> tensor<4xf64> {
  %0 = tensor.extract %s[] : tensor<f64>
  // expected-error @below {{must take what depends on an input by its operands, but it captures a value}}
  %y = linalg.map ins(%x : tensor<4xf64>) outs(%x : tensor<4xf64>) (%xi: f64, %o: f64) {
    %1 = arith.mulf %xi, %0 : f64
    linalg.yield %1 : f64
  }
  return %y : tensor<4xf64>
}
