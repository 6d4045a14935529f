// RUN: ssm-opt %s --ssm-raise-loops --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: ssm-opt %s --ssm-raise-loops | FileCheck %s

// Loops that are none of ours: each stays, and a remark names what blocks it.
// CHECK-NOT: ssm.linear_recurrence

// x times x.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: a step is not affine in what it carries: the result of 'arith.mulf' at {{.*}}raise-loops-missed.mlir:[[#@LINE+7]]
func.func @square(%u: tensor<7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %m = arith.mulf %x, %x : f32
    %xt = arith.addf %m, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// A function of x.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: a step is not affine in what it carries: the result of 'math.tanh'
func.func @rnn(%u: tensor<7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %m = arith.addf %x, %ut : f32
    %xt = math.tanh %m : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// What is carried is not used.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: the next value does not depend on the carried one: argument #1 of 'scf.for'
func.func @forgets(%u: tensor<7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %xt = arith.negf %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// The elements of the state change places.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: a step mixes the elements of what it carries: argument #1 of 'scf.for'
func.func @rotates(%x0: tensor<3x3xf32>) -> (tensor<3x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<3x3xf32>) {
    %e = tensor.empty() : tensor<3x3xf32>
    %xt = linalg.transpose ins(%x : tensor<3x3xf32>) outs(%e : tensor<3x3xf32>) permutation = [1, 0]
    scf.yield %xt : tensor<3x3xf32>
  }
  return %last : tensor<3x3xf32>
}

// A matrix times the state, twice.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: a step contracts what it carries: the result of 'linalg.matvec'
func.func @contracts(%a: tensor<3x3xf32>, %x0: tensor<3xf32>) -> (tensor<3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<3xf32>) {
    %ax = linalg.matvec ins(%a, %x : tensor<3x3xf32>, tensor<3xf32>) outs(%x : tensor<3xf32>) -> tensor<3xf32>
    %xt = linalg.matvec ins(%a, %ax : tensor<3x3xf32>, tensor<3xf32>) outs(%x : tensor<3xf32>) -> tensor<3xf32>
    scf.yield %xt : tensor<3xf32>
  }
  return %last : tensor<3xf32>
}

// The state times itself.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: a step contracts what it carries: the result of 'linalg.matmul'
func.func @squares(%x0: tensor<3x3xf32>) -> (tensor<3x3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<3x3xf32>) {
    %xt = linalg.matmul ins(%x, %x : tensor<3x3xf32>, tensor<3x3xf32>) outs(%x0 : tensor<3x3xf32>) -> tensor<3x3xf32>
    scf.yield %xt : tensor<3x3xf32>
  }
  return %last : tensor<3x3xf32>
}

// A contraction of sizes known at run time only.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: an op cannot be given a time dimension: the result of 'linalg.matvec'
func.func @dynamic(%b: tensor<?x3xf32>, %u: tensor<7x3xf32>, %x0: tensor<?xf32>) -> (tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<?xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, 3] [1, 1] : tensor<7x3xf32> to tensor<3xf32>
    %bu = linalg.matvec ins(%b, %ut : tensor<?x3xf32>, tensor<3xf32>) outs(%x0 : tensor<?xf32>) -> tensor<?xf32>
    %xt = arith.addf %x, %bu : tensor<?xf32>
    scf.yield %xt : tensor<?xf32>
  }
  return %last : tensor<?xf32>
}

// Two states that use each other.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: two of the values it carries depend on each other
func.func @coupled(%x0: f32) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:2 = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0, %z = %x0) -> (f32, f32) {
    %m = arith.addf %x, %z : f32
    %n = arith.subf %z, %x : f32
    scf.yield %m, %n : f32, f32
  }
  return %last#0, %last#1 : f32, f32
}

// An integer.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it carries what is not made of f32 or f64: argument #1 of 'scf.for'
func.func @counts(%x0: i32) -> (i32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (i32) {
    %xt = arith.addi %x, %x : i32
    scf.yield %xt : i32
  }
  return %last : i32
}

// A state of 16 bits.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it carries what is not made of f32 or f64: argument #1 of 'scf.for'
func.func @half(%x0: f16) -> (f16) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f16) {
    %xt = arith.addf %x, %x : f16
    scf.yield %xt : f16
  }
  return %last : f16
}

// A vector.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it carries what is not made of f32 or f64: argument #1 of 'scf.for'
func.func @vectors(%x0: vector<4xf32>) -> (vector<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (vector<4xf32>) {
    %xt = arith.addf %x, %x : vector<4xf32>
    scf.yield %xt : vector<4xf32>
  }
  return %last : vector<4xf32>
}

