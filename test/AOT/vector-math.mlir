// Loops over exp and its like call glibc's vector functions, in the widest
// registers of the target; -lm is all that a program links for them.
// RUN: ssm-compile %s -o %t.o --target=x86-64-v4
// RUN: llvm-nm --undefined-only %t.o | FileCheck %s --check-prefix=AVX512
// RUN: ssm-compile %s -o %t.o --target=x86-64-v3
// RUN: llvm-nm --undefined-only %t.o | FileCheck %s --check-prefix=AVX2
// RUN: ssm-compile %s -o %t.o --target=neoverse-v1
// RUN: llvm-nm --undefined-only %t.o | FileCheck %s --check-prefix=ARM

// AVX512: _ZGVeN16v_expm1f
// AVX2: _ZGVdN8v_expm1f
// ARM-NOT: _ZGV
// ARM: expm1f
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = math.expm1 %in : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}
