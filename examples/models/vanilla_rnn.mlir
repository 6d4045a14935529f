// The vanilla RNN (Elman, "Finding Structure in Time", 1990).
//
//     x_t = tanh(A x_{t-1} + B u_t)
//     y_t = C x_t
//
// B u and C x are products over all of time, outside of the recurrence.

!nn = tensor<16x16xf32>
!ni = tensor<16x8xf32>
!on = tensor<8x16xf32>
!bti = tensor<?x?x8xf32>
!bto = tensor<?x?x8xf32>
!btn = tensor<?x?x16xf32>
!bn = tensor<?x16xf32>

#btn = affine_map<(b, t, n) -> (b, t, n)>
#bn = affine_map<(b, t, n) -> (b, n)>

func.func @vanilla_rnn(%A: !nn, %B: !ni, %C: !on, %u: !bti, %x0: !bn) -> (!bto, !bn) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %batch = tensor.dim %u, %c0 : !bti
  %time = tensor.dim %u, %c1 : !bti
  %Bu_e = tensor.empty(%batch, %time) : !btn
  %Bu_0 = linalg.fill ins(%zero : f32) outs(%Bu_e : !btn) -> !btn
  %Bu = linalg.contract indexing_maps = [affine_map<(b, t, n, i) -> (b, t, i)>,
      affine_map<(b, t, n, i) -> (n, i)>, affine_map<(b, t, n, i) -> (b, t, n)>]
      ins(%u, %B : !bti, !ni) outs(%Bu_0 : !btn) -> !btn
  %x, %last, %iterations, %residual = ssm.nonlinear_recurrence
      signals(%Bu : !btn) init(%x0 : !bn)
      {indexing_maps = [#btn, #bn, #btn, #bn], time = 1 : i64} -> (!btn), (!bn) {
  ^bb0(%before: !bn, %Bu_t: !bn):
    %z = linalg.contract indexing_maps = [affine_map<(b, n, m) -> (b, m)>,
        affine_map<(b, n, m) -> (n, m)>, affine_map<(b, n, m) -> (b, n)>]
        ins(%before, %A : !bn, !nn) outs(%Bu_t : !bn) -> !bn
    %next = math.tanh %z : !bn
    ssm.yield %next : !bn
  }
  %y_e = tensor.empty(%batch, %time) : !bto
  %y_0 = linalg.fill ins(%zero : f32) outs(%y_e : !bto) -> !bto
  %y = linalg.contract indexing_maps = [affine_map<(b, t, o, n) -> (b, t, n)>,
      affine_map<(b, t, o, n) -> (o, n)>, affine_map<(b, t, o, n) -> (b, t, o)>]
      ins(%x, %C : !btn, !on) outs(%y_0 : !bto) -> !bto
  return %y, %last : !bto, !bn
}
