// The argument checks of every kernel, driven by a table. Emitted once per
// module by ssm-emit-c-abi; statuses and dtype codes are those of
// ssm-c/Runtime.h.
//
// Table of a kernel: [inputs, outputs, needs workspace, record...] with one
// record per tensor: [dtype, bytes, alignment, rank, size...]. A size of -1-k
// means symbol k. State: one i64 per symbol, -1 while unbound, then one i64
// per tensor for its bytes.

// Checks one descriptor against its record. Sizes are checked before anything
// is derived from them; strides and data do not matter when a size is 0.
llvm.func internal @ssm_check_tensor(%record: !llvm.ptr, %tensor: !llvm.ptr,
                                     %symbols: !llvm.ptr, %bytes: !llvm.ptr) -> i32 {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  %unbound = llvm.mlir.constant(-1 : i64) : i64
  %false = llvm.mlir.constant(false) : i1
  %null = llvm.mlir.zero : !llvm.ptr
  %ok = llvm.mlir.constant(0 : i32) : i32
  %bad_dtype = llvm.mlir.constant(2 : i32) : i32
  %bad_rank = llvm.mlir.constant(3 : i32) : i32
  %null_shape = llvm.mlir.constant(4 : i32) : i32
  %bad_size = llvm.mlir.constant(5 : i32) : i32
  %size_mismatch = llvm.mlir.constant(6 : i32) : i32
  %bad_stride = llvm.mlir.constant(7 : i32) : i32
  %overflow = llvm.mlir.constant(8 : i32) : i32
  %null_data = llvm.mlir.constant(9 : i32) : i32
  %misaligned = llvm.mlir.constant(10 : i32) : i32
  llvm.store %zero, %bytes : i64, !llvm.ptr

  %dtype_at = llvm.getelementptr %tensor[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %dtype = llvm.load %dtype_at : !llvm.ptr -> i32
  %dtype64 = llvm.sext %dtype : i32 to i64
  %want_dtype = llvm.load %record : !llvm.ptr -> i64
  %dtype_ok = llvm.icmp "eq" %dtype64, %want_dtype : i64
  llvm.cond_br %dtype_ok, ^rank, ^return(%bad_dtype : i32)

^rank:
  %rank_at = llvm.getelementptr %tensor[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %rank32 = llvm.load %rank_at : !llvm.ptr -> i32
  %rank = llvm.sext %rank32 : i32 to i64
  %want_rank_at = llvm.getelementptr %record[3] : (!llvm.ptr) -> !llvm.ptr, i64
  %want_rank = llvm.load %want_rank_at : !llvm.ptr -> i64
  %rank_ok = llvm.icmp "eq" %rank, %want_rank : i64
  llvm.cond_br %rank_ok, ^shape, ^return(%bad_rank : i32)

^shape:
  %shape_at = llvm.getelementptr %tensor[0, 3] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %shape = llvm.load %shape_at : !llvm.ptr -> !llvm.ptr
  %no_shape = llvm.icmp "eq" %shape, %null : !llvm.ptr
  %has_dims = llvm.icmp "ne" %rank, %zero : i64
  %needs_shape = llvm.and %no_shape, %has_dims : i1
  llvm.cond_br %needs_shape, ^return(%null_shape : i32), ^sizes(%zero, %false : i64, i1)

// Sizes: not negative, equal to the record's constant or to its symbol.
^sizes(%i: i64, %empty: i1):
  %more_sizes = llvm.icmp "slt" %i, %rank : i64
  llvm.cond_br %more_sizes, ^size, ^emptiness
^size:
  %size_at = llvm.getelementptr %shape[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %size = llvm.load %size_at : !llvm.ptr -> i64
  %want_at = llvm.getelementptr %record[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %want_size_at = llvm.getelementptr %want_at[4] : (!llvm.ptr) -> !llvm.ptr, i64
  %want = llvm.load %want_size_at : !llvm.ptr -> i64
  %is_zero = llvm.icmp "eq" %size, %zero : i64
  %next_empty = llvm.or %empty, %is_zero : i1
  %next_i = llvm.add %i, %one : i64
  %negative = llvm.icmp "slt" %size, %zero : i64
  llvm.cond_br %negative, ^return(%bad_size : i32), ^kind
^kind:
  %is_symbol = llvm.icmp "slt" %want, %zero : i64
  llvm.cond_br %is_symbol, ^symbol, ^static
^static:
  %static_ok = llvm.icmp "eq" %size, %want : i64
  llvm.cond_br %static_ok, ^sizes(%next_i, %next_empty : i64, i1), ^return(%bad_size : i32)
^symbol:
  %symbol = llvm.xor %want, %unbound : i64
  %symbol_at = llvm.getelementptr %symbols[%symbol] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %bound = llvm.load %symbol_at : !llvm.ptr -> i64
  %is_unbound = llvm.icmp "eq" %bound, %unbound : i64
  %equal = llvm.icmp "eq" %bound, %size : i64
  %symbol_ok = llvm.or %is_unbound, %equal : i1
  llvm.cond_br %symbol_ok, ^bind, ^return(%size_mismatch : i32)
^bind:
  llvm.store %size, %symbol_at : i64, !llvm.ptr
  llvm.br ^sizes(%next_i, %next_empty : i64, i1)

^emptiness:
  llvm.cond_br %empty, ^return(%ok : i32), ^nonempty
^nonempty:
  %strides_at = llvm.getelementptr %tensor[0, 4] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %strides = llvm.load %strides_at : !llvm.ptr -> !llvm.ptr
  %no_strides = llvm.icmp "eq" %strides, %null : !llvm.ptr
  llvm.br ^strides(%rank, %one : i64, i64)

// From the innermost dimension outward: %count elements lie inside.
^strides(%left: i64, %count: i64):
  %more_strides = llvm.icmp "sgt" %left, %zero : i64
  llvm.cond_br %more_strides, ^stride, ^bytes
^stride:
  %k = llvm.sub %left, %one : i64
  %length_at = llvm.getelementptr %shape[%k] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %length = llvm.load %length_at : !llvm.ptr -> i64
  %single = llvm.icmp "eq" %length, %one : i64
  %free = llvm.or %single, %no_strides : i1
  llvm.cond_br %free, ^grow, ^compare
^compare:
  %stride_at = llvm.getelementptr %strides[%k] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %stride = llvm.load %stride_at : !llvm.ptr -> i64
  %stride_ok = llvm.icmp "eq" %stride, %count : i64
  llvm.cond_br %stride_ok, ^grow, ^return(%bad_stride : i32)
^grow:
  %grown = "llvm.intr.smul.with.overflow"(%count, %length) : (i64, i64) -> !llvm.struct<(i64, i1)>
  %next_count = llvm.extractvalue %grown[0] : !llvm.struct<(i64, i1)>
  %too_many = llvm.extractvalue %grown[1] : !llvm.struct<(i64, i1)>
  llvm.cond_br %too_many, ^return(%overflow : i32), ^strides(%k, %next_count : i64, i64)

^bytes:
  %width_at = llvm.getelementptr %record[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %width = llvm.load %width_at : !llvm.ptr -> i64
  %product = "llvm.intr.smul.with.overflow"(%count, %width) : (i64, i64) -> !llvm.struct<(i64, i1)>
  %total = llvm.extractvalue %product[0] : !llvm.struct<(i64, i1)>
  %too_big = llvm.extractvalue %product[1] : !llvm.struct<(i64, i1)>
  llvm.cond_br %too_big, ^return(%overflow : i32), ^data
^data:
  llvm.store %total, %bytes : i64, !llvm.ptr
  %data = llvm.load %tensor : !llvm.ptr -> !llvm.ptr
  %no_data = llvm.icmp "eq" %data, %null : !llvm.ptr
  llvm.cond_br %no_data, ^return(%null_data : i32), ^alignment
^alignment:
  %alignment_at = llvm.getelementptr %record[2] : (!llvm.ptr) -> !llvm.ptr, i64
  %align = llvm.load %alignment_at : !llvm.ptr -> i64
  %address = llvm.ptrtoint %data : !llvm.ptr to i64
  %rest = llvm.urem %address, %align : i64
  %aligned = llvm.icmp "eq" %rest, %zero : i64
  %status = llvm.select %aligned, %ok, %misaligned : i1, i32
  llvm.br ^return(%status : i32)

^return(%result: i32):
  llvm.return %result : i32
}

// The descriptor of tensor %i: inputs first, then outputs.
llvm.func internal @ssm_tensor_at(%ins: !llvm.ptr, %outs: !llvm.ptr, %num_ins: i64, %i: i64) -> !llvm.ptr {
  %is_input = llvm.icmp "slt" %i, %num_ins : i64
  %j = llvm.sub %i, %num_ins : i64
  %in = llvm.getelementptr %ins[%i] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %out = llvm.getelementptr %outs[%j] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.struct<(ptr, i32, i32, ptr, ptr)>
  %tensor = llvm.select %is_input, %in, %out : i1, !llvm.ptr
  llvm.return %tensor : !llvm.ptr
}

llvm.func internal @ssm_check(%table: !llvm.ptr, %ins: !llvm.ptr, %outs: !llvm.ptr, %workspace: !llvm.ptr,
                              %symbols: !llvm.ptr, %bytes: !llvm.ptr) -> i32 {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  %four = llvm.mlir.constant(4 : i64) : i64
  %workspace_alignment = llvm.mlir.constant(64 : i64) : i64
  %null = llvm.mlir.zero : !llvm.ptr
  %ok = llvm.mlir.constant(0 : i32) : i32
  %null_descriptor = llvm.mlir.constant(1 : i32) : i32
  %overlap = llvm.mlir.constant(11 : i32) : i32
  %null_workspace = llvm.mlir.constant(12 : i32) : i32
  %misaligned_workspace = llvm.mlir.constant(13 : i32) : i32

  %num_ins = llvm.load %table : !llvm.ptr -> i64
  %num_outs_at = llvm.getelementptr %table[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %num_outs = llvm.load %num_outs_at : !llvm.ptr -> i64
  %num = llvm.add %num_ins, %num_outs : i64
  %no_ins = llvm.icmp "eq" %ins, %null : !llvm.ptr
  %no_outs = llvm.icmp "eq" %outs, %null : !llvm.ptr
  %some_ins = llvm.icmp "ne" %num_ins, %zero : i64
  %some_outs = llvm.icmp "ne" %num_outs, %zero : i64
  %missing_ins = llvm.and %no_ins, %some_ins : i1
  %missing_outs = llvm.and %no_outs, %some_outs : i1
  %missing = llvm.or %missing_ins, %missing_outs : i1
  %records = llvm.getelementptr %table[3] : (!llvm.ptr) -> !llvm.ptr, i64
  llvm.cond_br %missing, ^return(%null_descriptor : i32), ^tensors(%zero, %records : i64, !llvm.ptr)

^tensors(%i: i64, %record: !llvm.ptr):
  %more = llvm.icmp "slt" %i, %num : i64
  llvm.cond_br %more, ^tensor, ^outputs(%num_ins : i64)
^tensor:
  %tensor = llvm.call @ssm_tensor_at(%ins, %outs, %num_ins, %i) : (!llvm.ptr, !llvm.ptr, i64, i64) -> !llvm.ptr
  %bytes_at = llvm.getelementptr %bytes[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %status = llvm.call @ssm_check_tensor(%record, %tensor, %symbols, %bytes_at) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> i32
  %next_i = llvm.add %i, %one : i64
  %rank_at = llvm.getelementptr %record[3] : (!llvm.ptr) -> !llvm.ptr, i64
  %rank = llvm.load %rank_at : !llvm.ptr -> i64
  %record_length = llvm.add %rank, %four : i64
  %next_record = llvm.getelementptr %record[%record_length] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %tensor_ok = llvm.icmp "eq" %status, %ok : i32
  llvm.cond_br %tensor_ok, ^tensors(%next_i, %next_record : i64, !llvm.ptr), ^return(%status : i32)

// Every output against every tensor before it.
^outputs(%o: i64):
  %more_outputs = llvm.icmp "slt" %o, %num : i64
  llvm.cond_br %more_outputs, ^others(%zero : i64), ^workspace
^others(%p: i64):
  %more_others = llvm.icmp "slt" %p, %o : i64
  llvm.cond_br %more_others, ^pair, ^next_output
^next_output:
  %next_o = llvm.add %o, %one : i64
  llvm.br ^outputs(%next_o : i64)
^pair:
  %tensor_o = llvm.call @ssm_tensor_at(%ins, %outs, %num_ins, %o) : (!llvm.ptr, !llvm.ptr, i64, i64) -> !llvm.ptr
  %tensor_p = llvm.call @ssm_tensor_at(%ins, %outs, %num_ins, %p) : (!llvm.ptr, !llvm.ptr, i64, i64) -> !llvm.ptr
  %data_o = llvm.load %tensor_o : !llvm.ptr -> i64
  %data_p = llvm.load %tensor_p : !llvm.ptr -> i64
  %bytes_o_at = llvm.getelementptr %bytes[%o] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %bytes_p_at = llvm.getelementptr %bytes[%p] : (!llvm.ptr, i64) -> !llvm.ptr, i64
  %bytes_o = llvm.load %bytes_o_at : !llvm.ptr -> i64
  %bytes_p = llvm.load %bytes_p_at : !llvm.ptr -> i64
  // o lies at p or behind it: the distance decides; wraps to large otherwise.
  %o_after_p = llvm.sub %data_o, %data_p : i64
  %p_after_o = llvm.sub %data_p, %data_o : i64
  %o_in_p = llvm.icmp "ult" %o_after_p, %bytes_p : i64
  %p_in_o = llvm.icmp "ult" %p_after_o, %bytes_o : i64
  %o_full = llvm.icmp "ne" %bytes_o, %zero : i64
  %p_full = llvm.icmp "ne" %bytes_p, %zero : i64
  %both_full = llvm.and %o_full, %p_full : i1
  %touch = llvm.or %o_in_p, %p_in_o : i1
  %overlaps = llvm.and %touch, %both_full : i1
  %next_p = llvm.add %p, %one : i64
  llvm.cond_br %overlaps, ^return(%overlap : i32), ^others(%next_p : i64)

^workspace:
  %needed_at = llvm.getelementptr %table[2] : (!llvm.ptr) -> !llvm.ptr, i64
  %needed = llvm.load %needed_at : !llvm.ptr -> i64
  %is_needed = llvm.icmp "ne" %needed, %zero : i64
  llvm.cond_br %is_needed, ^workspace_null, ^return(%ok : i32)
^workspace_null:
  %no_workspace = llvm.icmp "eq" %workspace, %null : !llvm.ptr
  llvm.cond_br %no_workspace, ^return(%null_workspace : i32), ^workspace_aligned
^workspace_aligned:
  %address = llvm.ptrtoint %workspace : !llvm.ptr to i64
  %rest = llvm.urem %address, %workspace_alignment : i64
  %aligned = llvm.icmp "eq" %rest, %zero : i64
  %workspace_status = llvm.select %aligned, %ok, %misaligned_workspace : i1, i32
  llvm.br ^return(%workspace_status : i32)

^return(%result: i32):
  llvm.return %result : i32
}
