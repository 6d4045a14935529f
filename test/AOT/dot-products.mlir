// RUN: ssm-opt %s --ssm-dot-products | FileCheck %s
// RUN: ssm-opt %s --ssm-dot-products=target=znver4 | FileCheck %s --check-prefix=BF16
// RUN: ssm-opt %s --ssm-dot-products=target=x86-64-v4 | FileCheck %s
// RUN: ssm-opt %s --ssm-dot-products=target=sapphirerapids | FileCheck %s --check-prefix=TILES

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#km = affine_map<(m, n, k) -> (k, m)>
#product = {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}

// Two vectors of columns; a block of 16 rows, and the four that are left. A row
// of B is widened and multiplied by an element of A for each row of the block.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[A:.*]]: memref<20x6xbf16>, %[[B:.*]]: memref<6x32xbf16>, %[[C:.*]]: memref<20x32xf32>)
// CHECK-NOT: linalg
// CHECK: scf.for %[[N:.*]] = %c0{{.*}} to %c32{{.*}} step %c16
// CHECK: scf.for %[[M:.*]] = %c0{{.*}} to %c16{{.*}} step %c16
// CHECK-COUNT-16: vector.load %[[C]][%{{.*}}, %[[N]]] : memref<20x32xf32>, vector<16xf32>
// CHECK: %[[SUMS:.*]]:16 = scf.for %[[K:.*]] = %c0{{.*}} to %c6{{.*}} step %c1
// CHECK: %[[ROW:.*]] = vector.load %[[B]][%[[K]], %[[N]]] : memref<6x32xbf16>, vector<16xbf16>
// CHECK: %[[WIDE:.*]] = arith.extf %[[ROW]]
// CHECK: memref.load %[[A]][%[[M]], %[[K]]]
// CHECK-COUNT-16: math.fma %{{.*}}, %[[WIDE]],
// CHECK-COUNT-16: vector.store %[[SUMS]]#{{.*}}, %[[C]]
// CHECK: %{{.*}}:4 = scf.for
// CHECK-COUNT-4: vector.store

// Of two rows of B, interleaved, with two elements of A as one word.
// BF16-LABEL: func.func @product(
// BF16-SAME: %[[A:.*]]: memref<20x6xbf16>, %[[B:.*]]: memref<6x32xbf16>, %[[C:.*]]: memref<20x32xf32>)
// BF16: scf.for %[[K:.*]] = %c0{{.*}} to %c6{{.*}} step %c2
// BF16: %[[LOW:.*]] = vector.load %[[B]][%[[K]], %{{.*}}]
// BF16: %[[HIGH:.*]] = vector.load %[[B]][%{{.*}}, %{{.*}}]
// BF16: %[[PAIRS:.*]] = vector.interleave %[[LOW]], %[[HIGH]] : vector<16xbf16>
// BF16: %[[PAIR:.*]] = vector.load %[[A]][%{{.*}}, %[[K]]] : memref<20x6xbf16>, vector<2xbf16>
// BF16: %[[WORD:.*]] = vector.bitcast %[[PAIR]] : vector<2xbf16> to vector<1xi32>
// BF16: %[[WORDS:.*]] = vector.broadcast %[[WORD]] : vector<1xi32> to vector<16xi32>
// BF16: %[[SAME:.*]] = vector.bitcast %[[WORDS]] : vector<16xi32> to vector<32xbf16>
// BF16: x86vector.avx512.dot %{{.*}}, %[[PAIRS]], %[[SAME]] : vector<32xbf16> -> vector<16xf32>
// BF16-NOT: math.fma

