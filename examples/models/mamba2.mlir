// Mamba-2: one scalar decay per head and step, a matrix state (Dao and Gu,
// "Transformers are SSMs", arXiv 2405.21060).
//
//     S_t = e^{dt_t A} S_{t-1} + dt_t x_t B_t^T      dt_t = softplus(delta_t + bias)
//     y_t = S_t C_t + D x_t                          S is [P, N]
//
// The heads h of a group g share B and C.

!gh = tensor<2x2xf32>
!btgh = tensor<?x?x2x2xf32>
!btghp = tensor<?x?x2x2x16xf32>
!btgn = tensor<?x?x2x16xf32>
!bghpn = tensor<?x2x2x16x16xf32>

#btgh = affine_map<(b, t, g, h, p, n) -> (b, t, g, h)>
#btghp = affine_map<(b, t, g, h, p, n) -> (b, t, g, h, p)>
#btgn = affine_map<(b, t, g, h, p, n) -> (b, t, g, n)>
#bghpn = affine_map<(b, t, g, h, p, n) -> (b, g, h, p, n)>

#head = affine_map<(b, t, g, h) -> (g, h)>
#step = affine_map<(b, t, g, h) -> (b, t, g, h)>
#head_of = affine_map<(b, t, g, h, p) -> (g, h)>
#step_of = affine_map<(b, t, g, h, p) -> (b, t, g, h)>
#signal = affine_map<(b, t, g, h, p) -> (b, t, g, h, p)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]
#par5 = ["parallel", "parallel", "parallel", "parallel", "parallel"]

func.func @mamba2(%A: !gh, %D: !gh, %bias: !gh, %x: !btghp, %delta: !btgh, %B: !btgn, %C: !btgn,
                  %S0: !bghpn) -> (!btghp, !bghpn) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %x, %c0 : !btghp
  %time = tensor.dim %x, %c1 : !btghp
  %step_e = tensor.empty(%batch, %time) : !btgh
  %dt, %decay = linalg.generic {iterator_types = #par4,
      indexing_maps = [#head, #head, #step, #step, #step]}
      ins(%A, %bias, %delta : !gh, !gh, !btgh) outs(%step_e, %step_e : !btgh, !btgh) {
  ^bb0(%a: f32, %b: f32, %d: f32, %0: f32, %1: f32):
    %z = arith.addf %d, %b : f32
    %s = func.call @softplus(%z) : (f32) -> f32
    %sa = arith.mulf %s, %a : f32
    %abar = math.exp %sa : f32
    linalg.yield %s, %abar : f32, f32
  } -> (!btgh, !btgh)
  %signal_e = tensor.empty(%batch, %time) : !btghp
  %dtx = linalg.generic {iterator_types = #par5, indexing_maps = [#step_of, #signal, #signal]}
      ins(%dt, %x : !btgh, !btghp) outs(%signal_e : !btghp) {
  ^bb0(%s: f32, %v: f32, %0: f32):
    %sv = arith.mulf %s, %v : f32
    linalg.yield %sv : f32
  } -> !btghp
  %read, %S = ssm.linear_recurrence transition(%decay : !btgh) signal(%dtx : !btghp)
      input(%B : !btgn) output(%C : !btgn) init(%S0 : !bghpn)
      {indexing_maps = [#btgh, #btghp, #btgn, #btgn, #bghpn, #btghp, #bghpn], time = 1 : i64}
      -> !btghp, !bghpn
  %y = linalg.generic {iterator_types = #par5, indexing_maps = [#head_of, #signal, #signal]}
      ins(%D, %x : !gh, !btghp) outs(%read : !btghp) {
  ^bb0(%d: f32, %v: f32, %r: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %r, %dv : f32
    linalg.yield %sum : f32
  } -> !btghp
  return %y, %S : !btghp, !bghpn
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
