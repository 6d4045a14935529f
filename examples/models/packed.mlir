// Packed sequences: S sequences of different lengths in one time axis, sequence
// s at [starts[s], starts[s+1]) (cu_seqlens elsewhere), each with an initial
// and a final state of its own.
//
//     x_t = A_t x_{t-1} + u_t,    x before the start of sequence s = init_s
//
// One recurrence over all of them: a zero in A at a start lets nothing through
// from the sequence before, and what the initial state would contribute there
// is added to the signal.
//
//     A'_t = 0 and u'_t = u_t + A_t init_s    at t = starts[s],  else A_t and u_t
//     final_s = x_t at t = starts[s+1] - 1
//
// An empty sequence hands its initial state on. Bounds that are not in order or
// not within the time axis are an error that the kernel returns.

!d = tensor<32xf32>
!td = tensor<?x32xf32>
!sd = tensor<?x32xf32>
!starts = tensor<?xi64>

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

func.func @packed(%A: !td, %u: !td, %init: !sd, %starts: !starts) -> (!td, !sd) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %sequences = tensor.dim %init, %c0 : !sd
  %time = tensor.dim %u, %c0 : !td
  %bounds = tensor.dim %starts, %c0 : !starts
  %wanted = arith.addi %sequences, %c1 : index
  %one_more = arith.cmpi eq, %bounds, %wanted : index
  cf.assert %one_more, "starts has one element more than there are sequences"
  // No further than starts goes, whichever assertion is checked first.
  %checked = arith.select %one_more, %sequences, %c0 : index
  %ordered = func.call @in_order(%starts, %checked, %time) : (!starts, index, index) -> i1
  cf.assert %ordered, "starts does not decrease and ends within the time axis"
  %reset, %signal = scf.for %s = %c0 to %sequences step %c1 iter_args(%As = %A, %us = %u)
      -> (!td, !td) {
    %start, %size = func.call @bounds(%starts, %s) : (!starts, index) -> (index, index)
    %is_empty = arith.cmpi eq, %size, %c0 : index
    %A_next, %u_next = scf.if %is_empty -> (!td, !td) {
      scf.yield %As, %us : !td, !td
    } else {
      %a = tensor.extract_slice %As[%start, 0] [1, 32] [1, 1] : !td to !d
      %x = tensor.extract_slice %us[%start, 0] [1, 32] [1, 1] : !td to !d
      %h = tensor.extract_slice %init[%s, 0] [1, 32] [1, 1] : !sd to !d
      %first = linalg.generic {iterator_types = ["parallel"], indexing_maps = [
          affine_map<(d) -> (d)>, affine_map<(d) -> (d)>, affine_map<(d) -> (d)>]}
          ins(%a, %h : !d, !d) outs(%x : !d) {
      ^bb0(%ad: f32, %hd: f32, %xd: f32):
        %ah = arith.mulf %ad, %hd : f32
        %sum = arith.addf %xd, %ah : f32
        linalg.yield %sum : f32
      } -> !d
      %zero = arith.constant dense<0.0> : !d
      %A_reset = tensor.insert_slice %zero into %As[%start, 0] [1, 32] [1, 1] : !d into !td
      %u_first = tensor.insert_slice %first into %us[%start, 0] [1, 32] [1, 1] : !d into !td
      scf.yield %A_reset, %u_first : !td, !td
    }
    scf.yield %A_next, %u_next : !td, !td
  }
  %x, %last = ssm.linear_recurrence transition(%reset : !td) signal(%signal : !td)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> !td, !d
  %final = scf.for %s = %c0 to %sequences step %c1 iter_args(%states = %init) -> !sd {
    %start, %size = func.call @bounds(%starts, %s) : (!starts, index) -> (index, index)
    %is_empty = arith.cmpi eq, %size, %c0 : index
    %next = scf.if %is_empty -> !sd {
      scf.yield %states : !sd
    } else {
      %stop = arith.addi %start, %size : index
      %t = arith.subi %stop, %c1 : index
      %state = tensor.extract_slice %x[%t, 0] [1, 32] [1, 1] : !td to !d
      %with = tensor.insert_slice %state into %states[%s, 0] [1, 32] [1, 1] : !d into !sd
      scf.yield %with : !sd
    }
    scf.yield %next : !sd
  }
  return %x, %final : !td, !sd
}

// The start and the length of sequence s.
func.func private @bounds(%starts: !starts, %s: index) -> (index, index) {
  %c1 = arith.constant 1 : index
  %next = arith.addi %s, %c1 : index
  %from = tensor.extract %starts[%s] : !starts
  %to = tensor.extract %starts[%next] : !starts
  %start = arith.index_cast %from : i64 to index
  %stop = arith.index_cast %to : i64 to index
  %size = arith.subi %stop, %start : index
  return %start, %size : index, index
}

// Whether the bounds are in order and within the time axis.
func.func private @in_order(%starts: !starts, %sequences: index, %time: index) -> i1 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %true = arith.constant true
  %ok = scf.for %s = %c0 to %sequences step %c1 iter_args(%before = %true) -> i1 {
    %next = arith.addi %s, %c1 : index
    %from = tensor.extract %starts[%s] : !starts
    %to = tensor.extract %starts[%next] : !starts
    %start = arith.index_cast %from : i64 to index
    %stop = arith.index_cast %to : i64 to index
    // Unsigned: a negative bound is a very large one.
    %ordered = arith.cmpi ule, %start, %stop : index
    %within = arith.cmpi ule, %stop, %time : index
    %good = arith.andi %ordered, %within : i1
    %all = arith.andi %before, %good : i1
    scf.yield %all : i1
  }
  return %ok : i1
}
