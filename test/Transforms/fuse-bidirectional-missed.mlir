// RUN: ssm-opt %s --ssm-fuse-bidirectional --remarks-filter=".*" 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t

// What keeps two directions apart, each once.
// CHECK-NOT: two_sided

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// A.
// REMARK: NotBidirectional {{.*}}linear_recurrence: not fused with the other direction: forward: the transition varies in time
func.func @varying(%a: tensor<64x8xf32>, %b0: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<64x8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%b0 : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// A state to start from.
// REMARK: NotBidirectional {{.*}}backward: it starts from an initial state, whose response is no part of a kernel
func.func @initial(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %x0: tensor<8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>)
      {indexing_maps = [#d, #td, #d, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// A state to go on from.
// REMARK: NotBidirectional {{.*}}forward: its final state is in use, which a convolution does not have
func.func @final(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> (tensor<64x8xf32>, tensor<8xf32>) {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y, %f_x : tensor<64x8xf32>, tensor<8xf32>
}

// Exact causality.
// REMARK: NotBidirectional {{.*}}backward: numerics<strict> keeps the past free of what comes later
func.func @strict(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>, numerics = #ssm.numerics<strict>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// A scan was found faster.
// REMARK: NotBidirectional {{.*}}forward: its strategy is sequential; only transforms are shared by both sides
func.func @chosen(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, strategy = #ssm.strategy<sequential>} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// Each direction has its signal.
// REMARK: NotBidirectional {{.*}}the two directions read different signals
func.func @signals(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %v: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%v : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// One of them is asked to be less exact.
// REMARK: NotBidirectional {{.*}}one of the two rounds its transforms to bf16
func.func @matrices(%k: tensor<64x8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, matrix = bf16>} : tensor<64x8xf32>, tensor<64x8xf32> -> tensor<64x8xf32>
  %b = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64, direction = #ssm.direction<backward>,
      strategy = #ssm.strategy<fft_conv>} : tensor<64x8xf32>, tensor<64x8xf32> -> tensor<64x8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// A gate, as in BiGS.
// REMARK: NotBidirectional {{.*}}their results are not added to each other
func.func @gate(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.mulf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// One direction is wanted alone, too.
// REMARK: NotBidirectional {{.*}}a result has another use than their sum
func.func @alone(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> (tensor<64x8xf32>, tensor<64x8xf32>) {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y, %b : tensor<64x8xf32>, tensor<64x8xf32>
}

// Re(k * u) of a complex signal.
// REMARK: NotBidirectional {{.*}}forward: its signal is complex, so that its projection comes after the convolution
func.func @projected(%a: tensor<8xf32>, %u: tensor<64x8xcomplex<f32>>) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xcomplex<f32>>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, projection = #ssm.projection<real>} -> tensor<64x8xf32>, tensor<8xcomplex<f32>>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xcomplex<f32>>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>, projection = #ssm.projection<real>} -> tensor<64x8xf32>, tensor<8xcomplex<f32>>
  %y = arith.addf %f, %b : tensor<64x8xf32>
  return %y : tensor<64x8xf32>
}

// A sum that is not made every time.
// REMARK: NotBidirectional {{.*}}the two directions are computed or added in different blocks
func.func @blocks(%a: tensor<8xf32>, %u: tensor<64x8xf32>, %v: tensor<64x8xf32>, %c: i1) -> tensor<64x8xf32> {
  %f, %f_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<64x8xf32>, tensor<8xf32>
  %b, %b_x = ssm.linear_recurrence transition(%a : tensor<8xf32>) signal(%u : tensor<64x8xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>} -> tensor<64x8xf32>, tensor<8xf32>
  %s = arith.addf %f, %v : tensor<64x8xf32>
  %y = scf.if %c -> tensor<64x8xf32> {
    %both = arith.addf %s, %b : tensor<64x8xf32>
    scf.yield %both : tensor<64x8xf32>
  } else {
    scf.yield %v : tensor<64x8xf32>
  }
  return %y : tensor<64x8xf32>
}
