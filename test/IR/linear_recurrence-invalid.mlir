// RUN: ssm-opt %s --split-input-file --verify-diagnostics
// Constraints c4 to c8: precision, and which operand may use which dimension.

func.func @precision(%a: tensor<8xf32>, %u: tensor<4x8xf64>) {
  // expected-error@+1 {{(linear_recurrence_c4) no operand may be narrower than the signal: that is of 'f64', transition of 'f32'; cast one of them}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf64>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf64>, tensor<8xf64>
  return
}

// -----
func.func @half_precisions(%a: tensor<8xf16>, %u: tensor<4x8xbf16>) {
  // expected-error@+1 {{(linear_recurrence_c4) no operand may be narrower than the signal: that is of 'bf16', transition of 'f16'; cast one of them}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf16>) signal(%u : tensor<4x8xbf16>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xbf16>, tensor<8xf32>
  return
}

// -----
func.func @init_precision(%a: tensor<8xbf16>, %u: tensor<4x8xbf16>) {
  // expected-error@+1 {{(linear_recurrence_c4) init has the precision of the state, 'f32', found 'tensor<8xbf16>'}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xbf16>) signal(%u : tensor<4x8xbf16>) init(%a : tensor<8xbf16>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xbf16>, tensor<8xf32>
  return
}

// -----
func.func @transition_dims(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c5) the transition may use dimensions of the state only and time: (d0, d1) -> (d1) uses d1, which the final state's map (d0, d1) -> () lacks}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) output(%a : tensor<8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> ()>]} -> tensor<4x8xf32>, tensor<f32>
  return
}

// -----
func.func @states_without_output(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c6) without an output map the states come out: the result's map must cover the state and time, found (d0, d1) -> (d0) for the state (d0, d1) -> (d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t)>, affine_map<(t, d) -> (d)>]} -> tensor<4xf32>, tensor<8xf32>
  return
}

// -----
func.func @inputs_without_map(%a: tensor<8xf32>, %u: tensor<4x8x3xf32>) {
  // expected-error@+1 {{(linear_recurrence_c7) dimensions (d2) are in neither state nor result, so an input map must sum them; none is given}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8x3xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d, i) -> (d)>, affine_map<(t, d, i) -> (t, d, i)>, affine_map<(t, d, i) -> (t, d)>, affine_map<(t, d, i) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @signal_with_output_dim(%a: tensor<f32>, %u: tensor<4x8xf32>, %c: tensor<8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c7) dimension d1 is in the result and not in the state, so the output map has it and no other operand does; the map of the signal is (d0, d1) -> (d0, d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<4x8xf32>) output(%c : tensor<8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> ()>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> ()>]} -> tensor<4x8xf32>, tensor<f32>
  return
}

// -----
func.func @output_with_input_dim(%a: tensor<f32>, %u: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c7) dimension d1 is in neither state nor result, so the input map sums it and the output map cannot have it, found (d0, d1) -> (d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<4x8xf32>) input(%b : tensor<8xf32>) output(%b : tensor<8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> ()>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t)>, affine_map<(t, d) -> ()>]} -> tensor<4xf32>, tensor<f32>
  return
}

// -----
func.func @real_projection(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c8) projection real takes the real part of a complex output, but all operands are real; use projection<none>}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, projection = #ssm.projection<real>, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @two_sided(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{attribute 'direction' failed to satisfy constraint}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, direction = #ssm.direction<two_sided>, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}
