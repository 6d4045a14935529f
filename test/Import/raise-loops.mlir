// RUN: ssm-opt %s --lower-affine --ssm-raise-loops --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-raise-loops=numerics=norm | FileCheck %s --check-prefix=NORM
// RUN: ssm-opt %s --lower-affine --ssm-raise-loops --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not ssm-opt %s --ssm-raise-loops=numerics=fast 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: numerics must be strict or norm, found 'fast'
// NORM-NOT: numerics<strict>

// The transition as it is, the signal as it is, the result in its place.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @slices(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32>, %[[U:.*]]: tensor<64x8xf32>, %[[X0:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[Y:.*]], %[[X:.*]] = ssm.linear_recurrence transition(%[[A]] : tensor<8xf32>) signal(%[[U]] : tensor<64x8xf32>) init(%[[X0]] : tensor<8xf32>)
// CHECK-SAME: numerics = #ssm.numerics<strict>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @slices(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> (tensor<64x8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %e = tensor.empty() : tensor<64x8xf32>
  %y, %last = scf.for %t = %c0 to %c64 step %c1 iter_args(%yi = %e, %x = %x0) -> (tensor<64x8xf32>, tensor<8xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, 8] [1, 1] : tensor<64x8xf32> to tensor<8xf32>
    %m = arith.mulf %a, %x : tensor<8xf32>
    %xt = arith.addf %m, %ut : tensor<8xf32>
    %yt = tensor.insert_slice %xt into %yi[%t, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<64x8xf32>
    scf.yield %yt, %xt : tensor<64x8xf32>, tensor<8xf32>
  }
  return %y, %last : tensor<64x8xf32>, tensor<8xf32>
}

// Scalars, from the last to the first, of a length known at run time; what is
// written uses the state before and after the step.
// CHECK-LABEL: func.func @backward_scalars(
// CHECK: %[[A:.*]] = linalg.generic
// CHECK: arith.subf
// CHECK: %[[B:.*]] = linalg.generic
// CHECK: %[[AFTER:.*]], %[[X:.*]] = ssm.linear_recurrence transition(%[[A]] : tensor<?xf32>) signal(%[[B]] : tensor<?xf32>)
// CHECK-SAME: direction = #ssm.direction<backward>
// CHECK: tensor.extract %[[X]][]
// CHECK: %[[BEFORE:.*]], %{{.*}} = ssm.linear_recurrence {{.*}} read = #ssm.read<before>
// CHECK: linalg.generic {{.*}} ins(%[[AFTER]], %[[BEFORE]]
func.func @backward_scalars(%u: tensor<?xf32>, %g: f32, %x0: f32) -> (tensor<?xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %u, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y, %last = scf.for %t = %c0 to %n step %c1 iter_args(%yi = %e, %x = %x0) -> (tensor<?xf32>, f32) {
    %i = affine.apply affine_map<(t)[n] -> (n - 1 - t)>(%t)[%n]
    %ut = tensor.extract %u[%i] : tensor<?xf32>
    %p = arith.mulf %ut, %x : f32
    %q = arith.subf %x, %p : f32
    %xt = math.fma %ut, %g, %q : f32
    %z = arith.mulf %xt, %x : f32
    %yt = tensor.insert %z into %yi[%i] : tensor<?xf32>
    scf.yield %yt, %xt : tensor<?xf32>, f32
  }
  return %y, %last : tensor<?xf32>, f32
}

