// The scratch of a parallel loop's iterations comes from the workspace, one
// slice of 64 KiB per thread, 12 KiB apart; K_run uses no more threads than it was compiled for.
// RUN: rm -rf %t && mkdir %t
// RUN: ssm-compile %s -o %t/kernel.o --header %t/threads.h --threads=2
// RUN: llvm-nm --undefined-only %t/kernel.o | FileCheck %s --check-prefix=SYMBOLS
// RUN: %clang -std=c11 -Wall -Wextra -Werror -I%t %S/threads.c %t/kernel.o -lm -fopenmp -Wl,-rpath,%llvm_libs -o %t/program
// RUN: env OMP_NUM_THREADS=1 %t/program | FileCheck %s
// RUN: env OMP_NUM_THREADS=2 %t/program | FileCheck %s
// RUN: env OMP_NUM_THREADS=7 %t/program | FileCheck %s

// SYMBOLS-NOT: malloc
// SYMBOLS: omp_get_thread_num
// SYMBOLS-NOT: malloc

// CHECK: status: ok
// CHECK-NEXT: workspace: 143360
// CHECK-NEXT: wrong elements: 0
// CHECK-NEXT: bytes written behind the workspace: 0
#row = affine_map<(i) -> (i)>
func.func @reverse(%x: tensor<8x8192xcomplex<f32>>) -> tensor<8x8192xcomplex<f32>> {
  %e = tensor.empty() : tensor<8x8192xcomplex<f32>>
  %r = scf.forall (%b) in (8) shared_outs(%o = %e) -> tensor<8x8192xcomplex<f32>> {
    %s = tensor.extract_slice %x[%b, 0] [1, 8192] [1, 1] : tensor<8x8192xcomplex<f32>> to tensor<8192xcomplex<f32>>
    %w = tensor.empty() : tensor<8192xcomplex<f32>>
    %double = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel"]}
        ins(%s : tensor<8192xcomplex<f32>>) outs(%w : tensor<8192xcomplex<f32>>) {
    ^bb0(%in: complex<f32>, %out: complex<f32>):
      %m = complex.add %in, %in : complex<f32>
      linalg.yield %m : complex<f32>
    } -> tensor<8192xcomplex<f32>>
    %os = tensor.extract_slice %o[%b, 0] [1, 8192] [1, 1] : tensor<8x8192xcomplex<f32>> to tensor<8192xcomplex<f32>>
    %reversed = linalg.generic {indexing_maps = [#row], iterator_types = ["parallel"]} outs(%os : tensor<8192xcomplex<f32>>) {
    ^bb0(%out: complex<f32>):
      %i = linalg.index 0 : index
      %last = arith.constant 8191 : index
      %k = arith.subi %last, %i : index
      %v = tensor.extract %double[%k] : tensor<8192xcomplex<f32>>
      linalg.yield %v : complex<f32>
    } -> tensor<8192xcomplex<f32>>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %reversed into %o[%b, 0] [1, 8192] [1, 1] : tensor<8192xcomplex<f32>> into tensor<8x8192xcomplex<f32>>
    }
  }
  return %r : tensor<8x8192xcomplex<f32>>
}
