// RUN: ssm-opt %s --split-input-file --ssm-split-parameters --verify-diagnostics

// expected-error@below {{a parameter must have a static shape, so that a caller can bring the memory for what is prepared, but 'k' is float32[d0, 4]; give it its sizes, or drop ssm.parameter}}
func.func @f(%k: memref<?x4xf32>, %y: memref<4xf32>)
    attributes {ssm.abi = {inputs = [{name = "k", shape = ["d0", 4], type = f32}],
                           outputs = [{name = "r0", shape = [4], type = f32}], parameters = array<i64: 0>,
                           strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  return
}

// -----

// expected-error@below {{the kernel for the parameters is to be called 'f_prepare', but there is a symbol of that name; rename it}}
func.func @f(%k: memref<4xf32>, %y: memref<4xf32>)
    attributes {ssm.abi = {inputs = [{name = "k", shape = [4], type = f32}],
                           outputs = [{name = "r0", shape = [4], type = f32}], parameters = array<i64: 0>,
                           strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  return
}
func.func private @f_prepare()

// -----

// expected-error@below {{nothing can be prepared: no argument is a parameter; mark those that are the same in many calls with the attribute ssm.parameter}}
module {
  func.func @f(%u: memref<4xf32>)
      attributes {ssm.abi = {inputs = [{name = "u", shape = [4], type = f32}], outputs = [], strategies = [],
                             workspace = [], workspace_bytes = 0 : i64}} {
    return
  }
}

// -----

// A number that is no input's.
// expected-error@below {{nothing can be prepared: no argument is a parameter; mark those that are the same in many calls with the attribute ssm.parameter}}
module {
  func.func @f(%u: memref<4xf32>)
      attributes {ssm.abi = {inputs = [{name = "u", shape = [4], type = f32}], outputs = [], parameters = array<i64: 1>,
                             strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
    return
  }
}
