// DeltaNet: before it writes v_t at the key k_t, it erases what is there (Yang
// et al., "Parallelizing Linear Transformers with the Delta Rule",
// arXiv 2406.06484).
//
//     S_t = (I - beta_t k_t k_t^T) S_{t-1} + beta_t k_t v_t^T      S is [K, V]
//     y_t = K^{-1/2} q_t^T S_t
//     k_t = khat_t / |khat_t|,  beta_t = sigmoid(bhat_t + bias)
//
// The transition is diagonal plus rank one: 1 + p_t k_t^T with p_t = -beta_t k_t.

!h = tensor<2xf32>
!bth = tensor<?x?x2xf32>
!bthk = tensor<?x?x2x16xf32>
!bthv = tensor<?x?x2x16xf32>
!bhkv = tensor<?x2x16x16xf32>

#k = affine_map<(b, t, h, k, v) -> (k)>
#bthk = affine_map<(b, t, h, k, v) -> (b, t, h, k)>
#bthv = affine_map<(b, t, h, k, v) -> (b, t, h, v)>
#bhkv = affine_map<(b, t, h, k, v) -> (b, h, k, v)>

#head = affine_map<(b, t, h, k) -> (h)>
#step = affine_map<(b, t, h, k) -> (b, t, h)>
#same = affine_map<(b, t, h, k) -> (b, t, h, k)>
#par4 = ["parallel", "parallel", "parallel", "parallel"]

func.func @deltanet(%bias: !h, %q: !bthk, %khat: !bthk, %v: !bthv, %bhat: !bth, %S0: !bhkv)
    -> (!bthv, !bhkv) {
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
  %k, %write, %p = linalg.generic {iterator_types = #par4,
      indexing_maps = [#same, #step, #step, #head, #same, #same, #same]}
      ins(%khat, %square, %bhat, %bias : !bthk, !bth, !bth, !h)
      outs(%bthk_e, %bthk_e, %bthk_e : !bthk, !bthk, !bthk) {
  ^bb0(%kh: f32, %n: f32, %bh: f32, %bb: f32, %0: f32, %1: f32, %2: f32):
    %root = math.sqrt %n : f32
    %kn = arith.divf %kh, %root : f32
    %x = arith.addf %bh, %bb : f32
    %beta = func.call @sigmoid(%x) : (f32) -> f32
    %bk = arith.mulf %beta, %kn : f32
    %minus = arith.negf %bk : f32
    linalg.yield %kn, %bk, %minus : f32, f32, f32
  } -> (!bthk, !bthk, !bthk)
  %ones = arith.constant dense<1.0> : tensor<16xf32>
  %y, %S = ssm.linear_recurrence transition(%ones : tensor<16xf32>) signal(%v : !bthv)
      input(%write : !bthk) output(%q : !bthk) init(%S0 : !bhkv) low_rank(%p, %k : !bthk, !bthk)
      {indexing_maps = [#k, #bthv, #bthk, #bthk, #bhkv, #bthk, #bthk, #bthv, #bhkv],
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
