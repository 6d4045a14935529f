// With MLIR_SSM_CACHE_DIR machine code is kept: a program is compiled once.
// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: %python %S/Inputs/npy.py make %t/u.npy 5
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-run %t/twice.mlir --input %t/u.npy --output %t/first.npy
// RUN: ls %t/cache | count 1
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-run %t/twice.mlir --input %t/u.npy --output %t/second.npy
// RUN: ls %t/cache | count 1
// RUN: cmp %t/first.npy %t/second.npy

// The file is what runs: that of another program in its place is the other one.
// RUN: env MLIR_SSM_CACHE_DIR=%t/other ssm-run %t/thrice.mlir --input %t/u.npy --output %t/third.npy
// RUN: not cmp %t/first.npy %t/third.npy
// RUN: sh -c 'cp %t/other/* %t/cache/$(ls %t/cache)'
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-run %t/twice.mlir --input %t/u.npy --output %t/swapped.npy
// RUN: cmp %t/third.npy %t/swapped.npy

// Damaged, it is compiled anew, and whole afterwards.
// RUN: sh -c 'echo damage > %t/cache/$(ls %t/cache)'
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-run %t/twice.mlir --input %t/u.npy --output %t/again.npy
// RUN: cmp %t/first.npy %t/again.npy
// RUN: not grep damage -r %t/cache

// Other options are other code, and so are other rates.
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-run %t/twice.mlir --threads=2 --input %t/u.npy --output %t/again.npy
// RUN: cmp %t/first.npy %t/again.npy
// RUN: ls %t/cache | count 2

// ssm-compile keeps its own, for each target.
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-compile %t/twice.mlir -o %t/a.o --header %t/a.h
// RUN: ls %t/cache | count 3
// RUN: cp %t/a.h %t/first.h
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-compile %t/twice.mlir -o %t/b.o --header %t/a.h
// RUN: ls %t/cache | count 3
// RUN: cmp %t/a.o %t/b.o
// RUN: cmp %t/a.h %t/first.h
// RUN: env MLIR_SSM_CACHE_DIR=%t/cache ssm-compile %t/twice.mlir --target=x86-64-v3 -o %t/v3.o
// RUN: ls %t/cache | count 4

// Programs with a message are not kept, so that it comes each time.
// RUN: env MLIR_SSM_CACHE_DIR=%t/wrong not ssm-run %t/wrong.mlir --input %t/u.npy 2>&1 | FileCheck %s
// RUN: env MLIR_SSM_CACHE_DIR=%t/wrong not ssm-run %t/wrong.mlir --input %t/u.npy 2>&1 | FileCheck %s
// CHECK: error: a program must define a public func.func
// RUN: not ls %t/wrong

// A folder that cannot be written is no error.
// RUN: env MLIR_SSM_CACHE_DIR=%t/u.npy ssm-run %t/twice.mlir --input %t/u.npy --output %t/again.npy
// RUN: cmp %t/first.npy %t/again.npy

//--- twice.mlir
func.func @f(%u: tensor<5xf32>) -> tensor<5xf32> {
  %y = arith.addf %u, %u : tensor<5xf32>
  return %y : tensor<5xf32>
}

//--- thrice.mlir
func.func @f(%u: tensor<5xf32>) -> tensor<5xf32> {
  %t = arith.addf %u, %u : tensor<5xf32>
  %y = arith.addf %t, %u : tensor<5xf32>
  return %y : tensor<5xf32>
}

//--- wrong.mlir
func.func private @g(%u: tensor<5xf32>) -> tensor<5xf32> {
  return %u : tensor<5xf32>
}
