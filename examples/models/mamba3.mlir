// Mamba-3, single input: exponential-trapezoidal steps and a state that turns
// (arXiv 2603.15569).
//
//     S_t = alpha S_{t-1} + beta v_{t-1} k~_{t-1}^T + gamma v_t k~_t^T      S is [P, N]
//     y_t = S_t q~_t + D v_t
//     dt = softplus(dthat + bias),  A = -softplus(ahat),  lambda = sigmoid(trap)
//     alpha = e^{dt A},  beta = (1 - lambda) dt alpha,  gamma = lambda dt
//
// q~ and k~ are q and k with the pair of entries n turned by the angle Theta_tn,
// the sum of dt_s theta_sn up to t. With pairs as complex numbers, the state
// Z_t = e^{-i Theta_t} S_t needs no angles: its transition turns instead.
//
//     Z_t = a Z_{t-1} + (1 - lambda) dt a v_{t-1} k_{t-1}^T + gamma v_t k_t^T,
//     a = e^{dt (A - i theta)},   y_t = Re(q_t^* Z_t) + D v_t
//
// The two products are two inputs j. Besides Z, the last k and v are carried.

!h = tensor<2xf32>
!bth = tensor<?x?x2xf32>
!bthn = tensor<?x?x2x8xf32>
!bthn_c = tensor<?x?x2x8xcomplex<f32>>
!bthp = tensor<?x?x2x16xf32>
!bthnj_c = tensor<?x?x2x8x2xcomplex<f32>>
!bthpj = tensor<?x?x2x16x2xf32>
!bhn_c = tensor<?x2x8xcomplex<f32>>
!bhp = tensor<?x2x16xf32>
!bhpn_c = tensor<?x2x16x8xcomplex<f32>>

#a = affine_map<(b, t, h, p, n, j) -> (b, t, h, n)>
#v = affine_map<(b, t, h, p, n, j) -> (b, t, h, p, j)>
#k = affine_map<(b, t, h, p, n, j) -> (b, t, h, n, j)>
#y = affine_map<(b, t, h, p, n, j) -> (b, t, h, p)>
#Z = affine_map<(b, t, h, p, n, j) -> (b, h, p, n)>

#head = affine_map<(b, t, h) -> (h)>
#step = affine_map<(b, t, h) -> (b, t, h)>
#head_of = affine_map<(b, t, h, n) -> (h)>
#step_of = affine_map<(b, t, h, n) -> (b, t, h)>
#entry = affine_map<(b, t, h, n) -> (b, t, h, n)>
#entry_of = affine_map<(b, t, h, n, j) -> (b, t, h, n)>
#step_of_both = affine_map<(b, t, h, n, j) -> (b, t, h)>
#both = affine_map<(b, t, h, n, j) -> (b, t, h, n, j)>
#par3 = ["parallel", "parallel", "parallel"]
#par4 = ["parallel", "parallel", "parallel", "parallel"]
#par5 = ["parallel", "parallel", "parallel", "parallel", "parallel"]

