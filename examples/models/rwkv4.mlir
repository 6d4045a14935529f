// RWKV-4: a weighted average of the past, per channel (Peng et al., "RWKV:
// Reinventing RNNs for the Transformer Era", arXiv 2305.13048).
//
//     y_t = (sum_{i<t} e^{-(t-1-i) d + k_i} v_i + e^{u + k_t} v_t)
//         / (sum_{i<t} e^{-(t-1-i) d + k_i}     + e^{u + k_t}),       d = e^w
//
// A summary (n, o, p, q) of some steps holds n, the logarithm of their decay,
// and the two sums as e^o p and e^o q with the largest exponent o taken out:
// e^k itself may overflow. Summaries form a monoid,
//
//     (n_i, o_i, p_i, q_i) (n_j, o_j, p_j, q_j) = (n_i + n_j, o,
//         e^{o_i + n_j - o} p_i + e^{o_j - o} p_j, and likewise q),
//     o = max(o_i + n_j, o_j)
//
// n and o are in f64: each step adds a little to an o that may be large, and
// what rounding takes from it would add up.
//
// The state that comes in is element 0 of the scan, so that element t is the
// state before step t. Before any step it is (-1e38, 0, 0).

!c = tensor<32xf32>
!btc = tensor<?x?x32xf32>
!bc = tensor<?x32xf32>
!btc_w = tensor<?x?x32xf64>
!bc_w = tensor<?x32xf64>

#c = affine_map<(b, t, c) -> (c)>
#btc = affine_map<(b, t, c) -> (b, t, c)>
#par3 = ["parallel", "parallel", "parallel"]

func.func @rwkv4(%w: !c, %u: !c, %k: !btc, %v: !btc, %o0: !bc_w, %p0: !bc, %q0: !bc)
    -> (!btc, !bc_w, !bc, !bc) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %batch = tensor.dim %k, %c0 : !btc
  %time = tensor.dim %k, %c1 : !btc
  %e = tensor.empty(%batch, %time) : !btc
  %ones = linalg.fill ins(%one : f32) outs(%e : !btc) -> !btc
  %e_w = tensor.empty(%batch, %time) : !btc_w
  %k_w = linalg.copy ins(%k : !btc) outs(%e_w : !btc_w) -> !btc_w
  %ks = tensor.pad %k_w low[0, 1, 0] high[0, 0, 0] {
  ^bb0(%b: index, %t: index, %c: index):
    %first = tensor.extract %o0[%b, %c] : !bc_w
    tensor.yield %first : f64
  } : !btc_w to !btc_w
  %vs = call @prepend(%p0, %v) : (!bc, !btc) -> !btc
  %qs = call @prepend(%q0, %ones) : (!bc, !btc) -> !btc
  %more = arith.addi %time, %c1 : index
  %more_e = tensor.empty(%batch, %more) : !btc_w
  %ns = linalg.generic {iterator_types = #par3, indexing_maps = [#c, #btc]}
      ins(%w : !c) outs(%more_e : !btc_w) {
  ^bb0(%wc: f32, %0: f64):
    %w_w = arith.extf %wc : f32 to f64
    %d = math.exp %w_w : f64
    %log = arith.negf %d : f64
    linalg.yield %log : f64
  } -> !btc_w
  %n, %o, %p, %q = ssm.associative_scan(%ns, %ks, %vs, %qs) {dimension = 1 : i64}
      : (!btc_w, !btc_w, !btc, !btc) {
  ^bb0(%ni: f64, %oi: f64, %pi: f32, %qi: f32, %nj: f64, %oj: f64, %pj: f32, %qj: f32):
    %nij = arith.addf %ni, %nj : f64
    %earlier = arith.addf %oi, %nj : f64
    %oij = arith.maximumf %earlier, %oj : f64
    %past_w = arith.subf %earlier, %oij : f64
    %now_w = arith.subf %oj, %oij : f64
    %past_log = arith.truncf %past_w : f64 to f32
    %now_log = arith.truncf %now_w : f64 to f32
    %past = math.exp %past_log : f32
    %now = math.exp %now_log : f32
    %pp = arith.mulf %past, %pi : f32
    %np = arith.mulf %now, %pj : f32
    %pij = arith.addf %pp, %np : f32
    %pq = arith.mulf %past, %qi : f32
    %nq = arith.mulf %now, %qj : f32
    %qij = arith.addf %pq, %nq : f32
    ssm.yield %nij, %oij, %pij, %qij : f64, f64, f32, f32
  }
  %ob = tensor.extract_slice %o[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc_w to !btc_w
  %pb = tensor.extract_slice %p[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc to !btc
  %qb = tensor.extract_slice %q[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc to !btc
  %y = linalg.generic {iterator_types = #par3,
      indexing_maps = [#c, #btc, #btc, #btc, #btc, #btc, #btc]}
      ins(%u, %k, %v, %ob, %pb, %qb : !c, !btc, !btc, !btc_w, !btc, !btc) outs(%e : !btc) {
  ^bb0(%uc: f32, %kt: f32, %vt: f32, %ot: f64, %pt: f32, %qt: f32, %0: f32):
    %u_w = arith.extf %uc : f32 to f64
    %kt_w = arith.extf %kt : f32 to f64
    %uk = arith.addf %u_w, %kt_w : f64
    %top = arith.maximumf %ot, %uk : f64
    %past_w = arith.subf %ot, %top : f64
    %now_w = arith.subf %uk, %top : f64
    %past_log = arith.truncf %past_w : f64 to f32
    %now_log = arith.truncf %now_w : f64 to f32
    %past = math.exp %past_log : f32
    %now = math.exp %now_log : f32
    %pp = arith.mulf %past, %pt : f32
    %nv = arith.mulf %now, %vt : f32
    %above = arith.addf %pp, %nv : f32
    %pq = arith.mulf %past, %qt : f32
    %below = arith.addf %pq, %now : f32
    %yt = arith.divf %above, %below : f32
    linalg.yield %yt : f32
  } -> !btc
  %ol = tensor.extract_slice %o[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc_w to !bc_w
  %pl = tensor.extract_slice %p[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc to !bc
  %ql = tensor.extract_slice %q[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc to !bc
  return %y, %ol, %pl, %ql : !btc, !bc_w, !bc, !bc
}

// x with `first` before it
func.func private @prepend(%first: !bc, %x: !btc) -> !btc {
  %padded = tensor.pad %x low[0, 1, 0] high[0, 0, 0] {
  ^bb0(%b: index, %t: index, %c: index):
    %f = tensor.extract %first[%b, %c] : !bc
    tensor.yield %f : f32
  } : !btc to !btc
  return %padded : !btc
}
