// RUN: ssm-opt %s --split-input-file --ssm-workspace=threads=4 --verify-diagnostics --allow-unregistered-dialect

func.func @one() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  // expected-error @+1 {{a buffer has at most 2^63 - 1 bytes, but its type is 'memref<9223372036854775807xf32>'; use smaller sizes}}
  %a = memref.alloc() : memref<9223372036854775807xf32>
  "test.use"(%a) : (memref<9223372036854775807xf32>) -> ()
  return
}

// -----

func.func @sum() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %a = memref.alloc() : memref<2000000000000000000xf32>
  // expected-error @+1 {{a workspace has at most 2^63 - 1 bytes, but this buffer of type 'memref<2000000000000000000xf32>' exceeds that; use smaller sizes}}
  %b = memref.alloc() : memref<2000000000000000000xf32>
  "test.use"(%a, %b) : (memref<2000000000000000000xf32>, memref<2000000000000000000xf32>) -> ()
  return
}

// -----

func.func @threads() attributes {ssm.abi = {inputs = [], outputs = [], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%c1) step (%c1) {
    // expected-error @+1 {{a workspace has at most 2^63 - 1 bytes, but 4 threads with a buffer of type 'memref<1000000000000000000xf32>' exceed that; use smaller sizes or fewer threads}}
    %a = memref.alloc() : memref<1000000000000000000xf32>
    "test.use"(%a) : (memref<1000000000000000000xf32>) -> ()
  }
  return
}
