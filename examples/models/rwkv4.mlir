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
// What rounding takes from o is put back into p and q where the exponent is
// computed as (o_i - o) + n_j, of which the difference is exact.
//
// The state that comes in is element 0 of the scan, so that element t is the
// state before step t. Before any step it is (-1e38, 0, 0).

!c = tensor<32xf32>
!btc = tensor<?x?x32xf32>
!bc = tensor<?x32xf32>

#c = affine_map<(b, t, c) -> (c)>
#btc = affine_map<(b, t, c) -> (b, t, c)>
#par3 = ["parallel", "parallel", "parallel"]

func.func @rwkv4(%w: !c, %u: !c, %k: !btc, %v: !btc, %o0: !bc, %p0: !bc, %q0: !bc)
    -> (!btc, !bc, !bc, !bc) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %batch = tensor.dim %k, %c0 : !btc
  %time = tensor.dim %k, %c1 : !btc
  %e = tensor.empty(%batch, %time) : !btc
  %ones = linalg.fill ins(%one : f32) outs(%e : !btc) -> !btc
  %ks = call @prepend(%o0, %k) : (!bc, !btc) -> !btc
  %vs = call @prepend(%p0, %v) : (!bc, !btc) -> !btc
  %qs = call @prepend(%q0, %ones) : (!bc, !btc) -> !btc
  %more = arith.addi %time, %c1 : index
  %more_e = tensor.empty(%batch, %more) : !btc
  %ns = linalg.generic {iterator_types = #par3, indexing_maps = [#c, #btc]}
      ins(%w : !c) outs(%more_e : !btc) {
  ^bb0(%wc: f32, %0: f32):
    %d = math.exp %wc : f32
    %log = arith.negf %d : f32
    linalg.yield %log : f32
  } -> !btc
  %n, %o, %p, %q = ssm.associative_scan(%ns, %ks, %vs, %qs) {dimension = 1 : i64}
      : (!btc, !btc, !btc, !btc) {
  ^bb0(%ni: f32, %oi: f32, %pi: f32, %qi: f32, %nj: f32, %oj: f32, %pj: f32, %qj: f32):
    %nij = arith.addf %ni, %nj : f32
    %earlier = arith.addf %oi, %nj : f32
    %oij = arith.maximumf %earlier, %oj : f32
    %drop = arith.subf %oi, %oij : f32
    %past_log = arith.addf %drop, %nj : f32
    %now_log = arith.subf %oj, %oij : f32
    %past = math.exp %past_log : f32
    %now = math.exp %now_log : f32
    %pp = arith.mulf %past, %pi : f32
    %np = arith.mulf %now, %pj : f32
    %pij = arith.addf %pp, %np : f32
    %pq = arith.mulf %past, %qi : f32
    %nq = arith.mulf %now, %qj : f32
    %qij = arith.addf %pq, %nq : f32
    ssm.yield %nij, %oij, %pij, %qij : f32, f32, f32, f32
  }
  %ob = tensor.extract_slice %o[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc to !btc
  %pb = tensor.extract_slice %p[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc to !btc
  %qb = tensor.extract_slice %q[0, 0, 0] [%batch, %time, 32] [1, 1, 1] : !btc to !btc
  %y = linalg.generic {iterator_types = #par3,
      indexing_maps = [#c, #btc, #btc, #btc, #btc, #btc, #btc]}
      ins(%u, %k, %v, %ob, %pb, %qb : !c, !btc, !btc, !btc, !btc, !btc) outs(%e : !btc) {
  ^bb0(%uc: f32, %kt: f32, %vt: f32, %ot: f32, %pt: f32, %qt: f32, %0: f32):
    %uk = arith.addf %uc, %kt : f32
    %top = arith.maximumf %ot, %uk : f32
    %past_log = arith.subf %ot, %top : f32
    %drop = arith.subf %kt, %top : f32
    %now_log = arith.addf %drop, %uc : f32
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
  %ol = tensor.extract_slice %o[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc to !bc
  %pl = tensor.extract_slice %p[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc to !bc
  %ql = tensor.extract_slice %q[0, %time, 0] [%batch, 1, 32] [1, 1, 1] : !btc to !bc
  return %y, %ol, %pl, %ql : !btc, !bc, !bc, !bc
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