// Every third element from the fourth on, the signal one before it; the rest of
// the result is what it was. The result keeps batches in front of time.
// CHECK-LABEL: func.func @strided(
// CHECK-SAME: %[[A:.*]]: tensor<2xf64>, %[[U:.*]]: tensor<2x32xf64>, %[[X0:.*]]: tensor<2xf64>, %[[Y0:.*]]: tensor<2x32xf64>)
// CHECK: %[[S:.*]] = tensor.extract_slice %[[U]][0, 3] [2, 9] [1, 3] : tensor<2x32xf64> to tensor<2x9xf64>
// CHECK: %[[Y:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : tensor<2xf64>) signal(%[[S]] : tensor<2x9xf64>)
// CHECK: tensor.insert_slice %[[Y]] into %[[Y0]][0, 4] [2, 9] [1, 3]
func.func @strided(%a: tensor<2xf64>, %u: tensor<2x32xf64>, %x0: tensor<2xf64>, %y0: tensor<2x32xf64>) -> tensor<2x32xf64> {
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c31 = arith.constant 31 : index
  %y, %last = scf.for %t = %c4 to %c31 step %c3 iter_args(%yi = %y0, %x = %x0) -> (tensor<2x32xf64>, tensor<2xf64>) {
    %i = arith.subi %t, %c1 : index
    %ut = tensor.extract_slice %u[0, %i] [2, 1] [1, 1] : tensor<2x32xf64> to tensor<2xf64>
    %m = arith.mulf %a, %x : tensor<2xf64>
    %xt = arith.addf %m, %ut : tensor<2xf64>
    %yt = tensor.insert_slice %xt into %yi[0, %t] [2, 1] [1, 1] : tensor<2xf64> into tensor<2x32xf64>
    scf.yield %yt, %xt : tensor<2x32xf64>, tensor<2xf64>
  }
  return %y : tensor<2x32xf64>
}

// Two states in one linalg op each: the second takes the first after its step.
// Broadcasts stay maps. No tensor is read: the signal gets the length.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 2
// CHECK-LABEL: func.func @cascade(
// CHECK-SAME: %[[A:.*]]: tensor<3xf32>, %[[U:.*]]: tensor<4x3xf32>, %[[X0:.*]]: tensor<4x3xf32>)
// CHECK: %[[B:.*]] = linalg.generic {{.*}} ins(%[[U]] : tensor<4x3xf32>) outs(%{{.*}} : tensor<16x4x3xf32>)
// CHECK: %[[V:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : tensor<3xf32>) signal(%[[B]] : tensor<16x4x3xf32>)
// CHECK: %{{.*}}, %[[W:.*]] = ssm.linear_recurrence transition(%[[A]] : tensor<3xf32>) signal(%[[V]] : tensor<16x4x3xf32>)
// CHECK: return %[[W]]
#n = affine_map<(h, n) -> (n)>
#hn = affine_map<(h, n) -> (h, n)>
func.func @cascade(%a: tensor<3xf32>, %u: tensor<4x3xf32>, %x0: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %last:2 = scf.for %t = %c0 to %c16 step %c1 iter_args(%w = %x0, %v = %x0) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
    %e = tensor.empty() : tensor<4x3xf32>
    %vt = linalg.generic {indexing_maps = [#n, #hn, #hn, #hn], iterator_types = ["parallel", "parallel"]}
        ins(%a, %v, %u : tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) outs(%e : tensor<4x3xf32>) {
    ^bb0(%an: f32, %vn: f32, %un: f32, %0: f32):
      %m = arith.mulf %an, %vn : f32
      %s = arith.addf %m, %un : f32
      linalg.yield %s : f32
    } -> tensor<4x3xf32>
    %wt = linalg.generic {indexing_maps = [#n, #hn, #hn, #hn], iterator_types = ["parallel", "parallel"]}
        ins(%a, %w, %vt : tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) outs(%e : tensor<4x3xf32>) {
    ^bb0(%an: f32, %wn: f32, %vn: f32, %0: f32):
      %m = arith.mulf %an, %wn : f32
      %s = arith.addf %m, %vn : f32
      linalg.yield %s : f32
    } -> tensor<4x3xf32>
    scf.yield %wt, %vt : tensor<4x3xf32>, tensor<4x3xf32>
  }
  return %last#0 : tensor<4x3xf32>
}

// Complex scalars; no signal at all.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @decay(
// CHECK: ssm.linear_recurrence transition(%{{.*}} : tensor<7xcomplex<f32>>) signal(%{{.*}} : tensor<complex<f32>>)
func.func @decay(%a: tensor<7xcomplex<f32>>, %x0: complex<f32>) -> complex<f32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> complex<f32> {
    %at = tensor.extract %a[%t] : tensor<7xcomplex<f32>>
    %xt = complex.mul %at, %x : complex<f32>
    scf.yield %xt : complex<f32>
  }
  return %last : complex<f32>
}

// Contractions of the signal and of the state: for all of time, before and
// after the recurrence.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @contractions(
// CHECK-SAME: %[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4x3xf32>, %[[C:.*]]: tensor<2x4xf32>, %[[U:.*]]: tensor<7x3xf32>
// CHECK: %[[BU:.*]] = linalg.generic {{.*}} ins(%[[B]], %[[U]] : tensor<4x3xf32>, tensor<7x3xf32>) outs(%{{.*}} : tensor<7x4xf32>)
// CHECK: %[[X:.*]], %{{.*}} = ssm.linear_recurrence transition(%[[A]] : tensor<4xf32>) signal(%[[BU]] : tensor<7x4xf32>)
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[C]], %[[X]] : tensor<2x4xf32>, tensor<7x4xf32>) outs(%{{.*}} : tensor<7x2xf32>)
// CHECK: return %[[Y]]
func.func @contractions(%a: tensor<4xf32>, %b: tensor<4x3xf32>, %c: tensor<2x4xf32>, %u: tensor<7x3xf32>, %x0: tensor<4xf32>) -> tensor<7x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<7x2xf32>
  %y, %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%yi = %e, %x = %x0) -> (tensor<7x2xf32>, tensor<4xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, 3] [1, 1] : tensor<7x3xf32> to tensor<3xf32>
    %ax = arith.mulf %a, %x : tensor<4xf32>
    %e4 = tensor.empty() : tensor<4xf32>
    %z4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<4xf32>) -> tensor<4xf32>
    %bu = linalg.matvec ins(%b, %ut : tensor<4x3xf32>, tensor<3xf32>) outs(%z4 : tensor<4xf32>) -> tensor<4xf32>
    %xt = arith.addf %ax, %bu : tensor<4xf32>
    %e2 = tensor.empty() : tensor<2xf32>
    %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2xf32>) -> tensor<2xf32>
    %cx = linalg.matvec ins(%c, %xt : tensor<2x4xf32>, tensor<4xf32>) outs(%z2 : tensor<2xf32>) -> tensor<2xf32>
    %yt = tensor.insert_slice %cx into %yi[%t, 0] [1, 2] [1, 1] : tensor<2xf32> into tensor<7x2xf32>
    scf.yield %yt, %xt : tensor<7x2xf32>, tensor<4xf32>
  }
  return %y : tensor<7x2xf32>
}

