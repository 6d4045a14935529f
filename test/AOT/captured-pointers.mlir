// RUN: ssm-compile %s --threads=2 --emit=llvm -o - | FileCheck %s

// What a thread reads of one argument and writes to another is in scopes apart.
// CHECK: define internal void @{{.*}}omp_par
// CHECK: load {{.*}} !alias.scope ![[IN:[0-9]+]], !noalias ![[OUT:[0-9]+]]
// CHECK: store {{.*}} !alias.scope ![[OUT]], !noalias ![[IN]]
#td = affine_map<(t, d) -> (t, d)>
#d = affine_map<(t, d) -> (d)>
func.func @f(%u: tensor<4096x256xf32>) -> tensor<4096x256xf32> {
  %x, %last = ssm.linear_recurrence transition(%u : tensor<4096x256xf32>) signal(%u : tensor<4096x256xf32>)
      {indexing_maps = [#td, #td, #td, #d], time = 0, strategy = #ssm.strategy<sequential>}
      -> tensor<4096x256xf32>, tensor<256xf32>
  return %x : tensor<4096x256xf32>
}