// A place that the data says.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'tensor.extract' does not move by one index with the loop
func.func @gathers(%u: tensor<7xf32>, %i: tensor<7xindex>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %it = tensor.extract %i[%t] : tensor<7xindex>
    %ut = tensor.extract %u[%it] : tensor<7xf32>
    %xt = arith.addf %x, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// Every other place.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'tensor.extract' does not move by one index with the loop
func.func @twice_as_fast(%u: tensor<14xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %i = arith.addi %t, %t : index
    %ut = tensor.extract %u[%i] : tensor<14xf32>
    %xt = arith.addf %x, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// Two places at once.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'tensor.extract' moves along two dimensions
func.func @diagonal(%u: tensor<7x7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t, %t] : tensor<7x7xf32>
    %xt = arith.addf %x, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// Slices that grow.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'tensor.extract_slice' takes slices of changing size
func.func @grows(%u: tensor<7x7xf32>, %x0: tensor<?xf32>) -> (tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (tensor<?xf32>) {
    %ut = tensor.extract_slice %u[%t, 0] [1, %t] [1, 1] : tensor<7x7xf32> to tensor<?xf32>
    %xt = arith.addf %x, %ut : tensor<?xf32>
    scf.yield %xt : tensor<?xf32>
  }
  return %last : tensor<?xf32>
}

// A state of which each step reads another element.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it reads what the loop computes: argument #2 of 'scf.for'
func.func @reads_state(%x0: tensor<7xf32>, %z0: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:2 = scf.for %t = %c0 to %c7 step %c1 iter_args(%z = %z0, %x = %x0) -> (f32, tensor<7xf32>) {
    %e = tensor.extract %x[%t] : tensor<7xf32>
    %zt = arith.addf %z, %e : f32
    %xt = arith.addf %x, %x : tensor<7xf32>
    scf.yield %zt, %xt : f32, tensor<7xf32>
  }
  return %last#0 : f32
}

// One place for all: the last iteration wins.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'tensor.insert' is at the same place in every iteration
func.func @same_place(%y0: tensor<7xf32>, %x0: f32) -> (tensor<7xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:2 = scf.for %t = %c0 to %c7 step %c1 iter_args(%y = %y0, %x = %x0) -> (tensor<7xf32>, f32) {
    %xt = arith.addf %x, %x : f32
    %yt = tensor.insert %xt into %y[%c0] : tensor<7xf32>
    scf.yield %yt, %xt : tensor<7xf32>, f32
  }
  return %last#0, %last#1 : tensor<7xf32>, f32
}

// A convolution with the reversed signal.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: time runs forward in one place and backward in another: the result of 'tensor.extract'
func.func @both_ways(%u: tensor<7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %i = affine.apply affine_map<(t) -> (6 - t)>(%t)
    %vt = tensor.extract %u[%i] : tensor<7xf32>
    %m = arith.mulf %x, %vt : f32
    %xt = arith.addf %m, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// The other way.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: time runs forward in one place and backward in another: the result of 'tensor.insert'
func.func @writes_back(%u: tensor<7xf32>, %y0: tensor<7xf32>, %x0: f32) -> (tensor<7xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:2 = scf.for %t = %c0 to %c7 step %c1 iter_args(%y = %y0, %x = %x0) -> (tensor<7xf32>, f32) {
    %ut = tensor.extract %u[%t] : tensor<7xf32>
    %xt = arith.addf %x, %ut : f32
    %i = affine.apply affine_map<(t) -> (6 - t)>(%t)
    %yt = tensor.insert %xt into %y[%i] : tensor<7xf32>
    scf.yield %yt, %xt : tensor<7xf32>, f32
  }
  return %last#0, %last#1 : tensor<7xf32>, f32
}

// An index that no tensor has.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it reads outside of a tensor: the result of 'tensor.extract'
func.func @outside(%u: tensor<6xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = tensor.extract %u[%t] : tensor<6xf32>
    %xt = arith.addf %x, %ut : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// The same, written.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it writes outside of a tensor: the result of 'tensor.insert'
func.func @writes_outside(%y0: tensor<6xf32>, %x0: f32) -> (tensor<6xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:2 = scf.for %t = %c0 to %c7 step %c1 iter_args(%y = %y0, %x = %x0) -> (tensor<6xf32>, f32) {
    %xt = arith.addf %x, %x : f32
    %yt = tensor.insert %xt into %y[%t] : tensor<6xf32>
    scf.yield %yt, %xt : tensor<6xf32>, f32
  }
  return %last#0, %last#1 : tensor<6xf32>, f32
}

// The time itself.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it cannot be computed for all of time at once: argument #0 of 'scf.for'
func.func @reads_index(%x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %i = arith.index_cast %t : index to i32
    %f = arith.sitofp %i : i32 to f32
    %xt = arith.addf %x, %f : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// A loop in the step.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it cannot be computed for all of time at once: the result of 'scf.if'
func.func @nested(%p: i1, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %xt = scf.if %p -> f32 {
      scf.yield %x : f32
    } else {
      %n = arith.negf %x : f32
      scf.yield %n : f32
    }
    scf.yield %xt : f32
  }
  return %last : f32
}

// Two names that may be of one memory.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: argument #1 of @memory and argument #0 of @memory may share memory, of which one is written
func.func @memory(%u: memref<7xf32>, %y: memref<7xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %ut = memref.load %u[%t] : memref<7xf32>
    %xt = arith.addf %x, %ut : f32
    memref.store %xt, %y[%t] : memref<7xf32>
    scf.yield %xt : f32
  }
  return %last : f32
}

// Two stores, of which the order matters.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it writes the same memory twice: argument #0 of @twice
func.func @twice(%y: memref<8xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %xt = arith.addf %x, %x : f32
    %i = arith.addi %t, %c1 : index
    memref.store %xt, %y[%t] : memref<8xf32>
    memref.store %x, %y[%i] : memref<8xf32>
    scf.yield %xt : f32
  }
  return %last : f32
}

// Memory that the loop makes.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it makes the memory that it touches: the result of 'memref.alloc'
func.func @scratch(%x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %m = memref.alloc() : memref<f32>
    memref.store %x, %m[] : memref<f32>
    %xt = memref.load %m[] : memref<f32>
    memref.dealloc %m : memref<f32>
    scf.yield %xt : f32
  }
  return %last : f32
}

// An effect that is none of a load or store.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: 'vector.print' reads or writes memory
func.func @prints(%x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %xt = arith.addf %x, %x : f32
    vector.print %xt : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// What an earlier iteration but the last has written.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it reads what the loop computes: argument #2 of 'scf.for'
func.func @two_back(%y: memref<9xf32>, %x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %c9 = arith.constant 9 : index
  %c2 = arith.constant 2 : index
  %last = scf.for %t = %c2 to %c9 step %c1 iter_args(%x = %x0) -> (f32) {
    %i = arith.subi %t, %c2 : index
    %yt = memref.load %y[%i] : memref<9xf32>
    %xt = arith.addf %x, %yt : f32
    memref.store %xt, %y[%t] : memref<9xf32>
    scf.yield %xt : f32
  }
  return %last : f32
}

// No iteration.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it never runs
func.func @never(%x0: f32) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c7 to %c7 step %c1 iter_args(%x = %x0) -> (f32) {
    %xt = arith.addf %x, %x : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// A step known at run time only.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: its induction variable is no index with a constant step
func.func @unknown_step(%x0: f32, %s: index) -> (f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last = scf.for %t = %c0 to %c7 step %s iter_args(%x = %x0) -> (f32) {
    %xt = arith.addf %x, %x : f32
    scf.yield %xt : f32
  }
  return %last : f32
}

// More states than an expression counts.
// REMARK: NotRaised {{.*}}the loop is no linear recurrence: it carries more than 31 states
func.func @many(%x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %last:33 = scf.for %t = %c0 to %c7 step %c1
      iter_args(%x0 = %x, %x1 = %x, %x2 = %x, %x3 = %x, %x4 = %x, %x5 = %x, %x6 = %x, %x7 = %x, %x8 = %x, %x9 = %x, %x10 = %x, %x11 = %x, %x12 = %x, %x13 = %x, %x14 = %x, %x15 = %x, %x16 = %x, %x17 = %x, %x18 = %x, %x19 = %x, %x20 = %x, %x21 = %x, %x22 = %x, %x23 = %x, %x24 = %x, %x25 = %x, %x26 = %x, %x27 = %x, %x28 = %x, %x29 = %x, %x30 = %x, %x31 = %x, %x32 = %x)
      -> (f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32) {
    %n0 = arith.negf %x0 : f32
    %n1 = arith.negf %x1 : f32
    %n2 = arith.negf %x2 : f32
    %n3 = arith.negf %x3 : f32
    %n4 = arith.negf %x4 : f32
    %n5 = arith.negf %x5 : f32
    %n6 = arith.negf %x6 : f32
    %n7 = arith.negf %x7 : f32
    %n8 = arith.negf %x8 : f32
    %n9 = arith.negf %x9 : f32
    %n10 = arith.negf %x10 : f32
    %n11 = arith.negf %x11 : f32
    %n12 = arith.negf %x12 : f32
    %n13 = arith.negf %x13 : f32
    %n14 = arith.negf %x14 : f32
    %n15 = arith.negf %x15 : f32
    %n16 = arith.negf %x16 : f32
    %n17 = arith.negf %x17 : f32
    %n18 = arith.negf %x18 : f32
    %n19 = arith.negf %x19 : f32
    %n20 = arith.negf %x20 : f32
    %n21 = arith.negf %x21 : f32
    %n22 = arith.negf %x22 : f32
    %n23 = arith.negf %x23 : f32
    %n24 = arith.negf %x24 : f32
    %n25 = arith.negf %x25 : f32
    %n26 = arith.negf %x26 : f32
    %n27 = arith.negf %x27 : f32
    %n28 = arith.negf %x28 : f32
    %n29 = arith.negf %x29 : f32
    %n30 = arith.negf %x30 : f32
    %n31 = arith.negf %x31 : f32
    %n32 = arith.negf %x32 : f32
    scf.yield %n0, %n1, %n2, %n3, %n4, %n5, %n6, %n7, %n8, %n9, %n10, %n11, %n12, %n13, %n14, %n15, %n16, %n17, %n18, %n19, %n20, %n21, %n22, %n23, %n24, %n25, %n26, %n27, %n28, %n29, %n30, %n31, %n32
        : f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32
  }
  return %last#0 : f32
}
