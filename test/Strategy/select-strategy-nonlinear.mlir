// RUN: ssm-opt %s --ssm-select-strategy --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Recurrences that have no strategy: what computes them, and why.

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// A function of the state.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: sequential; newton refused: no tolerance is given; all others refused: its step is not affine in the state: 'math.tanh'
func.func @rnn(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %a = arith.addf %s0, %ut : tensor<8xf32>
    %z = math.tanh %a : tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// The same by iterations.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: newton (tolerance 1e-05, at most 20 iterations); sequential where it does not converge; all others refused: its step is not affine in the state
func.func @newton(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64, tolerance = 1.0e-5 : f64, max_iterations = 20 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %a = arith.addf %s0, %ut : tensor<8xf32>
    %z = math.tanh %a : tensor<8xf32>
    ssm.yield %z : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// Not canonical yet.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: sequential; newton refused: no tolerance is given; --canonicalize makes it a linear_recurrence
func.func @affine(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %a = arith.addf %s0, %ut : tensor<8xf32>
    ssm.yield %a : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// Two states.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: it has several states
func.func @lstm(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x:2, %l:2, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0, %x0 : tensor<8xf32>, tensor<8xf32>)
      {indexing_maps = [#td, #d, #d, #td, #td, #d, #d], time = 0 : i64}
      -> (tensor<9x8xf32>, tensor<9x8xf32>), (tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %s1: tensor<8xf32>, %ut: tensor<8xf32>):
    %a = arith.addf %s0, %ut : tensor<8xf32>
    ssm.yield %a, %s1 : tensor<8xf32>, tensor<8xf32>
  }
  return %x#0 : tensor<9x8xf32>
}

// A state that would be kept in f32.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: its state has less than 32 bits
func.func @half(%u: tensor<9x8xf16>, %x0: tensor<8xf16>) -> tensor<9x8xf16> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf16>) init(%x0 : tensor<8xf16>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf16>), (tensor<8xf16>) {
  ^bb0(%s0: tensor<8xf16>, %ut: tensor<8xf16>):
    %a = arith.addf %s0, %ut : tensor<8xf16>
    ssm.yield %a : tensor<8xf16>
  }
  return %x : tensor<9x8xf16>
}

// No carry.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: its step is a x or b alone
func.func @forgets(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    ssm.yield %ut : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// A long step.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: its step has more than 64 ops
func.func @long(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %a0 = arith.addf %s0, %ut : tensor<8xf32>
    %a1 = arith.addf %a0, %ut : tensor<8xf32>
    %a2 = arith.addf %a1, %ut : tensor<8xf32>
    %a3 = arith.addf %a2, %ut : tensor<8xf32>
    %a4 = arith.addf %a3, %ut : tensor<8xf32>
    %a5 = arith.addf %a4, %ut : tensor<8xf32>
    %a6 = arith.addf %a5, %ut : tensor<8xf32>
    %a7 = arith.addf %a6, %ut : tensor<8xf32>
    %a8 = arith.addf %a7, %ut : tensor<8xf32>
    %a9 = arith.addf %a8, %ut : tensor<8xf32>
    %a10 = arith.addf %a9, %ut : tensor<8xf32>
    %a11 = arith.addf %a10, %ut : tensor<8xf32>
    %a12 = arith.addf %a11, %ut : tensor<8xf32>
    %a13 = arith.addf %a12, %ut : tensor<8xf32>
    %a14 = arith.addf %a13, %ut : tensor<8xf32>
    %a15 = arith.addf %a14, %ut : tensor<8xf32>
    %a16 = arith.addf %a15, %ut : tensor<8xf32>
    %a17 = arith.addf %a16, %ut : tensor<8xf32>
    %a18 = arith.addf %a17, %ut : tensor<8xf32>
    %a19 = arith.addf %a18, %ut : tensor<8xf32>
    %a20 = arith.addf %a19, %ut : tensor<8xf32>
    %a21 = arith.addf %a20, %ut : tensor<8xf32>
    %a22 = arith.addf %a21, %ut : tensor<8xf32>
    %a23 = arith.addf %a22, %ut : tensor<8xf32>
    %a24 = arith.addf %a23, %ut : tensor<8xf32>
    %a25 = arith.addf %a24, %ut : tensor<8xf32>
    %a26 = arith.addf %a25, %ut : tensor<8xf32>
    %a27 = arith.addf %a26, %ut : tensor<8xf32>
    %a28 = arith.addf %a27, %ut : tensor<8xf32>
    %a29 = arith.addf %a28, %ut : tensor<8xf32>
    %a30 = arith.addf %a29, %ut : tensor<8xf32>
    %a31 = arith.addf %a30, %ut : tensor<8xf32>
    %a32 = arith.addf %a31, %ut : tensor<8xf32>
    %a33 = arith.addf %a32, %ut : tensor<8xf32>
    %a34 = arith.addf %a33, %ut : tensor<8xf32>
    %a35 = arith.addf %a34, %ut : tensor<8xf32>
    %a36 = arith.addf %a35, %ut : tensor<8xf32>
    %a37 = arith.addf %a36, %ut : tensor<8xf32>
    %a38 = arith.addf %a37, %ut : tensor<8xf32>
    %a39 = arith.addf %a38, %ut : tensor<8xf32>
    %a40 = arith.addf %a39, %ut : tensor<8xf32>
    %a41 = arith.addf %a40, %ut : tensor<8xf32>
    %a42 = arith.addf %a41, %ut : tensor<8xf32>
    %a43 = arith.addf %a42, %ut : tensor<8xf32>
    %a44 = arith.addf %a43, %ut : tensor<8xf32>
    %a45 = arith.addf %a44, %ut : tensor<8xf32>
    %a46 = arith.addf %a45, %ut : tensor<8xf32>
    %a47 = arith.addf %a46, %ut : tensor<8xf32>
    %a48 = arith.addf %a47, %ut : tensor<8xf32>
    %a49 = arith.addf %a48, %ut : tensor<8xf32>
    %a50 = arith.addf %a49, %ut : tensor<8xf32>
    %a51 = arith.addf %a50, %ut : tensor<8xf32>
    %a52 = arith.addf %a51, %ut : tensor<8xf32>
    %a53 = arith.addf %a52, %ut : tensor<8xf32>
    %a54 = arith.addf %a53, %ut : tensor<8xf32>
    %a55 = arith.addf %a54, %ut : tensor<8xf32>
    %a56 = arith.addf %a55, %ut : tensor<8xf32>
    %a57 = arith.addf %a56, %ut : tensor<8xf32>
    %a58 = arith.addf %a57, %ut : tensor<8xf32>
    %a59 = arith.addf %a58, %ut : tensor<8xf32>
    %a60 = arith.addf %a59, %ut : tensor<8xf32>
    %a61 = arith.addf %a60, %ut : tensor<8xf32>
    %a62 = arith.addf %a61, %ut : tensor<8xf32>
    %a63 = arith.addf %a62, %ut : tensor<8xf32>
    %a64 = arith.addf %a63, %ut : tensor<8xf32>
    ssm.yield %a64 : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// Something to see.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: its step has effects
func.func @effects(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %c0 = arith.constant 0 : index
    %e = tensor.extract %ut[%c0] : tensor<8xf32>
    vector.print %e : f32
    %a = arith.addf %s0, %ut : tensor<8xf32>
    ssm.yield %a : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}

// A signal that only says how long time is.
// REMARK: StrategyChosen {{.*}}nonlinear_recurrence: {{.*}}all others refused: its step uses no signal that has the length
func.func @length(%u: tensor<9x8xf32>, %x0: tensor<8xf32>) -> tensor<9x8xf32> {
  %half = arith.constant dense<0.5> : tensor<8xf32>
  %x, %l, %n, %r = ssm.nonlinear_recurrence signals(%u : tensor<9x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#td, #d, #td, #d], time = 0 : i64}
      -> (tensor<9x8xf32>), (tensor<8xf32>) {
  ^bb0(%s0: tensor<8xf32>, %ut: tensor<8xf32>):
    %a = arith.mulf %s0, %half : tensor<8xf32>
    %b = arith.addf %a, %half : tensor<8xf32>
    ssm.yield %b : tensor<8xf32>
  }
  return %x : tensor<9x8xf32>
}
