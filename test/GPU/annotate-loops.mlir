// What conversions of scf leave on the branch back is what LLVM's translation
// reads.
// RUN: ssm-opt %s --pass-pipeline='builtin.module(gpu.module(ssm-annotate-loops))' | FileCheck %s

// CHECK: #[[UNROLL:.*]] = #llvm.loop_unroll<disable = true>
// CHECK: #[[LOOP:.*]] = #llvm.loop_annotation<unroll = #[[UNROLL]]>
#loop = #llvm.loop_annotation<unroll = <disable = true>>

gpu.module @kernels {
  // CHECK-LABEL: llvm.func @f
  llvm.func @f(%more: i1) {
    // CHECK:       llvm.br ^[[HEADER:.*]]{{$}}
    llvm.br ^header
  ^header:
    llvm.cond_br %more, ^body, ^exit
  ^body:
    // CHECK:       llvm.br ^[[HEADER]] {loop_annotation = #[[LOOP]]}
    llvm.br ^header {llvm.loop_annotation = #loop}
  ^exit:
    llvm.return
  }
}
