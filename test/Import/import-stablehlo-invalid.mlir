// RUN: ssm-opt %s --split-input-file --allow-unregistered-dialect --ssm-import-stablehlo --verify-diagnostics

func.func @factors(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'stablehlo.cholesky' op cannot be imported: no import is known of this op on these types; write it with others, or compute it outside}}
  %y = "stablehlo.cholesky"(%x) <{lower = true}> : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

func.func @sorts(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.sort' op cannot be imported: no import is known of an op of its region}}
  %y = "stablehlo.sort"(%x) <{dimension = 0 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %less = "stablehlo.custom_call"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "stablehlo.return"(%less) : (tensor<i1>) -> ()
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @sorts_rows(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.sort' op cannot be imported: its types do not fit}}
  %y = "stablehlo.sort"(%x) <{dimension = 1 : i64}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %less = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "stablehlo.return"(%less) : (tensor<i1>) -> ()
  }) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @scatters(%x: tensor<4xf32>, %i: tensor<2x1xi32>, %v: tensor<3xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.scatter' op cannot be imported: its numbers do not fit its types}}
  %y = "stablehlo.scatter"(%x, %i, %v) <{scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    "stablehlo.return"(%b) : (tensor<f32>) -> ()
  }) : (tensor<4xf32>, tensor<2x1xi32>, tensor<3xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @solves(%m: tensor<4x4xf32>, %b: tensor<3x1xf32>) -> tensor<3x1xf32> {
  // expected-error @+1 {{'stablehlo.triangular_solve' op cannot be imported: its types do not fit}}
  %x = "stablehlo.triangular_solve"(%m, %b) <{left_side = true, lower = true, unit_diagonal = false}> : (tensor<4x4xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %x : tensor<3x1xf32>
}

// -----

func.func @calls_out(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.custom_call' op cannot be imported: no import is known of this op on these types}}
  %y = "stablehlo.custom_call"(%x) <{call_target_name = "f"}> : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @has_an_effect(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.custom_call' op cannot be imported: no import is known of this op on these types}}
  %y = "stablehlo.custom_call"(%x) <{call_target_name = "f", has_side_effect = true}> : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// -----

func.func @unknown_size(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{'stablehlo.negate' op cannot be imported: operands and results must be tensors of static shapes, of f16, bf16, f32, f64, complex numbers, bool or integers}}
  %y = "stablehlo.negate"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

func.func @small(%x: tensor<4xf8E4M3FN>) -> tensor<4xf8E4M3FN> {
  // expected-error @+1 {{operands and results must be tensors of static shapes}}
  %y = "stablehlo.add"(%x, %x) : (tensor<4xf8E4M3FN>, tensor<4xf8E4M3FN>) -> tensor<4xf8E4M3FN>
  return %y : tensor<4xf8E4M3FN>
}

// -----

func.func @no_such_number(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.and' op cannot be imported: no import is known of this op on these types}}
  %y = "stablehlo.and"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @recurses(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'func.call' op cannot be imported: calls nest more than 64 deep, as those of a function that calls itself do}}
  %y = func.call @recurses(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func private @outside(tensor<4xf32>) -> tensor<4xf32>
func.func @calls(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'func.call' op cannot be imported: it needs a function with a body and of these types}}
  %y = func.call @outside(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @other_dialect(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'mhlo.negate' op cannot be imported: only stablehlo and chlo are imported}}
  %y = "mhlo.negate"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @no_return(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.if' op cannot be imported: its types do not fit its regions}}
  %y = "stablehlo.if"(%p) ({
    "stablehlo.return"() : () -> ()
  }, {
    "stablehlo.return"(%x) : (tensor<4xf32>) -> ()
  }) : (tensor<i1>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @too_wide(%x: tensor<4xf32>) -> tensor<9xf32> {
  // expected-error @+1 {{'stablehlo.slice' op cannot be imported: it needs a start and a stride for each dimension, inside of its operand}}
  %y = "stablehlo.slice"(%x) <{limit_indices = array<i64: 9>, start_indices = array<i64: 0>, strides = array<i64: 1>}> : (tensor<4xf32>) -> tensor<9xf32>
  return %y : tensor<9xf32>
}

// -----

func.func @dims(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<f32> {
  // expected-error @+1 {{'stablehlo.dot_general' op cannot be imported: it names a dimension that its operand lacks}}
  %z = "stablehlo.dot_general"(%x, %y) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %z : tensor<f32>
}

// -----

func.func @no_operand() -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.dynamic_slice' op cannot be imported: it lacks the operands or results of such an op}}
  %y = "stablehlo.dynamic_slice"() <{slice_sizes = array<i64: 4>}> : () -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @later(%x: tensor<f32>) -> tensor<f32> {
  %r = "stablehlo.while"(%x) ({
  ^bb0(%v: tensor<f32>):
    %more = "stablehlo.compare"(%v, %v) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "stablehlo.return"(%more) : (tensor<i1>) -> ()
  }, {
  ^bb0(%v: tensor<f32>):
    // expected-error @+1 {{'stablehlo.add' op cannot be imported: it uses a value that is computed after it}}
    %w = "stablehlo.add"(%v, %z) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %z = "stablehlo.negate"(%v) : (tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%w) : (tensor<f32>) -> ()
  }) : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// -----

func.func @pools(%x: tensor<8xf32>, %zero: tensor<f32>) -> tensor<4xf32> {
  // expected-error @+1 {{'stablehlo.reduce_window' op cannot be imported: only a cumulative reduction along one dimension, as of jnp.cumsum, and windows of up to 64 elements without dilations have an import}}
  %s = "stablehlo.reduce_window"(%x, %zero) <{window_dimensions = array<i64: 2>, window_strides = array<i64: 2>, window_dilations = array<i64: 2>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%c) : (tensor<f32>) -> ()
  }) : (tensor<8xf32>, tensor<f32>) -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// -----

func.func @unlike_its_region(%x: tensor<8xf32>, %zero: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{'stablehlo.reduce' op cannot be imported: its types do not fit its region}}
  %s = "stablehlo.reduce"(%x, %zero) <{dimensions = array<i64: 0>}> ({
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.add"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%c) : (tensor<f64>) -> ()
  }) : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
  return %s : tensor<f32>
}

// -----

func.func @calls_in_its_region(%x: tensor<8xf32>, %zero: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{'stablehlo.reduce' op cannot be imported: no import is known of an op of its region}}
  %s = "stablehlo.reduce"(%x, %zero) <{dimensions = array<i64: 0>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = "stablehlo.custom_call"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%c) : (tensor<f32>) -> ()
  }) : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
  return %s : tensor<f32>
}

// -----

func.func @no_such_dimension(%x: tensor<8xf32>, %zero: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{'stablehlo.reduce' op cannot be imported: its dimensions do not fit its types}}
  %s = "stablehlo.reduce"(%x, %zero) <{dimensions = array<i64: 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%c) : (tensor<f32>) -> ()
  }) : (tensor<8xf32>, tensor<f32>) -> tensor<f32>
  return %s : tensor<f32>
}

// -----

func.func @too_many_results(%u: tensor<2x50x8xf32>, %k: tensor<4x1x8xf32>) -> tensor<2x50x8xf32> {
  // expected-error @+1 {{'stablehlo.convolution' op cannot be imported: its numbers do not fit each other and its types}}
  %y = "stablehlo.convolution"(%u, %k) <{dimension_numbers = #stablehlo.conv<[b, 0, f]x[0, i, o]->[b, 0, f]>, feature_group_count = 8 : i64}> : (tensor<2x50x8xf32>, tensor<4x1x8xf32>) -> tensor<2x50x8xf32>
  return %y : tensor<2x50x8xf32>
}

// -----

func.func @no_feature(%u: tensor<2x50x8xf32>, %k: tensor<4x1x8xf32>) -> tensor<2x47x8xf32> {
  // expected-error @+1 {{'stablehlo.convolution' op cannot be imported: its numbers do not fit each other and its types}}
  %y = "stablehlo.convolution"(%u, %k) <{dimension_numbers = #stablehlo.conv<[b, 0, 1]x[0, i, o]->[b, 0, f]>, feature_group_count = 8 : i64}> : (tensor<2x50x8xf32>, tensor<4x1x8xf32>) -> tensor<2x47x8xf32>
  return %y : tensor<2x47x8xf32>
}

// -----

func.func @slices_too_wide(%table: tensor<20x8xf32>, %at: tensor<2x5x1xi32>) -> tensor<2x5x9xf32> {
  // expected-error @+1 {{'stablehlo.gather' op cannot be imported: its numbers do not fit its types}}
  %y = "stablehlo.gather"(%table, %at) <{dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 9>}> : (tensor<20x8xf32>, tensor<2x5x1xi32>) -> tensor<2x5x9xf32>
  return %y : tensor<2x5x9xf32>
}

// -----

func.func @vectors_too_long(%table: tensor<20x8xf32>, %at: tensor<2x5x2xi32>) -> tensor<2x5x8xf32> {
  // expected-error @+1 {{'stablehlo.gather' op cannot be imported: its numbers do not fit its types}}
  %y = "stablehlo.gather"(%table, %at) <{dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 8>}> : (tensor<20x8xf32>, tensor<2x5x2xi32>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}
