// RUN: ssm-opt %s --ssm-annotate-facts | FileCheck %s

#n = affine_map<(t, n, m) -> (n)>
#tn = affine_map<(t, n, m) -> (t, n)>
#nm = affine_map<(t, n, m) -> (n, m)>
#tnm = affine_map<(t, n, m) -> (t, n, m)>
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// A dense matrix with nothing beside its diagonal.
// CHECK-LABEL: func.func @diagonal(
// CHECK: ssm.facts = {commuting, {{.*}}structure = "diagonal"
func.func @diagonal(%u: tensor<9x2xf32>) -> tensor<9x2xf32> {
  %a = arith.constant dense<[[0.5, 0.0], [-0.0, 0.25]]> : tensor<2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y : tensor<9x2xf32>
}

// Constant in time: the powers of one matrix commute. Varying: they do not.
// CHECK-LABEL: func.func @dense(
// CHECK: ssm.facts = {commuting, {{.*}}structure = "dense"
// CHECK: ssm.facts = {input = {{.*}}structure = "dense"
func.func @dense(%a: tensor<2x2xf32>, %v: tensor<9x2x2xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  %z, %w = ssm.linear_recurrence transition(%v : tensor<9x2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#tnm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}

// Nothing is added to the diagonal; one number for all states; a broadcast.
// CHECK-LABEL: func.func @simpler(
// CHECK: structure = "diagonal"
// CHECK: growth = 1.500000e+00 : f64, {{.*}}structure = "scalar"
// CHECK: structure = "diagonal", transition = "constant"
func.func @simpler(%v: tensor<2xf32>, %q: tensor<2xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>, tensor<9x2xf32>) {
  %zero = arith.constant dense<0.0> : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%v : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      low_rank(%zero, %q : tensor<2xf32>, tensor<2xf32>)
      {indexing_maps = [#d, #td, #d, #d, #td, #d], time = 0 : i64, row = 1 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  %s = arith.constant dense<-1.5> : tensor<2xf32>
  %z, %w = ssm.linear_recurrence transition(%s : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  %e = tensor.empty() : tensor<9x2xf32>
  %b = linalg.broadcast ins(%v : tensor<2xf32>) outs(%e : tensor<9x2xf32>) dimensions = [0]
  %r, %l = ssm.linear_recurrence transition(%b : tensor<9x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z, %r : tensor<9x2xf32>, tensor<9x2xf32>, tensor<9x2xf32>
}

// An interval above 1; one that reaches below it proves nothing.
// CHECK-LABEL: func.func @grows(
// CHECK: growth = 1.250000e+00 : f64
// CHECK-NOT: growth
func.func @grows(%v: tensor<2xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %least = arith.constant dense<1.25> : tensor<2xf32>
  %half = arith.constant dense<0.5> : tensor<2xf32>
  %a = arith.maximumf %v, %least : tensor<2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  %b = arith.maximumf %v, %half : tensor<2xf32>
  %z, %w = ssm.linear_recurrence transition(%b : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}

// Rotations by any angle have eigenvalues of the radius; a nilpotent matrix has
// none but 0, whatever its norm. The transpose has other rows.
// CHECK-LABEL: func.func @spectrum(
// CHECK: growth = 1.24{{[0-9]+}} : f64, {{.*}}row_sum = 1.750000e+00 : f64
// CHECK-NOT: growth
// CHECK: row_sum = 9.000000e+00 : f64
// CHECK-NOT: growth
// CHECK: row_sum = 4.500000e+00 : f64
func.func @spectrum(%u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>, tensor<9x2xf32>) {
  %r = arith.constant dense<[[1.0, -0.75], [0.75, 1.0]]> : tensor<2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%r : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  %n = arith.constant dense<[[0.0, 9.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %z, %w = ssm.linear_recurrence transition(%n : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  %c = arith.constant dense<[[0.0, 4.0], [0.0, 0.5]]> : tensor<2x2xf32>
  %v, %l = ssm.linear_recurrence transition(%c : tensor<2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [affine_map<(t, n, m) -> (m, n)>, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z, %v : tensor<9x2xf32>, tensor<9x2xf32>, tensor<9x2xf32>
}

// Bounds of elements: a varying dense matrix, and a diagonal and two products.
// CHECK-LABEL: func.func @bounds(
// CHECK: row_sum = 2.000000e+00 : f64
// CHECK: row_sum = 1.050000e+01 : f64
func.func @bounds(%v: tensor<9x2x2xf32>, %p: tensor<2x3xf32>, %u: tensor<9x2xf32>) -> (tensor<9x2xf32>, tensor<9x2xf32>) {
  %a = math.tanh %v : tensor<9x2x2xf32>
  %y, %x = ssm.linear_recurrence transition(%a : tensor<9x2x2xf32>) signal(%u : tensor<9x2xf32>)
      {indexing_maps = [#tnm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64}
      -> tensor<9x2xf32>, tensor<2xf32>
  %w = arith.constant dense<[0.5, -4.5]> : tensor<2xf32>
  %q = math.tanh %p : tensor<2x3xf32>
  %z, %l = ssm.linear_recurrence transition(%w : tensor<2xf32>) signal(%u : tensor<9x2xf32>)
      low_rank(%q, %q : tensor<2x3xf32>, tensor<2x3xf32>)
      {indexing_maps = [#n, #tn, affine_map<(t, n, r) -> (n, r)>, affine_map<(t, n, r) -> (n, r)>, #tn, #n],
       time = 0 : i64, row = 1 : i64} -> tensor<9x2xf32>, tensor<2xf32>
  return %y, %z : tensor<9x2xf32>, tensor<9x2xf32>
}
