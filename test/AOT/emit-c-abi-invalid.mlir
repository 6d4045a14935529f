// RUN: ssm-opt %s --ssm-emit-c-abi --verify-diagnostics

// expected-error @+1 {{a kernel takes expanded memref descriptors (5 arguments for this ssm.abi) and returns nothing or a status, but its type is '!llvm.func<void ()>'; run ssm-emit-c-abi after convert-func-to-llvm}}
llvm.func @f() attributes {ssm.abi = {inputs = [], outputs = [{name = "y", shape = ["d0"], type = f32}], strategies = [], workspace = [], workspace_bytes = 0 : i64}} {
  llvm.return
}
