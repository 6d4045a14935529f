// A language model of characters: six blocks of S4D and a gated linear map, on
// one text of any length. model.py says what it computes, generate.py runs it.
//
//     x = x + (s V + v) sigmoid(s G + g)      s = silu(S4D(norm(x)))
//
// The characters come in embedded, and out as logits of the next one.

!layers = tensor<6x256xf32>
!layers_hn = tensor<6x256x16xcomplex<f32>>
!layers_hh = tensor<6x256x256xf32>
!h = tensor<256xf32>
!hn = tensor<256x16xcomplex<f32>>
!hh = tensor<256x256xf32>
!hv = tensor<256x96xf32>
!t = tensor<?xf32>
!th = tensor<?x256xf32>
!tv = tensor<?x96xf32>

#hn = affine_map<(t, h, n) -> (h, n)>
#th = affine_map<(t, h, n) -> (t, h)>
#row = affine_map<(t, h) -> (t)>
#channel = affine_map<(t, h) -> (h)>
#all = affine_map<(t, h) -> (t, h)>
#par = ["parallel", "parallel"]

func.func @lm(%a: !layers_hn, %b: !layers_hn, %c: !layers_hn, %skip: !layers, %scale: !layers, %shift: !layers,
              %value: !layers_hh, %value_bias: !layers, %gate: !layers_hh, %gate_bias: !layers,
              %last_scale: !h, %last_shift: !h, %logits: !hv, %text: !th) -> !tv {
  %i0 = arith.constant 0 : index
  %i1 = arith.constant 1 : index
  %i2 = arith.constant 2 : index
  %i3 = arith.constant 3 : index
  %i4 = arith.constant 4 : index
  %i5 = arith.constant 5 : index
  %x0 = call @block(%i0, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %text) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %x1 = call @block(%i1, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %x0) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %x2 = call @block(%i2, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %x1) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %x3 = call @block(%i3, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %x2) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %x4 = call @block(%i4, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %x3) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %x5 = call @block(%i5, %a, %b, %c, %skip, %scale, %shift, %value, %value_bias, %gate, %gate_bias,
      %x4) : (index, !layers_hn, !layers_hn, !layers_hn, !layers, !layers, !layers, !layers_hh, !layers, !layers_hh, !layers, !th) -> !th
  %n = call @norm(%x5, %last_scale, %last_shift) : (!th, !h, !h) -> !th
  %y = call @project(%n, %logits) : (!th, !hv) -> !tv
  return %y : !tv
}

