// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg="vectors cores=1" --canonicalize --cse | FileCheck %s --check-prefix=APART

// 64 states of 16 channels, more than registers hold: each is carried through
// four steps, whose signals are read and whose sums are begun before. The two
// steps left over are taken one by one, all states of each.
// CHECK-LABEL: func.func @retention(
// CHECK-SAME: %[[A:.*]]: tensor<f32>, %[[K:.*]]: tensor<6x64xf32>, %[[Q:.*]]: tensor<6x64xf32>, %[[U:.*]]: tensor<6x16xf32>)
// CHECK: %[[STATES:.*]] = linalg.fill {{.*}} -> tensor<64x16xf32>
// CHECK: %[[U0:.*]] = tensor.extract_slice %[[U]][0, 0] [1, 16]
// CHECK: %[[U1:.*]] = tensor.extract_slice %[[U]][1, 0] [1, 16]
// CHECK: tensor.extract_slice %[[U]][2, 0] [1, 16]
// CHECK: tensor.extract_slice %[[U]][3, 0] [1, 16]
// CHECK: %[[NEXT:.*]]:5 = scf.for %[[N:.*]] = %c0 to %c64 step %c1
// CHECK-SAME: iter_args(%[[X:.*]] = %[[STATES]], %[[Y0:.*]] = %{{.*}}, %[[Y1:.*]] = %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: %[[BEFORE:.*]] = tensor.extract_slice %[[X]][%[[N]], 0] [1, 16]
// CHECK: %[[K0:.*]] = tensor.extract_slice %[[K]][0, %[[N]]] [1, 1]
// CHECK: %[[X0:.*]] = linalg.generic {{.*}} ins(%[[A]], %[[U0]], %[[K0]] : {{.*}}) outs(%[[BEFORE]]
// CHECK: %[[Q0:.*]] = tensor.extract_slice %[[Q]][0, %[[N]]] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[X0]], %[[Q0]] : {{.*}}) outs(%[[Y0]]
// CHECK: %[[K1:.*]] = tensor.extract_slice %[[K]][1, %[[N]]] [1, 1]
// CHECK: %[[X1:.*]] = linalg.generic {{.*}} ins(%[[A]], %[[U1]], %[[K1]] : {{.*}}) outs(%[[X0]]
// CHECK: %[[Q1:.*]] = tensor.extract_slice %[[Q]][1, %[[N]]] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[X1]], %[[Q1]] : {{.*}}) outs(%[[Y1]]
// CHECK: tensor.insert_slice %{{.*}} into %[[X]][%[[N]], 0] [1, 16]
// CHECK-COUNT-4: tensor.insert_slice {{.*}} : tensor<16xf32> into tensor<6x16xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args(%{{.*}} = %[[NEXT]]#0,
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<64x16xf32>)
#scalar = affine_map<(t, k, v) -> ()>
#tk = affine_map<(t, k, v) -> (t, k)>
#tv = affine_map<(t, k, v) -> (t, v)>
#kv = affine_map<(t, k, v) -> (k, v)>
func.func @retention(%a: tensor<f32>, %k: tensor<6x64xf32>, %q: tensor<6x64xf32>, %u: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<6x16xf32>)
      input(%k : tensor<6x64xf32>) output(%q : tensor<6x64xf32>)
      {indexing_maps = [#scalar, #tv, #tk, #tk, #tv, #kv], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<64x16xf32>
  return %y : tensor<6x16xf32>
}

// Backward, and reading the states before they are advanced: the last step comes
// first, and what the signal is computed from is read once for all states.
// CHECK-LABEL: func.func @back(
// CHECK-SAME: %[[G:[a-z0-9]+]]: tensor<4x16xf32>, %{{.*}}: tensor<4x64xf32>, %[[Q:[a-z0-9]+]]: tensor<4x64xf32>, %[[U:[a-z0-9]+]]: tensor<4x16xf32>)
// CHECK: %[[U3:.*]] = tensor.extract_slice %[[U]][3, 0] [1, 16]
// CHECK: %[[G3:.*]] = tensor.extract_slice %[[G]][3, 0] [1, 16]
// CHECK: %[[V3:.*]] = linalg.generic {{.*}} ins(%[[U3]], %[[G3]] :
// CHECK: tensor.extract_slice %[[U]][2, 0] [1, 16]
// CHECK: scf.for %[[N:.*]] = %c0 to %c64 step %c1 iter_args(%[[X:[a-z0-9]+]] = %{{[0-9]+}}, %[[Y3:[a-z0-9]+]] = %{{[0-9]+}},
// CHECK: %[[BEFORE:.*]] = tensor.extract_slice %[[X]][%[[N]], 0] [1, 16]
// CHECK: %[[Q3:.*]] = tensor.extract_slice %[[Q]][3, %[[N]]] [1, 1]
// CHECK: linalg.generic {{.*}} ins(%[[BEFORE]], %[[Q3]] : {{.*}}) outs(%[[Y3]]
// CHECK: %[[X3:.*]] = linalg.generic {{.*}} ins({{.*}}%[[V3]]{{.*}}) outs(%[[BEFORE]]
// CHECK: return
func.func @back(%g: tensor<4x16xf32>, %k: tensor<4x64xf32>, %q: tensor<4x64xf32>, %u: tensor<4x16xf32>)
    -> tensor<4x16xf32> {
  %empty = tensor.empty() : tensor<4x16xf32>
  %v = linalg.generic {indexing_maps = [affine_map<(t, v) -> (t, v)>, affine_map<(t, v) -> (t, v)>, affine_map<(t, v) -> (t, v)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%u, %g : tensor<4x16xf32>, tensor<4x16xf32>) outs(%empty : tensor<4x16xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %z = arith.mulf %x, %y : f32
    linalg.yield %z : f32
  } -> tensor<4x16xf32>
  %y, %last = ssm.linear_recurrence transition(%k : tensor<4x64xf32>) signal(%v : tensor<4x16xf32>)
      output(%q : tensor<4x64xf32>)
      {indexing_maps = [#tk, #tv, #tk, #tv, #kv], time = 0 : i64, direction = #ssm.direction<backward>,
       read = #ssm.read<before>, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<4x16xf32>, tensor<64x16xf32>
  return %y : tensor<4x16xf32>
}

// 16 states stay in registers from step to step.
// CHECK-LABEL: func.func @few(
// CHECK: scf.for %{{.*}} = %c0 to %c6
// CHECK-NOT: scf.for
// CHECK: return
func.func @few(%a: tensor<f32>, %k: tensor<6x16xf32>, %q: tensor<6x16xf32>, %u: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<6x16xf32>)
      input(%k : tensor<6x16xf32>) output(%q : tensor<6x16xf32>)
      {indexing_maps = [#scalar, #tv, #tk, #tk, #tv, #kv], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<16x16xf32>
  return %y : tensor<6x16xf32>
}

// 16 do not where each decays by what is computed for it at each step, which takes
// registers; where as much is read as is computed they do.
// CHECK-LABEL: func.func @computed(
// CHECK-SAME: %[[DT:[a-z0-9]+]]: tensor<6x16xf32>, %{{.*}}: tensor<16x16xf32>
// CHECK: %[[DT0:.*]] = tensor.extract_slice %[[DT]][0, 0] [1, 16]
// CHECK: scf.for %[[N:.*]] = %c0 to %c16
// CHECK: linalg.generic {{.*}} ins({{.*}}%[[DT0]], %{{.*}}) outs(
// CHECK: math.exp
// CHECK-LABEL: func.func @read(
// CHECK: scf.for %{{.*}} = %c0 to %c6
// CHECK-NOT: scf.for
// CHECK: return
#td = affine_map<(t, d, n) -> (t, d)>
#tn = affine_map<(t, d, n) -> (t, n)>
#dn = affine_map<(t, d, n) -> (d, n)>
#tdn = affine_map<(t, d, n) -> (t, d, n)>
func.func @computed(%dt: tensor<6x16xf32>, %A: tensor<16x16xf32>, %q: tensor<6x16xf32>, %u: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %empty = tensor.empty() : tensor<6x16x16xf32>
  %a = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<6x16xf32>, tensor<16x16xf32>) outs(%empty : tensor<6x16x16xf32>) {
  ^bb0(%x: f32, %y: f32, %out: f32):
    %z = arith.mulf %x, %y : f32
    %e = math.exp %z : f32
    linalg.yield %e : f32
  } -> tensor<6x16x16xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<6x16x16xf32>) signal(%u : tensor<6x16xf32>)
      output(%q : tensor<6x16xf32>)
      {indexing_maps = [#tdn, #td, #tn, #td, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<16x16xf32>
  return %y : tensor<6x16xf32>
}
func.func @read(%g: tensor<6x16x16xf32>, %q: tensor<6x16xf32>, %u: tensor<6x16xf32>) -> tensor<6x16xf32> {
  %empty = tensor.empty() : tensor<6x16x16xf32>
  %a = linalg.generic {indexing_maps = [#tdn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<6x16x16xf32>) outs(%empty : tensor<6x16x16xf32>) {
  ^bb0(%x: f32, %out: f32):
    %e = math.exp %x : f32
    linalg.yield %e : f32
  } -> tensor<6x16x16xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<6x16x16xf32>) signal(%u : tensor<6x16xf32>)
      output(%q : tensor<6x16xf32>)
      {indexing_maps = [#tdn, #td, #tn, #td, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<6x16xf32>, tensor<16x16xf32>
  return %y : tensor<6x16xf32>
}

// Rows of states a page apart would share a place of the first cache: they are a
// line longer. Those of 16 channels more need not be.
// APART-LABEL: func.func @page(
// APART: %[[ROWS:.*]] = bufferization.alloc_tensor() : tensor<32x1040xf32>
// APART: %[[STATES:.*]] = tensor.insert_slice %{{.*}} into %[[ROWS]][0, 0] [32, 1024] [1, 1]
// APART: scf.for %{{.*}} iter_args(%[[BAND:.*]] = %[[STATES]],
// APART: scf.for %{{.*}} iter_args(%[[TILES:.*]] = %[[BAND]],
// APART: tensor.extract_slice %[[TILES]][0, %{{.*}}] [32, 16] [1, 1] : tensor<32x1040xf32>
// APART-LABEL: func.func @page_and_more(
// APART-NOT: bufferization.alloc_tensor
// APART-NOT: bufferization.alloc_tensor
func.func @page(%a: tensor<32xf32>, %k: tensor<64x32xf32>, %q: tensor<64x32xf32>, %u: tensor<64x1024xf32>)
    -> tensor<64x1024xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<64x1024xf32>)
      input(%k : tensor<64x32xf32>) output(%q : tensor<64x32xf32>)
      {indexing_maps = [affine_map<(t, k, v) -> (k)>, #tv, #tk, #tk, #tv, #kv], time = 0 : i64,
       strategy = #ssm.strategy<sequential, lanes = 16>} -> tensor<64x1024xf32>, tensor<32x1024xf32>
  return %y : tensor<64x1024xf32>
}
func.func @page_and_more(%a: tensor<32xf32>, %k: tensor<64x32xf32>, %q: tensor<64x32xf32>, %u: tensor<64x1040xf32>)
    -> tensor<64x1040xf32> {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<32xf32>) signal(%u : tensor<64x1040xf32>)
      input(%k : tensor<64x32xf32>) output(%q : tensor<64x32xf32>)
      {indexing_maps = [affine_map<(t, k, v) -> (k)>, #tv, #tk, #tk, #tv, #kv], time = 0 : i64,
       strategy = #ssm.strategy<sequential, lanes = 16>} -> tensor<64x1040xf32>, tensor<32x1040xf32>
  return %y : tensor<64x1040xf32>
}

// So are rows of A that are brought into lanes.
// APART-LABEL: func.func @rows_of_a(
// APART: %[[ROWS:.*]] = tensor.empty() : tensor<16x1040xf32>
// APART: tensor.extract_slice %[[ROWS]][0, 0] [16, 1024] [1, 1] : tensor<16x1040xf32> to tensor<16x1024xf32>
func.func @rows_of_a(%dt: tensor<64x1024xf32>, %A: tensor<1024x16xf32>, %q: tensor<64x16xf32>, %u: tensor<64x1024xf32>)
    -> tensor<64x1024xf32> {
  %empty = tensor.empty() : tensor<64x1024x16xf32>
  %a = linalg.generic {indexing_maps = [#td, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt, %A : tensor<64x1024xf32>, tensor<1024x16xf32>) outs(%empty : tensor<64x1024x16xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    linalg.yield %p : f32
  } -> tensor<64x1024x16xf32>
  %y, %last = ssm.linear_recurrence transition(%a : tensor<64x1024x16xf32>) signal(%u : tensor<64x1024xf32>)
      output(%q : tensor<64x16xf32>)
      {indexing_maps = [#tdn, #td, #tn, #td, #dn], time = 0 : i64, strategy = #ssm.strategy<sequential, lanes = 16>}
      -> tensor<64x1024xf32>, tensor<1024x16xf32>
  return %y : tensor<64x1024xf32>
}