// Of pairs of B, all six rows of which are three of a tile, with 16 rows of A and
// then with four.
// TILES-LABEL: func.func @product(
// TILES-SAME: %[[A:.*]]: memref<20x6xbf16>, %[[B:.*]]: memref<6x32xbf16>, %[[C:.*]]: memref<20x32xf32>)
// TILES: %[[BUFFER:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16x32xbf16>
// TILES: scf.for %[[N:.*]] = %c0{{.*}} to %c32{{.*}} step %c16
// TILES: scf.for %[[PAIR:.*]] = %c0{{.*}} to %c3{{.*}} step %c1
// TILES: %[[PAIRS:.*]] = vector.interleave %{{.*}}, %{{.*}} : vector<16xbf16>
// TILES: vector.store %[[PAIRS]], %[[BUFFER]][%[[PAIR]], %c0{{.*}}]
// TILES: %[[RIGHT:.*]] = amx.tile_load %[[BUFFER]][%c0{{.*}}, %c0{{.*}}] : memref<16x32xbf16> into !amx.tile<3x32xbf16>
// TILES: scf.for %[[M:.*]] = %c0{{.*}} to %c16{{.*}} step %c16
// TILES: %[[LEFT:.*]] = amx.tile_load %[[A]][%[[M]], %{{.*}}] : memref<20x6xbf16> into !amx.tile<16x6xbf16>
// TILES: %[[SUMS:.*]] = amx.tile_load %[[C]][%[[M]], %[[N]]] : memref<20x32xf32> into !amx.tile<16x16xf32>
// TILES: %[[NEXT:.*]] = amx.tile_mulf %[[LEFT]], %[[RIGHT]], %[[SUMS]]
// TILES: amx.tile_store %[[C]][%[[M]], %[[N]]], %[[NEXT]]
// TILES: amx.tile_mulf %{{.*}}, %[[RIGHT]], %{{.*}} : !amx.tile<4x6xbf16>, !amx.tile<3x32xbf16>, !amx.tile<4x16xf32>
func.func @product(%a: memref<20x6xbf16>, %b: memref<6x32xbf16>, %c: memref<20x32xf32>) {
  linalg.generic #product ins(%a, %b : memref<20x6xbf16>, memref<6x32xbf16>) outs(%c : memref<20x32xf32>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  return
}

// Vectors are rounded by the instruction where there is a product.
// CHECK-LABEL: func.func @rounded(
// CHECK: arith.truncf
// BF16-LABEL: func.func @rounded(
// BF16-NOT: arith.truncf
// BF16: x86vector.avx512.cvt.packed.f32_to_bf16 %{{.*}} : vector<16xf32> -> vector<16xbf16>
func.func @rounded(%x: vector<16xf32>, %a: memref<4x2xbf16>, %b: memref<2x16xbf16>, %c: memref<4x16xf32>) {
  %i = arith.constant 0 : index
  %r = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  vector.store %r, %b[%i, %i] : memref<2x16xbf16>, vector<16xbf16>
  linalg.generic #product ins(%a, %b : memref<4x2xbf16>, memref<2x16xbf16>) outs(%c : memref<4x16xf32>) {
  ^bb0(%p: bf16, %q: bf16, %z: f32):
    %p1 = arith.extf %p : bf16 to f32
    %q1 = arith.extf %q : bf16 to f32
    %y = arith.mulf %p1, %q1 : f32
    %s = arith.addf %z, %y : f32
    linalg.yield %s : f32
  }
  return
}

// BF16-LABEL: func.func @no_product(
// BF16-NEXT: arith.truncf
func.func @no_product(%x: vector<16xf32>) -> vector<16xbf16> {
  %r = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %r : vector<16xbf16>
}

// Rows far apart are as good; elements far apart, odd depths, sizes known at
// run time and other layouts are left.
// CHECK-LABEL: func.func @others(
// CHECK: vector.load %{{.*}} : memref<4x8xf32, strided<[64, 1], offset: ?>>, vector<8xf32>
// CHECK-COUNT-4: linalg.generic
func.func @others(%a: memref<4x6xbf16>, %b: memref<6x8xbf16>, %rows: memref<4x8xf32, strided<[64, 1], offset: ?>>,
    %odd: memref<4x5xbf16>, %b5: memref<5x8xbf16>, %columns: memref<4x8xf32, strided<[64, 2]>>,
    %unknown: memref<?x6xbf16>, %c: memref<?x8xf32>, %turned: memref<6x4xbf16>) {
  linalg.generic #product ins(%a, %b : memref<4x6xbf16>, memref<6x8xbf16>) outs(%rows : memref<4x8xf32, strided<[64, 1], offset: ?>>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  linalg.generic #product ins(%odd, %b5 : memref<4x5xbf16>, memref<5x8xbf16>) outs(%rows : memref<4x8xf32, strided<[64, 1], offset: ?>>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  linalg.generic #product ins(%a, %b : memref<4x6xbf16>, memref<6x8xbf16>) outs(%columns : memref<4x8xf32, strided<[64, 2]>>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  linalg.generic #product ins(%unknown, %b : memref<?x6xbf16>, memref<6x8xbf16>) outs(%c : memref<?x8xf32>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#km, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%turned, %b : memref<6x4xbf16>, memref<6x8xbf16>) outs(%rows : memref<4x8xf32, strided<[64, 1], offset: ?>>) {
  ^bb0(%x: bf16, %y: bf16, %z: f32):
    %x1 = arith.extf %x : bf16 to f32
    %y1 = arith.extf %y : bf16 to f32
    %p = arith.mulf %x1, %y1 : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  return
}