func.func private @block(%i: index, %a: !layers_hn, %b: !layers_hn, %c: !layers_hn, %skip: !layers, %scale: !layers,
                         %shift: !layers, %value: !layers_hh, %value_bias: !layers, %gate: !layers_hh,
                         %gate_bias: !layers, %x: !th) -> !th {
  %scale_i = tensor.extract_slice %scale[%i, 0] [1, 256] [1, 1] : !layers to !h
  %shift_i = tensor.extract_slice %shift[%i, 0] [1, 256] [1, 1] : !layers to !h
  %n = call @norm(%x, %scale_i, %shift_i) : (!th, !h, !h) -> !th

  %a_i = tensor.extract_slice %a[%i, 0, 0] [1, 256, 16] [1, 1, 1] : !layers_hn to !hn
  %b_i = tensor.extract_slice %b[%i, 0, 0] [1, 256, 16] [1, 1, 1] : !layers_hn to !hn
  %c_i = tensor.extract_slice %c[%i, 0, 0] [1, 256, 16] [1, 1, 1] : !layers_hn to !hn
  %s4d, %last = ssm.linear_recurrence transition(%a_i : !hn) signal(%n : !th) input(%b_i : !hn) output(%c_i : !hn)
      {indexing_maps = [#hn, #th, #hn, #hn, #th, #hn], time = 0 : i64, projection = #ssm.projection<twice_real>}
      -> !th, !hn
  %skip_i = tensor.extract_slice %skip[%i, 0] [1, 256] [1, 1] : !layers to !h
  %s = linalg.generic {iterator_types = #par, indexing_maps = [#channel, #all, #all]}
      ins(%skip_i, %n : !h, !th) outs(%s4d : !th) {
  ^bb0(%d: f32, %u: f32, %y: f32):
    %du = arith.mulf %d, %u : f32
    %sum = arith.addf %y, %du : f32
    %sigmoid = func.call @sigmoid(%sum) : (f32) -> f32
    %silu = arith.mulf %sum, %sigmoid : f32
    linalg.yield %silu : f32
  } -> !th

  %value_i = tensor.extract_slice %value[%i, 0, 0] [1, 256, 256] [1, 1, 1] : !layers_hh to !hh
  %gate_i = tensor.extract_slice %gate[%i, 0, 0] [1, 256, 256] [1, 1, 1] : !layers_hh to !hh
  %value_bias_i = tensor.extract_slice %value_bias[%i, 0] [1, 256] [1, 1] : !layers to !h
  %gate_bias_i = tensor.extract_slice %gate_bias[%i, 0] [1, 256] [1, 1] : !layers to !h
  %zero = call @zeros(%x) : (!th) -> !th
  %v = linalg.matmul ins(%s, %value_i : !th, !hh) outs(%zero : !th) -> !th
  %g = linalg.matmul ins(%s, %gate_i : !th, !hh) outs(%zero : !th) -> !th
  %y = linalg.generic {iterator_types = #par, indexing_maps = [#channel, #channel, #all, #all, #all]}
      ins(%value_bias_i, %gate_bias_i, %v, %g : !h, !h, !th, !th) outs(%x : !th) {
  ^bb0(%vb: f32, %gb: f32, %v0: f32, %g0: f32, %old: f32):
    %v1 = arith.addf %v0, %vb : f32
    %g1 = arith.addf %g0, %gb : f32
    %open = func.call @sigmoid(%g1) : (f32) -> f32
    %gated = arith.mulf %v1, %open : f32
    %new = arith.addf %old, %gated : f32
    linalg.yield %new : f32
  } -> !th
  return %y : !th
}

// (x - mean) / sqrt(variance + 1e-5) scale + shift, over the channels
func.func private @norm(%x: !th, %scale: !h, %shift: !h) -> !th {
  %sum = call @sum(%x) : (!th) -> !t
  %centered = linalg.generic {iterator_types = #par, indexing_maps = [#row, #all]} ins(%sum : !t) outs(%x : !th) {
  ^bb0(%total: f32, %v: f32):
    %width = arith.constant 256.0 : f32
    %mean = arith.divf %total, %width : f32
    %d = arith.subf %v, %mean : f32
    linalg.yield %d : f32
  } -> !th
  %squares = linalg.generic {iterator_types = #par, indexing_maps = [#all]} outs(%centered : !th) {
  ^bb0(%d: f32):
    %square = arith.mulf %d, %d : f32
    linalg.yield %square : f32
  } -> !th
  %power = call @sum(%squares) : (!th) -> !t
  %y = linalg.generic {iterator_types = #par, indexing_maps = [#row, #channel, #channel, #all]}
      ins(%power, %scale, %shift : !t, !h, !h) outs(%centered : !th) {
  ^bb0(%total: f32, %factor: f32, %offset: f32, %d: f32):
    %width = arith.constant 256.0 : f32
    %least = arith.constant 1.0e-5 : f32
    %variance = arith.divf %total, %width : f32
    %positive = arith.addf %variance, %least : f32
    %root = math.rsqrt %positive : f32
    %unit = arith.mulf %d, %root : f32
    %scaled = arith.mulf %unit, %factor : f32
    %shifted = arith.addf %scaled, %offset : f32
    linalg.yield %shifted : f32
  } -> !th
  return %y : !th
}

func.func private @sum(%x: !th) -> !t {
  %c0 = arith.constant 0 : index
  %time = tensor.dim %x, %c0 : !th
  %empty = tensor.empty(%time) : !t
  %0 = arith.constant 0.0 : f32
  %zero = linalg.fill ins(%0 : f32) outs(%empty : !t) -> !t
  %sum = linalg.generic {iterator_types = ["parallel", "reduction"], indexing_maps = [#all, #row]}
      ins(%x : !th) outs(%zero : !t) {
  ^bb0(%v: f32, %sofar: f32):
    %more = arith.addf %sofar, %v : f32
    linalg.yield %more : f32
  } -> !t
  return %sum : !t
}

func.func private @project(%x: !th, %w: !hv) -> !tv {
  %c0 = arith.constant 0 : index
  %time = tensor.dim %x, %c0 : !th
  %empty = tensor.empty(%time) : !tv
  %0 = arith.constant 0.0 : f32
  %zero = linalg.fill ins(%0 : f32) outs(%empty : !tv) -> !tv
  %y = linalg.matmul ins(%x, %w : !th, !hv) outs(%zero : !tv) -> !tv
  return %y : !tv
}

func.func private @zeros(%x: !th) -> !th {
  %c0 = arith.constant 0 : index
  %time = tensor.dim %x, %c0 : !th
  %empty = tensor.empty(%time) : !th
  %0 = arith.constant 0.0 : f32
  %zero = linalg.fill ins(%0 : f32) outs(%empty : !th) -> !th
  return %zero : !th
}

func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32
  %minus = arith.negf %x : f32
  %e = math.exp %minus : f32
  %more = arith.addf %one, %e : f32
  %s = arith.divf %one, %more : f32
  return %s : f32
}
