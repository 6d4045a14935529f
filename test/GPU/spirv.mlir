// Kernels as OpenCL's SPIR-V, with subgroups of 32.
// REQUIRES: spirv-tools
// RUN: ssm-compile %s --target=opencl:spirv64 -o %t.spv
// RUN: spirv-val --target-env spv1.4 %t.spv
// RUN: spirv-dis %t.spv | FileCheck %s
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: ssm-opt %s --ssm-gpu-pipeline="chip=spirv64 format=spirv" | FileCheck %s --check-prefix=BINARY
// BINARY: gpu.binary @kernels [#gpu.object<#spirv.target_env
// RUN: not ssm-opt %s --ssm-gpu-pipeline="chip=spirv64 format=isa" 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: kernels for spirv64 have format=spirv, and not isa
// JSON: "entry": "few"
// JSON: "entry": "tiles"
// JSON: "entry": "conv"
// JSON: "entry": "passes"
// JSON: "then": [
// JSON: "entry": "passes_5"

// CHECK-DAG: OpEntryPoint Kernel %{{.*}} "few"
// CHECK-DAG: OpEntryPoint Kernel %{{.*}} "tiles"
// CHECK-DAG: OpEntryPoint Kernel %{{.*}} "conv"
// CHECK-DAG: OpEntryPoint Kernel %{{.*}} "passes_5"
// CHECK-COUNT-9: SubgroupSize 32
// CHECK-DAG: OpAtomicIAdd
// CHECK-DAG: OpGroupNonUniformShuffleUp
// CHECK-DAG: OpControlBarrier
// CHECK-DAG: OpExtInst {{.*}} exp2
// CHECK-DAG: OpVariable {{.*}} Workgroup

#t = affine_map<(t) -> (t)>
#none = affine_map<(t) -> ()>
func.func @few(%a: tensor<?xf32>, %u: tensor<?xf32>) -> tensor<?xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<?xf32>) signal(%u : tensor<?xf32>)
      {indexing_maps = [#t, #t, #t, #none], time = 0 : i64} -> tensor<?xf32>, tensor<f32>
  return %y : tensor<?xf32>
}

#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#btn = affine_map<(b, t, h, n) -> (b, t, n)>
#hn = affine_map<(b, t, h, n) -> (h, n)>
#bhn = affine_map<(b, t, h, n) -> (b, h, n)>
func.func @tiles(%A: tensor<?x16xf32>, %u: tensor<2x?x?xf32>, %B: tensor<2x?x16xf32>) -> tensor<2x?x?xf32> {
  %e = math.exp %u : tensor<2x?x?xf32>
  %y, %x = ssm.linear_recurrence transition(%A : tensor<?x16xf32>) signal(%e : tensor<2x?x?xf32>)
      input(%B : tensor<2x?x16xf32>) output(%B : tensor<2x?x16xf32>)
      {indexing_maps = [#hn, #bth, #btn, #btn, #bth, #bhn], time = 1 : i64} -> tensor<2x?x?xf32>, tensor<2x?x16xf32>
  return %y : tensor<2x?x?xf32>
}

#bt = affine_map<(b, t) -> (b, t)>
#k = affine_map<(b, t) -> (t)>
func.func @conv(%u: tensor<?x1000xf32>, %k: tensor<40xf32>) -> tensor<?x1000xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bt, #k, #bt], time = 1 : i64}
      : tensor<?x1000xf32>, tensor<40xf32> -> tensor<?x1000xf32>
  return %y : tensor<?x1000xf32>
}

// Turned, columns of kernel and signal, rows, columns, and turned back.
#tb = affine_map<(b, t) -> (t, b)>
#taps = affine_map<(b, t) -> (t)>
func.func @passes(%u: tensor<9000x?xf32>, %k: tensor<9000xf32>) -> tensor<9000x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#tb, #taps, #tb], time = 1 : i64}
      : tensor<9000x?xf32>, tensor<9000xf32> -> tensor<9000x?xf32>
  return %y : tensor<9000x?xf32>
}
