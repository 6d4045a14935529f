// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s

// States lie side by side in memory, and lanes are channels: operands are taken
// apart where they lie, and squares of 16 by 16 are then transposed, as is the
// final state on its way out. A few steps need no band: each tile is one of 16
// channels.

#hn = affine_map<(t, h, n) -> (h, n)>
#th = affine_map<(t, h, n) -> (t, h)>

// CHECK-DAG: #[[HN:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[NH:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[A:.*]]: tensor<64x32xcomplex<f32>>, %[[C:.*]]: tensor<64x32xcomplex<f32>>, %[[X:.*]]: tensor<64x32xcomplex<f32>>,
// CHECK: scf.forall (%[[TILE:.*]]) in (4)
// CHECK: tensor.extract_slice %[[C]][%{{.*}}, 0] [16, 32]
// CHECK: %[[PARTS:.*]]:2 = linalg.generic {indexing_maps = [#[[HN]], #[[HN]], #[[HN]]], {{.*}} outs({{.*}} : tensor<16x32xf32>, tensor<16x32xf32>)
// CHECK: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<32x16xf32>)
// CHECK: tensor.extract_slice %[[PARTS]]#0[0, %{{.*}}] [16, 16]
// CHECK: linalg.generic {indexing_maps = [#[[HN]], #[[NH]]]
// CHECK: {ssm.one_thread}
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<32x16xf32>, tensor<32x16xf32>)
// CHECK: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<16x32xf32>)
// CHECK: %[[RE:.*]] = scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<16x32xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[HN]], #[[HN]], #[[HN]]], {{.*}} outs({{.*}} : tensor<16x32xcomplex<f32>>)
// CHECK: tensor.parallel_insert_slice {{.*}} [16, 32]
func.func @step(%a: tensor<64x32xcomplex<f32>>, %c: tensor<64x32xcomplex<f32>>, %x: tensor<64x32xcomplex<f32>>,
                %u: tensor<1x64xf32>) -> (tensor<1x64xf32>, tensor<64x32xcomplex<f32>>) {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<64x32xcomplex<f32>>) signal(%u : tensor<1x64xf32>)
      output(%c : tensor<64x32xcomplex<f32>>) init(%x : tensor<64x32xcomplex<f32>>)
      {indexing_maps = [#hn, #th, #hn, #hn, #th, #hn], time = 0 : i64, projection = #ssm.projection<real>}
      -> tensor<1x64xf32>, tensor<64x32xcomplex<f32>>
  return %y, %last : tensor<1x64xf32>, tensor<64x32xcomplex<f32>>
}

// Eight states make no square: they are transposed as they are taken apart.
// CHECK-LABEL: func.func @few_states(
// CHECK: linalg.generic {{.*}} ins({{.*}} : tensor<16x8xf32>) outs({{.*}} : tensor<8x16xf32>)
// CHECK-NOT: ssm.one_thread
func.func @few_states(%a: tensor<64x8xf32>, %c: tensor<64x8xf32>, %u: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<64x8xf32>) signal(%u : tensor<1x64xf32>)
      output(%c : tensor<64x8xf32>)
      {indexing_maps = [#hn, #th, #hn, #th, #hn], time = 0 : i64} -> tensor<1x64xf32>, tensor<64x8xf32>
  return %y : tensor<1x64xf32>
}
