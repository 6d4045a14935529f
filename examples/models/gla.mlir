// Gated linear attention: a matrix state whose rows decay as the input says
// (Yang et al., arXiv 2312.06635). With k = 1 - e^g it is HGRN2 (Qin et al.,
// arXiv 2404.07904).
//
//     S_t = diag(e^{g_t}) S_{t-1} + k_t v_t^T      g_t = log sigmoid(ghat_t + bias) / 16
//     y_t = K^{-1/2} q_t^T S_t                     S is [K, V]

!hk = tensor<2x16xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bhkv = tensor<?x2x16x16xf32>

#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

#same = affine_map<(b, t, h, k) -> (b, t, h, k)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]

func.func @gla(%bias: !hk, %q: !bthk, %k: !bthk, %v: !bthv, %ghat: !bthk, %S0: !bhkv)
    -> (!bthv, !bhkv) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %ghat, %c0 : !bthk
  %time = tensor.dim %ghat, %c1 : !bthk
  %e = tensor.empty(%batch, %time) : !bthk
  %decay = linalg.generic {iterator_types = #par4,
      indexing_maps = [affine_map<(b, t, h, k) -> (h, k)>, #same, #same]}
      ins(%bias, %ghat : !hk, !bthk) outs(%e : !bthk) {
  ^bb0(%b: f32, %g: f32, %0: f32):
    %z = arith.addf %g, %b : f32
    %log = func.call @log_sigmoid(%z) : (f32) -> f32
    %sixteenth = arith.constant 0.0625 : f32
    %rate = arith.mulf %log, %sixteenth : f32
    %a = math.exp %rate : f32
    linalg.yield %a : f32
  } -> !bthk
  %y, %S = ssm.linear_recurrence transition(%decay : !bthk) signal(%v : !bthv)
      input(%k : !bthk) output(%q : !bthk) init(%S0 : !bhkv)
      {indexing_maps = [#bthk, #bthv, #bthk, #bthk, #bhkv, #bthv, #bhkv], time = 1 : i64}
      -> !bthv, !bhkv
  %scaled = linalg.generic {iterator_types = #par4, indexing_maps = [#same]} outs(%y : !bthv) {
  ^bb0(%s: f32):
    %scale = arith.constant 0.25 : f32  // 16^{-1/2}
    %r = arith.mulf %s, %scale : f32
    linalg.yield %r : f32
  } -> !bthv
  return %scaled, %S : !bthv, !bhkv
}

// min(x, 0) - log(1 + e^{-|x|})
func.func private @log_sigmoid(%x: f32) -> f32 {
  %zero = arith.constant 0.0 : f32
  %low = arith.minimumf %x, %zero : f32
  %size = math.absf %x : f32
  %minus = arith.negf %size : f32
  %e = math.exp %minus : f32
  %log = math.log1p %e : f32
  %s = arith.subf %low, %log : f32
  return %s : f32
}
