// LRU: S5's form with a transition that is stable whatever is learnt (Orvieto
// et al., "Resurrecting Recurrent Neural Networks for Long Sequences",
// arXiv 2303.06349).
//
//     x_t = lambda x_{t-1} + gamma (B u_t)      lambda = e^{-e^nu + i e^theta}
//     y_t = Re(C x_t) + D * u_t                 gamma = sqrt(1 - |lambda|^2)
//
// log gamma is the parameter. The complex state is whole, not one half of
// conjugate pairs: Re, not 2 Re. lambda is formed in f64: what an angle loses
// every step would repeat.

!n = tensor<32xf32>
!n_c = tensor<32xcomplex<f32>>
!ni_c = tensor<32x16xcomplex<f32>>
!on_c = tensor<16x32xcomplex<f32>>
!h = tensor<16xf32>
!bth = tensor<?x?x16xf32>
!bn_c = tensor<?x32xcomplex<f32>>

#n = affine_map<(b, t, n, i, o) -> (n)>
#bti = affine_map<(b, t, n, i, o) -> (b, t, i)>
#ni = affine_map<(b, t, n, i, o) -> (n, i)>
#on = affine_map<(b, t, n, i, o) -> (o, n)>
#bto = affine_map<(b, t, n, i, o) -> (b, t, o)>
#bn = affine_map<(b, t, n, i, o) -> (b, n)>

func.func @lru(%nu: !n, %theta: !n, %log_gamma: !n, %B: !ni_c, %C: !on_c, %D: !h, %u: !bth,
               %x0: !bn_c) -> (!bth, !bn_c) {
  %zero = arith.constant 0.0 : f32
  %n_e = tensor.empty() : !n_c
  %ni_e = tensor.empty() : !ni_c
  %lambda = linalg.generic {iterator_types = ["parallel"], indexing_maps = [
      affine_map<(n) -> (n)>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>]}
      ins(%nu, %theta : !n, !n) outs(%n_e : !n_c) {
  ^bb0(%v: f32, %th: f32, %0: complex<f32>):
    %v_w = arith.extf %v : f32 to f64
    %th_w = arith.extf %th : f32 to f64
    %damping = math.exp %v_w : f64
    %log_modulus = arith.negf %damping : f64
    %angle = math.exp %th_w : f64
    %z = complex.create %log_modulus, %angle : complex<f64>
    %l_w = complex.exp %z : complex<f64>
    %re_w = complex.re %l_w : complex<f64>
    %im_w = complex.im %l_w : complex<f64>
    %re = arith.truncf %re_w : f64 to f32
    %im = arith.truncf %im_w : f64 to f32
    %l = complex.create %re, %im : complex<f32>
    linalg.yield %l : complex<f32>
  } -> !n_c
  %gamma_B = linalg.generic {iterator_types = ["parallel", "parallel"], indexing_maps = [
      affine_map<(n, i) -> (n)>, affine_map<(n, i) -> (n, i)>, affine_map<(n, i) -> (n, i)>]}
      ins(%log_gamma, %B : !n, !ni_c) outs(%ni_e : !ni_c) {
  ^bb0(%lg: f32, %b: complex<f32>, %0: complex<f32>):
    %g = math.exp %lg : f32
    %gc = complex.create %g, %zero : complex<f32>
    %gb = complex.mul %gc, %b : complex<f32>
    linalg.yield %gb : complex<f32>
  } -> !ni_c
  %y, %x = ssm.linear_recurrence transition(%lambda : !n_c) signal(%u : !bth)
      input(%gamma_B : !ni_c) output(%C : !on_c) init(%x0 : !bn_c)
      {indexing_maps = [#n, #bti, #ni, #on, #bn, #bto, #bn], time = 1 : i64,
       projection = #ssm.projection<real>} -> !bth, !bn_c
  %out = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>]} ins(%D, %u : !h, !bth) outs(%y : !bth) {
  ^bb0(%d: f32, %v: f32, %s: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %s, %dv : f32
    linalg.yield %sum : f32
  } -> !bth
  return %out, %x : !bth, !bn_c
}
