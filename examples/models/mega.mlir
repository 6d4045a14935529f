// MEGA's multi-dimensional damped moving average: N real decays a channel (Ma
// et al., "Mega: Moving Average Equipped Gated Attention", arXiv 2209.10655).
//
//     h_t = q h_{t-1} + p beta u_t                   p = sigmoid(delta)
//     e_t = sum_n gamma_n h_tn / sqrt(N)             q = 1 - p sigmoid(alpha)
//     y_t = silu(e_t + omega u_t)
//
// q and the state are in f64: a q near 1 is rounded too much by f32.
// @mega_bidirectional adds an average that runs backward, with parameters of its
// own; u_t itself counts in both. Transforms make one convolution of the two.

!h = tensor<16xf32>
!hn = tensor<16x8xf32>
!bth = tensor<?x?x16xf32>
!hn_w = tensor<16x8xf64>
!bhn_w = tensor<?x16x8xf64>

#hn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>

#h_n = affine_map<(h, n) -> (h, n)>

func.func @mega(%delta: !hn, %alpha: !hn, %beta: !hn, %gamma: !hn, %omega: !h, %u: !bth, %h0: !bhn_w)
    -> (!bth, !bhn_w) {
  %q, %b, %c = call @coefficients(%delta, %alpha, %beta, %gamma) : (!hn, !hn, !hn, !hn) -> (!hn_w, !hn, !hn)
  %average, %h = ssm.linear_recurrence transition(%q : !hn_w) signal(%u : !bth)
      input(%b : !hn) output(%c : !hn) init(%h0 : !bhn_w)
      {indexing_maps = [#hn, #bth, #hn, #hn, #bhn, #bth, #bhn], time = 1 : i64} -> !bth, !bhn_w
  %y = call @activate(%omega, %u, %average) : (!h, !bth, !bth) -> !bth
  return %y, %h : !bth, !bhn_w
}

func.func @mega_bidirectional(%delta_ahead: !hn, %alpha_ahead: !hn, %beta_ahead: !hn, %gamma_ahead: !hn,
                              %delta_back: !hn, %alpha_back: !hn, %beta_back: !hn, %gamma_back: !hn,
                              %omega: !h, %u: !bth) -> !bth {
  %q, %b, %c = call @coefficients(%delta_ahead, %alpha_ahead, %beta_ahead, %gamma_ahead)
      : (!hn, !hn, !hn, !hn) -> (!hn_w, !hn, !hn)
  %r, %d, %e = call @coefficients(%delta_back, %alpha_back, %beta_back, %gamma_back)
      : (!hn, !hn, !hn, !hn) -> (!hn_w, !hn, !hn)
  %ahead, %h = ssm.linear_recurrence transition(%q : !hn_w) signal(%u : !bth) input(%b : !hn) output(%c : !hn)
      {indexing_maps = [#hn, #bth, #hn, #hn, #bth, #bhn], time = 1 : i64} -> !bth, !bhn_w
  %back, %g = ssm.linear_recurrence transition(%r : !hn_w) signal(%u : !bth) input(%d : !hn) output(%e : !hn)
      {indexing_maps = [#hn, #bth, #hn, #hn, #bth, #bhn], time = 1 : i64,
       direction = #ssm.direction<backward>} -> !bth, !bhn_w
  %average = arith.addf %ahead, %back : !bth
  %y = call @activate(%omega, %u, %average) : (!h, !bth, !bth) -> !bth
  return %y : !bth
}

// q, p beta and gamma / sqrt(N)
func.func private @coefficients(%delta: !hn, %alpha: !hn, %beta: !hn, %gamma: !hn) -> (!hn_w, !hn, !hn) {
  %one = arith.constant 1.0 : f64
  %e = tensor.empty() : !hn
  %e_w = tensor.empty() : !hn_w
  %q, %b, %c = linalg.generic {iterator_types = ["parallel", "parallel"],
      indexing_maps = [#h_n, #h_n, #h_n, #h_n, #h_n, #h_n, #h_n]}
      ins(%delta, %alpha, %beta, %gamma : !hn, !hn, !hn, !hn) outs(%e_w, %e, %e : !hn_w, !hn, !hn) {
  ^bb0(%dn: f32, %an: f32, %bn: f32, %gn: f32, %0: f64, %1: f32, %2: f32):
    %p = func.call @sigmoid(%dn) : (f32) -> f32
    %damping = func.call @sigmoid(%an) : (f32) -> f32
    %p_w = arith.extf %p : f32 to f64
    %damping_w = arith.extf %damping : f32 to f64
    %loss = arith.mulf %p_w, %damping_w : f64
    %qn = arith.subf %one, %loss : f64
    %pb = arith.mulf %p, %bn : f32
    %states = arith.constant 8.0 : f32
    %root = math.rsqrt %states : f32
    %cn = arith.mulf %gn, %root : f32
    linalg.yield %qn, %pb, %cn : f64, f32, f32
  } -> (!hn_w, !hn, !hn)
  return %q, %b, %c : !hn_w, !hn, !hn
}

// silu(e + omega u)
func.func private @activate(%omega: !h, %u: !bth, %average: !bth) -> !bth {
  %y = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>]} ins(%omega, %u : !h, !bth) outs(%average : !bth) {
  ^bb0(%w: f32, %v: f32, %s: f32):
    %wv = arith.mulf %w, %v : f32
    %z = arith.addf %s, %wv : f32
    %gate = func.call @sigmoid(%z) : (f32) -> f32
    %silu = arith.mulf %z, %gate : f32
    linalg.yield %silu : f32
  } -> !bth
  return %y : !bth
}

func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus = arith.negf %x : f32
  %e = math.exp %minus : f32
  %d = arith.addf %one, %e : f32
  %s = arith.divf %one, %d : f32
  return %s : f32
}
