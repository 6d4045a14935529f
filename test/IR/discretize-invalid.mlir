// RUN: ssm-opt %s --split-input-file --verify-diagnostics

#n = affine_map<(n) -> (n)>
func.func @maps(%a: tensor<8xf32>, %dt: tensor<8xf32>) {
  // expected-error@+1 {{(discretize_c1) needs one indexing map per operand and result: expected 4, found 3}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf32>) step(%dt : tensor<8xf32>)
      {indexing_maps = [#n, #n, #n]} -> tensor<8xf32>, tensor<8xf32>
  return
}

// -----
#hn = affine_map<(h, n) -> (h, n)>
#n = affine_map<(h, n) -> (n)>
#h = affine_map<(h, n) -> (h)>
func.func @result_lacks_a_dimension(%a: tensor<4x8xf32>, %dt: tensor<4xf32>) {
  // expected-error@+1 {{(discretize_c2) the map of the resulting input must use every dimension of the transition that it is computed from: (d0, d1) -> (d0) lacks d1 of (d0, d1) -> (d0, d1)}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<4x8xf32>) step(%dt : tensor<4xf32>)
      {indexing_maps = [#hn, #h, #hn, #h]} -> tensor<4x8xf32>, tensor<4xf32>
  return
}

// -----
#n = affine_map<(h, n) -> (n)>
#hn = affine_map<(h, n) -> (h, n)>
func.func @size_of_nothing(%a: tensor<8xf32>, %dt: tensor<8xf32>) {
  // expected-error@+1 {{(discretize_c3) every loop dimension of a result must be in an operand's map, d0 of the resulting transition is in none}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf32>) step(%dt : tensor<8xf32>)
      {indexing_maps = [#n, #n, #hn, #n]} -> tensor<?x8xf32>, tensor<8xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @sizes(%a: tensor<8xf32>, %dt: tensor<9xf32>) {
  // expected-error@+1 {{(discretize_c3) values that share a loop dimension must agree on its size: d0 is 8 in transition and 9 in step}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf32>) step(%dt : tensor<9xf32>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<8xf32>, tensor<8xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @precision(%a: tensor<8xf32>, %dt: tensor<8xf64>) {
  // expected-error@+1 {{(discretize_c4) operands must be of one precision: transition is of 'f32', step of 'f64'; cast one of them}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf32>) step(%dt : tensor<8xf64>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<8xf32>, tensor<8xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @narrower(%a: tensor<8xf64>, %dt: tensor<8xf64>) {
  // expected-error@+1 {{(discretize_c8) result #1 is of 'f64' or of a wider type, f32 or f64, found 'f32'}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf64>) step(%dt : tensor<8xf64>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<8xf64>, tensor<8xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @real_result(%a: tensor<8xcomplex<f32>>, %dt: tensor<8xf32>) {
  // expected-error@+1 {{(discretize_c8) result #0 is of 'complex<f32>' or of a wider type, f32 or f64, found 'f64'}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xcomplex<f32>>) step(%dt : tensor<8xf32>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<8xf64>, tensor<8xcomplex<f32>>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @complex_step(%a: tensor<8xf32>, %dt: tensor<8xcomplex<f32>>) {
  // expected-error@+1 {{(discretize_c4) the step is real, found 'tensor<8xcomplex<f32>>'}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<8xf32>) step(%dt : tensor<8xcomplex<f32>>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<8xf32>, tensor<8xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @negative_step(%a: tensor<3xf32>) {
  %dt = arith.constant dense<[0.1, 0.2, -0.5]> : tensor<3xf32>
  // expected-error@+1 {{(discretize_c5) the step dt must be positive, found -0.5; a model that runs backwards is a direction of the recurrence}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<3xf32>) step(%dt : tensor<3xf32>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<3xf32>, tensor<3xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @no_step(%a: tensor<3xf32>) {
  %dt = arith.constant dense<0.0> : tensor<3xf32>
  // expected-error@+1 {{(discretize_c5) the step dt must be positive, found 0}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<3xf32>) step(%dt : tensor<3xf32>)
      {indexing_maps = [#n, #n, #n, #n]} -> tensor<3xf32>, tensor<3xf32>
  return
}

// -----
#n = affine_map<(n) -> (n)>
func.func @weight(%a: tensor<3xf32>, %dt: tensor<3xf32>) {
  // expected-error@+1 {{(discretize_c6) weight is lambda of trapezoid, found it with zoh; drop it}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<3xf32>) step(%dt : tensor<3xf32>) weight(%dt : tensor<3xf32>)
      {indexing_maps = [#n, #n, #n, #n, #n]} -> tensor<3xf32>, tensor<3xf32>
  return
}

// -----
#nm = affine_map<(n, m) -> (n, m)>
#n = affine_map<(n, m) -> (n)>
#one = affine_map<(n, m) -> ()>
func.func @not_square(%a: tensor<3x4xf32>, %dt: tensor<f32>) {
  // expected-error@+1 {{(discretize_c7) a dense transition must be square, found 3 rows and 4 columns in 'tensor<3x4xf32>'}}
  %x, %y = ssm.discretize bilinear transition(%a : tensor<3x4xf32>) step(%dt : tensor<f32>)
      {indexing_maps = [#nm, #one, #nm, #n], row = 0 : i64, column = 1 : i64} -> tensor<3x4xf32>, tensor<3xf32>
  return
}

// -----
#nm = affine_map<(n, m) -> (n, m)>
#n = affine_map<(n, m) -> (n)>
#one = affine_map<(n, m) -> ()>
func.func @dense_zoh(%a: tensor<3x3xf32>, %dt: tensor<f32>) {
  // expected-error@+1 {{(discretize_c7) of a dense transition only bilinear is computed, found zoh; take bilinear, or diagonalise the transition first}}
  %x, %y = ssm.discretize zoh transition(%a : tensor<3x3xf32>) step(%dt : tensor<f32>)
      {indexing_maps = [#nm, #one, #nm, #n], row = 0 : i64, column = 1 : i64} -> tensor<3x3xf32>, tensor<3xf32>
  return
}