// A tensor that is updated in place: each place is read before it is written.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @update(
// CHECK-SAME: %[[Y0:.*]]: tensor<7xf32>,
// CHECK: ssm.linear_recurrence {{.*}} signal(%[[Y0]] : tensor<7xf32>)
func.func @update(%y0: tensor<7xf32>, %x0: f32) -> tensor<7xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %y, %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%yi = %y0, %x = %x0) -> (tensor<7xf32>, f32) {
    %ut = tensor.extract %yi[%t] : tensor<7xf32>
    %xt = arith.addf %x, %ut : f32
    %yt = tensor.insert %xt into %yi[%t] : tensor<7xf32>
    scf.yield %yt, %xt : tensor<7xf32>, f32
  }
  return %y : tensor<7xf32>
}

// Memory that is made here is no argument's; an argument may say that it is none
// of the others'.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @memory(
// CHECK-SAME: %[[U:.*]]: memref<7xf32>, %[[Z:.*]]: memref<7xf32> {llvm.noalias}
// CHECK: %[[Y:.*]] = memref.alloc()
// CHECK: %[[UT:.*]] = bufferization.to_tensor %[[U]] restrict
// CHECK: %[[YT:.*]], %{{.*}} = ssm.linear_recurrence {{.*}} signal(%[[UT]]
// CHECK: %[[ZT:.*]] = linalg.generic {{.*}} ins(%[[YT]]
// CHECK: bufferization.materialize_in_destination %[[YT]] in restrict writable %[[Y]]
// CHECK: bufferization.materialize_in_destination %[[ZT]] in restrict writable %[[Z]]
func.func @memory(%u: memref<7xf32>, %z: memref<7xf32> {llvm.noalias}, %a: f32, %x0: f32) -> (f32, memref<7xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %y = memref.alloc() : memref<7xf32>
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> f32 {
    %ut = memref.load %u[%t] : memref<7xf32>
    %xt = math.fma %a, %x, %ut : f32
    memref.store %xt, %y[%t] : memref<7xf32>
    %n = arith.negf %xt : f32
    memref.store %n, %z[%t] : memref<7xf32>
    scf.yield %xt : f32
  }
  return %last, %y : f32, memref<7xf32>
}

