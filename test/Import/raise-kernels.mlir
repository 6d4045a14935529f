// RUN: ssm-opt %s --ssm-raise-kernels --canonicalize --cse --split-input-file | FileCheck %s
// RUN: ssm-opt %s --ssm-raise-kernels --split-input-file --remarks-filter=ssm-raise-kernels 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#hn = affine_map<(h, n, l) -> (h, n)>
#hnl = affine_map<(h, n, l) -> (h, n, l)>
#l = affine_map<(h, n, l) -> (l)>
#i = affine_map<(l) -> (l)>
#hl = affine_map<(h, l, n) -> (h, l)>

// The real part of a sum of complex powers, twice.
// CHECK-DAG: #[[HN:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[NONE:.*]] = affine_map<(d0, d1, d2) -> ()>
// CHECK-DAG: #[[HL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func.func @powers(
// CHECK-SAME: %[[A:.*]]: tensor<4x8xcomplex<f32>>, %[[C:.*]]: tensor<4x8xcomplex<f32>>
// CHECK: %[[ONE:.*]] = linalg.fill ins(%cst : f32)
// CHECK: ssm.materialize_kernel transition(%[[A]] : tensor<4x8xcomplex<f32>>) input(%[[ONE]] : tensor<f32>)
// CHECK-SAME: output(%[[C]] : tensor<4x8xcomplex<f32>>)
// CHECK-SAME: {indexing_maps = [#[[HN]], #[[NONE]], #[[HN]], #[[HL]]], projection = #ssm.projection<twice_real>, time = 1 : i64} -> tensor<4x100xf32>
// CHECK-NOT: complex.pow
// REMARK: remark: [Passed] Raised {{.*}}the sum of powers is a kernel
func.func @powers(%a: tensor<4x8xcomplex<f32>>, %c: tensor<4x8xcomplex<f32>>) -> tensor<4x100xf32> {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : f32
  %czero = complex.create %zero, %zero : complex<f32>
  %ie = tensor.empty() : tensor<100xcomplex<f32>>
  %pos = linalg.generic {indexing_maps = [#i], iterator_types = ["parallel"]} outs(%ie : tensor<100xcomplex<f32>>) {
  ^bb0(%out: complex<f32>):
    %k = linalg.index 0 : index
    %j = arith.index_cast %k : index to i32
    %x = arith.sitofp %j : i32 to f32
    %z = complex.create %x, %zero : complex<f32>
    linalg.yield %z : complex<f32>
  } -> tensor<100xcomplex<f32>>
  %pe = tensor.empty() : tensor<4x8x100xcomplex<f32>>
  %p = linalg.generic {indexing_maps = [#hn, #l, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %pos : tensor<4x8xcomplex<f32>>, tensor<100xcomplex<f32>>) outs(%pe : tensor<4x8x100xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %w = complex.pow %x, %y : complex<f32>
    linalg.yield %w : complex<f32>
  } -> tensor<4x8x100xcomplex<f32>>
  %ke = tensor.empty() : tensor<4x100xcomplex<f32>>
  %kz = linalg.fill ins(%czero : complex<f32>) outs(%ke : tensor<4x100xcomplex<f32>>) -> tensor<4x100xcomplex<f32>>
  %K = linalg.generic {indexing_maps = [affine_map<(h, l, n) -> (h, n)>, affine_map<(h, l, n) -> (h, n, l)>, #hl],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %p : tensor<4x8xcomplex<f32>>, tensor<4x8x100xcomplex<f32>>) outs(%kz : tensor<4x100xcomplex<f32>>) {
  ^bb0(%x: complex<f32>, %y: complex<f32>, %out: complex<f32>):
    %m = complex.mul %x, %y : complex<f32>
    %s = complex.add %out, %m : complex<f32>
    linalg.yield %s : complex<f32>
  } -> tensor<4x100xcomplex<f32>>
  %re = tensor.empty() : tensor<4x100xf32>
  %R = linalg.generic {indexing_maps = [affine_map<(h, l) -> (h, l)>, affine_map<(h, l) -> (h, l)>], iterator_types = ["parallel", "parallel"]}
      ins(%K : tensor<4x100xcomplex<f32>>) outs(%re : tensor<4x100xf32>) {
  ^bb0(%x: complex<f32>, %out: f32):
    %r = complex.re %x : complex<f32>
    linalg.yield %r : f32
  } -> tensor<4x100xf32>
  %T = linalg.generic {indexing_maps = [affine_map<(h, l) -> (h, l)>, affine_map<(h, l) -> (h, l)>], iterator_types = ["parallel", "parallel"]}
      ins(%R : tensor<4x100xf32>) outs(%re : tensor<4x100xf32>) {
  ^bb0(%x: f32, %out: f32):
    %r = arith.mulf %x, %two : f32
    linalg.yield %r : f32
  } -> tensor<4x100xf32>
  return %T : tensor<4x100xf32>
}

// -----

#hn = affine_map<(h, n, l) -> (h, n)>
#hnl = affine_map<(h, n, l) -> (h, n, l)>
#l = affine_map<(h, n, l) -> (l)>

// Exponentials of a product with the position: exp(x) in f64.
// CHECK-LABEL: func.func @exponentials(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[C:.*]]: tensor<4x8xf32>
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf64>)
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: math.exp %{{.*}} : f64
// CHECK: ssm.materialize_kernel transition(%[[A]] : tensor<4x8xf64>) input(%{{.*}} : tensor<f32>) output(%[[C]] : tensor<4x8xf32>)
// CHECK-SAME: -> tensor<4x3xf32>
func.func @exponentials(%x: tensor<4x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x3xf32> {
  %zero = arith.constant 0.0 : f32
  %pos = arith.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %pe = tensor.empty() : tensor<4x8x3xf32>
  %p = linalg.generic {indexing_maps = [#hn, #l, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %pos : tensor<4x8xf32>, tensor<3xf32>) outs(%pe : tensor<4x8x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %w = arith.mulf %a, %b : f32
    linalg.yield %w : f32
  } -> tensor<4x8x3xf32>
  %e = linalg.generic {indexing_maps = [#hnl, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p : tensor<4x8x3xf32>) outs(%pe : tensor<4x8x3xf32>) {
  ^bb0(%a: f32, %out: f32):
    %w = math.exp %a : f32
    linalg.yield %w : f32
  } -> tensor<4x8x3xf32>
  %ke = tensor.empty() : tensor<4x3xf32>
  %kz = linalg.fill ins(%zero : f32) outs(%ke : tensor<4x3xf32>) -> tensor<4x3xf32>
  %K = linalg.generic {indexing_maps = [affine_map<(h, l, n) -> (h, n)>, affine_map<(h, l, n) -> (h, n, l)>, affine_map<(h, l, n) -> (h, l)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %e : tensor<4x8xf32>, tensor<4x8x3xf32>) outs(%kz : tensor<4x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x3xf32>
  return %K : tensor<4x3xf32>
}

// -----

#hn = affine_map<(h, n, l) -> (h, n)>
#hnl = affine_map<(h, n, l) -> (h, n, l)>
#hl = affine_map<(h, l) -> (h, l)>

// A step of each channel times the position, as a complex number, times x: what
// is left without the position is a product in f64.
// CHECK-LABEL: func.func @factors(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xcomplex<f32>>, %[[STEP:.*]]: tensor<4xf32>, %[[C:.*]]: tensor<4x8xcomplex<f32>>
// CHECK: %[[A:.*]] = linalg.generic {{.*}} ins(%[[STEP]], %[[X]] : tensor<4xf32>, tensor<4x8xcomplex<f32>>) outs(%{{.*}} : tensor<4x8xcomplex<f64>>)
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: complex.exp %{{.*}} : complex<f64>
// CHECK: ssm.materialize_kernel transition(%[[A]] : tensor<4x8xcomplex<f64>>) input(%{{.*}} : tensor<f32>) output(%[[C]] : tensor<4x8xcomplex<f32>>)
// CHECK-SAME: -> tensor<4x3xcomplex<f32>>
func.func @factors(%x: tensor<4x8xcomplex<f32>>, %step: tensor<4xf32>, %c: tensor<4x8xcomplex<f32>>) -> tensor<4x3xcomplex<f32>> {
  %zero = arith.constant 0.0 : f32
  %czero = complex.create %zero, %zero : complex<f32>
  %pos = arith.constant dense<[0.0, 1.0, 2.0]> : tensor<3xf32>
  %te = tensor.empty() : tensor<4x3xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(h, l) -> (l)>, affine_map<(h, l) -> (h)>, #hl], iterator_types = ["parallel", "parallel"]}
      ins(%pos, %step : tensor<3xf32>, tensor<4xf32>) outs(%te : tensor<4x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %w = arith.mulf %a, %b : f32
    linalg.yield %w : f32
  } -> tensor<4x3xf32>
  %ke = tensor.empty() : tensor<4x3xcomplex<f32>>
  %z = linalg.generic {indexing_maps = [#hl, #hl], iterator_types = ["parallel", "parallel"]}
      ins(%t : tensor<4x3xf32>) outs(%ke : tensor<4x3xcomplex<f32>>) {
  ^bb0(%a: f32, %out: complex<f32>):
    %w = complex.create %a, %zero : complex<f32>
    linalg.yield %w : complex<f32>
  } -> tensor<4x3xcomplex<f32>>
  %pe = tensor.empty() : tensor<4x8x3xcomplex<f32>>
  %p = linalg.generic {indexing_maps = [affine_map<(h, n, l) -> (h, l)>, #hn, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%z, %x : tensor<4x3xcomplex<f32>>, tensor<4x8xcomplex<f32>>) outs(%pe : tensor<4x8x3xcomplex<f32>>) {
  ^bb0(%a: complex<f32>, %b: complex<f32>, %out: complex<f32>):
    %w = complex.mul %a, %b : complex<f32>
    linalg.yield %w : complex<f32>
  } -> tensor<4x8x3xcomplex<f32>>
  %e = linalg.generic {indexing_maps = [#hnl, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p : tensor<4x8x3xcomplex<f32>>) outs(%pe : tensor<4x8x3xcomplex<f32>>) {
  ^bb0(%a: complex<f32>, %out: complex<f32>):
    %w = complex.exp %a : complex<f32>
    linalg.yield %w : complex<f32>
  } -> tensor<4x8x3xcomplex<f32>>
  %kz = linalg.fill ins(%czero : complex<f32>) outs(%ke : tensor<4x3xcomplex<f32>>) -> tensor<4x3xcomplex<f32>>
  %K = linalg.generic {indexing_maps = [affine_map<(h, l, n) -> (h, n)>, affine_map<(h, l, n) -> (h, n, l)>, affine_map<(h, l, n) -> (h, l)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %e : tensor<4x8xcomplex<f32>>, tensor<4x8x3xcomplex<f32>>) outs(%kz : tensor<4x3xcomplex<f32>>) {
  ^bb0(%a: complex<f32>, %b: complex<f32>, %out: complex<f32>):
    %m = complex.mul %a, %b : complex<f32>
    %s = complex.add %out, %m : complex<f32>
    linalg.yield %s : complex<f32>
  } -> tensor<4x3xcomplex<f32>>
  return %K : tensor<4x3xcomplex<f32>>
}

// -----

#hn = affine_map<(h, n, l) -> (h, n)>
#hnl = affine_map<(h, n, l) -> (h, n, l)>
#l = affine_map<(h, n, l) -> (l)>

// Positions that begin at one are no powers of the state.
// CHECK-LABEL: func.func @from_one(
// CHECK: math.powf
// CHECK-NOT: ssm.materialize_kernel
func.func @from_one(%x: tensor<4x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x3xf32> {
  %zero = arith.constant 0.0 : f32
  %pos = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %pe = tensor.empty() : tensor<4x8x3xf32>
  %p = linalg.generic {indexing_maps = [#hn, #l, #hnl], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %pos : tensor<4x8xf32>, tensor<3xf32>) outs(%pe : tensor<4x8x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %w = math.powf %a, %b : f32
    linalg.yield %w : f32
  } -> tensor<4x8x3xf32>
  %ke = tensor.empty() : tensor<4x3xf32>
  %kz = linalg.fill ins(%zero : f32) outs(%ke : tensor<4x3xf32>) -> tensor<4x3xf32>
  %K = linalg.generic {indexing_maps = [affine_map<(h, l, n) -> (h, n)>, affine_map<(h, l, n) -> (h, n, l)>, affine_map<(h, l, n) -> (h, l)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%c, %p : tensor<4x8xf32>, tensor<4x8x3xf32>) outs(%kz : tensor<4x3xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %out, %m : f32
    linalg.yield %s : f32
  } -> tensor<4x3xf32>
  return %K : tensor<4x3xf32>
}
