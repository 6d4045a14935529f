// RUN: ssm-opt %s --split-input-file --ssm-dense-products=target=x86-64-v4 --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --split-input-file --ssm-dense-products=target=x86-64-v3 --canonicalize --cse | FileCheck %s --check-prefix=AVX2

#rk = affine_map<(r, v, k) -> (r, k)>
#kv = affine_map<(r, v, k) -> (k, v)>
#rv = affine_map<(r, v, k) -> (r, v)>

// Chunks of 768 rows and columns of two vectors in parallel, then blocks of 12
// rows, whose sums stay in registers; 6 rows of 16 where there are 16 registers.
// CHECK-LABEL: func.func @rows_in_place(
// CHECK-SAME: %[[S:.*]]: tensor<1536x256xf32>, %[[V:.*]]: tensor<256x64xf32>, %[[Y:.*]]: tensor<1536x64xf32>
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (2, 2) shared_outs(%[[OUT:.*]] = %[[Y]])
// CHECK-DAG: %[[PANEL:.*]] = tensor.extract_slice %[[V]][0, %{{.*}}] [256, 32]
// CHECK-DAG: %[[ROWS:.*]] = tensor.extract_slice %[[S]][%{{.*}}, 0] [768, 256]
// CHECK-DAG: tensor.extract_slice %[[OUT]][%{{.*}}, %{{.*}}] [768, 32]
// CHECK: scf.for %{{.*}} = %c0 to %c64
// CHECK-COUNT-12: vector.transfer_read {{.*}} vector<32xf32>
// CHECK: %[[SUMS:.*]]:12 = scf.for %[[K:.*]] = %c0 to %c256
// CHECK-NEXT: %[[ROW:.*]] = vector.transfer_read %[[PANEL]][%[[K]], %c0]
// CHECK-NEXT: %[[X:.*]] = tensor.extract %[[ROWS]][%{{.*}}, %[[K]]]
// CHECK-NEXT: %[[LANES:.*]] = vector.broadcast %[[X]] : f32 to vector<32xf32>
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[LANES]], %[[ROW]] fastmath<contract>
// CHECK-NEXT: arith.addf %[[P]], %{{.*}} fastmath<contract>
// CHECK: vector.transfer_write %[[SUMS]]#0
// AVX2-LABEL: func.func @rows_in_place(
// AVX2: scf.forall (%{{.*}}, %{{.*}}) in (2, 4)
// AVX2: :6 = scf.for {{.*}} -> (vector<16xf32>,
func.func @rows_in_place(%s: tensor<1536x256xf32>, %v: tensor<256x64xf32>, %y: tensor<1536x64xf32>) -> tensor<1536x64xf32> {
  %r = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s, %v : tensor<1536x256xf32>, tensor<256x64xf32>) outs(%y : tensor<1536x64xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b fastmath<contract> : f32
    %n = arith.addf %sum, %p fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<1536x64xf32>
  return %r : tensor<1536x64xf32>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#vk = affine_map<(r, v, k) -> (v, k)>
#rv = affine_map<(r, v, k) -> (r, v)>

// A factor that lies the other way round is transposed by squares. What starts
// at zero is not read.
// CHECK-LABEL: func.func @transposed(
// CHECK-SAME: %[[S:.*]]: tensor<24x256xf32>, %[[V:.*]]: tensor<32x256xf32>
// CHECK-NOT: scf.forall
// CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args(%{{.*}} = %{{.*}}) -> (tensor<256x32xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<16x16xf32>) outs(%{{.*}} : tensor<16x16xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args(%{{.*}} = %{{.*}}) -> (tensor<256x32xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c2
// CHECK-NOT: vector.transfer_read
// CHECK: :12 = scf.for %{{.*}} = %c0 to %c256 step %c1 iter_args(%{{.*}} = %[[ZERO:cst[_0-9]*]]
func.func @transposed(%s: tensor<24x256xf32>, %v: tensor<32x256xf32>) -> tensor<24x32xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<24x32xf32>
  %y = linalg.fill ins(%zero : f32) outs(%empty : tensor<24x32xf32>) -> tensor<24x32xf32>
  %r = linalg.generic {indexing_maps = [#rk, #vk, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s, %v : tensor<24x256xf32>, tensor<32x256xf32>) outs(%y : tensor<24x32xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b fastmath<contract> : f32
    %n = arith.addf %sum, %p fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<24x32xf32>
  return %r : tensor<24x32xf32>
}

// -----

#k = affine_map<(v, k) -> (k)>
#kv = affine_map<(v, k) -> (k, v)>
#v = affine_map<(v, k) -> (v)>

// A vector has wide panels, for as many sums as hide an FMA's latency.
// CHECK-LABEL: func.func @vector(
// CHECK: scf.forall (%{{.*}}) in (2) shared_outs
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1 iter_args(%{{.*}} = %{{.*}}) -> (vector<128xf32>)
func.func @vector(%s: tensor<64xf32>, %v: tensor<64x256xf32>, %y: tensor<256xf32>) -> tensor<256xf32> {
  %r = linalg.generic {indexing_maps = [#k, #kv, #v], iterator_types = ["parallel", "reduction"]} ins(%s, %v : tensor<64xf32>, tensor<64x256xf32>) outs(%y : tensor<256xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b fastmath<contract> : f32
    %n = arith.addf %sum, %p fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<256xf32>
  return %r : tensor<256xf32>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#kv = affine_map<(r, v, k) -> (k, v)>
#rv = affine_map<(r, v, k) -> (r, v)>

// Few numbers, and products that may not be contracted, stay as they are.
// CHECK-LABEL: func.func @stays(
// CHECK-COUNT-2: linalg.generic
// CHECK-NOT: vector
func.func @stays(%s: tensor<8x8xf32>, %v: tensor<8x8xf32>, %y: tensor<8x8xf32>, %t: tensor<64x64xf32>, %z: tensor<64x64xf32>) -> (tensor<8x8xf32>, tensor<64x64xf32>) {
  %r = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s, %v : tensor<8x8xf32>, tensor<8x8xf32>) outs(%y : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b fastmath<contract> : f32
    %n = arith.addf %sum, %p fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<8x8xf32>
  %q = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%t, %t : tensor<64x64xf32>, tensor<64x64xf32>) outs(%z : tensor<64x64xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %n = arith.addf %sum, %p : f32
    linalg.yield %n : f32
  } -> tensor<64x64xf32>
  return %r, %q : tensor<8x8xf32>, tensor<64x64xf32>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#vk = affine_map<(r, v, k) -> (v, k)>
#rv = affine_map<(r, v, k) -> (r, v)>

// B u with a complex B, as --ssm-hoist-contractions has it: two panels, and two
// sums for each of six rows, which a loop puts together.
// CHECK-LABEL: func.func @complex(
// CHECK: complex.re
// CHECK: complex.im
// CHECK: :12 = scf.for
// CHECK-COUNT-12: vector.transfer_write {{.*}} tensor<6x32xf32>
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<6x32xcomplex<f32>>)
// CHECK: complex.create
func.func @complex(%u: tensor<48x256xf32>, %b: tensor<32x256xcomplex<f32>>) -> tensor<48x32xcomplex<f32>> {
  %zero = arith.constant 0.0 : f32
  %start = complex.create %zero, %zero : complex<f32>
  %empty = tensor.empty() : tensor<48x32xcomplex<f32>>
  %y = linalg.fill ins(%start : complex<f32>) outs(%empty : tensor<48x32xcomplex<f32>>) -> tensor<48x32xcomplex<f32>>
  %r = linalg.generic {indexing_maps = [#rk, #vk, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%u, %b : tensor<48x256xf32>, tensor<32x256xcomplex<f32>>) outs(%y : tensor<48x32xcomplex<f32>>) {
  ^bb0(%x: f32, %p: complex<f32>, %sum: complex<f32>):
    %pr = complex.re %p : complex<f32>
    %pi = complex.im %p : complex<f32>
    %sr = complex.re %sum : complex<f32>
    %si = complex.im %sum : complex<f32>
    %xr = arith.mulf %pr, %x fastmath<contract> : f32
    %re = arith.addf %xr, %sr fastmath<contract> : f32
    %xi = arith.mulf %pi, %x fastmath<contract> : f32
    %im = arith.addf %xi, %si fastmath<contract> : f32
    %n = complex.create %re, %im : complex<f32>
    linalg.yield %n : complex<f32>
  } -> tensor<48x32xcomplex<f32>>
  return %r : tensor<48x32xcomplex<f32>>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#vk = affine_map<(r, v, k) -> (v, k)>
#rv = affine_map<(r, v, k) -> (r, v)>
#id = affine_map<(i, j) -> (i, j)>

// The real part of a product of a real matrix, made complex, by a complex one:
// of six rows by two vectors of columns one sum each, and one product.
// CHECK-LABEL: func.func @real_part(
// CHECK-SAME: %[[U:.*]]: tensor<48x256xf32>
// CHECK: complex.re
// CHECK: :12 = scf.for
// CHECK: tensor.extract %[[U]]
// CHECK-COUNT-12: arith.mulf
// CHECK-NOT: arith.mulf
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<48x32xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: math.exp %[[X]] : f32
func.func @real_part(%u: tensor<48x256xf32>, %b: tensor<32x256xcomplex<f32>>) -> tensor<48x32xf32> {
  %zero = arith.constant 0.0 : f32
  %start = complex.create %zero, %zero : complex<f32>
  %wide = tensor.empty() : tensor<48x256xcomplex<f32>>
  %uz = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%u : tensor<48x256xf32>) outs(%wide : tensor<48x256xcomplex<f32>>) {
  ^bb0(%x: f32, %o: complex<f32>):
    %z = complex.create %x, %zero : complex<f32>
    linalg.yield %z : complex<f32>
  } -> tensor<48x256xcomplex<f32>>
  %empty = tensor.empty() : tensor<48x32xcomplex<f32>>
  %y = linalg.fill ins(%start : complex<f32>) outs(%empty : tensor<48x32xcomplex<f32>>) -> tensor<48x32xcomplex<f32>>
  %r = linalg.generic {indexing_maps = [#rk, #vk, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%uz, %b : tensor<48x256xcomplex<f32>>, tensor<32x256xcomplex<f32>>) outs(%y : tensor<48x32xcomplex<f32>>) {
  ^bb0(%p: complex<f32>, %q: complex<f32>, %sum: complex<f32>):
    %pq = complex.mul %p, %q fastmath<contract> : complex<f32>
    %n = complex.add %sum, %pq fastmath<contract> : complex<f32>
    linalg.yield %n : complex<f32>
  } -> tensor<48x32xcomplex<f32>>
  %out = tensor.empty() : tensor<48x32xf32>
  %e = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%r : tensor<48x32xcomplex<f32>>) outs(%out : tensor<48x32xf32>) {
  ^bb0(%z: complex<f32>, %o: f32):
    %re = complex.re %z : complex<f32>
    %exp = math.exp %re : f32
    linalg.yield %exp : f32
  } -> tensor<48x32xf32>
  return %e : tensor<48x32xf32>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#kv = affine_map<(r, v, k) -> (k, v)>
#rv = affine_map<(r, v, k) -> (r, v)>

// The rows of the second product are the first one's, as of a matrix of low
// rank.
// CHECK-LABEL: func.func @chain(
// CHECK: %[[FIRST:.*]] = scf.for {{.*}} -> (tensor<24x32xf32>)
// CHECK: tensor.extract %[[FIRST]]
// CHECK-NOT: linalg.generic
func.func @chain(%x: tensor<24x256xf32>, %a: tensor<256x32xf32>, %b: tensor<32x64xf32>, %s: tensor<24x32xf32>, %y: tensor<24x64xf32>) -> tensor<24x64xf32> {
  %low = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %a : tensor<24x256xf32>, tensor<256x32xf32>) outs(%s : tensor<24x32xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %m = arith.mulf %p, %q fastmath<contract> : f32
    %n = arith.addf %sum, %m fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<24x32xf32>
  %r = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%low, %b : tensor<24x32xf32>, tensor<32x64xf32>) outs(%y : tensor<24x64xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %m = arith.mulf %p, %q fastmath<contract> : f32
    %n = arith.addf %sum, %m fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<24x64xf32>
  return %r : tensor<24x64xf32>
}

// -----

#gkv = affine_map<(g, v, r, k) -> (g, k, v)>
#rk = affine_map<(g, v, r, k) -> (r, k)>
#gvr = affine_map<(g, v, r, k) -> (g, v, r)>
#from = affine_map<(g, r, v) -> (g, v, r)>
#to = affine_map<(g, r, v) -> (g, r, v)>

// A product that a transpose reads has the transpose's order, whose rows fill
// vectors: what einsum makes of the product of weights with two tokens.
// CHECK-LABEL: func.func @read_transposed(
// CHECK-SAME: %[[W:.*]]: tensor<2x128x384xf32>, %[[X:.*]]: tensor<2x128xf32>
// CHECK: scf.forall {{.*}} -> (tensor<2x2x384xf32>)
// CHECK: tensor.extract_slice %[[W]][%{{.*}}, 0, %{{.*}}] [1, 128, 128]
// CHECK: vector.transfer_read {{.*}} vector<128xf32>
// CHECK: tensor.extract %[[X]]
// CHECK-NOT: linalg.generic
func.func @read_transposed(%w: tensor<2x128x384xf32>, %x: tensor<2x128xf32>) -> tensor<2x2x384xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x384x2xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x384x2xf32>) -> tensor<2x384x2xf32>
  %y = linalg.generic {indexing_maps = [#gkv, #rk, #gvr], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%w, %x : tensor<2x128x384xf32>, tensor<2x128xf32>) outs(%start : tensor<2x384x2xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %m = arith.mulf %p, %q fastmath<contract> : f32
    %n = arith.addf %sum, %m fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<2x384x2xf32>
  %out = tensor.empty() : tensor<2x2x384xf32>
  %z = linalg.generic {indexing_maps = [#from, #to], iterator_types = ["parallel", "parallel", "parallel"]} ins(%y : tensor<2x384x2xf32>) outs(%out : tensor<2x2x384xf32>) {
  ^bb0(%p: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<2x2x384xf32>
  return %z : tensor<2x2x384xf32>
}

// -----

#rk = affine_map<(r, v, k) -> (r, k)>
#kv = affine_map<(r, v, k) -> (k, v)>
#rv = affine_map<(r, v, k) -> (r, v)>
#vr = affine_map<(v, r) -> (r, v)>
#to = affine_map<(v, r) -> (v, r)>

// Rows of two would not: the product keeps its order.
// CHECK-LABEL: func.func @wide_before(
// CHECK: vector.transfer_write {{.*}} tensor<2x{{.*}}xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x128xf32>) outs(%{{.*}} : tensor<128x2xf32>)
func.func @wide_before(%s: tensor<2x256xf32>, %v: tensor<256x128xf32>) -> tensor<128x2xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x128xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x128xf32>) -> tensor<2x128xf32>
  %y = linalg.generic {indexing_maps = [#rk, #kv, #rv], iterator_types = ["parallel", "parallel", "reduction"]} ins(%s, %v : tensor<2x256xf32>, tensor<256x128xf32>) outs(%start : tensor<2x128xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %m = arith.mulf %p, %q fastmath<contract> : f32
    %n = arith.addf %sum, %m fastmath<contract> : f32
    linalg.yield %n : f32
  } -> tensor<2x128xf32>
  %out = tensor.empty() : tensor<128x2xf32>
  %z = linalg.generic {indexing_maps = [#vr, #to], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<2x128xf32>) outs(%out : tensor<128x2xf32>) {
  ^bb0(%p: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<128x2xf32>
  return %z : tensor<128x2xf32>
}