// The state is in memory: y[t] = a y[t-1] + y[t], in place, in an affine loop
// (upstream's --lower-affine comes first). What is read is copied, and only what
// the loop writes is written.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME: %[[M:.*]]: memref<9xf32>, %[[A:.*]]: f32)
// CHECK: %[[R:.*]] = bufferization.to_tensor %[[M]] restrict
// CHECK: %[[Y:.*]] = bufferization.alloc_tensor() copy(%[[R]])
// CHECK: %[[FIRST:.*]] = tensor.extract %[[Y]][%c0]
// CHECK: %[[U:.*]] = tensor.extract_slice %[[Y]][1] [8] [1]
// CHECK: %[[X0:.*]] = tensor.from_elements %[[FIRST]] : tensor<f32>
// CHECK: %[[X:.*]], %{{.*}} = ssm.linear_recurrence {{.*}} signal(%[[U]] : tensor<8xf32>) init(%[[X0]] : tensor<f32>)
// CHECK: %[[P:.*]] = memref.subview %[[M]][1] [8] [1]
// CHECK: bufferization.materialize_in_destination %[[X]] in restrict writable %[[P]]
func.func @in_place(%y: memref<9xf32>, %a: f32) {
  affine.for %t = 1 to 9 {
    %x = affine.load %y[%t - 1] : memref<9xf32>
    %ut = affine.load %y[%t] : memref<9xf32>
    %m = arith.mulf %a, %x : f32
    %xt = arith.addf %m, %ut : f32
    affine.store %xt, %y[%t] : memref<9xf32>
  }
  return
}

#kv = affine_map<(v, k) -> (k, v)>
#k = affine_map<(v, k) -> (k)>
#v = affine_map<(v, k) -> (v)>
#rows = affine_map<(k, v) -> (k)>
#columns = affine_map<(k, v) -> (v)>
#state = affine_map<(k, v) -> (k, v)>

// A matrix times the state is a dense transition, which is A itself.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @dense(
// CHECK-SAME: %[[A:.*]]: tensor<3x3xf32>, %[[U:.*]]: tensor<7x3xf32>, %[[X0:.*]]: tensor<3xf32>)
// CHECK: %{{.*}}, %[[LAST:.*]] = ssm.linear_recurrence transition(%[[A]] : tensor<3x3xf32>) signal(%[[U]] : tensor<7x3xf32>) init(%[[X0]] : tensor<3xf32>)
// CHECK-SAME: column = 2 : i64
// CHECK-SAME: row = 0 : i64, time = 1 : i64
// CHECK: return %[[LAST]]
func.func @dense(%a: tensor<3x3xf32>, %u: tensor<7x3xf32>, %x0: tensor<3xf32>) -> (tensor<3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<3xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, 3] [1, 1] : tensor<7x3xf32> to tensor<3xf32>
    %xt = linalg.matvec ins(%a, %x : tensor<3x3xf32>, tensor<3xf32>) outs(%ut : tensor<3xf32>) -> tensor<3xf32>
    scf.yield %xt : tensor<3xf32>
  }
  return %last : tensor<3xf32>
}

// x + s A x: s A, and one more on its diagonal.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @euler(
// CHECK-SAME: %[[A:.*]]: tensor<3x3xf32>, %[[S:.*]]: tensor<7xf32>
// CHECK: %[[M:.*]] = linalg.generic {{.*}} ins(%[[A]], %[[S]], %{{.*}} : tensor<3x3xf32>, tensor<7xf32>, tensor<f32>) outs(%{{.*}} : tensor<7x3x3xf32>)
// CHECK:   %[[SA:.*]] = arith.mulf
// CHECK:   %[[ON:.*]] = arith.addf %[[SA]], %{{.*}}
// CHECK:   arith.select %{{.*}}, %[[ON]], %[[SA]]
// CHECK: ssm.linear_recurrence transition(%[[M]] : tensor<7x3x3xf32>)
// CHECK-SAME: column = 2 : i64
func.func @euler(%a: tensor<3x3xf32>, %s: tensor<7xf32>, %x0: tensor<3xf32>) -> (tensor<3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<3xf32>) {
    %st = tensor.extract %s[%t] : tensor<7xf32>
    %all = tensor.splat %st : tensor<3xf32>
    %ax = linalg.matvec ins(%a, %x : tensor<3x3xf32>, tensor<3xf32>) outs(%zero : tensor<3xf32>) -> tensor<3xf32>
    %sax = arith.mulf %all, %ax : tensor<3xf32>
    %xt = arith.addf %x, %sax : tensor<3xf32>
    scf.yield %xt : tensor<3xf32>
  }
  return %last : tensor<3xf32>
}

