// RUN: ssm-opt %s --split-input-file --verify-diagnostics
// Constraints c9 and c10: transitions that mix the elements of the state.

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @not_square(%a: tensor<5x4xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) a dense transition must be square, found 5 rows and 4 columns in 'tensor<5x4xf32>'}}
  ssm.linear_recurrence transition(%a : tensor<5x4xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @no_row(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) needs row, the dimension of the state that column acts on}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @row_is_time(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) row must be a dimension of the state, one of (d1), found d0}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 0 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

// Neither row nor column is taken modulo 2^32.
#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @row_beyond(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) row must be a dimension of the state, one of (d1), found d4294967297}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 4294967297 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @column_beyond(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) the map of a dense transition must use row d1 and column d4294967298, found (d0, d1, d2) -> (d1, d2)}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 4294967298 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>
func.func @row_alone(%a: tensor<5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) a transition that mixes along row has either column (dense) or low_rank, found neither}}
  ssm.linear_recurrence transition(%a : tensor<5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64, row = 1 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
func.func @no_column(%a: tensor<5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) the map of a dense transition must use row d1 and column d2, found (d0, d1, d2) -> (d1)}}
  ssm.linear_recurrence transition(%a : tensor<5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#tm = affine_map<(t, n, m) -> (t, m)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @column_elsewhere(%a: tensor<5x5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c9) only the transition has columns: the map of signal uses d2}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      {indexing_maps = [#nm, #tm, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>
func.func @low_rank_without_row(%w: tensor<5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c10) needs row, the dimension of the state that low_rank acts on}}
  ssm.linear_recurrence transition(%w : tensor<5xf32>) signal(%u : tensor<9x5xf32>)
      low_rank(%w, %w : tensor<5xf32>, tensor<5xf32>)
      {indexing_maps = [#n, #tn, #n, #n, #tn, #n], time = 0 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>
func.func @both(%a: tensor<5x5xf32>, %w: tensor<5xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c10) a transition that mixes along row has either column (dense) or low_rank, found both}}
  ssm.linear_recurrence transition(%a : tensor<5x5xf32>) signal(%u : tensor<9x5xf32>)
      low_rank(%w, %w : tensor<5xf32>, tensor<5xf32>)
      {indexing_maps = [#nm, #tn, #n, #n, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>
#t = affine_map<(t, n) -> (t)>
func.func @factor_without_row(%w: tensor<5xf32>, %q: tensor<9xf32>, %u: tensor<9x5xf32>) {
  // expected-error@+1 {{(linear_recurrence_c10) the map of q must use the row dimension d1, found (d0, d1) -> (d0)}}
  ssm.linear_recurrence transition(%w : tensor<5xf32>) signal(%u : tensor<9x5xf32>)
      low_rank(%w, %q : tensor<5xf32>, tensor<9xf32>)
      {indexing_maps = [#n, #tn, #n, #t, #tn, #n], time = 0 : i64, row = 1 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#ti = affine_map<(t, n, i) -> (t, i)>
#tn = affine_map<(t, n, i) -> (t, n)>
#ni = affine_map<(t, n, i) -> (n, i)>
#n = affine_map<(t, n, i) -> (n)>
func.func @rank_in_signal(%w: tensor<5xf32>, %b: tensor<5x2xf32>, %u: tensor<9x2xf32>) {
  // expected-error@+1 {{(linear_recurrence_c10) the maps of p and q use dimensions of the state, time and the rank, which no other map uses; the map of p uses d2, found (d0, d1, d2) -> (d1, d2)}}
  ssm.linear_recurrence transition(%w : tensor<5xf32>) signal(%u : tensor<9x2xf32>) input(%b : tensor<5x2xf32>)
      low_rank(%b, %b : tensor<5x2xf32>, tensor<5x2xf32>)
      {indexing_maps = [#n, #ti, #ni, #ni, #ni, #tn, #n], time = 0 : i64, row = 1 : i64} -> tensor<9x5xf32>, tensor<5xf32>
  return
}

// -----

#n = affine_map<(n, m, l) -> (n)>
#nm = affine_map<(n, m, l) -> (n, m)>
#nl = affine_map<(n, m, l) -> (n, l)>
func.func @kernel_keeps_row(%a: tensor<5x5xf32>, %b: tensor<5xf32>) {
  // expected-error@+1 {{(materialize_kernel_c8) a kernel sums over the states that the transition mixes: the result's map cannot use row d0, found (d0, d1, d2) -> (d0, d2)}}
  ssm.materialize_kernel transition(%a : tensor<5x5xf32>) input(%b : tensor<5xf32>) output(%b : tensor<5xf32>)
      {indexing_maps = [#nm, #n, #n, #nl], time = 2 : i64, row = 0 : i64, column = 1 : i64} -> tensor<5x8xf32>
  return
}
