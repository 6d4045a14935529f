// RUN: ssm-opt %s --ssm-select-strategy --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Each reason for which a strategy is refused, once.

// A.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the transition varies in time
func.func @transition(%a: tensor<16x8xf32>, %u: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16x8xf32>) signal(%u : tensor<16x8xf32>)
      {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
       time = 0 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// p of diag(a) + p q^H.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the transition's low-rank part varies in time
func.func @low_rank(%a: tensor<8xf32>, %u: tensor<16x8xf32>, %p: tensor<16x8xf32>, %q: tensor<8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<16x8xf32>) low_rank(%p, %q : tensor<16x8xf32>, tensor<8xf32>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
       time = 0 : i64, row = 1 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// B.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the input map varies in time
func.func @input(%a: tensor<8xf32>, %u: tensor<16x8xf32>, %b: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<16x8xf32>) input(%b : tensor<16x8xf32>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
       time = 0 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// C.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the output map varies in time
func.func @output(%a: tensor<8xf32>, %u: tensor<16x8xf32>, %c: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<16x8xf32>) output(%c : tensor<16x8xf32>)
      {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>],
       time = 0 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// S5.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: a kernel for every pair of input and output would be built; --ssm-hoist-contractions leaves a recurrence on the states
func.func @multi_input(%a: tensor<8xf32>, %u: tensor<16x3xf32>, %b: tensor<8x3xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<16x3xf32>) input(%b : tensor<8x3xf32>)
      {indexing_maps = [affine_map<(t, n, i) -> (n)>, affine_map<(t, n, i) -> (t, i)>, affine_map<(t, n, i) -> (n, i)>, affine_map<(t, n, i) -> (t, n)>, affine_map<(t, n, i) -> (n)>],
       time = 0 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// A dense A.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the transition mixes states that come out: a kernel for every pair of them would be built
func.func @mixes(%a: tensor<8x8xf32>, %u: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8x8xf32>) signal(%u : tensor<16x8xf32>)
      {indexing_maps = [affine_map<(t, n, m) -> (n, m)>, affine_map<(t, n, m) -> (t, n)>, affine_map<(t, n, m) -> (t, n)>, affine_map<(t, n, m) -> (n)>],
       time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<16x8xf32>, tensor<8xf32>
  return %y : tensor<16x8xf32>
}

// A signal for each state.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: the signal differs between the states that are summed
func.func @signals(%a: tensor<8xf32>, %u: tensor<16x8xf32>, %c: tensor<8xf32>) -> tensor<16xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<16x8xf32>) output(%c : tensor<8xf32>)
      {indexing_maps = [affine_map<(t, n) -> (n)>, affine_map<(t, n) -> (t, n)>, affine_map<(t, n) -> (n)>, affine_map<(t, n) -> (t)>, affine_map<(t, n) -> (n)>],
       time = 0 : i64} -> tensor<16xf32>, tensor<8xf32>
  return %y : tensor<16xf32>
}

// Eight states that are the same but for where they start.
// REMARK: StrategyChosen {{.*}}linear_recurrence: {{.*}}direct_conv refused: no operand of the kernel has a dimension that is summed
func.func @multiplicity(%a: tensor<4xf32>, %u: tensor<16x4xf32>, %c: tensor<4xf32>, %x0: tensor<4x8xf32>) -> tensor<16x4xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<16x4xf32>) output(%c : tensor<4xf32>) init(%x0 : tensor<4x8xf32>)
      {indexing_maps = [affine_map<(t, h, n) -> (h)>, affine_map<(t, h, n) -> (t, h)>, affine_map<(t, h, n) -> (h)>, affine_map<(t, h, n) -> (h, n)>, affine_map<(t, h, n) -> (t, h)>, affine_map<(t, h, n) -> (h, n)>],
       time = 0 : i64} -> tensor<16x4xf32>, tensor<4x8xf32>
  return %y : tensor<16x4xf32>
}

// Exact causality.
// REMARK: fft_conv refused: numerics<strict> asks for exact causality, which rounding in a transform breaks; numerics<norm> allows it
func.func @strict(%u: tensor<16x8xf32>, %k: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y = ssm.long_conv %u, %k
      {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>],
       time = 0 : i64, numerics = #ssm.numerics<strict>} : tensor<16x8xf32>, tensor<16x8xf32> -> tensor<16x8xf32>
  return %y : tensor<16x8xf32>
}

// No state.
// REMARK: long_conv: {{.*}}sequential refused: a convolution carries no state; tree_scan refused: a convolution carries no state
func.func @conv(%u: tensor<16x8xf32>, %k: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y = ssm.long_conv %u, %k
      {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>], time = 0 : i64}
      : tensor<16x8xf32>, tensor<16x8xf32> -> tensor<16x8xf32>
  return %y : tensor<16x8xf32>
}

// Any combiner.
// REMARK: associative_scan: {{.*}}fft_conv refused: a combiner has no kernel; direct_conv refused: a combiner has no kernel
func.func @scan(%u: tensor<16x8xf32>) -> tensor<16x8xf32> {
  %y = ssm.associative_scan(%u) {dimension = 0 : i64} : (tensor<16x8xf32>) {
  ^bb0(%x: f32, %z: f32):
    %m = arith.maximumf %x, %z : f32
    ssm.yield %m : f32
  }
  return %y : tensor<16x8xf32>
}
