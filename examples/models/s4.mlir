// S4: single-input systems whose transition is diagonal plus rank one, one per
// channel h (Gu et al., "Efficiently Modeling Long Sequences with Structured
// State Spaces", arXiv 2111.00396). HiPPO-LegS has this form in a basis of its
// own, and is what the parameters start from.
//
//     x' = A x + B u,  A = diag(Lam) - P P^H           by the bilinear rule:
//     x_t = Abar x_{t-1} + Bbar u_t                    Abar = (I - dt/2 A)^{-1} (I + dt/2 A)
//     y_t = Re(C x_t) + D u_t                          Bbar = (I - dt/2 A)^{-1} dt B
//
// Abar is diagonal plus rank one too. With E = 1/(1 - dt/2 Lam), the identity
// of Woodbury gives
//
//     (I - dt/2 A)^{-1} = diag(E) - dt/2 E P (E^* P)^H / alpha,   alpha = 1 + dt/2 P^H E P
//     Abar = 2 (I - dt/2 A)^{-1} - I = diag(w) + p q^H
//     w = 2 E - 1,   p = -dt E P / alpha,   q = E^* P
//
// All N states are here, conjugate pairs in full: P P^H couples the halves. The
// discretisation is done in f64, and Abar and the state stay in it: what a
// rounding of Abar loses, every step would lose again.

!h = tensor<4xf32>
!h_c = tensor<4xcomplex<f64>>
!hn_c = tensor<4x32xcomplex<f32>>
!hn_w = tensor<4x32xcomplex<f64>>
!bth = tensor<?x?x4xf32>
!bhn_w = tensor<?x4x32xcomplex<f64>>

#hn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>

#h_ = affine_map<(h, n) -> (h)>
#h_n = affine_map<(h, n) -> (h, n)>

