// HGRN's recurrence: a gated average, real, per channel (Qin et al.,
// "Hierarchically Gated Recurrent Neural Network", arXiv 2311.04823).
//
//     f_t = low + (1 - low) sigmoid(fhat_t)      low: the layer's lower bound
//     h_t = f_t h_{t-1} + (1 - f_t) i_t
//     y_t = h_t

!d = tensor<32xf32>
!btd = tensor<?x?x32xf32>
!bd = tensor<?x32xf32>

#btd = affine_map<(b, t, d) -> (b, t, d)>
#bd = affine_map<(b, t, d) -> (b, d)>

func.func @hgrn(%low: !d, %fhat: !btd, %i: !btd, %h0: !bd) -> (!btd, !bd) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %fhat, %c0 : !btd
  %time = tensor.dim %fhat, %c1 : !btd
  %e = tensor.empty(%batch, %time) : !btd
  // 1 - f from itself, as f may be close to 1.
  %f, %rest = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"],
      indexing_maps = [affine_map<(b, t, d) -> (d)>, #btd, #btd, #btd]}
      ins(%low, %fhat : !d, !btd) outs(%e, %e : !btd, !btd) {
  ^bb0(%l: f32, %z: f32, %0: f32, %1: f32):
    %one = arith.constant 1.0 : f32
    %range = arith.subf %one, %l : f32
    %exp = math.exp %z : f32
    %more = arith.addf %one, %exp : f32
    %r = arith.divf %range, %more : f32
    %keep = arith.subf %one, %r : f32
    linalg.yield %keep, %r : f32, f32
  } -> (!btd, !btd)
  %y, %h = ssm.linear_recurrence transition(%f : !btd) signal(%i : !btd) input(%rest : !btd)
      init(%h0 : !bd) {indexing_maps = [#btd, #btd, #btd, #bd, #btd, #bd], time = 1 : i64}
      -> !btd, !bd
  return %y, %h : !btd, !bd
}
