// GRU (Cho et al., arXiv 1406.1078), with the reset gate after the matrix product
// as in cuDNN and PyTorch.
//
//     r = sigmoid(Wr u + Ur h + br),  z = sigmoid(Wz u + Uz h + bz)
//     n = tanh(Wn u + bn + r * (Un h + cn))
//     h_t = (1 - z) * n + z * h_{t-1},  y_t = h_t

!n = tensor<16xf32>
!nn = tensor<16x16xf32>
!ni = tensor<16x8xf32>
!bti = tensor<?x?x8xf32>
!btn = tensor<?x?x16xf32>
!bn = tensor<?x16xf32>

#btn = affine_map<(b, t, n) -> (b, t, n)>
#bn = affine_map<(b, t, n) -> (b, n)>
#state = affine_map<(b, n) -> (b, n)>

func.func @gru(%Wr: !ni, %Ur: !nn, %br: !n, %Wz: !ni, %Uz: !nn, %bz: !n, %Wn: !ni, %Un: !nn, %bn: !n,
               %cn: !n, %u: !bti, %h0: !bn) -> (!btn, !bn) {
  %ur = call @dense(%Wr, %br, %u) : (!ni, !n, !bti) -> !btn
  %uz = call @dense(%Wz, %bz, %u) : (!ni, !n, !bti) -> !btn
  %un = call @dense(%Wn, %bn, %u) : (!ni, !n, !bti) -> !btn
  %c0 = arith.constant 0 : index
  %batch = tensor.dim %u, %c0 : !bti
  %e = tensor.empty(%batch) : !bn
  %y, %last, %iterations, %residual = ssm.nonlinear_recurrence
      signals(%ur, %uz, %un : !btn, !btn, !btn) init(%h0 : !bn)
      {indexing_maps = [#btn, #btn, #btn, #bn, #btn, #bn], time = 1 : i64} -> (!btn), (!bn) {
  ^bb0(%h: !bn, %ur_t: !bn, %uz_t: !bn, %un_t: !bn):
    %r = func.call @step(%Ur, %h, %ur_t) : (!nn, !bn, !bn) -> !bn
    %z = func.call @step(%Uz, %h, %uz_t) : (!nn, !bn, !bn) -> !bn
    %cs = linalg.broadcast ins(%cn : !n) outs(%e : !bn) dimensions = [0]
    %reset = func.call @step(%Un, %h, %cs) : (!nn, !bn, !bn) -> !bn
    %next = linalg.generic {iterator_types = ["parallel", "parallel"],
        indexing_maps = [#state, #state, #state, #state, #state, #state]}
        ins(%r, %z, %reset, %un_t, %h : !bn, !bn, !bn, !bn, !bn) outs(%e : !bn) {
    ^bb1(%ri: f32, %zi: f32, %ci: f32, %ui: f32, %hi: f32, %0: f32):
      %one = arith.constant 1.0 : f32
      %rg = func.call @sigmoid(%ri) : (f32) -> f32
      %zg = func.call @sigmoid(%zi) : (f32) -> f32
      %rc = arith.mulf %rg, %ci : f32
      %sum = arith.addf %ui, %rc : f32
      %new = math.tanh %sum : f32
      %rest = arith.subf %one, %zg : f32
      %a = arith.mulf %rest, %new : f32
      %b = arith.mulf %zg, %hi : f32
      %ht = arith.addf %a, %b : f32
      linalg.yield %ht : f32
    } -> !bn
    ssm.yield %next : !bn
  }
  return %y, %last : !btn, !bn
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