func.func @s4(%Lam: !hn_c, %P: !hn_c, %B: !hn_c, %C: !hn_c, %D: !h, %dt: !h, %u: !bth, %x0: !bhn_w)
    -> (!bth, !bhn_w) {
  %w, %p, %q, %Bbar = call @bilinear(%Lam, %P, %B, %dt)
    : (!hn_c, !hn_c, !hn_c, !h) -> (!hn_w, !hn_w, !hn_w, !hn_c)
  %y, %x = ssm.linear_recurrence transition(%w : !hn_w) signal(%u : !bth)
      input(%Bbar : !hn_c) output(%C : !hn_c) init(%x0 : !bhn_w) low_rank(%p, %q : !hn_w, !hn_w)
      {indexing_maps = [#hn, #bth, #hn, #hn, #bhn, #hn, #hn, #bth, #bhn], time = 1 : i64,
       row = 3 : i64, projection = #ssm.projection<real>} -> !bth, !bhn_w
  %out = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>]} ins(%D, %u : !h, !bth) outs(%y : !bth) {
  ^bb0(%d: f32, %v: f32, %s: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %s, %dv : f32
    linalg.yield %sum : f32
  } -> !bth
  return %out, %x : !bth, !bhn_w
}

// (Lam, P, B, dt) -> (w, p, q, Bbar)
func.func private @bilinear(%Lam: !hn_c, %P: !hn_c, %B: !hn_c, %dt: !h)
    -> (!hn_w, !hn_w, !hn_w, !hn_c) {
  %one = complex.constant [1.0, 0.0] : complex<f64>
  %two = complex.constant [2.0, 0.0] : complex<f64>
  %half = complex.constant [0.5, 0.0] : complex<f64>
  %zero = complex.constant [0.0, 0.0] : complex<f64>
  // alpha - 1 = dt/2 P^H E P and beta = P^H E dt B
  %h_e = tensor.empty() : !h_c
  %h_0 = linalg.fill ins(%zero : complex<f64>) outs(%h_e : !h_c) -> !h_c
  %alpha_1, %beta = linalg.generic {iterator_types = ["parallel", "reduction"],
      indexing_maps = [#h_n, #h_n, #h_n, #h_, #h_, #h_]}
      ins(%Lam, %P, %B, %dt : !hn_c, !hn_c, !hn_c, !h) outs(%h_0, %h_0 : !h_c, !h_c) {
  ^bb0(%lam: complex<f32>, %p: complex<f32>, %b: complex<f32>, %step: f32,
       %sum_a: complex<f64>, %sum_b: complex<f64>):
    %e = func.call @resolvent(%lam, %step) : (complex<f32>, f32) -> complex<f64>
    %pw = func.call @widen(%p) : (complex<f32>) -> complex<f64>
    %bw = func.call @widen(%b) : (complex<f32>) -> complex<f64>
    %s = func.call @real(%step) : (f32) -> complex<f64>
    %conj = complex.conj %pw : complex<f64>
    %pe = complex.mul %conj, %e : complex<f64>
    %peb = complex.mul %pe, %bw : complex<f64>
    %term_b = complex.mul %peb, %s : complex<f64>
    %next_b = complex.add %sum_b, %term_b : complex<f64>
    %pep = complex.mul %pe, %pw : complex<f64>
    %half_step = complex.mul %half, %s : complex<f64>
    %term_a = complex.mul %pep, %half_step : complex<f64>
    %next_a = complex.add %sum_a, %term_a : complex<f64>
    linalg.yield %next_a, %next_b : complex<f64>, complex<f64>
  } -> (!h_c, !h_c)
  %hn_e = tensor.empty() : !hn_c
  %hn_we = tensor.empty() : !hn_w
  %w, %p, %q, %Bbar = linalg.generic {iterator_types = ["parallel", "parallel"],
      indexing_maps = [#h_n, #h_n, #h_n, #h_, #h_, #h_, #h_n, #h_n, #h_n, #h_n]}
      ins(%Lam, %P, %B, %dt, %alpha_1, %beta : !hn_c, !hn_c, !hn_c, !h, !h_c, !h_c)
      outs(%hn_we, %hn_we, %hn_we, %hn_e : !hn_w, !hn_w, !hn_w, !hn_c) {
  ^bb0(%lam: complex<f32>, %pn: complex<f32>, %b: complex<f32>, %step: f32, %a_1: complex<f64>,
       %bt: complex<f64>, %0: complex<f64>, %1: complex<f64>, %2: complex<f64>, %3: complex<f32>):
    %e = func.call @resolvent(%lam, %step) : (complex<f32>, f32) -> complex<f64>
    %pw = func.call @widen(%pn) : (complex<f32>) -> complex<f64>
    %bw = func.call @widen(%b) : (complex<f32>) -> complex<f64>
    %s = func.call @real(%step) : (f32) -> complex<f64>
    %two_e = complex.mul %two, %e : complex<f64>
    %wn = complex.sub %two_e, %one : complex<f64>
    %a = complex.add %one, %a_1 : complex<f64>
    %ep = complex.mul %e, %pw : complex<f64>
    %eps = complex.mul %ep, %s : complex<f64>
    %epa = complex.div %eps, %a : complex<f64>
    %left = complex.neg %epa : complex<f64>
    %e_conj = complex.conj %e : complex<f64>
    %right = complex.mul %e_conj, %pw : complex<f64>
    // Bbar = E dt B - dt/2 E P beta / alpha
    %sb = complex.mul %s, %bw : complex<f64>
    %esb = complex.mul %e, %sb : complex<f64>
    %half_bt = complex.mul %half, %bt : complex<f64>
    %fix = complex.mul %left, %half_bt : complex<f64>
    %bbar = complex.add %esb, %fix : complex<f64>
    %b_ = func.call @narrow(%bbar) : (complex<f64>) -> complex<f32>
    linalg.yield %wn, %left, %right, %b_ : complex<f64>, complex<f64>, complex<f64>, complex<f32>
  } -> (!hn_w, !hn_w, !hn_w, !hn_c)
  return %w, %p, %q, %Bbar : !hn_w, !hn_w, !hn_w, !hn_c
}

// E = 1/(1 - dt/2 Lam)
func.func private @resolvent(%lam: complex<f32>, %step: f32) -> complex<f64> {
  %one = complex.constant [1.0, 0.0] : complex<f64>
  %half = complex.constant [0.5, 0.0] : complex<f64>
  %l = call @widen(%lam) : (complex<f32>) -> complex<f64>
  %s = call @real(%step) : (f32) -> complex<f64>
  %z = complex.mul %s, %l : complex<f64>
  %half_z = complex.mul %half, %z : complex<f64>
  %d = complex.sub %one, %half_z : complex<f64>
  %e = complex.div %one, %d : complex<f64>
  return %e : complex<f64>
}

func.func private @real(%x: f32) -> complex<f64> {
  %zero = arith.constant 0.0 : f64
  %re = arith.extf %x : f32 to f64
  %z = complex.create %re, %zero : complex<f64>
  return %z : complex<f64>
}

func.func private @widen(%x: complex<f32>) -> complex<f64> {
  %re = complex.re %x : complex<f32>
  %im = complex.im %x : complex<f32>
  %re_w = arith.extf %re : f32 to f64
  %im_w = arith.extf %im : f32 to f64
  %z = complex.create %re_w, %im_w : complex<f64>
  return %z : complex<f64>
}

func.func private @narrow(%x: complex<f64>) -> complex<f32> {
  %re = complex.re %x : complex<f64>
  %im = complex.im %x : complex<f64>
  %re_n = arith.truncf %re : f64 to f32
  %im_n = arith.truncf %im : f64 to f32
  %z = complex.create %re_n, %im_n : complex<f32>
  return %z : complex<f32>
}
