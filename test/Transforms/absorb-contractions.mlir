// Products around a recurrence become its input and output maps.
// RUN: ssm-opt %s --ssm-absorb-contractions --canonicalize --split-input-file | FileCheck %s

#btdn = affine_map<(b, t, d, n) -> (b, t, d, n)>
#btd = affine_map<(b, t, d, n) -> (b, t, d)>
#btn = affine_map<(b, t, d, n) -> (b, t, n)>
#bdn = affine_map<(b, t, d, n) -> (b, d, n)>
#dn = affine_map<(b, t, d, n) -> (d, n)>
#sum = ["parallel", "parallel", "parallel", "reduction"]
#all = ["parallel", "parallel", "parallel", "parallel"]

// CHECK-DAG: #[[DN:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[BTD:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[BTN:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[BDN:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>

// CHECK-LABEL: func.func @selective
// CHECK-SAME: %[[A:.*]]: tensor<8x4xf32>, %[[B:.*]]: tensor<2x?x4xf32>, %[[C:.*]]: tensor<2x?x4xf32>, %[[U:[a-z0-9]+]]: tensor<2x?x8xf32>
// CHECK: %[[Y:.*]], %[[LAST:.*]] = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[U]] : {{.*}}) input(%[[B]] : {{.*}}) output(%[[C]] : {{.*}}) {indexing_maps = [#[[DN]], #[[BTD]], #[[BTN]], #[[BTN]], #[[BTD]], #[[BDN]]], time = 1 : i64}
// CHECK-NEXT: return %[[Y]], %[[LAST]]
func.func @selective(%a: tensor<8x4xf32>, %b: tensor<2x?x4xf32>, %c: tensor<2x?x4xf32>, %u: tensor<2x?x8xf32>,
                     %v: tensor<2x?x8x4xf32>, %y: tensor<2x?x8xf32>) -> (tensor<2x?x8xf32>, tensor<2x8x4xf32>) {
  %driven = linalg.generic {indexing_maps = [#btn, #btd, #btdn], iterator_types = #all}
      ins(%b, %u : tensor<2x?x4xf32>, tensor<2x?x8xf32>) outs(%v : tensor<2x?x8x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %r = arith.mulf %p, %q : f32
    linalg.yield %r : f32
  } -> tensor<2x?x8x4xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4xf32>) signal(%driven : tensor<2x?x8x4xf32>)
      {indexing_maps = [#dn, #btdn, #btdn, #bdn], time = 1 : i64} -> tensor<2x?x8x4xf32>, tensor<2x8x4xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%y : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  %sum = linalg.generic {indexing_maps = [#btn, #btdn, #btd], iterator_types = #sum}
      ins(%c, %x : tensor<2x?x4xf32>, tensor<2x?x8x4xf32>) outs(%zeros : tensor<2x?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %r = arith.mulf %p, %q : f32
    %t = arith.addf %s, %r : f32
    linalg.yield %t : f32
  } -> tensor<2x?x8xf32>
  return %sum, %last : tensor<2x?x8xf32>, tensor<2x8x4xf32>
}

// -----

#tdn = affine_map<(t, d, n) -> (t, d, n)>
#dn = affine_map<(t, d, n) -> (d, n)>
#td = affine_map<(t, d, n) -> (t, d)>
#dt = affine_map<(t, d, n) -> (d, t)>

// A product and its sum in two ops, the result in another order and added to
// what is there; of complex states the real part is read.
// CHECK-DAG: #[[DN:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[TD:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[DT:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-LABEL: func.func @real_part
// CHECK-SAME: %[[A:.*]]: tensor<8x4xcomplex<f32>>, %[[C:.*]]: tensor<8x4xcomplex<f32>>, %[[U:.*]]: tensor<30x8xf32>
// CHECK: %[[Y:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[U]] : {{.*}}) output(%[[C]] : {{.*}}) {indexing_maps = [#[[DN]], #[[TD]], #[[DN]], #[[TD]], #[[DN]]], projection = #ssm.projection<real>, time = 0 : i64} -> tensor<30x8xf32>
// CHECK: linalg.generic {indexing_maps = [#[[DT]], #{{.*}}], {{.*}} ins(%[[Y]] : tensor<30x8xf32>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: math.exp %[[IN]] : f32
func.func @real_part(%a: tensor<8x4xcomplex<f32>>, %c: tensor<8x4xcomplex<f32>>, %u: tensor<30x8xf32>) -> tensor<8x30xf32> {
  %wide = tensor.empty() : tensor<30x8x4xcomplex<f32>>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4xcomplex<f32>>) signal(%u : tensor<30x8xf32>)
      {indexing_maps = [#dn, #td, #tdn, #dn], time = 0 : i64} -> tensor<30x8x4xcomplex<f32>>, tensor<8x4xcomplex<f32>>
  %products = linalg.generic {indexing_maps = [#tdn, #dn, #tdn], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %c : tensor<30x8x4xcomplex<f32>>, tensor<8x4xcomplex<f32>>) outs(%wide : tensor<30x8x4xcomplex<f32>>) {
  ^bb0(%p: complex<f32>, %q: complex<f32>, %o: complex<f32>):
    %r = complex.mul %p, %q : complex<f32>
    linalg.yield %r : complex<f32>
  } -> tensor<30x8x4xcomplex<f32>>
  %zero = complex.constant [0.0 : f32, 0.0 : f32] : complex<f32>
  %e = tensor.empty() : tensor<8x30xcomplex<f32>>
  %zeros = linalg.fill ins(%zero : complex<f32>) outs(%e : tensor<8x30xcomplex<f32>>) -> tensor<8x30xcomplex<f32>>
  %sum = linalg.generic {indexing_maps = [#tdn, #dt], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%products : tensor<30x8x4xcomplex<f32>>) outs(%zeros : tensor<8x30xcomplex<f32>>) {
  ^bb0(%p: complex<f32>, %s: complex<f32>):
    %t = complex.add %s, %p : complex<f32>
    linalg.yield %t : complex<f32>
  } -> tensor<8x30xcomplex<f32>>
  %o = tensor.empty() : tensor<8x30xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%sum : tensor<8x30xcomplex<f32>>) outs(%o : tensor<8x30xf32>) {
  ^bb0(%z: complex<f32>, %b: f32):
    %re = complex.re %z : complex<f32>
    %r = math.exp %re : f32
    linalg.yield %r : f32
  } -> tensor<8x30xf32>
  return %y : tensor<8x30xf32>
}

// -----

#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>

// Operands are read where they lie, but a sequence that was transposed so that
// time is not last stays so. The real part of a complex signal.
// CHECK-LABEL: func.func @copies
// CHECK-SAME: %[[A:.*]]: tensor<complex<f32>>, %[[U:.*]]: tensor<30x8xf32>, %[[V:.*]]: tensor<8x30xf32>
// CHECK: ssm.linear_recurrence transition(%[[A]] : tensor<complex<f32>>) signal(%[[U]] : tensor<30x8xf32>)
// CHECK: %[[T:.*]] = linalg.generic {{.*}} ins(%[[V]] : tensor<8x30xf32>)
// CHECK: ssm.linear_recurrence transition(%{{.*}} : tensor<complex<f32>>) signal(%[[T]] : tensor<30x8xf32>)
func.func @copies(%a: tensor<complex<f32>>, %u: tensor<30x8xf32>, %v: tensor<8x30xf32>, %wide: tensor<8xcomplex<f32>>,
                  %e: tensor<30x8xcomplex<f32>>, %o: tensor<30x8xf32>) -> (tensor<30x8xcomplex<f32>>, tensor<30x8xcomplex<f32>>) {
  %transition = linalg.generic {indexing_maps = [affine_map<(d) -> ()>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%a : tensor<complex<f32>>) outs(%wide : tensor<8xcomplex<f32>>) {
  ^bb0(%p: complex<f32>, %q: complex<f32>):
    linalg.yield %p : complex<f32>
  } -> tensor<8xcomplex<f32>>
  %zero = arith.constant 0.0 : f32
  %signal = linalg.generic {indexing_maps = [#td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%u : tensor<30x8xf32>) outs(%e : tensor<30x8xcomplex<f32>>) {
  ^bb0(%p: f32, %q: complex<f32>):
    %z = complex.create %p, %zero : complex<f32>
    linalg.yield %z : complex<f32>
  } -> tensor<30x8xcomplex<f32>>
  %x, %last = ssm.linear_recurrence transition(%transition : tensor<8xcomplex<f32>>) signal(%signal : tensor<30x8xcomplex<f32>>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<30x8xcomplex<f32>>, tensor<8xcomplex<f32>>
  %rows = linalg.generic {indexing_maps = [affine_map<(t, d) -> (d, t)>, #td], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<8x30xf32>) outs(%o : tensor<30x8xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<30x8xf32>
  %y, %final = ssm.linear_recurrence transition(%transition : tensor<8xcomplex<f32>>) signal(%rows : tensor<30x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<30x8xcomplex<f32>>, tensor<8xcomplex<f32>>
  return %x, %y : tensor<30x8xcomplex<f32>>, tensor<30x8xcomplex<f32>>
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>

// C adds a dimension: one product of matrices for all of time.
// CHECK-LABEL: func.func @dense
// CHECK-NOT: output(
func.func @dense(%a: tensor<4xf32>, %c: tensor<6x4xf32>, %u: tensor<30x4xf32>, %zeros: tensor<30x6xf32>) -> tensor<30x6xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<30x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(t, o, n) -> (t, n)>, affine_map<(t, o, n) -> (o, n)>, affine_map<(t, o, n) -> (t, o)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %c : tensor<30x4xf32>, tensor<6x4xf32>) outs(%zeros : tensor<30x6xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %r = arith.mulf %p, %q : f32
    %t = arith.addf %s, %r : f32
    linalg.yield %t : f32
  } -> tensor<30x6xf32>
  return %y : tensor<30x6xf32>
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>

// The states come out too, a sum over time is no output, and the final state is
// read before.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: output(
func.func @kept(%a: tensor<4xf32>, %u: tensor<30x4xf32>, %t: tensor<30xf32>, %zeros: tensor<30xf32>, %sums: tensor<4xf32>)
    -> (tensor<30x4xf32>, tensor<30xf32>, tensor<4xf32>, tensor<30xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<30x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#tn, #n, affine_map<(t, n) -> (t)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %a : tensor<30x4xf32>, tensor<4xf32>) outs(%zeros : tensor<30xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %r = arith.mulf %p, %q : f32
    %o = arith.addf %s, %r : f32
    linalg.yield %o : f32
  } -> tensor<30xf32>
  %x1, %last1 = ssm.linear_recurrence transition(%a : tensor<4xf32>) signal(%u : tensor<30x4xf32>)
      {direction = #ssm.direction<backward>, indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(n, t) -> (t, n)>, affine_map<(n, t) -> (t)>, affine_map<(n, t) -> (n)>],
                       iterator_types = ["parallel", "reduction"]}
      ins(%x1, %t : tensor<30x4xf32>, tensor<30xf32>) outs(%sums : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %r = arith.mulf %p, %q : f32
    %o = arith.addf %s, %r : f32
    linalg.yield %o : f32
  } -> tensor<4xf32>
  %x2, %last2 = ssm.linear_recurrence transition(%z : tensor<4xf32>) signal(%u : tensor<30x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  %c = math.exp %last2 : tensor<4xf32>
  %w = linalg.generic {indexing_maps = [#tn, #n, affine_map<(t, n) -> (t)>], iterator_types = ["parallel", "reduction"]}
      ins(%x2, %c : tensor<30x4xf32>, tensor<4xf32>) outs(%zeros : tensor<30xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %r = arith.mulf %p, %q : f32
    %o = arith.addf %s, %r : f32
    linalg.yield %o : f32
  } -> tensor<30xf32>
  return %x, %y, %z, %w : tensor<30x4xf32>, tensor<30xf32>, tensor<4xf32>, tensor<30xf32>
}

// -----

#tkv = affine_map<(t, k, v) -> (t, k, v)>
#tk = affine_map<(t, k, v) -> (t, k)>
#tv = affine_map<(t, k, v) -> (t, v)>
#kv = affine_map<(t, k, v) -> (k, v)>

// RWKV-6: what is added to the states is a product of its own, whose sum lacks v.
// CHECK-DAG: #[[TK:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[TV:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func @bonus
// CHECK-SAME: %[[A:.*]]: tensor<30x4xf32>, %[[R:.*]]: tensor<30x4xf32>, %[[U:.*]]: tensor<4xf32>, %[[K:.*]]: tensor<30x4xf32>, %[[V:.*]]: tensor<30x6xf32>
// CHECK: %[[Y:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : {{.*}}) signal(%[[V]] : {{.*}}) input(%[[K]] : {{.*}}) output(%[[R]] : {{.*}}) {indexing_maps = [#[[TK]], #[[TV]], #[[TK]], #[[TK]], #[[TV]], #{{.*}}], read = #ssm.read<before>, time = 0 : i64}
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[R]], %[[U]], %[[K]] : {{.*}}) {{.*}}
// CHECK: %[[BOTH:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[V]], %[[SUM]] : tensor<30x6xf32>, tensor<30xf32>) outs(%[[Y]] : tensor<30x6xf32>)
// CHECK: return %[[BOTH]]
func.func @bonus(%a: tensor<30x4xf32>, %r: tensor<30x4xf32>, %u: tensor<4xf32>, %k: tensor<30x4xf32>, %v: tensor<30x6xf32>)
    -> tensor<30x6xf32> {
  %wide = tensor.empty() : tensor<30x4x6xf32>
  %kv = linalg.generic {indexing_maps = [#tk, #tv, #tkv], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%k, %v : tensor<30x4xf32>, tensor<30x6xf32>) outs(%wide : tensor<30x4x6xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    linalg.yield %m : f32
  } -> tensor<30x4x6xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<30x4xf32>) signal(%kv : tensor<30x4x6xf32>)
      {indexing_maps = [#tk, #tkv, #tkv, #kv], read = #ssm.read<before>, time = 0 : i64} -> tensor<30x4x6xf32>, tensor<4x6xf32>
  %sum = linalg.generic {indexing_maps = [#tkv, affine_map<(t, k, v) -> (k)>, #tk, #tv, #tkv], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %u, %k, %v : tensor<30x4x6xf32>, tensor<4xf32>, tensor<30x4xf32>, tensor<30x6xf32>) outs(%wide : tensor<30x4x6xf32>) {
  ^bb0(%s: f32, %ui: f32, %ki: f32, %vi: f32, %o: f32):
    %m = arith.mulf %ki, %vi : f32
    %n = arith.mulf %ui, %m : f32
    %p = arith.addf %s, %n : f32
    linalg.yield %p : f32
  } -> tensor<30x4x6xf32>
  %e = tensor.empty() : tensor<30x6xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<30x6xf32>) -> tensor<30x6xf32>
  %y = linalg.generic {indexing_maps = [#tk, #tkv, #tv], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%r, %sum : tensor<30x4xf32>, tensor<30x4x6xf32>) outs(%zeros : tensor<30x6xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %m = arith.mulf %p, %q : f32
    %n = arith.addf %o, %m : f32
    linalg.yield %n : f32
  } -> tensor<30x6xf32>
  return %y : tensor<30x6xf32>
}

// -----

#tdn = affine_map<(t, d, n) -> (t, d, n)>
#dn = affine_map<(t, d, n) -> (d, n)>
#td = affine_map<(t, d, n) -> (t, d)>

// A sum of the states is one of products with ones.
// CHECK-LABEL: func.func @sum
// CHECK: %[[ONES:.*]] = linalg.fill ins(%cst{{.*}} : f32) outs(%{{.*}} : tensor<4xf32>)
// CHECK: %[[Y:.*]], %{{.*}} = ssm.linear_recurrence {{.*}} output(%[[ONES]] : tensor<4xf32>)
// CHECK: return %[[Y]]
func.func @sum(%a: tensor<8x4xf32>, %u: tensor<30x8xf32>) -> tensor<30x8xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<8x4xf32>) signal(%u : tensor<30x8xf32>)
      {indexing_maps = [#dn, #td, #tdn, #dn], time = 0 : i64} -> tensor<30x8x4xf32>, tensor<8x4xf32>
  %e = tensor.empty() : tensor<30x8xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<30x8xf32>) -> tensor<30x8xf32>
  %y = linalg.generic {indexing_maps = [#tdn, #td], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<30x8x4xf32>) outs(%zeros : tensor<30x8xf32>) {
  ^bb0(%p: f32, %s: f32):
    %n = arith.addf %s, %p : f32
    linalg.yield %n : f32
  } -> tensor<30x8xf32>
  return %y : tensor<30x8xf32>
}

// -----

#tn = affine_map<(t, n, m) -> (t, n)>
#n = affine_map<(t, n, m) -> (n)>
#nm = affine_map<(t, n, m) -> (n, m)>

// A square matrix has both of its dimensions, and a signal has time.
// CHECK-LABEL: func.func @roles
// CHECK-SAME: %[[A:.*]]: tensor<4xf32>, %[[U:.*]]: tensor<4xf32>
// CHECK-DAG: %[[MATRIX:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<4xf32>) outs(%{{.*}} : tensor<4x4xf32>)
// CHECK-DAG: %[[SIGNAL:.*]] = linalg.generic {{.*}} ins(%[[U]] : tensor<4xf32>) outs(%{{.*}} : tensor<30x4xf32>)
// CHECK: ssm.linear_recurrence transition(%[[MATRIX]] : tensor<4x4xf32>) signal(%[[SIGNAL]] : tensor<30x4xf32>)
func.func @roles(%a: tensor<4xf32>, %u: tensor<4xf32>) -> tensor<30x4xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %matrix = linalg.generic {indexing_maps = [affine_map<(n, m) -> (m)>, affine_map<(n, m) -> (n, m)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<4xf32>) outs(%e : tensor<4x4xf32>) {
  ^bb0(%p: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<4x4xf32>
  %o = tensor.empty() : tensor<30x4xf32>
  %signal = linalg.generic {indexing_maps = [affine_map<(t, n) -> (n)>, affine_map<(t, n) -> (t, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%u : tensor<4xf32>) outs(%o : tensor<30x4xf32>) {
  ^bb0(%p: f32, %q: f32):
    linalg.yield %p : f32
  } -> tensor<30x4xf32>
  %x, %last = ssm.linear_recurrence transition(%matrix : tensor<4x4xf32>) signal(%signal : tensor<30x4xf32>)
      {indexing_maps = [#nm, #tn, #tn, #n], time = 0 : i64, row = 1 : i64, column = 2 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  return %x : tensor<30x4xf32>
}

// -----

#tn = affine_map<(t, n) -> (t, n)>
#n = affine_map<(t, n) -> (n)>

// Real parts of states times complex numbers, and states that a loop reads.
// CHECK-LABEL: func.func @not_outputs
// CHECK-NOT: output(
func.func @not_outputs(%a: tensor<4xcomplex<f32>>, %c: tensor<4xcomplex<f32>>, %r: tensor<4xf32>, %u: tensor<30x4xf32>, %n: index,
                       %zeros: tensor<30xcomplex<f32>>, %sums: tensor<30xf32>) -> (tensor<30xcomplex<f32>>, tensor<30xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<4xcomplex<f32>>) signal(%u : tensor<30x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64, projection = #ssm.projection<real>} -> tensor<30x4xf32>, tensor<4xcomplex<f32>>
  %zero = arith.constant 0.0 : f32
  %y = linalg.generic {indexing_maps = [#tn, #n, affine_map<(t, n) -> (t)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %c : tensor<30x4xf32>, tensor<4xcomplex<f32>>) outs(%zeros : tensor<30xcomplex<f32>>) {
  ^bb0(%p: f32, %q: complex<f32>, %s: complex<f32>):
    %z = complex.create %p, %zero : complex<f32>
    %m = complex.mul %z, %q : complex<f32>
    %o = complex.add %s, %m : complex<f32>
    linalg.yield %o : complex<f32>
  } -> tensor<30xcomplex<f32>>
  %x1, %last1 = ssm.linear_recurrence transition(%r : tensor<4xf32>) signal(%u : tensor<30x4xf32>)
      {indexing_maps = [#n, #tn, #tn, #n], time = 0 : i64} -> tensor<30x4xf32>, tensor<4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %many = scf.for %i = %c0 to %n step %c1 iter_args(%w = %sums) -> tensor<30xf32> {
    %v = linalg.generic {indexing_maps = [#tn, #n, affine_map<(t, n) -> (t)>], iterator_types = ["parallel", "reduction"]}
        ins(%x1, %r : tensor<30x4xf32>, tensor<4xf32>) outs(%w : tensor<30xf32>) {
    ^bb0(%p: f32, %q: f32, %s: f32):
      %m = arith.mulf %p, %q : f32
      %o = arith.addf %s, %m : f32
      linalg.yield %o : f32
    } -> tensor<30xf32>
    scf.yield %v : tensor<30xf32>
  }
  return %y, %many : tensor<30xcomplex<f32>>, tensor<30xf32>
}
