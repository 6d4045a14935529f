// Retention: a matrix state with one fixed decay per head (Sun et al.,
// "Retentive Network", arXiv 2307.08621).
//
//     S_t = gamma S_{t-1} + k_t v_t^T      S is [K, V]
//     y_t = K^{-1/2} q_t^T S_t
//
// The decay does not vary, k (the input map) and q (the output map) do: there
// is no kernel to convolve with.

!h = tensor<2xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bhkv = tensor<?x2x16x16xf32>

#h = affine_map<(b, t, h, k, v) -> (h)>
#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

func.func @retnet(%gamma: !h, %q: !bthk, %k: !bthk, %v: !bthv, %S0: !bhkv) -> (!bthv, !bhkv) {
  %y, %S = ssm.linear_recurrence transition(%gamma : !h) signal(%v : !bthv)
      input(%k : !bthk) output(%q : !bthk) init(%S0 : !bhkv)
      {indexing_maps = [#h, #bthv, #bthk, #bthk, #bhkv, #bthv, #bhkv], time = 1 : i64}
      -> !bthv, !bhkv
  %scaled = linalg.generic {iterator_types = ["parallel", "parallel", "parallel", "parallel"],
      indexing_maps = [affine_map<(b, t, h, v) -> (b, t, h, v)>]} outs(%y : !bthv) {
  ^bb0(%s: f32):
    %scale = arith.constant 0.25 : f32  // 16^{-1/2}
    %r = arith.mulf %s, %scale : f32
    linalg.yield %r : f32
  } -> !bthv
  return %scaled, %S : !bthv, !bhkv
}
