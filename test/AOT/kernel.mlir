// A C program links the object and uses the generated header alone.
// RUN: rm -rf %t && mkdir %t
// RUN: ssm-compile %s -o %t/kernel.o --header %t/kernel.h
// RUN: %clang -std=c11 -Wall -Wextra -Werror -I%t %S/kernel.c %t/kernel.o -lm -o %t/program
// RUN: %t/program | FileCheck %s
// The same as a shared library, and with the header in C++.
// RUN: ssm-compile %s -o %t/libkernel.so --emit=shared
// RUN: %clang -std=c11 -I%t %S/kernel.c %t/libkernel.so -o %t/program2
// RUN: %t/program2 | FileCheck %s
// RUN: %clang -x c++ -fsyntax-only -Wall -Werror -include %t/kernel.h /dev/null

// CHECK: status: ok
// CHECK-NEXT: y: 10 22 34 16 28 40
// CHECK-NEXT: workspace: 6144
// CHECK-NEXT: signature: {"inputs":[{"dtype":"float32","name":"a","shape":[]},{"dtype":"float32","name":"x","shape":["d0",3]},{"dtype":"float64","name":"b","shape":[3]}],"name":"axpy","outputs":[{"dtype":"float32","name":"y","shape":["d0",3]}],"strategies":[],"target":"host","threads":1,"version":"{{.*}}","workspace_bytes":6144}
// CHECK-NEXT: failures: 0
func.func @axpy(%a: f32 {ssm.name = "a"}, %x: tensor<?x3xf32> {ssm.name = "x"}, %b: tensor<3xf64> {ssm.name = "b"})
    -> (tensor<?x3xf32> {ssm.name = "y"}) {
  %c0 = arith.constant 0 : index
  %d0 = tensor.dim %x, %c0 : tensor<?x3xf32>
  %e = tensor.empty() : tensor<512x3xf32>
  // Too large for registers and outside the loop that reads it, so it lives in
  // the workspace.
  %copies = linalg.generic {indexing_maps = [affine_map<(k, n) -> (n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<3xf64>) outs(%e : tensor<512x3xf32>) {
  ^bb0(%in: f64, %out: f32):
    %t = arith.truncf %in : f64 to f32
    linalg.yield %t : f32
  } -> tensor<512x3xf32>
  %ye = tensor.empty(%d0) : tensor<?x3xf32>
  %c1 = arith.constant 1 : index
  %y = scf.for %i = %c0 to %d0 step %c1 iter_args(%acc = %ye) -> tensor<?x3xf32> {
    %xs = tensor.extract_slice %x[%i, 0] [1, 3] [1, 1] : tensor<?x3xf32> to tensor<3xf32>
    %bf = tensor.extract_slice %copies[0, 0] [1, 3] [1, 1] : tensor<512x3xf32> to tensor<3xf32>
    %os = tensor.extract_slice %acc[%i, 0] [1, 3] [1, 1] : tensor<?x3xf32> to tensor<3xf32>
    %r = linalg.generic {indexing_maps = [affine_map<(n) -> (n)>, affine_map<(n) -> (n)>, affine_map<(n) -> (n)>], iterator_types = ["parallel"]}
        ins(%xs, %bf : tensor<3xf32>, tensor<3xf32>) outs(%os : tensor<3xf32>) {
    ^bb0(%xv: f32, %bv: f32, %out: f32):
      %m = arith.mulf %a, %xv : f32
      %s = arith.addf %m, %bv : f32
      linalg.yield %s : f32
    } -> tensor<3xf32>
    %n = tensor.insert_slice %r into %acc[%i, 0] [1, 3] [1, 1] : tensor<3xf32> into tensor<?x3xf32>
    scf.yield %n : tensor<?x3xf32>
  }
  return %y : tensor<?x3xf32>
}
