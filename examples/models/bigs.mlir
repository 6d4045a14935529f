// A BiGS layer: two diagonal systems, one along the flipped signal, multiplied
// together between gates (Wang et al., "Pretraining Without Attention",
// arXiv 2212.10544).
//
//     f = SSM_f(gelu(Uf x)),  b = SSM_b(gelu(Ub x)) run backward
//     y = Wo (gelu(Wl ((Wf f) * (Wb b))) * gelu(Wv x))
//
// Each matrix comes with a bias; gelu is the tanh approximation. An SSM is S4D
// by zero-order hold with B = 1 and one A, C, D, dt for all channels:
//
//     s_t = e^{dt A} s_{t-1} + (e^{dt A} - 1)/A u_t,   out_t = Re(C s_t) + D u_t
//
// Residual and layer norm are outside.

!s = tensor<f32>
!n_c = tensor<16xcomplex<f32>>
!e = tensor<16xf32>
!i = tensor<24xf32>
!ee = tensor<16x16xf32>
!ie = tensor<24x16xf32>
!ei = tensor<16x24xf32>
!bte = tensor<?x?x16xf32>
!bti = tensor<?x?x24xf32>
!ben_c = tensor<?x16x16xcomplex<f32>>

#n = affine_map<(b, t, e, n) -> (n)>
#bte = affine_map<(b, t, e, n) -> (b, t, e)>
#ben = affine_map<(b, t, e, n) -> (b, e, n)>

#per_state = affine_map<(n) -> (n)>
#once = affine_map<(n) -> ()>
#scalar = affine_map<(b, t, e) -> ()>
#signal = affine_map<(b, t, e) -> (b, t, e)>
#par3 = ["parallel", "parallel", "parallel"]

