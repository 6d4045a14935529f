// RUN: ssm-opt %s --split-input-file --ssm-split-concatenations --canonicalize --cse | FileCheck %s

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// The signal and the one a step before: nothing is copied, and the first row is
// computed with the zeros.
// CHECK-LABEL: func.func @shift(
// CHECK-SAME: %[[X:.*]]: tensor<100x64xf32>, %[[M:.*]]: tensor<64xf32>
// CHECK-DAG: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<1x64xf32>
// CHECK-DAG: %[[Y:.*]] = tensor.empty() : tensor<100x64xf32>
// CHECK-DAG: %[[BEFORE:.*]] = tensor.extract_slice %[[X]][0, 0] [99, 64]
// CHECK-DAG: %[[X0:.*]] = tensor.extract_slice %[[X]][0, 0] [1, 64]
// CHECK-DAG: %[[Y0:.*]] = tensor.extract_slice %[[Y]][0, 0] [1, 64]
// CHECK: %[[F0:.*]] = linalg.generic {{.*}} ins(%[[X0]], %[[ZERO]], %[[M]] : {{.*}}) outs(%[[Y0]] : tensor<1x64xf32>)
// CHECK: %[[AT0:.*]] = tensor.insert_slice %[[F0]] into %[[Y]][0, 0] [1, 64]
// CHECK: %[[X1:.*]] = tensor.extract_slice %[[X]][1, 0] [99, 64]
// CHECK: %[[F1:.*]] = linalg.generic {{.*}} ins(%[[X1]], %[[BEFORE]], %[[M]] : {{.*}}) outs(%{{.*}} : tensor<99x64xf32>)
// CHECK: %[[AT1:.*]] = tensor.insert_slice %[[F1]] into %[[AT0]][1, 0] [99, 64]
// CHECK: return %[[AT1]]
func.func @shift(%x: tensor<100x64xf32>, %m: tensor<64xf32>) -> tensor<100x64xf32> {
  %zero = arith.constant 0.0 : f32
  %row = tensor.empty() : tensor<1x64xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%row : tensor<1x64xf32>) -> tensor<1x64xf32>
  %empty = tensor.empty() : tensor<100x64xf32>
  %a = tensor.insert_slice %zeros into %empty[0, 0] [1, 64] [1, 1] : tensor<1x64xf32> into tensor<100x64xf32>
  %rows = tensor.extract_slice %x[0, 0] [99, 64] [1, 1] : tensor<100x64xf32> to tensor<99x64xf32>
  %b = tensor.insert_slice %rows into %a[1, 0] [99, 64] [1, 1] : tensor<99x64xf32> into tensor<100x64xf32>
  %y = linalg.generic {indexing_maps = [#td, #td, #d, #td], iterator_types = ["parallel", "parallel"]}
      ins(%x, %b, %m : tensor<100x64xf32>, tensor<100x64xf32>, tensor<64xf32>) outs(%empty : tensor<100x64xf32>) {
  ^bb0(%now: f32, %before: f32, %mix: f32, %o: f32):
    %p = arith.mulf %before, %mix : f32
    %s = arith.addf %now, %p : f32
    linalg.yield %s : f32
  } -> tensor<100x64xf32>
  return %y : tensor<100x64xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>

// A window of a padded signal. What fills the padding is computed for its part.
// CHECK-LABEL: func.func @window(
// CHECK-SAME: %[[X:.*]]: tensor<100x64xf32>
// CHECK: %[[FILL:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<2x64xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[FILL]] : tensor<2x64xf32>)
// CHECK: tensor.extract_slice %[[X]][0, 0] [98, 64]
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<98x64xf32>)
// CHECK-NOT: tensor<103x64xf32>
func.func @window(%x: tensor<100x64xf32>) -> tensor<100x64xf32> {
  %zero = arith.constant 0.0 : f32
  %long = tensor.empty() : tensor<103x64xf32>
  %zeros = linalg.generic {indexing_maps = [#td], iterator_types = ["parallel", "parallel"]} outs(%long : tensor<103x64xf32>) {
  ^bb0(%o: f32):
    linalg.yield %zero : f32
  } -> tensor<103x64xf32>
  %padded = tensor.insert_slice %x into %zeros[3, 0] [100, 64] [1, 1] : tensor<100x64xf32> into tensor<103x64xf32>
  %part = tensor.extract_slice %padded[1, 0] [100, 64] [1, 1] : tensor<103x64xf32> to tensor<100x64xf32>
  %empty = tensor.empty() : tensor<100x64xf32>
  %y = linalg.generic {indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]} ins(%part : tensor<100x64xf32>) outs(%empty : tensor<100x64xf32>) {
  ^bb0(%p: f32, %o: f32):
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<100x64xf32>
  return %y : tensor<100x64xf32>
}

// -----

#bt = affine_map<(b, t) -> (b, t)>
#tb = affine_map<(b, t) -> (t, b)>

// A row that lacks the dimension, and hides what was written before. The op
// knows where it is.
// CHECK-LABEL: func.func @hidden(
// CHECK-SAME: %[[U:.*]]: tensor<8xf32>, %[[V:.*]]: tensor<2x8xf32>, %[[X:.*]]: tensor<3x8xf32>
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2.0
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1.0
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.0
// CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[X]][0, 0] [1, 8]
// CHECK: linalg.generic {{.*}} ins(%[[FIRST]] : tensor<1x8xf32>)
// CHECK:   arith.addf %{{.*}}, %[[ZERO]]
// CHECK: linalg.generic {{.*}} ins(%[[U]] : tensor<8xf32>) outs(%{{.*}} : tensor<8x1xf32>)
// CHECK:   arith.addf %{{.*}}, %[[ONE]]
// CHECK: %[[LAST:.*]] = tensor.extract_slice %[[V]][1, 0] [1, 8]
// CHECK: linalg.generic {{.*}} ins(%[[LAST]] : tensor<1x8xf32>)
// CHECK:   arith.addf %{{.*}}, %[[TWO]]
func.func @hidden(%u: tensor<8xf32>, %v: tensor<2x8xf32>, %x: tensor<3x8xf32>) -> tensor<8x3xf32> {
  %a = tensor.insert_slice %v into %x[1, 0] [2, 8] [1, 1] : tensor<2x8xf32> into tensor<3x8xf32>
  %b = tensor.insert_slice %u into %a[1, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<3x8xf32>
  %out = tensor.empty() : tensor<8x3xf32>
  %y = linalg.generic {indexing_maps = [#tb, #bt], iterator_types = ["parallel", "parallel"]} ins(%b : tensor<3x8xf32>) outs(%out : tensor<8x3xf32>) {
  ^bb0(%p: f32, %o: f32):
    %t = linalg.index 1 : index
    %i = arith.index_cast %t : index to i32
    %f = arith.sitofp %i : i32 to f32
    %s = arith.addf %p, %f : f32
    linalg.yield %s : f32
  } -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>

// Parts of both dimensions are no concatenation, and neither is what has a part
// that was never written.
// CHECK-LABEL: func.func @patches(
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<4x8xf32>)
func.func @patches(%u: tensor<2x4xf32>, %v: tensor<3x8xf32>, %x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %empty = tensor.empty() : tensor<4x8xf32>
  %a = tensor.insert_slice %u into %x[0, 0] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<4x8xf32>
  %b = tensor.insert_slice %v into %empty[0, 0] [3, 8] [1, 1] : tensor<3x8xf32> into tensor<4x8xf32>
  %y = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]} ins(%a, %b : tensor<4x8xf32>, tensor<4x8xf32>) outs(%empty : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

#d = affine_map<(d) -> (d)>

// Nine parts are too many.
// CHECK-LABEL: func.func @many(
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<9xf32>)
func.func @many(%x: tensor<1xf32>) -> tensor<9xf32> {
  %empty = tensor.empty() : tensor<9xf32>
  %0 = tensor.insert_slice %x into %empty[0] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %1 = tensor.insert_slice %x into %0[1] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %2 = tensor.insert_slice %x into %1[2] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %3 = tensor.insert_slice %x into %2[3] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %4 = tensor.insert_slice %x into %3[4] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %5 = tensor.insert_slice %x into %4[5] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %6 = tensor.insert_slice %x into %5[6] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %7 = tensor.insert_slice %x into %6[7] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %8 = tensor.insert_slice %x into %7[8] [1] [1] : tensor<1xf32> into tensor<9xf32>
  %y = linalg.generic {indexing_maps = [#d, #d], iterator_types = ["parallel"]} ins(%8 : tensor<9xf32>) outs(%empty : tensor<9xf32>) {
  ^bb0(%p: f32, %o: f32):
    %e = math.exp %p : f32
    linalg.yield %e : f32
  } -> tensor<9xf32>
  return %y : tensor<9xf32>
}
