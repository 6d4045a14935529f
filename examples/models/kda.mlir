// KDA, Kimi's delta attention: the delta rule after a decay of each key channel
// (Kimi Team, "Kimi Linear", arXiv 2510.26692).
//
//     S' = diag(e^{g_t}) S_{t-1}                          S is [K, V]
//     S_t = S' + beta_t k_t (v_t - S'^T k_t)^T
//     y_t = K^{-1/2} q_t^T S_t
//     g_t = -e^{a_log} softplus(ghat_t + dt_bias)
//     k_t = khat_t / |khat_t|,  beta_t = sigmoid(bhat_t + bias)
//
// The transition is diagonal plus rank one: diag(e^{g_t}) - beta_t k_t (e^{g_t} k_t)^T.

!h = tensor<2xf32>
!hk = tensor<2x16xf32>
!bth = tensor<?x?x2xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bhkv = tensor<?x2x16x16xf32>

#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

#head = affine_map<(b, t, h, k) -> (h)>
#step = affine_map<(b, t, h, k) -> (b, t, h)>
#same = affine_map<(b, t, h, k) -> (b, t, h, k)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]

func.func @kda(%bias: !h, %a_log: !h, %dt_bias: !hk, %q: !bthk, %khat: !bthk, %v: !bthv,
               %bhat: !bth, %ghat: !bthk, %S0: !bhkv) -> (!bthv, !bhkv) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %q, %c0 : !bthk
  %time = tensor.dim %q, %c1 : !bthk
  %zero = arith.constant 0.0 : f32
  %bth_e = tensor.empty(%batch, %time) : !bth
  %bthk_e = tensor.empty(%batch, %time) : !bthk
  %zeros = linalg.fill ins(%zero : f32) outs(%bth_e : !bth) -> !bth
  %square = linalg.contract indexing_maps = [#same, #same, #step]
      ins(%khat, %khat : !bthk, !bthk) outs(%zeros : !bth) -> !bth
  %erase, %write, %w, %p = linalg.generic {iterator_types = #par4,
      indexing_maps = [#same, #step, #step, #head, #same, #head, affine_map<(b, t, h, k) -> (h, k)>,
                       #same, #same, #same, #same]}
      ins(%khat, %square, %bhat, %bias, %ghat, %a_log, %dt_bias
          : !bthk, !bth, !bth, !h, !bthk, !h, !hk)
      outs(%bthk_e, %bthk_e, %bthk_e, %bthk_e : !bthk, !bthk, !bthk, !bthk) {
  ^bb0(%kh: f32, %n: f32, %bh: f32, %bb: f32, %gh: f32, %al: f32, %db: f32,
       %0: f32, %1: f32, %2: f32, %3: f32):
    %root = math.sqrt %n : f32
    %kn = arith.divf %kh, %root : f32
    %x = arith.addf %bh, %bb : f32
    %beta = func.call @sigmoid(%x) : (f32) -> f32
    %bk = arith.mulf %beta, %kn : f32
    %z = arith.addf %gh, %db : f32
    %dt = func.call @softplus(%z) : (f32) -> f32
    %rate = math.exp %al : f32
    %loss = arith.mulf %rate, %dt : f32
    %g = arith.negf %loss : f32
    %decay = math.exp %g : f32
    %decayed = arith.mulf %decay, %kn : f32
    %minus = arith.negf %bk : f32
    linalg.yield %decayed, %bk, %decay, %minus : f32, f32, f32, f32
  } -> (!bthk, !bthk, !bthk, !bthk)
  %y, %S = ssm.linear_recurrence transition(%w : !bthk) signal(%v : !bthv)
      input(%write : !bthk) output(%q : !bthk) init(%S0 : !bhkv) low_rank(%p, %erase : !bthk, !bthk)
      {indexing_maps = [#bthk, #bthv, #bthk, #bthk, #bhkv, #bthk, #bthk, #bthv, #bhkv],
       time = 1 : i64, row = 3 : i64} -> !bthv, !bhkv
  %scaled = linalg.generic {iterator_types = #par4, indexing_maps = [#same]} outs(%y : !bthv) {
  ^bb0(%s: f32):
    %scale = arith.constant 0.25 : f32  // 16^{-1/2}
    %r = arith.mulf %s, %scale : f32
    linalg.yield %r : f32
  } -> !bthv
  return %scaled, %S : !bthv, !bhkv
}

func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus = arith.negf %x : f32
  %e = math.exp %minus : f32
  %d = arith.addf %one, %e : f32
  %s = arith.divf %one, %d : f32
  return %s : f32
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
