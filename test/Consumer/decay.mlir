// x_t = a * x_{t-1} + u_t for each of three channels.
#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>
func.func @decay(%a: tensor<3xf32>, %u: tensor<?x3xf32>)
    -> (tensor<?x3xf32>, tensor<3xf32>) {
  %x, %last = ssm.linear_recurrence
      transition(%a : tensor<3xf32>) signal(%u : tensor<?x3xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
      -> tensor<?x3xf32>, tensor<3xf32>
  return %x, %last : tensor<?x3xf32>, tensor<3xf32>
}