func.func @mamba3(%bias: !h, %D: !h, %q: !bthn_c, %k: !bthn_c, %v: !bthp, %dthat: !bth, %ahat: !bth,
                  %trap: !bth, %theta: !bthn, %Z0: !bhpn_c, %k0: !bhn_c, %v0: !bhp)
    -> (!bthp, !bhpn_c, !bhn_c, !bhp) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %batch = tensor.dim %v, %c0 : !bthp
  %time = tensor.dim %v, %c1 : !bthp
  %step_e = tensor.empty(%batch, %time) : !bth
  %dt, %A, %lambda = linalg.generic {iterator_types = #par3,
      indexing_maps = [#head, #step, #step, #step, #step, #step, #step]}
      ins(%bias, %dthat, %ahat, %trap : !h, !bth, !bth, !bth)
      outs(%step_e, %step_e, %step_e : !bth, !bth, !bth) {
  ^bb0(%b: f32, %d: f32, %a: f32, %x: f32, %0: f32, %1: f32, %2: f32):
    %z = arith.addf %d, %b : f32
    %dt = func.call @softplus(%z) : (f32) -> f32
    %rate = func.call @softplus(%a) : (f32) -> f32
    %A = arith.negf %rate : f32
    %minus = arith.negf %x : f32
    %e = math.exp %minus : f32
    %more = arith.addf %one, %e : f32
    %l = arith.divf %one, %more : f32
    linalg.yield %dt, %A, %l : f32, f32, f32
  } -> (!bth, !bth, !bth)
  %a_e = tensor.empty(%batch, %time) : !bthn_c
  %a, %q_conj = linalg.generic {iterator_types = #par4,
      indexing_maps = [#step_of, #step_of, #entry, #entry, #entry, #entry]}
      ins(%dt, %A, %theta, %q : !bth, !bth, !bthn, !bthn_c) outs(%a_e, %a_e : !bthn_c, !bthn_c) {
  ^bb0(%s: f32, %x: f32, %th: f32, %qt: complex<f32>, %0: complex<f32>, %1: complex<f32>):
    %log = arith.mulf %s, %x : f32
    %turn = arith.mulf %s, %th : f32
    %back = arith.negf %turn : f32
    %z = complex.create %log, %back : complex<f32>
    %abar = complex.exp %z : complex<f32>
    %qc = complex.conj %qt : complex<f32>
    linalg.yield %abar, %qc : complex<f32>, complex<f32>
  } -> (!bthn_c, !bthn_c)
  // Element t of these is the k and v before step t.
  %ks = tensor.pad %k low[0, 1, 0, 0] high[0, 0, 0, 0] {
  ^bb0(%b: index, %t: index, %h: index, %n: index):
    %x = tensor.extract %k0[%b, %h, %n] : !bhn_c
    tensor.yield %x : complex<f32>
  } : !bthn_c to !bthn_c
  %vs = tensor.pad %v low[0, 1, 0, 0] high[0, 0, 0, 0] {
  ^bb0(%b: index, %t: index, %h: index, %p: index):
    %x = tensor.extract %v0[%b, %h, %p] : !bhp
    tensor.yield %x : f32
  } : !bthp to !bthp
  %k_before = tensor.extract_slice %ks[0, 0, 0, 0] [%batch, %time, 2, 8] [1, 1, 1, 1] : !bthn_c to !bthn_c
  %v_before = tensor.extract_slice %vs[0, 0, 0, 0] [%batch, %time, 2, 16] [1, 1, 1, 1] : !bthp to !bthp
  %v_e = tensor.empty(%batch, %time) : !bthpj
  %signal = linalg.generic {iterator_types = #par5, indexing_maps = [#entry_of, #entry_of, #both]}
      ins(%v, %v_before : !bthp, !bthp) outs(%v_e : !bthpj) {
  ^bb0(%now: f32, %before: f32, %0: f32):
    %j = linalg.index 4 : index
    %is_now = arith.cmpi eq, %j, %c0 : index
    %x = arith.select %is_now, %now, %before : f32
    linalg.yield %x : f32
  } -> !bthpj
  %k_e = tensor.empty(%batch, %time) : !bthnj_c
  %input = linalg.generic {iterator_types = #par5, indexing_maps = [
      #step_of_both, #step_of_both, #entry_of, #entry_of, #entry_of, #both]}
      ins(%dt, %lambda, %a, %k, %k_before : !bth, !bth, !bthn_c, !bthn_c, !bthn_c) outs(%k_e : !bthnj_c) {
  ^bb0(%s: f32, %l: f32, %abar: complex<f32>, %now: complex<f32>, %before: complex<f32>, %0: complex<f32>):
    %j = linalg.index 4 : index
    %is_now = arith.cmpi eq, %j, %c0 : index
    %zero = arith.constant 0.0 : f32
    %gamma = arith.mulf %l, %s : f32
    %rest = arith.subf %one, %l : f32
    %share = arith.mulf %rest, %s : f32
    %gamma_c = complex.create %gamma, %zero : complex<f32>
    %share_c = complex.create %share, %zero : complex<f32>
    %x = complex.mul %gamma_c, %now : complex<f32>
    %turned = complex.mul %abar, %before : complex<f32>
    %y = complex.mul %share_c, %turned : complex<f32>
    %z = arith.select %is_now, %x, %y : complex<f32>
    linalg.yield %z : complex<f32>
  } -> !bthnj_c
  %read, %Z = ssm.linear_recurrence transition(%a : !bthn_c) signal(%signal : !bthpj)
      input(%input : !bthnj_c) output(%q_conj : !bthn_c) init(%Z0 : !bhpn_c)
      {indexing_maps = [#a, #v, #k, #a, #Z, #y, #Z], time = 1 : i64,
       projection = #ssm.projection<real>} -> !bthp, !bhpn_c
  %out = linalg.generic {iterator_types = #par4, indexing_maps = [#head_of, #entry, #entry]}
      ins(%D, %v : !h, !bthp) outs(%read : !bthp) {
  ^bb0(%d: f32, %x: f32, %r: f32):
    %dx = arith.mulf %d, %x : f32
    %sum = arith.addf %r, %dx : f32
    linalg.yield %sum : f32
  } -> !bthp
  %k_last = tensor.extract_slice %ks[0, %time, 0, 0] [%batch, 1, 2, 8] [1, 1, 1, 1] : !bthn_c to !bhn_c
  %v_last = tensor.extract_slice %vs[0, %time, 0, 0] [%batch, 1, 2, 16] [1, 1, 1, 1] : !bthp to !bhp
  return %out, %Z, %k_last, %v_last : !bthp, !bhpn_c, !bhn_c, !bhp
}

// max(x, 0) + log(1 + e^{-|x|})
func.func private @softplus(%x: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %high = arith.maximumf %x, %zero : f32
  %size = math.absf %x : f32
  %minus = arith.negf %size : f32
  %e = math.exp %minus : f32
  %log = math.log1p %e : f32
  %s = arith.addf %high, %log : f32
  return %s : f32
}
