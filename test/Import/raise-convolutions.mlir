// RUN: ssm-opt %s --ssm-raise-convolutions --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ssm-opt %s --ssm-raise-convolutions --split-input-file --remarks-filter=ssm-raise-convolutions 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#id = affine_map<(b, h, f) -> (b, h, f)>
#hf = affine_map<(b, h, f) -> (h, f)>

// Signal and kernel padded to the points that both need: neither padding nor
// spectra are left. The kernel is the factor with fewer dimensions.
// CHECK: #[[BHT:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK: #[[HT:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[U:.*]]: tensor<2x3x50xf32>, %[[K:.*]]: tensor<3x50xf32>
// CHECK-NEXT: %[[Y:.*]] = ssm.long_conv %[[U]], %[[K]] {indexing_maps = [#[[BHT]], #[[HT]], #[[BHT]]], time = 2 : i64}
// CHECK-NEXT: return %[[Y]]
// REMARK: remark: [Passed] Raised {{.*}}the product of spectra is a convolution
func.func @causal(%u: tensor<2x3x50xf32>, %k: tensor<3x50xf32>) -> tensor<2x3x50xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x3x100xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3x100xf32>) -> tensor<2x3x100xf32>
  %up = tensor.insert_slice %u into %zeros[0, 0, 0] [2, 3, 50] [1, 1, 1] : tensor<2x3x50xf32> into tensor<2x3x100xf32>
  %kp = tensor.pad %k low[0, 0] high[0, 50] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<3x50xf32> to tensor<3x100xf32>
  %U = ssm.fft %up {dimension = 2 : i64} : tensor<2x3x100xf32> -> tensor<2x3x51xcomplex<f32>>
  %K = ssm.fft %kp {dimension = 1 : i64} : tensor<3x100xf32> -> tensor<3x51xcomplex<f32>>
  %s = tensor.empty() : tensor<2x3x51xcomplex<f32>>
  %Y = linalg.generic {indexing_maps = [#hf, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%K, %U : tensor<3x51xcomplex<f32>>, tensor<2x3x51xcomplex<f32>>) outs(%s : tensor<2x3x51xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %p = complex.mul %x, %y : complex<f32>
    linalg.yield %p : complex<f32>
  } -> tensor<2x3x51xcomplex<f32>>
  %all = ssm.fft %Y {dimension = 2 : i64, inverse} : tensor<2x3x51xcomplex<f32>> -> tensor<2x3x100xf32>
  %y = tensor.extract_slice %all[0, 0, 0] [2, 3, 50] [1, 1, 1] : tensor<2x3x100xf32> to tensor<2x3x50xf32>
  return %y : tensor<2x3x50xf32>
}

// -----

#id = affine_map<(h, f) -> (h, f)>

// A kernel as long as there are points: what is at the end weighs the future.
// CHECK-LABEL: func.func @two_sided(
// CHECK-SAME: %[[U:.*]]: tensor<3x50xf32>, %[[K:.*]]: tensor<3x100xf32>
// CHECK-DAG: %[[PAST:.*]] = tensor.extract_slice %[[K]][0, 0] [3, 50]
// CHECK-DAG: %[[FUTURE:.*]] = tensor.extract_slice %[[K]][0, 51] [3, 49]
// CHECK-DAG: %[[HALF:.*]] = tensor.insert_slice %[[PAST]] into %{{.*}}[0, 49] [3, 50] [1, 1] : tensor<3x50xf32> into tensor<3x99xf32>
// CHECK: %[[BOTH:.*]] = tensor.insert_slice %[[FUTURE]] into %[[HALF]][0, 0] [3, 49]
// CHECK: ssm.long_conv %[[U]], %[[BOTH]] {direction = #ssm.direction<two_sided>
// CHECK-NOT: ssm.fft
func.func @two_sided(%u: tensor<3x50xf32>, %k: tensor<3x100xf32>) -> tensor<3x50xf32> {
  %zero = arith.constant 0.0 : f32
  %up = tensor.pad %u low[0, 0] high[0, 50] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<3x50xf32> to tensor<3x100xf32>
  %U = ssm.fft %up {dimension = 1 : i64} : tensor<3x100xf32> -> tensor<3x51xcomplex<f32>>
  %K = ssm.fft %k {dimension = 1 : i64} : tensor<3x100xf32> -> tensor<3x51xcomplex<f32>>
  %s = tensor.empty() : tensor<3x51xcomplex<f32>>
  %Y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%U, %K : tensor<3x51xcomplex<f32>>, tensor<3x51xcomplex<f32>>) outs(%s : tensor<3x51xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %p = complex.mul %x, %y : complex<f32>
    linalg.yield %p : complex<f32>
  } -> tensor<3x51xcomplex<f32>>
  %all = ssm.fft %Y {dimension = 1 : i64, inverse} : tensor<3x51xcomplex<f32>> -> tensor<3x100xf32>
  %y = tensor.extract_slice %all[0, 0] [3, 50] [1, 1] : tensor<3x100xf32> to tensor<3x50xf32>
  return %y : tensor<3x50xf32>
}

// -----

#id = affine_map<(h, f) -> (h, f)>

// All steps of a circle stay transforms.
// CHECK-LABEL: func.func @circle(
// CHECK-COUNT-3: ssm.fft
// CHECK-NOT: ssm.long_conv
func.func @circle(%u: tensor<3x50xf32>, %k: tensor<3x50xf32>) -> tensor<3x50xf32> {
  %U = ssm.fft %u {dimension = 1 : i64} : tensor<3x50xf32> -> tensor<3x26xcomplex<f32>>
  %K = ssm.fft %k {dimension = 1 : i64} : tensor<3x50xf32> -> tensor<3x26xcomplex<f32>>
  %s = tensor.empty() : tensor<3x26xcomplex<f32>>
  %Y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%U, %K : tensor<3x26xcomplex<f32>>, tensor<3x26xcomplex<f32>>) outs(%s : tensor<3x26xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %p = complex.mul %x, %y : complex<f32>
    linalg.yield %p : complex<f32>
  } -> tensor<3x26xcomplex<f32>>
  %y = ssm.fft %Y {dimension = 1 : i64, inverse} : tensor<3x26xcomplex<f32>> -> tensor<3x50xf32>
  return %y : tensor<3x50xf32>
}
