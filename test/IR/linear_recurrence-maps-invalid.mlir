// RUN: ssm-opt %s --split-input-file --verify-diagnostics
// Constraints c1 to c3: the maps themselves and the sizes they relate.

func.func @no_maps(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c1) needs one indexing map per operand and result: expected 4, found 0}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    ]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @sum_map(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c1) indexing map #1 must be a projected permutation, found (d0, d1) -> (d0 + d1, d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t + d, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @loop_count(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c1) all indexing maps must have the same loop dimensions: map #0 has 2, map #3 has 3}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d, n) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @rank(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c1) the rank of transition must be its indexing map's: 'tensor<8xf32>' with (d0, d1) -> (d0, d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @result_rank(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c1) the rank of result must be its indexing map's: 'tensor<4xf32>' with (d0, d1) -> (d0, d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4xf32>, tensor<8xf32>
  return
}

// -----
func.func @no_such_time(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c2) time must be one of the 2 loop dimensions, found -1}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = -1 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @result_without_time(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c2) the result's map must use the time dimension d0, found (d0, d1) -> (d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (d)>]} -> tensor<8xf32>, tensor<8xf32>
  return
}

// -----
func.func @final_with_time(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c2) the final state has no time dimension: its map must not use d0, found (d0, d1) -> (d0, d1)}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>]} -> tensor<4x8xf32>, tensor<4x8xf32>
  return
}

// -----
func.func @init_with_time(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c2) the init may use dimensions of the state only: (d0, d1) -> (d0, d1) uses d0}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) init(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @sizes(%a: tensor<7xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c3) values that share a loop dimension must agree on its size: d1 is 7 in transition and 8 in signal}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<7xf32>) signal(%u : tensor<4x8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}

// -----
func.func @result_sizes(%a: tensor<?xf32>, %u: tensor<?x?xf32>) {
  // expected-error@+1 {{(linear_recurrence_c3) values that share a loop dimension must agree on its size: d1 is 8 in result and 9 in final}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<?x?xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>]} -> tensor<4x8xf32>, tensor<9xf32>
  return
}

// -----
func.func @no_size(%a: tensor<8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{(linear_recurrence_c3) every loop dimension must be in an operand's map, d2 is in none}}
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<4x8xf32>) input(%a : tensor<8xf32>) {time = 0 : i64, indexing_maps = [
    affine_map<(t, d, i) -> (d)>, affine_map<(t, d, i) -> (t, d)>, affine_map<(t, d, i) -> (d)>, affine_map<(t, d, i) -> (t, d)>, affine_map<(t, d, i) -> (d)>]} -> tensor<4x8xf32>, tensor<8xf32>
  return
}
