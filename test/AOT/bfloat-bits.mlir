// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v3 | FileCheck %s
// RUN: ssm-compile %s -o %t.o --target=x86-64-v3
// RUN: llvm-nm --undefined-only %t.o | FileCheck %s --check-prefix=SYMBOLS --allow-empty

// SYMBOLS-NOT: {{__(trunc|extend).*bf}}

// A step of channels that are contiguous: what is rounded in a loop, or for 16
// channels at a time, is stored in another block.
// CHECK-LABEL: define internal {{.*}}@step(
// CHECK-NOT: {{load|store|select|phi|shufflevector}} {{.*}}bfloat %
// CHECK: select <16 x i1> {{.*}}, <16 x i16> splat (i16 32704), <16 x i16>
// CHECK-NOT: {{load|store|select|phi|shufflevector}} {{.*}}bfloat %
// CHECK: select i1 {{.*}}, i16 32704, i16
// CHECK-NOT: {{load|store|select|phi|shufflevector}} {{.*}}bfloat %
// CHECK: ret
#bdt = affine_map<(b, d, t) -> (b, d, t)>
#btd = affine_map<(b, d, t) -> (b, t, d)>
#bd = affine_map<(b, d, t) -> (b, d)>
func.func @step(%a: tensor<2x1x17xbf16>, %u: tensor<2x17x1xbf16>, %b: tensor<2x1x17xbf16>, %c: tensor<2x1x17xbf16>)
    -> (tensor<2x17x1xbf16>, tensor<2x17xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<2x1x17xbf16>) signal(%u : tensor<2x17x1xbf16>)
      input(%b : tensor<2x1x17xbf16>) output(%c : tensor<2x1x17xbf16>)
      {indexing_maps = [#btd, #bdt, #btd, #btd, #bdt, #bd], time = 2 : i64, strategy = #ssm.strategy<sequential>}
      -> tensor<2x17x1xbf16>, tensor<2x17xf32>
  return %y, %x : tensor<2x17x1xbf16>, tensor<2x17xf32>
}

// What is left of lines of any length is loaded and stored under masks.
// CHECK-LABEL: define internal {{.*}}@lines(
// CHECK-NOT: bfloat %
// CHECK: call <16 x i16> @llvm.masked.load.v16i16
// CHECK-NOT: bfloat %
// CHECK: call void @llvm.masked.store.v16i16
// CHECK-NOT: bfloat %
// CHECK: ret
func.func @lines(%a: tensor<17xf64>, %u: tensor<2x17x?xbf16>) -> (tensor<2x17x?xbf16>, tensor<2x17xf64>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<17xf64>) signal(%u : tensor<2x17x?xbf16>)
      {indexing_maps = [affine_map<(b, d, t) -> (d)>, #bdt, #bdt, #bd], time = 2 : i64, strategy = #ssm.strategy<sequential>}
      -> tensor<2x17x?xbf16>, tensor<2x17xf64>
  return %y, %x : tensor<2x17x?xbf16>, tensor<2x17xf64>
}
