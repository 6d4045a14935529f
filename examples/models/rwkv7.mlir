// RWKV-7 (Goose): a decay of each key channel and a generalised delta rule
// (Peng et al., arXiv 2503.14456).
//
//     S_t = S_{t-1} diag(w_t) + (S_{t-1} a_t) b_t^T + v_t k~_t^T      S is [V, K]
//     y_t = S_t r_t
//     w_t = exp(-e^{-1/2} sigmoid(w0 + what_t)),  eta_t = sigmoid(a0 + ahat_t)
//     kk = k * k_k over its norm,  a = -kk,  b = kk * eta,  k~ = k * (1 + (eta - 1) * k_a)
//
// Seen from the K side the transition is diagonal plus rank one: diag(w) + b a^T.

!hk = tensor<2x16xf32>
!bth = tensor<?x?x2xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bhvk = tensor<?x2x16x16xf32>

#bthk = affine_map<(b, t, h, v, k) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, v, k) -> (b, t, h, v)>
#bhvk = affine_map<(b, t, h, v, k) -> (b, h, v, k)>

#per_key = affine_map<(b, t, h, k) -> (h, k)>
#step = affine_map<(b, t, h, k) -> (b, t, h)>
#same = affine_map<(b, t, h, k) -> (b, t, h, k)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]

func.func @rwkv7(%w0: !hk, %a0: !hk, %k_k: !hk, %k_a: !hk, %r: !bthk, %k: !bthk, %what: !bthk,
                 %ahat: !bthk, %v: !bthv, %S0: !bhvk) -> (!bthv, !bhvk) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %k, %c0 : !bthk
  %time = tensor.dim %k, %c1 : !bthk
  %zero = arith.constant 0.0 : f32
  %bth_e = tensor.empty(%batch, %time) : !bth
  %e = tensor.empty(%batch, %time) : !bthk
  // |k * k_k|^2
  %zeros = linalg.fill ins(%zero : f32) outs(%bth_e : !bth) -> !bth
  %square = linalg.generic {iterator_types = ["parallel", "parallel", "parallel", "reduction"],
      indexing_maps = [#same, #per_key, #step]} ins(%k, %k_k : !bthk, !hk) outs(%zeros : !bth) {
  ^bb0(%kt: f32, %kkw: f32, %sum: f32):
    %scaled = arith.mulf %kt, %kkw : f32
    %sq = arith.mulf %scaled, %scaled : f32
    %next = arith.addf %sum, %sq : f32
    linalg.yield %next : f32
  } -> !bth
  %w, %a, %b, %write = linalg.generic {iterator_types = #par4, indexing_maps = [
      #per_key, #per_key, #per_key, #per_key, #same, #same, #same, #step,
      #same, #same, #same, #same]}
      ins(%w0, %a0, %k_k, %k_a, %k, %what, %ahat, %square
          : !hk, !hk, !hk, !hk, !bthk, !bthk, !bthk, !bth)
      outs(%e, %e, %e, %e : !bthk, !bthk, !bthk, !bthk) {
  ^bb0(%wb: f32, %ab: f32, %kkw: f32, %kaw: f32, %kt: f32, %wh: f32, %ah: f32, %sq: f32,
       %0: f32, %1: f32, %2: f32, %3: f32):
    %one = arith.constant 1.0 : f32
    %wx = arith.addf %wb, %wh : f32
    %gate = func.call @sigmoid(%wx) : (f32) -> f32
    %limit = arith.constant -0.60653065971263342 : f32  // -e^{-1/2}
    %log = arith.mulf %limit, %gate : f32
    %decay = math.exp %log : f32
    %ax = arith.addf %ab, %ah : f32
    %eta = func.call @sigmoid(%ax) : (f32) -> f32
    %scaled = arith.mulf %kt, %kkw : f32
    %norm = math.sqrt %sq : f32
    %kk = arith.divf %scaled, %norm : f32
    %minus = arith.negf %kk : f32
    %kk_eta = arith.mulf %kk, %eta : f32
    %less = arith.subf %eta, %one : f32
    %change = arith.mulf %less, %kaw : f32
    %factor = arith.addf %one, %change : f32
    %kw = arith.mulf %kt, %factor : f32
    linalg.yield %decay, %minus, %kk_eta, %kw : f32, f32, f32, f32
  } -> (!bthk, !bthk, !bthk, !bthk)
  %y, %S = ssm.linear_recurrence transition(%w : !bthk) signal(%v : !bthv)
      input(%write : !bthk) output(%r : !bthk) init(%S0 : !bhvk) low_rank(%b, %a : !bthk, !bthk)
      {indexing_maps = [#bthk, #bthv, #bthk, #bthk, #bhvk, #bthk, #bthk, #bthv, #bhvk],
       time = 1 : i64, row = 4 : i64} -> !bthv, !bhvk
  return %y, %S : !bthv, !bhvk
}

func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus = arith.negf %x : f32
  %e = math.exp %minus : f32
  %d = arith.addf %one, %e : f32
  %s = arith.divf %one, %d : f32
  return %s : f32
}
