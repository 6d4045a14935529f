// RUN: ssm-opt %s --ssm-lower-to-gpu --split-input-file --verify-diagnostics

// expected-error@+1 {{'nothing' has no recurrence, product of matrices, reduction of rows or loop over time that has a GPU kernel; compile it for the CPU, without a target}}
func.func @nothing(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @rnn(%u: tensor<9x4xf32>, %x0: tensor<4xf32>) -> tensor<9x4xf32> {
  // expected-error@+1 {{'ssm.nonlinear_recurrence' op has no GPU kernel; compile 'rnn' for the CPU, without a target}}
  %x, %last, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x4xf32>) init(%x0 : tensor<4xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64} -> (tensor<9x4xf32>), (tensor<4xf32>) {
  ^bb0(%h: tensor<4xf32>, %ut: tensor<4xf32>):
    %z = arith.addf %h, %ut : tensor<4xf32>
    %next = math.tanh %z : tensor<4xf32>
    ssm.yield %next : tensor<4xf32>
  }
  return %x : tensor<9x4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @scaled(%a: tensor<4xf32>, %u: tensor<4xf32>, %m: tensor<f32>) -> tensor<4xf32> {
  %by = tensor.extract %m[] : tensor<f32>
  // expected-error@+1 {{'scaled' has an op that reads a scalar from outside of it, other than a constant, 'linalg.generic'; put the recurrence into a function of its own}}
  %v = linalg.generic {indexing_maps = [#t, #t], iterator_types = ["parallel"]}
      ins(%u : tensor<4xf32>) outs(%u : tensor<4xf32>) {
  ^bb0(%e: f32, %o: f32):
    %g = arith.mulf %e, %by : f32
    linalg.yield %g : f32
  } -> tensor<4xf32>
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%v : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  return %y : tensor<4xf32>
}

// -----

func.func private @external(tensor<4xf32>) // expected-error {{'external' has no body}}

// -----

func.func @unused(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> { // expected-error {{'unused' has an argument that is no tensor, or that nothing reads}}
  return %x : tensor<4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @constant(%u: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'constant' has a constant other than one number everywhere, 'arith.constant'; put the recurrence into a function of its own}}
  %a = arith.constant dense<[0.5, 0.4, 0.3, 0.2]> : tensor<4xf32>
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  return %y : tensor<4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @sum(%m: tensor<4x3xf32>, %u: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'sum' has an op that sums over a dimension, 'linalg.generic'; put the recurrence into a function of its own}}
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%m : tensor<4x3xf32>) outs(%u : tensor<4xf32>) {
  ^bb0(%x: f32, %s: f32):
    %sum = arith.addf %x, %s : f32
    linalg.yield %sum : f32
  } -> tensor<4xf32>
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  return %y : tensor<4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @two(%a: tensor<4xf32>, %u: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %v, %r = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%v : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  // expected-error@+1 {{'two' has no sequence of GPU kernels: it returns a value twice, or an argument}}
  return %y, %u : tensor<4xf32>, tensor<4xf32>
}

// -----

#a = affine_map<(t, n, i) -> (n)>
#u = affine_map<(t, n, i) -> (t, i)>
#b = affine_map<(t, n, i) -> (t, n, i)>
#y = affine_map<(t, n, i) -> (t, n)>
func.func @varying(%a: tensor<3xf32>, %u: tensor<9x2xf32>, %b: tensor<9x3x2xf32>) -> tensor<9x3xf32> {
  // expected-error@+1 {{'varying' has no sequence of GPU kernels: it has products other than of two matrices, one of which is the same at each step: by a matrix that varies in time, or by a vector; compile it for the CPU, without a target}}
  %y, %s = ssm.linear_recurrence transition(%a : tensor<3xf32>) signal(%u : tensor<9x2xf32>) input(%b : tensor<9x3x2xf32>)
      {indexing_maps = [#a, #u, #b, #y, #a], time = 0 : i64} -> tensor<9x3xf32>, tensor<3xf32>
  return %y : tensor<9x3xf32>
}

// -----

// Powers that would have 2^16 terms.
#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>
#ik = affine_map<(i, j, k) -> (i, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>
func.func @power(%a: tensor<3xf32>, %u: tensor<4x3xf32>, %b: tensor<3x4xf32>) -> tensor<4x4xf32> {
  %v, %s = ssm.linear_recurrence transition(%a : tensor<3xf32>) signal(%u : tensor<4x3xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<4x3xf32>, tensor<3xf32>
  %zero = arith.constant 0.0 : f32
  %plain = tensor.empty() : tensor<4x4xf32>
  %none = linalg.fill ins(%zero : f32) outs(%plain : tensor<4x4xf32>) -> tensor<4x4xf32>
  %p = linalg.generic {indexing_maps = [#ik, #kj, #ij], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%v, %b : tensor<4x3xf32>, tensor<3x4xf32>) outs(%none : tensor<4x4xf32>) {
  ^bb0(%x: f32, %z: f32, %o: f32):
    %q0 = arith.addf %x, %z : f32
    %q1 = arith.mulf %q0, %q0 : f32
    %q2 = arith.mulf %q1, %q1 : f32
    %q3 = arith.mulf %q2, %q2 : f32
    %q4 = arith.mulf %q3, %q3 : f32
    %q5 = arith.mulf %q4, %q4 : f32
    %q6 = arith.mulf %q5, %q5 : f32
    %q7 = arith.mulf %q6, %q6 : f32
    %q8 = arith.mulf %q7, %q7 : f32
    %q9 = arith.mulf %q8, %q8 : f32
    %q10 = arith.mulf %q9, %q9 : f32
    %q11 = arith.mulf %q10, %q10 : f32
    %q12 = arith.mulf %q11, %q11 : f32
    %q13 = arith.mulf %q12, %q12 : f32
    %q14 = arith.mulf %q13, %q13 : f32
    %q15 = arith.mulf %q14, %q14 : f32
    %q16 = arith.mulf %q15, %q15 : f32
    %r = arith.addf %o, %q16 : f32
    linalg.yield %r : f32
  } -> tensor<4x4xf32>
  // expected-error@+1 {{'power' returns something that is not computed elementwise from the recurrence's result}}
  return %p : tensor<4x4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @twice(%a: tensor<4xf32>, %u: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  // expected-error@+1 {{'twice' returns a value twice}}
  return %y, %y : tensor<4xf32>, tensor<4xf32>
}

// -----

#t = affine_map<(t) -> (t)>
#x = affine_map<(t) -> ()>
func.func @other(%a: tensor<4xf32>, %u: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y, %s = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<4xf32>)
      {indexing_maps = [#t, #t, #t, #x], time = 0 : i64} -> tensor<4xf32>, tensor<f32>
  // expected-error@+1 {{'other' returns something that is not computed elementwise from the recurrence's result}}
  return %y, %u : tensor<4xf32>, tensor<4xf32>
}

// -----

#n = affine_map<(t, n) -> (n)>
#t = affine_map<(t, n) -> (t)>
func.func @states(%a: tensor<65xf32>, %u: tensor<9xf32>) -> tensor<9xf32> {
  // expected-error@+1 {{the recurrence has no GPU kernel: its state dimensions must be static and have 1 to 64 elements}}
  %y, %s = ssm.linear_recurrence transition(%a : tensor<65xf32>) signal(%u : tensor<9xf32>)
      input(%a : tensor<65xf32>) output(%a : tensor<65xf32>)
      {indexing_maps = [#n, #t, #n, #n, #t, #n], time = 0 : i64} -> tensor<9xf32>, tensor<65xf32>
  return %y : tensor<9xf32>
}

// -----

#nm = affine_map<(t, n, m) -> (n, m)>
#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
func.func @dense(%a: tensor<3x3xf32>, %u: tensor<9x3xf32>) -> tensor<9x3xf32> {
  // expected-error@+1 {{the recurrence has no GPU kernel: its transition mixes states}}
  %y, %s = ssm.linear_recurrence transition(%a : tensor<3x3xf32>) signal(%u : tensor<9x3xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x3xf32>, tensor<3xf32>
  return %y : tensor<9x3xf32>
}

// -----

func.func @no_identity(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{the scan has no GPU kernel: it has no identity; give identity(...)}}
  %y = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<4xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y : tensor<4xf32>
}

// -----

func.func @narrow(%x: tensor<4xi1>) -> tensor<4xi1> {
  %false = arith.constant false
  // expected-error@+1 {{the scan has no GPU kernel: its elements must be real numbers of 32 or 64 bits}}
  %y = ssm.associative_scan(%x) identity(%false : i1) {dimension = 0 : i64} : (tensor<4xi1>) {
  ^bb0(%l: i1, %r: i1):
    %s = arith.ori %l, %r : i1
    ssm.yield %s : i1
  }
  return %y : tensor<4xi1>
}

// -----

func.func @computed(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %x2 = arith.addf %x, %x : tensor<4xf32>
  // expected-error@+1 {{the scan has no GPU kernel: its inputs must be arguments of the function}}
  %y = ssm.associative_scan(%x2) identity(%zero : f32) {dimension = 0 : i64} : (tensor<4xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y : tensor<4xf32>
}

// -----

func.func @returned(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{the scan has no GPU kernel: the function must return its results, each once}}
  %y = ssm.associative_scan(%x) identity(%zero : f32) {dimension = 0 : i64} : (tensor<4xf32>) {
  ^bb0(%l: f32, %r: f32):
    %s = arith.addf %l, %r : f32
    ssm.yield %s : f32
  }
  return %y, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

#n = affine_map<(n, l) -> (n)>
#l = affine_map<(n, l) -> (l)>
func.func @wide(%a: tensor<3xf64>, %b: tensor<3xf64>) -> tensor<9xf64> {
  // expected-error@+1 {{the materialised kernel has no GPU kernel: its taps must be of f32 or narrower}}
  %k = ssm.materialize_kernel transition(%a : tensor<3xf64>) input(%b : tensor<3xf64>) output(%b : tensor<3xf64>)
      {indexing_maps = [#n, #n, #n, #l], time = 1 : i64} -> tensor<9xf64>
  return %k : tensor<9xf64>
}

// -----

#bt = affine_map<(b, t) -> (b, t)>
#t = affine_map<(b, t) -> (t)>
func.func @unknown(%u: tensor<2x?xf32>, %k: tensor<12289xf32>) -> tensor<2x?xf32> {
  // expected-error@+1 {{the convolution has no GPU kernel: a signal of unknown length takes at most 12288 real taps on sm_80, but its kernel has 12289; give the signal a static length}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #t, #bt], time = 1 : i64}
      : tensor<2x?xf32>, tensor<12289xf32> -> tensor<2x?xf32>
  return %y : tensor<2x?xf32>
}

// -----

#t = affine_map<(t) -> (t)>
func.func @taps(%u: tensor<40xf32>, %k: tensor<?xf32>) -> tensor<40xf32> {
  // expected-error@+1 {{the convolution has no GPU kernel: the number of taps must be known; give the kernel a static length}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64}
      : tensor<40xf32>, tensor<?xf32> -> tensor<40xf32>
  return %y : tensor<40xf32>
}

// -----

#t = affine_map<(t) -> (t)>
func.func @endless(%u: tensor<300000000xf32>, %k: tensor<300000000xf32>) -> tensor<300000000xf32> {
  // expected-error@+1 {{the convolution has no GPU kernel: it needs a transform of more than 2^28 points, for 300000000 steps and 300000000 taps; cut the signal or the kernel into pieces}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64}
      : tensor<300000000xf32>, tensor<300000000xf32> -> tensor<300000000xf32>
  return %y : tensor<300000000xf32>
}

// -----

#t = affine_map<(t) -> (t)>
func.func @matrices(%u: tensor<8193xcomplex<f32>>, %k: tensor<8193xf32>) -> tensor<8193xcomplex<f32>> {
  // expected-error@+1 {{the convolution has no GPU kernel: products of matrices transform windows of at most 8192 complex steps on sm_80, for at most 6144 taps if they are to overlap, but it has 8193 taps; leave matrix out of its strategy}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64, strategy = #ssm.strategy<fft_conv, matrix = bf16>}
      : tensor<8193xcomplex<f32>>, tensor<8193xf32> -> tensor<8193xcomplex<f32>>
  return %y : tensor<8193xcomplex<f32>>
}

// -----

#t = affine_map<(t) -> (t)>
func.func @strict(%u: tensor<40xf32>, %k: tensor<8xf32>) -> tensor<40xf32> {
  // expected-error@+1 {{the convolution has no GPU kernel: numerics<strict> asks for exact causality}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64, numerics = #ssm.numerics<strict>}
      : tensor<40xf32>, tensor<8xf32> -> tensor<40xf32>
  return %y : tensor<40xf32>
}

// -----

#t = affine_map<(t) -> (t)>
func.func @wide(%u: tensor<40xf64>, %k: tensor<8xf64>) -> tensor<40xf64> {
  // expected-error@+1 {{the convolution has no GPU kernel: it is in f64, and transforms on a GPU are in f32; convert signal and kernel}}
  %y = ssm.long_conv %u, %k {indexing_maps = [#t, #t, #t], time = 0 : i64}
      : tensor<40xf64>, tensor<8xf64> -> tensor<40xf64>
  return %y : tensor<40xf64>
}

// -----

#n = affine_map<(t, n) -> (n)>
#t = affine_map<(t, n) -> (t)>
func.func @no_states(%a: tensor<0xf32>, %u: tensor<9xf32>) -> tensor<9xf32> {
  // expected-error@+1 {{its state dimensions must be static and have 1 to 64 elements}}
  %y, %s = ssm.linear_recurrence transition(%a : tensor<0xf32>) signal(%u : tensor<9xf32>)
      input(%a : tensor<0xf32>) output(%a : tensor<0xf32>)
      {indexing_maps = [#n, #t, #n, #n, #t, #n], time = 0 : i64} -> tensor<9xf32>, tensor<0xf32>
  return %y : tensor<9xf32>
}

// -----

func.func @joined(%x: tensor<4x6xf32>) -> tensor<12xf32> {
  %slice = tensor.extract_slice %x[0, 1] [4, 3] [1, 1] : tensor<4x6xf32> to tensor<4x3xf32>
  // expected-error@+1 {{'joined' has no sequence of GPU kernels: it joins dimensions of a slice, which are not beside each other; compile it for the CPU, without a target}}
  %y = tensor.collapse_shape %slice [[0, 1]] : tensor<4x3xf32> into tensor<12xf32>
  return %y : tensor<12xf32>
}

// -----

#rows = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#other = affine_map<(i, j) -> (j)>
func.func @turned(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %none = linalg.fill ins(%zero : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{the reduction of rows has no GPU kernel: it reads a row's result at other rows; compile it for the CPU, without a target}}
  %sum = linalg.generic {indexing_maps = [#rows, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x4xf32>) outs(%none : tensor<4xf32>) {
  ^bb0(%e: f32, %o: f32):
    %s = arith.addf %o, %e fastmath<reassoc> : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %full = tensor.empty() : tensor<4x4xf32>
  %less = linalg.generic {indexing_maps = [#rows, #other, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sum : tensor<4x4xf32>, tensor<4xf32>) outs(%full : tensor<4x4xf32>) {
  ^bb0(%e: f32, %f: f32, %o: f32):
    %d = arith.subf %e, %f : f32
    linalg.yield %d : f32
  } -> tensor<4x4xf32>
  %y = linalg.generic {indexing_maps = [#rows, #row], iterator_types = ["parallel", "reduction"]}
      ins(%less : tensor<4x4xf32>) outs(%none : tensor<4xf32>) {
  ^bb0(%e: f32, %o: f32):
    %s = arith.addf %o, %e fastmath<reassoc> : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// A step that multiplies by a matrix is not elementwise.
#jk = affine_map<(j, k) -> (j, k)>
#k = affine_map<(j, k) -> (k)>
#j = affine_map<(j, k) -> (j)>
// expected-error@+1 {{'mixing' has no recurrence, product of matrices, reduction of rows or loop over time that has a GPU kernel}}
func.func @mixing(%u: tensor<9x4xf32>, %w: tensor<4x4xf32>, %h0: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %last = scf.for %t = %c0 to %c9 step %c1 iter_args(%h = %h0) -> (tensor<4xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, 4] [1, 1] : tensor<9x4xf32> to tensor<4xf32>
    %next = linalg.generic {indexing_maps = [#jk, #k, #j], iterator_types = ["parallel", "reduction"]}
        ins(%w, %h : tensor<4x4xf32>, tensor<4xf32>) outs(%ut : tensor<4xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %m = arith.mulf %p, %q : f32
      %s = arith.addf %o, %m : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>
    scf.yield %next : tensor<4xf32>
  }
  return %last : tensor<4xf32>
}
