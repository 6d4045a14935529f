// Mamba's selective scan, S6: input-dependent steps, input and output maps (Gu
// and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
// arXiv 2312.00752).
//
//     h_t = e^{dt_t A} h_{t-1} + dt_t B_t u_t      dt_t = softplus(delta_t + bias)
//     y_t = (C_t h_t + D u_t) silu(z_t)
//
// The D channels d of a group g share B and C. @mamba1_complex: A, B and C are
// complex, one half of conjugate pairs, and the output is 2 Re(C_t h_t).

!gd = tensor<2x8xf32>
!gdn = tensor<2x8x8xf32>
!gdn_c = tensor<2x8x8xcomplex<f32>>
!btgd = tensor<?x?x2x8xf32>
!btgn = tensor<?x?x2x8xf32>
!btgn_c = tensor<?x?x2x8xcomplex<f32>>
!btgdn = tensor<?x?x2x8x8xf32>
!btgdn_c = tensor<?x?x2x8x8xcomplex<f32>>
!bgdn = tensor<?x2x8x8xf32>
!bgdn_c = tensor<?x2x8x8xcomplex<f32>>

#btgdn = affine_map<(b, t, g, d, n) -> (b, t, g, d, n)>
#btgd = affine_map<(b, t, g, d, n) -> (b, t, g, d)>
#btgn = affine_map<(b, t, g, d, n) -> (b, t, g, n)>
#bgdn = affine_map<(b, t, g, d, n) -> (b, g, d, n)>
#gdn = affine_map<(b, t, g, d, n) -> (g, d, n)>

#per_channel = affine_map<(b, t, g, d) -> (g, d)>
#signal = affine_map<(b, t, g, d) -> (b, t, g, d)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]
#par5 = ["parallel", "parallel", "parallel", "parallel", "parallel"]

func.func @mamba1(%A: !gdn, %D: !gd, %bias: !gd, %u: !btgd, %delta: !btgd, %z: !btgd,
                  %B: !btgn, %C: !btgn, %h0: !bgdn) -> (!btgd, !bgdn) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %u, %c0 : !btgd
  %time = tensor.dim %u, %c1 : !btgd
  %dt, %dtu = call @steps(%bias, %delta, %u) : (!gd, !btgd, !btgd) -> (!btgd, !btgd)
  %Abar, %B_dt = ssm.discretize euler transition(%A : !gdn) step(%dt : !btgd)
      {indexing_maps = [#gdn, #btgd, #btgdn, #btgd]} -> !btgdn, !btgd  // the factor of B, dt itself: dt u is the signal
  %s, %h = ssm.linear_recurrence transition(%Abar : !btgdn) signal(%dtu : !btgd)
      input(%B : !btgn) output(%C : !btgn) init(%h0 : !bgdn)
      {indexing_maps = [#btgdn, #btgd, #btgn, #btgn, #bgdn, #btgd, #bgdn], time = 1 : i64}
      -> !btgd, !bgdn
  %y = call @gate(%D, %u, %z, %s) : (!gd, !btgd, !btgd, !btgd) -> !btgd
  return %y, %h : !btgd, !bgdn
}

func.func @mamba1_complex(%A: !gdn_c, %D: !gd, %bias: !gd, %u: !btgd, %delta: !btgd, %z: !btgd,
                          %B: !btgn_c, %C: !btgn_c, %h0: !bgdn_c) -> (!btgd, !bgdn_c) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %u, %c0 : !btgd
  %time = tensor.dim %u, %c1 : !btgd
  %dt, %dtu = call @steps(%bias, %delta, %u) : (!gd, !btgd, !btgd) -> (!btgd, !btgd)
  %Abar, %B_dt = ssm.discretize euler transition(%A : !gdn_c) step(%dt : !btgd)
      {indexing_maps = [#gdn, #btgd, #btgdn, #btgd]} -> !btgdn_c, !btgd  // the factor of B, dt itself: dt u is the signal
  %s, %h = ssm.linear_recurrence transition(%Abar : !btgdn_c) signal(%dtu : !btgd)
      input(%B : !btgn_c) output(%C : !btgn_c) init(%h0 : !bgdn_c)
      {indexing_maps = [#btgdn, #btgd, #btgn, #btgn, #bgdn, #btgd, #bgdn], time = 1 : i64,
       projection = #ssm.projection<twice_real>} -> !btgd, !bgdn_c
  %y = call @gate(%D, %u, %z, %s) : (!gd, !btgd, !btgd, !btgd) -> !btgd
  return %y, %h : !btgd, !bgdn_c
}

// dt = softplus(delta + bias) and dt u
func.func private @steps(%bias: !gd, %delta: !btgd, %u: !btgd) -> (!btgd, !btgd) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %u, %c0 : !btgd
  %time = tensor.dim %u, %c1 : !btgd
  %e = tensor.empty(%batch, %time) : !btgd
  %dt, %dtu = linalg.generic {iterator_types = #par4,
      indexing_maps = [#per_channel, #signal, #signal, #signal, #signal]}
      ins(%bias, %delta, %u : !gd, !btgd, !btgd) outs(%e, %e : !btgd, !btgd) {
  ^bb0(%b: f32, %d: f32, %v: f32, %0: f32, %1: f32):
    %x = arith.addf %d, %b : f32
    %step = func.call @softplus(%x) : (f32) -> f32
    %scaled = arith.mulf %step, %v : f32
    linalg.yield %step, %scaled : f32, f32
  } -> (!btgd, !btgd)
  return %dt, %dtu : !btgd, !btgd
}

// (s + D u) silu(z)
func.func private @gate(%D: !gd, %u: !btgd, %z: !btgd, %s: !btgd) -> !btgd {
  %y = linalg.generic {iterator_types = #par4,
      indexing_maps = [#per_channel, #signal, #signal, #signal]}
      ins(%D, %u, %z : !gd, !btgd, !btgd) outs(%s : !btgd) {
  ^bb0(%d: f32, %v: f32, %g: f32, %sum: f32):
    %dv = arith.mulf %d, %v : f32
    %all = arith.addf %sum, %dv : f32
    %one = arith.constant 1.0 : f32
    %minus = arith.negf %g : f32
    %e = math.exp %minus : f32
    %more = arith.addf %one, %e : f32
    %silu = arith.divf %g, %more : f32
    %gated = arith.mulf %all, %silu : f32
    linalg.yield %gated : f32
  } -> !btgd
  return %y : !btgd
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
