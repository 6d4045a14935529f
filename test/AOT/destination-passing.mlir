// RUN: ssm-opt %s --split-input-file --ssm-destination-passing | FileCheck %s

// Sizes that an elementwise operation ties together share a symbol; names come
// from ssm.name.
// CHECK-LABEL: func.func @add(
// CHECK-SAME: %[[A:.*]]: memref<?x4xf32>, %[[B:.*]]: memref<?x4xf32>, %[[OUT:.*]]: memref<?x4xf32>)
// CHECK-SAME: inputs = [{name = "x", shape = ["d0", 4], type = f32}, {name = "a1", shape = ["d0", 4], type = f32}]
// CHECK-SAME: outputs = [{name = "y", shape = ["d0", 4], type = f32}]
// CHECK: bufferization.to_tensor %[[A]] restrict :
// CHECK: bufferization.to_tensor %[[B]] restrict :
// CHECK: %[[R:.*]] = arith.addf
// CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[OUT]]
// CHECK: return{{$}}
func.func @add(%a: tensor<?x4xf32> {ssm.name = "x"}, %b: tensor<?x4xf32>) -> (tensor<?x4xf32> {ssm.name = "y"}) {
  %r = arith.addf %a, %b : tensor<?x4xf32>
  return %r : tensor<?x4xf32>
}

// -----

// A dynamic size that must equal a constant is stated as that constant.
// CHECK-LABEL: func.func @constant(
// CHECK-SAME: inputs = [{name = "a0", shape = [4], type = complex<f64>}, {name = "a1", shape = [4], type = complex<f64>}]
func.func @constant(%a: tensor<?xcomplex<f64>>, %b: tensor<4xcomplex<f64>>) -> tensor<?xcomplex<f64>> {
  %c = tensor.cast %b : tensor<4xcomplex<f64>> to tensor<?xcomplex<f64>>
  %r = linalg.add ins(%a, %c : tensor<?xcomplex<f64>>, tensor<?xcomplex<f64>>) outs(%a : tensor<?xcomplex<f64>>) -> tensor<?xcomplex<f64>>
  return %r : tensor<?xcomplex<f64>>
}

// -----

// Scalars travel as memrefs of rank 0.
// CHECK-LABEL: func.func @scalar(
// CHECK-SAME: %[[A:.*]]: memref<bf16>, %[[OUT:.*]]: memref<bf16>)
// CHECK: %[[X:.*]] = memref.load %[[A]][]
// CHECK: memref.store %[[X]], %[[OUT]][]
func.func @scalar(%a: bf16) -> bf16 {
  return %a : bf16
}

// -----

// Private functions keep their tensors.
// CHECK-LABEL: func.func private @helper(%{{.*}}: tensor<2xi8>) -> tensor<2xi8>
func.func private @helper(%a: tensor<2xi8>) -> tensor<2xi8> {
  return %a : tensor<2xi8>
}
