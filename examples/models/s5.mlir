// S5: one multi-input, multi-output system with a diagonal complex state
// (Smith et al., "Simplified State Space Layers for Sequence Modeling",
// arXiv 2208.04933).
//
//     x_t = Abar x_{t-1} + Bbar u_t      Abar = e^{dt A}
//     y_t = 2 Re(C x_t) + D * u_t        Bbar = (e^{dt A} - 1)/A B
//
// One half of the conjugate pairs is stored. @s5_bidirectional adds
// z_t = Abar z_{t+1} + Bbar u_t, read by a C of its own.

!n = tensor<16xf32>
!n_c = tensor<16xcomplex<f32>>
!ni_c = tensor<16x16xcomplex<f32>>
!on_c = tensor<16x16xcomplex<f32>>
!h = tensor<16xf32>
!bth = tensor<?x?x16xf32>
!bn_c = tensor<?x16xcomplex<f32>>

#n = affine_map<(b, t, n, i, o) -> (n)>
#bti = affine_map<(b, t, n, i, o) -> (b, t, i)>
#ni = affine_map<(b, t, n, i, o) -> (n, i)>
#on = affine_map<(b, t, n, i, o) -> (o, n)>
#bto = affine_map<(b, t, n, i, o) -> (b, t, o)>
#bn = affine_map<(b, t, n, i, o) -> (b, n)>

#per_state = affine_map<(n, i) -> (n)>
#per_input = affine_map<(n, i) -> (n, i)>

func.func @s5(%A: !n_c, %B: !ni_c, %C: !on_c, %D: !h, %dt: !n, %u: !bth, %x0: !bn_c)
    -> (!bth, !bn_c) {
  %Abar, %Bbar = ssm.discretize zoh transition(%A : !n_c) step(%dt : !n) input(%B : !ni_c)
      {indexing_maps = [#per_state, #per_state, #per_input, #per_state, #per_input]}
      -> !n_c, !ni_c
  %y, %x = ssm.linear_recurrence transition(%Abar : !n_c) signal(%u : !bth)
      input(%Bbar : !ni_c) output(%C : !on_c) init(%x0 : !bn_c)
      {indexing_maps = [#n, #bti, #ni, #on, #bn, #bto, #bn], time = 1 : i64,
       projection = #ssm.projection<twice_real>} -> !bth, !bn_c
  %out = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>]} ins(%D, %u : !h, !bth) outs(%y : !bth) {
  ^bb0(%d: f32, %v: f32, %s: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %s, %dv : f32
    linalg.yield %sum : f32
  } -> !bth
  return %out, %x : !bth, !bn_c
}

func.func @s5_bidirectional(%A: !n_c, %B: !ni_c, %C_ahead: !on_c, %C_back: !on_c, %D: !h,
                            %dt: !n, %u: !bth) -> !bth {
  %Abar, %Bbar = ssm.discretize zoh transition(%A : !n_c) step(%dt : !n) input(%B : !ni_c)
      {indexing_maps = [#per_state, #per_state, #per_input, #per_state, #per_input]}
      -> !n_c, !ni_c
  %y, %x = ssm.linear_recurrence transition(%Abar : !n_c) signal(%u : !bth)
      input(%Bbar : !ni_c) output(%C_ahead : !on_c)
      {indexing_maps = [#n, #bti, #ni, #on, #bto, #bn], time = 1 : i64,
       projection = #ssm.projection<twice_real>} -> !bth, !bn_c
  %y_back, %z = ssm.linear_recurrence transition(%Abar : !n_c) signal(%u : !bth)
      input(%Bbar : !ni_c) output(%C_back : !on_c)
      {indexing_maps = [#n, #bti, #ni, #on, #bto, #bn], time = 1 : i64,
       direction = #ssm.direction<backward>,
       projection = #ssm.projection<twice_real>} -> !bth, !bn_c
  %out = linalg.generic {iterator_types = ["parallel", "parallel", "parallel"], indexing_maps = [
      affine_map<(b, t, h) -> (h)>, affine_map<(b, t, h) -> (b, t, h)>,
      affine_map<(b, t, h) -> (b, t, h)>, affine_map<(b, t, h) -> (b, t, h)>]}
      ins(%D, %u, %y_back : !h, !bth, !bth) outs(%y : !bth) {
  ^bb0(%d: f32, %v: f32, %back: f32, %ahead: f32):
    %dv = arith.mulf %d, %v : f32
    %both = arith.addf %ahead, %back : f32
    %sum = arith.addf %both, %dv : f32
    linalg.yield %sum : f32
  } -> !bth
  return %out : !bth
}
