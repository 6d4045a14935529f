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

func.func @s5(%A: !n_c, %B: !ni_c, %C: !on_c, %D: !h, %dt: !n, %u: !bth, %x0: !bn_c)
    -> (!bth, !bn_c) {
  %Abar, %Bbar = call @discretize(%A, %B, %dt) : (!n_c, !ni_c, !n) -> (!n_c, !ni_c)
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
  %Abar, %Bbar = call @discretize(%A, %B, %dt) : (!n_c, !ni_c, !n) -> (!n_c, !ni_c)
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

// In f64: what a coefficient loses every step would repeat.
func.func private @discretize(%A: !n_c, %B: !ni_c, %dt: !n) -> (!n_c, !ni_c) {
  %n_e = tensor.empty() : !n_c
  %ni_e = tensor.empty() : !ni_c
  %Abar, %ratio = linalg.generic {iterator_types = ["parallel"], indexing_maps = [
      affine_map<(n) -> (n)>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>,
      affine_map<(n) -> (n)>]} ins(%A, %dt : !n_c, !n) outs(%n_e, %n_e : !n_c, !n_c) {
  ^bb0(%a: complex<f32>, %step: f32, %0: complex<f32>, %1: complex<f32>):
    %s = func.call @real(%step) : (f32) -> complex<f64>
    %a_w = func.call @widen(%a) : (complex<f32>) -> complex<f64>
    %z = complex.mul %s, %a_w : complex<f64>
    %abar_w = complex.exp %z : complex<f64>
    %grown = complex.expm1 %z : complex<f64>
    %r_w = complex.div %grown, %a_w : complex<f64>
    %abar = func.call @narrow(%abar_w) : (complex<f64>) -> complex<f32>
    %r = func.call @narrow(%r_w) : (complex<f64>) -> complex<f32>
    linalg.yield %abar, %r : complex<f32>, complex<f32>
  } -> (!n_c, !n_c)
  %Bbar = linalg.generic {iterator_types = ["parallel", "parallel"], indexing_maps = [
      affine_map<(n, i) -> (n)>, affine_map<(n, i) -> (n, i)>, affine_map<(n, i) -> (n, i)>]}
      ins(%ratio, %B : !n_c, !ni_c) outs(%ni_e : !ni_c) {
  ^bb0(%r: complex<f32>, %b: complex<f32>, %0: complex<f32>):
    %rb = complex.mul %r, %b : complex<f32>
    linalg.yield %rb : complex<f32>
  } -> !ni_c
  return %Abar, %Bbar : !n_c, !ni_c
}

func.func private @real(%x: f32) -> complex<f64> {
  %zero = arith.constant 0.0 : f64
  %re = arith.extf %x : f32 to f64
  %z = complex.create %re, %zero : complex<f64>
  return %z : complex<f64>
}

func.func private @widen(%x: complex<f32>) -> complex<f64> {
  %re = complex.re %x : complex<f32>
  %im = complex.im %x : complex<f32>
  %re_w = arith.extf %re : f32 to f64
  %im_w = arith.extf %im : f32 to f64
  %z = complex.create %re_w, %im_w : complex<f64>
  return %z : complex<f64>
}

func.func private @narrow(%x: complex<f64>) -> complex<f32> {
  %re = complex.re %x : complex<f64>
  %im = complex.im %x : complex<f64>
  %re_n = arith.truncf %re : f64 to f32
  %im_n = arith.truncf %im : f64 to f32
  %z = complex.create %re_n, %im_n : complex<f32>
  return %z : complex<f32>
}
