// RUN: ssm-opt %s --ssm-fuse-bidirectional --cse --remarks-filter=".*" 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// REMARK-COUNT-7: Bidirectional {{.*}}fused with the other direction to one two-sided long_conv
// REMARK-NOT: Bidirectional

#d = affine_map<(t, d) -> (d)>
#dt = affine_map<(t, d) -> (d, t)>
#td = affine_map<(t, d) -> (t, d)>

// The future in reverse, then the past; the taps of the present are added.
// CHECK-LABEL: func @convolutions(
// CHECK-SAME: %[[U:.*]]: tensor<64x8xf32>, %[[K:.*]]: tensor<8x64xf32>, %[[H:.*]]: tensor<8x64xf32>)
// CHECK: %[[LATER:.*]] = tensor.extract_slice %[[H]][0, 1] [8, 63] [1, 1]
// CHECK: %[[FUTURE:.*]] = linalg.generic
// CHECK: %[[T:.*]] = linalg.index 1
// CHECK: %[[AT:.*]] = arith.subi %c62, %[[T]]
// CHECK: tensor.extract %[[LATER]][%{{.*}}, %[[AT]]]
// CHECK: %[[HALF:.*]] = tensor.insert_slice %[[FUTURE]] into %{{.*}}[0, 0] [8, 63] [1, 1] : tensor<8x63xf32> into tensor<8x127xf32>
// CHECK: %[[BOTH:.*]] = tensor.insert_slice %[[K]] into %[[HALF]][0, 63] [8, 64] [1, 1]
// CHECK: %[[H0:.*]] = tensor.extract_slice %[[H]][0, 0] [8, 1] [1, 1]
// CHECK: %[[K0:.*]] = tensor.extract_slice %[[BOTH]][0, 63] [8, 1] [1, 1]
// CHECK: %[[NOW:.*]] = linalg.generic {{.*}} ins(%[[H0]] : {{.*}}) outs(%[[K0]] :
// CHECK: %[[KERNEL:.*]] = tensor.insert_slice %[[NOW]] into %[[BOTH]][0, 63] [8, 1] [1, 1]
// CHECK: %[[Y:.*]] = ssm.long_conv %[[U]], %[[KERNEL]] {direction = #ssm.direction<two_sided>, indexing_maps = [#[[TD:.*]], #[[DT:.*]], #[[TD]]], time = 0 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @convolutions(%u: tensor<64x8xf32>, %k: tensor<8x64xf32>, %h: tensor<8x64xf32>) -> tensor<64x8xf32> {
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %h {indexing_maps = [#td, #dt, #td], time = 0 : i64, direction = #ssm.direction<backward>}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// Of different lengths: five taps of the past are as many as nine with zeros.
// A kernel for all channels is repeated for each.
// CHECK-LABEL: func @different_kernels(
// CHECK-SAME: %[[U:.*]]: tensor<64x8xf32>, %[[K:.*]]: tensor<5x8xf32>, %[[H:.*]]: tensor<9xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[H]] : tensor<9xf32>) outs(%{{.*}} : tensor<9x8xf32>)
// CHECK: linalg.fill {{.*}} -> tensor<9x8xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [5, 8] [1, 1] : tensor<5x8xf32> into tensor<9x8xf32>
// CHECK: ssm.long_conv %[[U]], %{{.*}} : tensor<64x8xf32>, tensor<17x8xf32> -> tensor<64x8xf32>
func.func @different_kernels(%u: tensor<64x8xf32>, %k: tensor<5x8xf32>, %h: tensor<9xf32>) -> tensor<64x8xf32> {
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<64x8xf32>, tensor<5x8xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %h {indexing_maps = [#td, affine_map<(t, d) -> (t)>, #td], time = 0 : i64, direction = #ssm.direction<backward>}
      : tensor<64x8xf32>, tensor<9xf32> -> tensor<64x8xf32>
  %y = linalg.add ins(%b, %f : tensor<64x8xf32>, tensor<64x8xf32>) outs(%u : tensor<64x8xf32>) -> tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// Recurrences, and another term between: y = (f + u) + b. The backward one
// reads before its update, so that its kernel begins with zero.
// CHECK-LABEL: func @recurrences(
// CHECK-SAME: %[[A:.*]]: tensor<8xf32>, %[[C:.*]]: tensor<8xf32>, %[[U:.*]]: tensor<?x8xf32>)
// CHECK: ssm.materialize_kernel transition(%[[A]] : tensor<8xf32>)
// CHECK: %[[H:.*]] = ssm.materialize_kernel transition(%[[C]] : tensor<8xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<1x8xf32>
// CHECK: tensor.insert_slice %[[ZERO]] into
// CHECK: tensor.insert_slice %[[H]] into %{{.*}}[1, 0]
// CHECK-NOT: linear_recurrence
// CHECK: %[[Y:.*]] = ssm.long_conv %[[U]], {{.*}}two_sided
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[U]], %[[Y]] :
// CHECK: return %[[SUM]]
func.func @recurrences(%a: tensor<8xf32>, %c: tensor<8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %f, %0 = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<?x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<?x8xf32>, tensor<8xf32>
  %s = arith.addf %f, %u : tensor<?x8xf32>
  %b, %1 = ssm.linear_recurrence transition(%c : tensor<8xf32>) signal(%u : tensor<?x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>, read = #ssm.read<before>}
      -> tensor<?x8xf32>, tensor<8xf32>
  %y = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%s, %b : tensor<?x8xf32>, tensor<?x8xf32>) outs(%u : tensor<?x8xf32>) {
  ^bb0(%x: f32, %z: f32, %o: f32):
    %sum = arith.addf %x, %z : f32
    linalg.yield %sum : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A skip and an activation in the same region; one term comes as its init.
// CHECK-LABEL: func @in_a_region(
// CHECK-SAME: %[[U:.*]]: tensor<64x8xf32>,
// CHECK: %[[EMPTY:.*]] = tensor.empty() : tensor<64x8xf32>
// CHECK: %[[Y:.*]] = ssm.long_conv %[[U]]
// CHECK: linalg.generic {{.*}} ins(%[[U]], %[[Y]] : {{.*}}) outs(%[[EMPTY]] :
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[S:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[TWICE:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[TWICE]], %[[S]]
// CHECK-NEXT: linalg.yield %[[SUM]]
func.func @in_a_region(%u: tensor<64x8xf32>, %k: tensor<8x64xf32>) -> tensor<64x8xf32> {
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64, strategy = #ssm.strategy<fft_conv>}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64, direction = #ssm.direction<backward>,
      strategy = #ssm.strategy<fft_conv>}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %y = linalg.generic {indexing_maps = [#td, #td, #td], iterator_types = ["parallel", "parallel"]}
      ins(%u, %b : tensor<64x8xf32>, tensor<64x8xf32>) outs(%f : tensor<64x8xf32>) {
  ^bb0(%x: f32, %z: f32, %o: f32):
    %skip = arith.mulf %x, %x : f32
    %part = arith.addf %skip, %o : f32
    %sum = arith.addf %part, %z : f32
    linalg.yield %sum : f32
  } -> tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// Two pairs in one sum.
// CHECK-LABEL: func @two_pairs(
// CHECK-COUNT-1: two_sided
// CHECK: return
func.func @two_pairs(%u: tensor<64x8xf32>, %v: tensor<64x8xf32>, %k: tensor<8x64xf32>) -> tensor<64x8xf32> {
  %f = ssm.long_conv %v, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %g = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64, direction = #ssm.direction<backward>}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %s = arith.addf %f, %g : tensor<64x8xf32>
  %y = arith.addf %s, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// Made once, though the sum is made in each turn of a loop.
// CHECK-LABEL: func @in_a_loop(
// CHECK: %[[Y:.*]] = ssm.long_conv {{.*}}two_sided
// CHECK: scf.for {{.*}} iter_args(%[[X:.*]] =
// CHECK-NEXT: arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: scf.yield
func.func @in_a_loop(%u: tensor<64x8xf32>, %k: tensor<8x64xf32>, %n: index) -> tensor<64x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64, direction = #ssm.direction<backward>}
      : tensor<64x8xf32>, tensor<8x64xf32> -> tensor<64x8xf32>
  %y = scf.for %i = %c0 to %n step %c1 iter_args(%x = %u) -> tensor<64x8xf32> {
    %s = arith.addf %x, %f : tensor<64x8xf32>
    %t = arith.addf %s, %b : tensor<64x8xf32>
    scf.yield %t : tensor<64x8xf32>
  }
  return %y : tensor<64x8xf32>
}

// Blocks of a kernel that reaches both ways are twice as long.
// CHECK-LABEL: func @blocks(
// CHECK: ssm.long_conv {{.*}}two_sided>{{.*}}strategy = #ssm.strategy<fft_conv, points = 64>
func.func @blocks(%u: tensor<640x8xf32>, %k: tensor<8x9xf32>) -> tensor<640x8xf32> {
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, points = 16>}
      : tensor<640x8xf32>, tensor<8x9xf32> -> tensor<640x8xf32>
  %b = ssm.long_conv %u, %k {indexing_maps = [#td, #dt, #td], time = 0 : i64, direction = #ssm.direction<backward>,
      strategy = #ssm.strategy<fft_conv, points = 32>}
      : tensor<640x8xf32>, tensor<8x9xf32> -> tensor<640x8xf32>
  %y = arith.addf %f, %b : tensor<640x8xf32>
  return %y : tensor<640x8xf32>
}
