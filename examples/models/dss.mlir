// DSS: a diagonal system whose kernel's rows are normalised over the length L
// of the signal (Gupta et al., "Diagonal State Spaces are as Effective as
// Structured State Spaces", arXiv 2203.14343).
//
//     K_l = Re sum_n W_n/A_n softmax_l(dt A_n l)
//         = Re sum_n c_n e^{dt A_n l},   c_n = W_n/A_n (e^{dt A_n} - 1)/(e^{dt A_n L} - 1)
//
// that is, x_t = e^{dt A} x_{t-1} + u_t,  y_t = Re(c x_t) + D u_t. The kernel
// changes with L, so that no state may be carried from one call to the next.

!h = tensor<16xf32>
!hn_c = tensor<16x8xcomplex<f32>>
!bth = tensor<?x?x16xf32>
!bhn_c = tensor<?x16x8xcomplex<f32>>

#hn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#one = affine_map<(b, t, h, n) -> ()>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>

func.func @dss(%A: !hn_c, %W: !hn_c, %D: !h, %dt: !h, %u: !bth) -> !bth {
  %time = arith.constant 1 : index
  %length = tensor.dim %u, %time : !bth
  %length_i = arith.index_cast %length : index to i64
  %L = arith.sitofp %length_i : i64 to f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : !hn_c
  %Abar, %c = linalg.generic {iterator_types = ["parallel", "parallel"], indexing_maps = [
      affine_map<(h, n) -> (h, n)>, affine_map<(h, n) -> (h, n)>, affine_map<(h, n) -> (h)>,
      affine_map<(h, n) -> (h, n)>, affine_map<(h, n) -> (h, n)>]}
      ins(%A, %W, %dt : !hn_c, !hn_c, !h) outs(%e, %e : !hn_c, !hn_c) {
  ^bb0(%a: complex<f32>, %w: complex<f32>, %step: f32, %0: complex<f32>, %1: complex<f32>):
    %s = complex.create %step, %zero : complex<f32>
    %z = complex.mul %s, %a : complex<f32>
    %l = complex.create %L, %zero : complex<f32>
    %zl = complex.mul %z, %l : complex<f32>
    %abar = complex.exp %z : complex<f32>
    %first = complex.expm1 %z : complex<f32>
    %last = complex.expm1 %zl : complex<f32>
    %ratio = complex.div %first, %last : complex<f32>
    %wa = complex.div %w, %a : complex<f32>
    %scaled = complex.mul %wa, %ratio : complex<f32>
    linalg.yield %abar, %scaled : complex<f32>, complex<f32>
  } -> (!hn_c, !hn_c)
  %one = arith.constant dense<1.0> : tensor<f32>
  %y, %x = ssm.linear_recurrence transition(%Abar : !hn_c) signal(%u : !bth)
      input(%one : tensor<f32>) output(%c : !hn_c)
      {indexing_maps = [#hn, #bth, #one, #hn, #bth, #bhn], time = 1 : i64,
       projection = #ssm.projection<real>} -> !bth, !bhn_c
  %out = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>]} ins(%D, %u : !h, !bth) outs(%y : !bth) {
  ^bb0(%d: f32, %v: f32, %s: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %s, %dv : f32
    linalg.yield %sum : f32
  } -> !bth
  return %out : !bth
}
