// RWKV-5 (Eagle): a matrix state, one fixed decay per key channel, read before
// the update, with a bonus u for the present (Peng et al., arXiv 2404.05892).
//
//     y_t = r_t^T (S_{t-1} + diag(u) k_t v_t^T)      S is [K, V]
//     S_t = diag(w) S_{t-1} + k_t v_t^T              w = e^{-e^what}

!hk = tensor<2x16xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bth = tensor<?x?x2xf32>
!bhkv = tensor<?x2x16x16xf32>

#hk = affine_map<(b, t, h, k, v) -> (h, k)>
#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

#same = affine_map<(b, t, h, k) -> (b, t, h, k)>
#head = affine_map<(b, t, h, k) -> (b, t, h)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]

func.func @rwkv5(%what: !hk, %u: !hk, %r: !bthk, %k: !bthk, %v: !bthv, %S0: !bhkv)
    -> (!bthv, !bhkv) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %k, %c0 : !bthk
  %time = tensor.dim %k, %c1 : !bthk
  %e = tensor.empty() : !hk
  %decay = linalg.generic {iterator_types = ["parallel", "parallel"],
      indexing_maps = [affine_map<(h, k) -> (h, k)>, affine_map<(h, k) -> (h, k)>]}
      ins(%what : !hk) outs(%e : !hk) {
  ^bb0(%x: f32, %0: f32):
    %rate = math.exp %x : f32
    %log = arith.negf %rate : f32
    %w = math.exp %log : f32
    linalg.yield %w : f32
  } -> !hk
  %past, %S = ssm.linear_recurrence transition(%decay : !hk) signal(%v : !bthv)
      input(%k : !bthk) output(%r : !bthk) init(%S0 : !bhkv)
      {indexing_maps = [#hk, #bthv, #bthk, #bthk, #bhkv, #bthv, #bhkv], time = 1 : i64,
       read = #ssm.read<before>} -> !bthv, !bhkv
  // The bonus of the present: (sum_k r u k) v.
  %zero = arith.constant 0.0 : f32
  %weight_e = tensor.empty(%batch, %time) : !bth
  %weight_0 = linalg.fill ins(%zero : f32) outs(%weight_e : !bth) -> !bth
  %weight = linalg.generic {iterator_types = ["parallel", "parallel", "parallel", "reduction"],
      indexing_maps = [#same, affine_map<(b, t, h, k) -> (h, k)>, #same, #head]}
      ins(%r, %u, %k : !bthk, !hk, !bthk) outs(%weight_0 : !bth) {
  ^bb0(%rk: f32, %uk: f32, %kk: f32, %sum: f32):
    %ru = arith.mulf %rk, %uk : f32
    %ruk = arith.mulf %ru, %kk : f32
    %next = arith.addf %sum, %ruk : f32
    linalg.yield %next : f32
  } -> !bth
  %y = linalg.generic {iterator_types = #par4, indexing_maps = [#head, #same, #same]}
      ins(%weight, %v : !bth, !bthv) outs(%past : !bthv) {
  ^bb0(%w: f32, %vv: f32, %p: f32):
    %wv = arith.mulf %w, %vv : f32
    %sum = arith.addf %p, %wv : f32
    linalg.yield %sum : f32
  } -> !bthv
  return %y, %S : !bthv, !bhkv
}
