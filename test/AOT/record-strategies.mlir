// RUN: ssm-opt %s --ssm-destination-passing --ssm-record-strategies | FileCheck %s
// What the compiler chose, or was told, is what the C function says.
// RUN: ssm-compile %s --emit=shared -o %t.so
// RUN: %python -c "import ctypes; f = ctypes.CDLL('%t.so').two_signature; f.restype = ctypes.c_char_p; print(f().decode())" | FileCheck %s --check-prefix=JSON
// RUN: ssm-compile %s --emit=shared --strategy=sequential -o %t.so
// RUN: %python -c "import ctypes; f = ctypes.CDLL('%t.so').two_signature; f.restype = ctypes.c_char_p; print(f().decode())" | FileCheck %s --check-prefix=FORCED

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// In the order of the ops; one without a strategy has no entry.
// CHECK-LABEL: func.func @two(
// CHECK-SAME: strategies = [{op = "linear_recurrence", strategy = "direct_conv"}, {op = "associative_scan", strategy = "tree_scan"}]
// JSON: "strategies":[{"op":"linear_recurrence","strategy":"direct_conv"},{"op":"associative_scan","strategy":"tree_scan"}]
// FORCED: "strategies":[{"op":"linear_recurrence","strategy":"sequential"},{"op":"associative_scan","strategy":"sequential"}]
func.func @two(%a: tensor<3xf32>, %u: tensor<?x3xf32>, %z: tensor<8x3xcomplex<f32>>)
    -> (tensor<?x3xf32>, tensor<8x3xcomplex<f32>>) {
  %x, %last = ssm.linear_recurrence
      transition(%a : tensor<3xf32>) signal(%u : tensor<?x3xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64,
       strategy = #ssm.strategy<direct_conv>}
      -> tensor<?x3xf32>, tensor<3xf32>
  %sums = ssm.associative_scan(%x)
      {dimension = 0 : i64, strategy = #ssm.strategy<tree_scan>} : (tensor<?x3xf32>) {
  ^bb0(%left: f32, %right: f32):
    %sum = arith.addf %left, %right : f32
    ssm.yield %sum : f32
  }
  %spectrum = ssm.fft %z {dimension = 0 : i64} : tensor<8x3xcomplex<f32>>
  return %sums, %spectrum : tensor<?x3xf32>, tensor<8x3xcomplex<f32>>
}

// A private function is no kernel.
// CHECK-LABEL: func.func private @none(
// CHECK-NOT: ssm.abi
func.func private @none(%a: tensor<3xf32>) -> tensor<3xf32> {
  return %a : tensor<3xf32>
}