// A delta rule, S + k (v - k S): diagonal plus low rank, with p = -k and q = k.
// Its signal stays an outer product of two tensors.
// REMARK: Raised {{.*}}linear recurrences that the loop is: 1
// CHECK-LABEL: func.func @delta(
// CHECK-SAME: %[[K:.*]]: tensor<7x5xf32>, %[[V:.*]]: tensor<7x3xf32>, %[[S0:.*]]: tensor<5x3xf32>)
// CHECK: %[[MINUS:.*]] = arith.constant -1.000000e+00 : f32
// CHECK: %[[ONES:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<5xf32>)
// CHECK: %[[P:.*]] = linalg.generic {{.*}} ins(%[[K]] : tensor<7x5xf32>)
// CHECK: arith.mulf %{{.*}}, %[[MINUS]] : f32
// CHECK: %[[KV:.*]] = linalg.generic {{.*}} ins(%[[K]], %[[V]] : tensor<7x5xf32>, tensor<7x3xf32>) outs(%{{.*}} : tensor<7x5x3xf32>)
// CHECK: ssm.linear_recurrence transition(%[[ONES]] : tensor<5xf32>) signal(%[[KV]] : tensor<7x5x3xf32>) init(%[[S0]] : tensor<5x3xf32>)
// CHECK-SAME: low_rank(%[[P]], %[[K]] : tensor<7x5xf32>, tensor<7x5xf32>)
// CHECK-SAME: row = 0 : i64, time = 2 : i64
func.func @delta(%k: tensor<7x5xf32>, %v: tensor<7x3xf32>, %s0: tensor<5x3xf32>) -> (tensor<5x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %e = tensor.empty() : tensor<5x3xf32>
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%s = %s0) -> (tensor<5x3xf32>) {
    %kt = tensor.extract_slice %k[%t, 0] [1, 5] [1, 1] : tensor<7x5xf32> to tensor<5xf32>
    %vt = tensor.extract_slice %v[%t, 0] [1, 3] [1, 1] : tensor<7x3xf32> to tensor<3xf32>
    %ks = linalg.generic {indexing_maps = [#k, #kv, #v], iterator_types = ["parallel", "reduction"]}
        ins(%kt, %s : tensor<5xf32>, tensor<5x3xf32>) outs(%zero : tensor<3xf32>) {
    ^bb0(%x: f32, %w: f32, %o: f32):
      %m = arith.mulf %x, %w : f32
      %n = arith.addf %o, %m : f32
      linalg.yield %n : f32
    } -> tensor<3xf32>
    %d = arith.subf %vt, %ks : tensor<3xf32>
    %st = linalg.generic {indexing_maps = [#rows, #columns, #state, #state], iterator_types = ["parallel", "parallel"]}
        ins(%kt, %d, %s : tensor<5xf32>, tensor<3xf32>, tensor<5x3xf32>) outs(%e : tensor<5x3xf32>) {
    ^bb0(%x: f32, %w: f32, %old: f32, %o: f32):
      %m = arith.mulf %x, %w : f32
      %n = arith.addf %old, %m : f32
      linalg.yield %n : f32
    } -> tensor<5x3xf32>
    scf.yield %st : tensor<5x3xf32>
  }
  return %last : tensor<5x3xf32>
}

// A loop that carries no state is none over time, and is left alone.
// REMARK-NOT: remark
// CHECK-LABEL: func.func @parallel(
// CHECK: scf.for
func.func @parallel(%u: tensor<7xf32>) -> tensor<7xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %y = scf.for %t = %c0 to %c7 step %c1 iter_args(%yi = %u) -> tensor<7xf32> {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %z = arith.negf %ut : f32
    %yt = tensor.insert %z into %yi[%t] : tensor<7xf32>
    scf.yield %yt : tensor<7xf32>
  }
  return %y : tensor<7xf32>
}
