// The recurrence of an S4D layer: diagonal, time-invariant, complex states of
// which one of each conjugate pair is stored.
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
func.func @s4d(%a: tensor<64x32xcomplex<f32>>, %b: tensor<64x32xcomplex<f32>>,
               %c: tensor<64x32xcomplex<f32>>, %u: tensor<8x?x64xf32>)
    -> (tensor<8x?x64xf32>, tensor<8x64x32xcomplex<f32>>) {
  %y, %x = ssm.linear_recurrence
      transition(%a : tensor<64x32xcomplex<f32>>)
      signal(%u : tensor<8x?x64xf32>)
      input(%b : tensor<64x32xcomplex<f32>>)
      output(%c : tensor<64x32xcomplex<f32>>)
      {indexing_maps = [#hn, #bth, #hn, #hn, #bth, #bhn], time = 1 : i64,
       projection = #ssm.projection<twice_real>}
      -> tensor<8x?x64xf32>, tensor<8x64x32xcomplex<f32>>
  return %y, %x : tensor<8x?x64xf32>, tensor<8x64x32xcomplex<f32>>
}
