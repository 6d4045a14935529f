// LSTM (Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; forget gate of
// Gers et al., 2000).
//
//     i, f, o = sigmoid(W u + U h + b), one each;  g = tanh(Wg u + Ug h + bg)
//     c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t),  y_t = h_t

!n = tensor<16xf32>
!nn = tensor<16x16xf32>
!ni = tensor<16x8xf32>
!bti = tensor<?x?x8xf32>
!btn = tensor<?x?x16xf32>
!bn = tensor<?x16xf32>

#btn = affine_map<(b, t, n) -> (b, t, n)>
#bn = affine_map<(b, t, n) -> (b, n)>
#state = affine_map<(b, n) -> (b, n)>

func.func @lstm(%Wi: !ni, %Ui: !nn, %bi: !n, %Wf: !ni, %Uf: !nn, %bf: !n, %Wo: !ni, %Uo: !nn, %bo: !n,
                %Wg: !ni, %Ug: !nn, %bg: !n, %u: !bti, %h0: !bn, %c0: !bn) -> (!btn, !bn, !bn) {
  %ui = call @dense(%Wi, %bi, %u) : (!ni, !n, !bti) -> !btn
  %uf = call @dense(%Wf, %bf, %u) : (!ni, !n, !bti) -> !btn
  %uo = call @dense(%Wo, %bo, %u) : (!ni, !n, !bti) -> !btn
  %ug = call @dense(%Wg, %bg, %u) : (!ni, !n, !bti) -> !btn
  %first = arith.constant 0 : index
  %batch = tensor.dim %u, %first : !bti
  %e = tensor.empty(%batch) : !bn
  %y, %cs, %h_last, %c_last, %iterations, %residual = ssm.nonlinear_recurrence
      signals(%ui, %uf, %uo, %ug : !btn, !btn, !btn, !btn) init(%h0, %c0 : !bn, !bn)
      {indexing_maps = [#btn, #btn, #btn, #btn, #bn, #bn, #btn, #btn, #bn, #bn], time = 1 : i64}
      -> (!btn, !btn), (!bn, !bn) {
  ^bb0(%h: !bn, %c: !bn, %ui_t: !bn, %uf_t: !bn, %uo_t: !bn, %ug_t: !bn):
    %i = func.call @step(%Ui, %h, %ui_t) : (!nn, !bn, !bn) -> !bn
    %f = func.call @step(%Uf, %h, %uf_t) : (!nn, !bn, !bn) -> !bn
    %o = func.call @step(%Uo, %h, %uo_t) : (!nn, !bn, !bn) -> !bn
    %g = func.call @step(%Ug, %h, %ug_t) : (!nn, !bn, !bn) -> !bn
    %h_next, %c_next = linalg.generic {iterator_types = ["parallel", "parallel"],
        indexing_maps = [#state, #state, #state, #state, #state, #state, #state]}
        ins(%i, %f, %o, %g, %c : !bn, !bn, !bn, !bn, !bn) outs(%e, %e : !bn, !bn) {
    ^bb1(%ii: f32, %fi: f32, %oi: f32, %gi: f32, %ci: f32, %0: f32, %1: f32):
      %input = func.call @sigmoid(%ii) : (f32) -> f32
      %forget = func.call @sigmoid(%fi) : (f32) -> f32
      %output = func.call @sigmoid(%oi) : (f32) -> f32
      %new = math.tanh %gi : f32
      %kept = arith.mulf %forget, %ci : f32
      %added = arith.mulf %input, %new : f32
      %cell = arith.addf %kept, %added : f32
      %squashed = math.tanh %cell : f32
      %hidden = arith.mulf %output, %squashed : f32
      linalg.yield %hidden, %cell : f32, f32
    } -> (!bn, !bn)
    ssm.yield %h_next, %c_next : !bn, !bn
  }
  return %y, %h_last, %c_last : !btn, !bn, !bn
}

// W u + bias over all of time
func.func private @dense(%W: !ni, %bias: !n, %u: !bti) -> !btn {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %u, %c0 : !bti
  %time = tensor.dim %u, %c1 : !bti
  %e = tensor.empty(%batch, %time) : !btn
  %start = linalg.broadcast ins(%bias : !n) outs(%e : !btn) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [affine_map<(b, t, n, i) -> (b, t, i)>,
      affine_map<(b, t, n, i) -> (n, i)>, affine_map<(b, t, n, i) -> (b, t, n)>]
      ins(%u, %W : !bti, !ni) outs(%start : !btn) -> !btn
  return %y : !btn
}

// U h + start at one time
func.func private @step(%U: !nn, %h: !bn, %start: !bn) -> !bn {
  %y = linalg.contract indexing_maps = [affine_map<(b, n, m) -> (b, m)>,
      affine_map<(b, n, m) -> (n, m)>, affine_map<(b, n, m) -> (b, n)>]
      ins(%h, %U : !bn, !nn) outs(%start : !bn) -> !bn
  return %y : !bn
}

func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus = arith.negf %x : f32
  %e = math.exp %minus : f32
  %d = arith.addf %one, %e : f32
  %s = arith.divf %one, %d : f32
  return %s : f32
}
