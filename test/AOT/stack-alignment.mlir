// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: ssm-compile %s -o - --emit=llvm --target=x86-64-v2 | FileCheck %s --check-prefix=V2

// Spilled vectors do not cross cache lines.
// V4: define internal {{.*}}@f({{.*}} #[[A:[0-9]+]] {
// V4: attributes #[[A]] = { {{.*}}alignstack=64
// V3: define internal {{.*}}@f({{.*}} #[[A:[0-9]+]] {
// V3: attributes #[[A]] = { {{.*}}alignstack=32
// V2-NOT: alignstack
func.func @f(%x: tensor<16xf32>) -> tensor<16xf32> {
  %y = arith.addf %x, %x : tensor<16xf32>
  return %y : tensor<16xf32>
}
