// RUN: ssm-opt %s --split-input-file --verify-diagnostics

#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @too_few_maps(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c1) needs one indexing map per operand and result: expected 4, found 3}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @no_state(%u: tensor<9x8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c1) carries a tuple of at least one state, found none}}
  %n, %r = "ssm.nonlinear_recurrence"(%u) <{indexing_maps = [#th], time = 0 : i64, operandSegmentSizes = array<i32: 1, 0>}> ({
  ^bb0(%ut: tensor<8xf32>):
    ssm.yield
  }) : (tensor<9x8xf32>) -> (i64, f64)
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @init_has_time(%u: tensor<9x8xf32>, %x0: tensor<9x8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c2) an initial state has no time dimension: the map of init 0 must not use d0, found (d0, d1) -> (d0, d1)}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<9x8xf32>)
      {indexing_maps = [#th, #th, #th, #th], time = 0 : i64}
      -> (tensor<9x9x8xf32>), (tensor<9x8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @states_without_time(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c2) the map of state 0 must use the time dimension d0, found (d0, d1) -> (d1)}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #h, #h], time = 0 : i64}
      -> (tensor<8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#h = affine_map<(t, h) -> (h)>
#th = affine_map<(t, h) -> (t, h)>
func.func @no_length(%u: tensor<8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c3) every loop dimension must be in an operand's map, d0 is in none}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#h, #h, #th, #h], time = 0 : i64}
      -> (tensor<?x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @sizes(%u: tensor<9x7xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c3) values that share a loop dimension must agree on its size: d1 is 7 in signal 0 and 8 in init 0}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x7xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<7xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#tbh = affine_map<(b, t, h) -> (t, b, h)>
#bh = affine_map<(b, t, h) -> (b, h)>
#hb = affine_map<(b, t, h) -> (h, b)>
func.func @final_in_another_layout(%u: tensor<9x4x8xf32>, %x0: tensor<4x8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c4) the map of final 0 must be that of init 0, (d0, d1, d2) -> (d0, d2), found (d0, d1, d2) -> (d2, d0)}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x4x8xf32>) init(%x0 : tensor<4x8xf32>)
      {indexing_maps = [#tbh, #bh, #tbh, #hb], time = 1 : i64}
      -> (tensor<9x4x8xf32>), (tensor<4x8xf32>) {
  ^bb0(%s: tensor<4x8xf32>, %ut: tensor<4x8xf32>):
    ssm.yield %s : tensor<4x8xf32>
  }
  return
}

// -----
#tbh = affine_map<(b, t, h) -> (t, b, h)>
#th = affine_map<(b, t, h) -> (t, h)>
#bh = affine_map<(b, t, h) -> (b, h)>
func.func @state_loses_a_dimension(%u: tensor<9x4x8xf32>, %x0: tensor<4x8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c4) the map of state 0 must have the dimensions of init 0, (d0, d1, d2) -> (d0, d2), and time, found (d0, d1, d2) -> (d1, d2)}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x4x8xf32>) init(%x0 : tensor<4x8xf32>)
      {indexing_maps = [#tbh, #bh, #th, #bh], time = 1 : i64}
      -> (tensor<9x8xf32>), (tensor<4x8xf32>) {
  ^bb0(%s: tensor<4x8xf32>, %ut: tensor<4x8xf32>):
    ssm.yield %s : tensor<4x8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @arguments(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c5) the region takes the states and the signals at one time: expected arguments of types ('tensor<8xf32>', 'tensor<8xf32>'), found ('tensor<8xf32>', 'tensor<9x8xf32>')}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<9x8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @yield(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c5) the region must end with ssm.yield of the states ('tensor<8xf32>'), found ssm.yield of ('tensor<8xf32>', 'tensor<8xf32>')}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s, %s : tensor<8xf32>, tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @tolerance(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c6) tolerance must be a number that is not negative, found -0.5}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, tolerance = -0.5 : f64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @iterations(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c6) max_iterations must be at least 1, found 0}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, max_iterations = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @row(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c6) row must be a dimension of the states, one of (d1), found d0}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, row = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h) -> (t, h)>
#h = affine_map<(t, h) -> (h)>
func.func @row_beyond(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c6) row must be a dimension of the states, one of (d1), found d4294967297}}
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#th, #h, #th, #h], time = 0 : i64, row = 4294967297 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %s : tensor<8xf32>
  }
  return
}

// -----
#th = affine_map<(t, h, k) -> (t, h)>
#h = affine_map<(t, h, k) -> (h)>
#tk = affine_map<(t, h, k) -> (t, k)>
#k = affine_map<(t, h, k) -> (k)>
func.func @newton_on_unlike_states(%x0: tensor<8xf32>, %y0: tensor<4xf32>, %u: tensor<9x8xf32>) {
  // expected-error@+1 {{(nonlinear_recurrence_c6) for Newton's method all states have the same dimensions: init 1 has (d2), init 0 (d1); drop the tolerance}}
  %x, %y, %l, %m, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0, %y0 : tensor<8xf32>, tensor<4xf32>)
      {indexing_maps = [#th, #h, #k, #th, #tk, #h, #k], time = 0 : i64, tolerance = 1.0e-6 : f64}
      -> (tensor<9x8xf32>, tensor<9x4xf32>), (tensor<8xf32>, tensor<4xf32>) {
  ^bb0(%s: tensor<8xf32>, %z: tensor<4xf32>, %ut: tensor<8xf32>):
    ssm.yield %s, %z : tensor<8xf32>, tensor<4xf32>
  }
  return
}