func.func @bigs(%Uf: !ee, %Uf_bias: !e, %Ub: !ee, %Ub_bias: !e, %Wf: !ee, %Wf_bias: !e,
                %Wb: !ee, %Wb_bias: !e, %Wl: !ie, %Wl_bias: !i, %Wv: !ie, %Wv_bias: !i,
                %Wo: !ei, %Wo_bias: !e, %f_A: !n_c, %f_C: !n_c, %f_D: !s, %f_dt: !s,
                %b_A: !n_c, %b_C: !n_c, %b_D: !s, %b_dt: !s, %x: !bte) -> !bte {
  %uf = call @dense(%Uf, %Uf_bias, %x) : (!ee, !e, !bte) -> !bte
  %ub = call @dense(%Ub, %Ub_bias, %x) : (!ee, !e, !bte) -> !bte
  %gf = call @gelu(%uf) : (!bte) -> !bte
  %gb = call @gelu(%ub) : (!bte) -> !bte
  %f_Abar, %f_Bbar = ssm.discretize zoh transition(%f_A : !n_c) step(%f_dt : !s)
      {indexing_maps = [#per_state, #once, #per_state, #per_state]} -> !n_c, !n_c
  %b_Abar, %b_Bbar = ssm.discretize zoh transition(%b_A : !n_c) step(%b_dt : !s)
      {indexing_maps = [#per_state, #once, #per_state, #per_state]} -> !n_c, !n_c
  %f, %f_final = ssm.linear_recurrence transition(%f_Abar : !n_c) signal(%gf : !bte)
      input(%f_Bbar : !n_c) output(%f_C : !n_c)
      {indexing_maps = [#n, #bte, #n, #n, #bte, #ben], time = 1 : i64,
       projection = #ssm.projection<real>} -> !bte, !ben_c
  %b, %b_final = ssm.linear_recurrence transition(%b_Abar : !n_c) signal(%gb : !bte)
      input(%b_Bbar : !n_c) output(%b_C : !n_c)
      {indexing_maps = [#n, #bte, #n, #n, #bte, #ben], time = 1 : i64,
       direction = #ssm.direction<backward>, projection = #ssm.projection<real>} -> !bte, !ben_c
  %fd = call @add_skip(%f_D, %gf, %f) : (!s, !bte, !bte) -> !bte
  %bd = call @add_skip(%b_D, %gb, %b) : (!s, !bte, !bte) -> !bte
  %wf = call @dense(%Wf, %Wf_bias, %fd) : (!ee, !e, !bte) -> !bte
  %wb = call @dense(%Wb, %Wb_bias, %bd) : (!ee, !e, !bte) -> !bte
  %both = linalg.mul ins(%wf, %wb : !bte, !bte) outs(%wf : !bte) -> !bte
  %wl = call @dense_in(%Wl, %Wl_bias, %both) : (!ie, !i, !bte) -> !bti
  %wv = call @dense_in(%Wv, %Wv_bias, %x) : (!ie, !i, !bte) -> !bti
  %gated = linalg.generic {iterator_types = #par3, indexing_maps = [#signal, #signal]}
      ins(%wv : !bti) outs(%wl : !bti) {
  ^bb0(%v: f32, %l: f32):
    %gv = func.call @gelu_of(%v) : (f32) -> f32
    %gl = func.call @gelu_of(%l) : (f32) -> f32
    %g = arith.mulf %gl, %gv : f32
    linalg.yield %g : f32
  } -> !bti
  %y = call @dense_out(%Wo, %Wo_bias, %gated) : (!ei, !e, !bti) -> !bte
  return %y : !bte
}

// y + D u
func.func private @add_skip(%D: !s, %u: !bte, %y: !bte) -> !bte {
  %out = linalg.generic {iterator_types = #par3, indexing_maps = [#scalar, #signal, #signal]}
      ins(%D, %u : !s, !bte) outs(%y : !bte) {
  ^bb0(%d: f32, %v: f32, %s: f32):
    %dv = arith.mulf %d, %v : f32
    %sum = arith.addf %s, %dv : f32
    linalg.yield %sum : f32
  } -> !bte
  return %out : !bte
}

// W x + bias, from the width to itself, to the inner width, and back
func.func private @dense(%W: !ee, %bias: !e, %x: !bte) -> !bte {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %x, %c0 : !bte
  %time = tensor.dim %x, %c1 : !bte
  %empty = tensor.empty(%batch, %time) : !bte
  %start = linalg.broadcast ins(%bias : !e) outs(%empty : !bte) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [affine_map<(b, t, o, e) -> (b, t, e)>,
      affine_map<(b, t, o, e) -> (o, e)>, affine_map<(b, t, o, e) -> (b, t, o)>]
      ins(%x, %W : !bte, !ee) outs(%start : !bte) -> !bte
  return %y : !bte
}

func.func private @dense_in(%W: !ie, %bias: !i, %x: !bte) -> !bti {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %x, %c0 : !bte
  %time = tensor.dim %x, %c1 : !bte
  %empty = tensor.empty(%batch, %time) : !bti
  %start = linalg.broadcast ins(%bias : !i) outs(%empty : !bti) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [affine_map<(b, t, o, e) -> (b, t, e)>,
      affine_map<(b, t, o, e) -> (o, e)>, affine_map<(b, t, o, e) -> (b, t, o)>]
      ins(%x, %W : !bte, !ie) outs(%start : !bti) -> !bti
  return %y : !bti
}

func.func private @dense_out(%W: !ei, %bias: !e, %x: !bti) -> !bte {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %x, %c0 : !bti
  %time = tensor.dim %x, %c1 : !bti
  %empty = tensor.empty(%batch, %time) : !bte
  %start = linalg.broadcast ins(%bias : !e) outs(%empty : !bte) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [affine_map<(b, t, o, e) -> (b, t, e)>,
      affine_map<(b, t, o, e) -> (o, e)>, affine_map<(b, t, o, e) -> (b, t, o)>]
      ins(%x, %W : !bti, !ei) outs(%start : !bte) -> !bte
  return %y : !bte
}

func.func private @gelu(%x: !bte) -> !bte {
  %y = linalg.generic {iterator_types = #par3, indexing_maps = [#signal]} outs(%x : !bte) {
  ^bb0(%v: f32):
    %g = func.call @gelu_of(%v) : (f32) -> f32
    linalg.yield %g : f32
  } -> !bte
  return %y : !bte
}

// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
func.func private @gelu_of(%x: f32) -> f32 {
  %cubic = arith.constant 0.044715 : f32
  %scale = arith.constant 0.79788456080286535588 : f32
  %half = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %square = arith.mulf %x, %x : f32
  %cube = arith.mulf %square, %x : f32
  %term = arith.mulf %cubic, %cube : f32
  %sum = arith.addf %x, %term : f32
  %z = arith.mulf %scale, %sum : f32
  %tanh = math.tanh %z : f32
  %grown = arith.addf %one, %tanh : f32
  %half_x = arith.mulf %half, %x : f32
  %g = arith.mulf %half_x, %grown : f32
  return %g : f32
}
