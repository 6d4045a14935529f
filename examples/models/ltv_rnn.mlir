// A linear time-varying RNN: every matrix varies with time, none commute.
//
//     x_t = A_t x_{t-1} + B_t u_t
//     y_t = C_t x_t

!btnm = tensor<?x?x16x16xf32>
!btni = tensor<?x?x16x8xf32>
!bton = tensor<?x?x8x16xf32>
!bti = tensor<?x?x8xf32>
!bto = tensor<?x?x8xf32>
!bn = tensor<?x16xf32>

#btnm = affine_map<(b, t, n, m, i, o) -> (b, t, n, m)>
#bti = affine_map<(b, t, n, m, i, o) -> (b, t, i)>
#btni = affine_map<(b, t, n, m, i, o) -> (b, t, n, i)>
#bton = affine_map<(b, t, n, m, i, o) -> (b, t, o, n)>
#bto = affine_map<(b, t, n, m, i, o) -> (b, t, o)>
#bn = affine_map<(b, t, n, m, i, o) -> (b, n)>

func.func @ltv_rnn(%A: !btnm, %B: !btni, %C: !bton, %u: !bti, %x0: !bn) -> (!bto, !bn) {
  %y, %x = ssm.linear_recurrence transition(%A : !btnm) signal(%u : !bti)
      input(%B : !btni) output(%C : !bton) init(%x0 : !bn)
      {indexing_maps = [#btnm, #bti, #btni, #bton, #bn, #bto, #bn], time = 1 : i64,
       row = 2 : i64, column = 3 : i64} -> !bto, !bn
  return %y, %x : !bto, !bn
}
