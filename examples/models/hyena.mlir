// A gated long convolution with an implicit filter (Poli et al., "Hyena
// Hierarchy", arXiv 2302.10866): the kernel is a small network of the position.
// There is no finite state.
//
//     v_t = g_in_t * u_t
//     y_t = g_out_t * (sum_{s<=t} K_{t-s} v_s + D v_t)
//     K_l = (W2 sin(omega (W1 z_l + b1)) + b2) e^{-decay l/L}
//     z_l = [l/L, cos(2 pi m l/L), sin(2 pi m l/L)],  m = 1 .. 8

!h = tensor<32xf32>
!j = tensor<32xf32>
!jf = tensor<32x17xf32>
!hj = tensor<32x32xf32>
!lf = tensor<?x17xf32>
!lj = tensor<?x32xf32>
!lh = tensor<?x32xf32>
!bth = tensor<?x?x32xf32>

#bth = affine_map<(b, t, h) -> (b, t, h)>
#th = affine_map<(b, t, h) -> (t, h)>
#par2 = ["parallel", "parallel"]
#par3 = ["parallel", "parallel", "parallel"]

func.func @hyena(%W1: !jf, %b1: !j, %omega: tensor<f32>, %W2: !hj, %b2: !h, %decay: !h, %D: !h,
                 %u: !bth, %g_in: !bth, %g_out: !bth) -> !bth {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %u, %c0 : !bth
  %time = tensor.dim %u, %c1 : !bth
  %K = call @kernel(%W1, %b1, %omega, %W2, %b2, %decay, %time)
    : (!jf, !j, tensor<f32>, !hj, !h, !h, index) -> !lh
  %e = tensor.empty(%batch, %time) : !bth
  %v = linalg.generic {iterator_types = #par3, indexing_maps = [#bth, #bth, #bth]}
      ins(%g_in, %u : !bth, !bth) outs(%e : !bth) {
  ^bb0(%g: f32, %x: f32, %0: f32):
    %gx = arith.mulf %g, %x : f32
    linalg.yield %gx : f32
  } -> !bth
  %conv = ssm.long_conv %v, %K {indexing_maps = [#bth, #th, #bth], time = 1 : i64}
      : !bth, !lh -> !bth
  %y = linalg.generic {iterator_types = #par3,
      indexing_maps = [affine_map<(b, t, h) -> (h)>, #bth, #bth, #bth]}
      ins(%D, %v, %g_out : !h, !bth, !bth) outs(%conv : !bth) {
  ^bb0(%d: f32, %x: f32, %g: f32, %s: f32):
    %dx = arith.mulf %d, %x : f32
    %sum = arith.addf %s, %dx : f32
    %gated = arith.mulf %g, %sum : f32
    linalg.yield %gated : f32
  } -> !bth
  return %y : !bth
}

func.func private @kernel(%W1: !jf, %b1: !j, %omega: tensor<f32>, %W2: !hj, %b2: !h, %decay: !h,
                          %length: index) -> !lh {
  %z_e = tensor.empty(%length) : !lf
  %z = linalg.generic {iterator_types = #par2, indexing_maps = [affine_map<(l, f) -> (l, f)>]}
      outs(%z_e : !lf) {
  ^bb0(%0: f32):
    %l = linalg.index 0 : index
    %f = linalg.index 1 : index
    %bands = arith.constant 8 : index
    %none = arith.constant 0 : index
    // A whole number of turns is taken off m l/L before it is rounded.
    %is_position = arith.cmpi eq, %f, %none : index
    %is_cos = arith.cmpi ule, %f, %bands : index
    %sin_m = arith.subi %f, %bands : index
    %m = arith.select %is_cos, %f, %sin_m : index
    %ml = arith.muli %m, %l : index
    %part = arith.remui %ml, %length : index
    %turn = func.call @ratio(%part, %length) : (index, index) -> f32
    %two_pi = arith.constant 6.28318530717958647692 : f32
    %angle = arith.mulf %two_pi, %turn : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %wave = arith.select %is_cos, %cos, %sin : f32
    %position = func.call @ratio(%l, %length) : (index, index) -> f32
    %feature = arith.select %is_position, %position, %wave : f32
    linalg.yield %feature : f32
  } -> !lf
  // W1 z + b1
  %hidden_e = tensor.empty(%length) : !lj
  %hidden_b = linalg.broadcast ins(%b1 : !j) outs(%hidden_e : !lj) dimensions = [0]
  %hidden = linalg.contract indexing_maps = [affine_map<(l, j, f) -> (l, f)>,
      affine_map<(l, j, f) -> (j, f)>, affine_map<(l, j, f) -> (l, j)>]
      ins(%z, %W1 : !lf, !jf) outs(%hidden_b : !lj) -> !lj
  %waves = linalg.generic {iterator_types = #par2,
      indexing_maps = [affine_map<(l, j) -> ()>, affine_map<(l, j) -> (l, j)>]}
      ins(%omega : tensor<f32>) outs(%hidden : !lj) {
  ^bb0(%w: f32, %x: f32):
    %wx = arith.mulf %w, %x : f32
    %s = math.sin %wx : f32
    linalg.yield %s : f32
  } -> !lj
  %out_e = tensor.empty(%length) : !lh
  %out_b = linalg.broadcast ins(%b2 : !h) outs(%out_e : !lh) dimensions = [0]
  %out = linalg.contract indexing_maps = [affine_map<(l, h, j) -> (l, j)>,
      affine_map<(l, h, j) -> (h, j)>, affine_map<(l, h, j) -> (l, h)>]
      ins(%waves, %W2 : !lj, !hj) outs(%out_b : !lh) -> !lh
  %K = linalg.generic {iterator_types = #par2,
      indexing_maps = [affine_map<(l, h) -> (h)>, affine_map<(l, h) -> (l, h)>]}
      ins(%decay : !h) outs(%out : !lh) {
  ^bb0(%d: f32, %k: f32):
    %l = linalg.index 0 : index
    %position = func.call @ratio(%l, %length) : (index, index) -> f32
    %loss = arith.mulf %d, %position : f32
    %minus = arith.negf %loss : f32
    %window = math.exp %minus : f32
    %windowed = arith.mulf %k, %window : f32
    linalg.yield %windowed : f32
  } -> !lh
  return %K : !lh
}

func.func private @ratio(%a: index, %b: index) -> f32 {
  %ai = arith.index_cast %a : index to i64
  %bi = arith.index_cast %b : index to i64
  %af = arith.sitofp %ai : i64 to f32
  %bf = arith.sitofp %bi : i64 to f32
  %r = arith.divf %af, %bf : f32
  return %r : f32
}
