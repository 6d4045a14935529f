// A model of the inner ear: 64 damped complex oscillators driven by one sound.
//
//     x_t = lambda x_{t-1} + gamma u_t          for each channel, x_{-1} = 0
//     lambda = exp(-exp(nu) + i exp(theta))     |lambda| < 1 for every nu
//     gamma = sqrt(1 - |lambda|^2)              white noise in, unit power out
//
// exp(nu) is the damping and exp(theta) the angle per sample, so that both are
// positive whatever is learnt: the parametrisation of the linear recurrent unit
// (Orvieto et al., "Resurrecting Recurrent Neural Networks for Long Sequences",
// arXiv 2303.06349). What channel c hears over time is |x_t[c]|.

#c = affine_map<(c) -> (c)>

// (nu, theta) -> (lambda, gamma). |lambda|^2 = exp(-2 exp(nu)), and expm1 keeps
// the digits of 1 - |lambda|^2 where the damping is weak.
func.func @oscillators(%nu: tensor<64xf32>, %theta: tensor<64xf32>)
    -> (tensor<64xcomplex<f32>>, tensor<64xf32>) {
  %minus_two = arith.constant -2.0 : f32
  %lambdas = tensor.empty() : tensor<64xcomplex<f32>>
  %gammas = tensor.empty() : tensor<64xf32>
  %lambda, %gamma = linalg.generic
      {indexing_maps = [#c, #c, #c, #c], iterator_types = ["parallel"]}
      ins(%nu, %theta : tensor<64xf32>, tensor<64xf32>)
      outs(%lambdas, %gammas : tensor<64xcomplex<f32>>, tensor<64xf32>) {
  ^bb0(%n: f32, %th: f32, %l0: complex<f32>, %g0: f32):
    %damping = math.exp %n : f32
    %angle = math.exp %th : f32
    %decay = arith.negf %damping : f32
    %exponent = complex.create %decay, %angle : complex<f32>
    %l = complex.exp %exponent : complex<f32>
    %twice = arith.mulf %minus_two, %damping : f32
    %power = math.expm1 %twice : f32
    %rest = arith.negf %power : f32
    %g = math.sqrt %rest : f32
    linalg.yield %l, %g : complex<f32>, f32
  } -> (tensor<64xcomplex<f32>>, tensor<64xf32>)
  return %lambda, %gamma : tensor<64xcomplex<f32>>, tensor<64xf32>
}

// The states over time. Every operand but the sound lacks time in its map, so
// the bank is time-invariant: it may be run as a recurrence or as 64
// convolutions. The sound lacks c, so all channels share it.
func.func @cochlea(%nu: tensor<64xf32>, %theta: tensor<64xf32>, %sound: tensor<?xf32>)
    -> tensor<?x64xcomplex<f32>> {
  %lambda, %gamma = call @oscillators(%nu, %theta)
    : (tensor<64xf32>, tensor<64xf32>) -> (tensor<64xcomplex<f32>>, tensor<64xf32>)
  %states, %last = ssm.linear_recurrence
    transition(%lambda : tensor<64xcomplex<f32>>)
    signal(%sound : tensor<?xf32>)
    input(%gamma : tensor<64xf32>)
    {time = 0 : i64, indexing_maps = [
      affine_map<(t, c) -> (c)>,      // lambda
      affine_map<(t, c) -> (t)>,      // sound
      affine_map<(t, c) -> (c)>,      // gamma
      affine_map<(t, c) -> (t, c)>,   // states
      affine_map<(t, c) -> (c)>]}     // last state
    -> tensor<?x64xcomplex<f32>>, tensor<64xcomplex<f32>>
  return %states : tensor<?x64xcomplex<f32>>
}

// The impulse responses K_l = gamma lambda^l, each one a click as a channel
// hears it: what the sound is convolved with.
func.func @kernels(%nu: tensor<64xf32>, %theta: tensor<64xf32>)
    -> tensor<64x4096xcomplex<f32>> {
  %lambda, %gamma = call @oscillators(%nu, %theta)
    : (tensor<64xf32>, tensor<64xf32>) -> (tensor<64xcomplex<f32>>, tensor<64xf32>)
  %one = arith.constant dense<1.0> : tensor<f32>
  %kernels = ssm.materialize_kernel
    transition(%lambda : tensor<64xcomplex<f32>>)
    input(%gamma : tensor<64xf32>)
    output(%one : tensor<f32>)
    {time = 1 : i64, indexing_maps = [
      affine_map<(c, l) -> (c)>, affine_map<(c, l) -> (c)>,
      affine_map<(c, l) -> ()>, affine_map<(c, l) -> (c, l)>]}
    -> tensor<64x4096xcomplex<f32>>
  return %kernels : tensor<64x4096xcomplex<f32>>
}
