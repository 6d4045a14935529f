// The dialect and the passes load into a stock mlir-opt, and do there what they
// do in ssm-opt.
// REQUIRES: no-asan

// RUN: mlir-opt %s --load-dialect-plugin=%ssm_libs/ssm_plugin.so --verify-roundtrip \
// RUN: | FileCheck %s --check-prefix=PARSE
// RUN: mlir-opt %s --load-dialect-plugin=%ssm_libs/ssm_plugin.so \
// RUN:   --load-pass-plugin=%ssm_libs/ssm_plugin.so \
// RUN:   --pass-pipeline='builtin.module(ssm-lower-to-linalg)' -o %t-plugin.mlir
// RUN: ssm-opt %s --ssm-lower-to-linalg -o %t-own.mlir
// RUN: diff %t-plugin.mlir %t-own.mlir
// RUN: FileCheck %s --check-prefix=LOWER < %t-plugin.mlir

// PARSE: ssm.linear_recurrence
// LOWER-NOT: ssm.
// LOWER: scf.for
// LOWER: linalg.generic
// LOWER-NOT: ssm.
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
