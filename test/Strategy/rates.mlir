// A file of rates goes before the target, the module's attributes before it.
// RUN: split-file %s %t
// RUN: ssm-opt %t/f.mlir --ssm-select-strategy="target=x86-64-v4 force=sequential rates=%t/slow" --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=SLOW
// RUN: sed 's/module {/module attributes {dlti.target_system_spec = #dlti.target_system_spec<"CPU" = #dlti.target_device_spec<"fmaLatency" = 800.0 : f64>>} {/' %t/f.mlir > %t/g.mlir
// RUN: ssm-opt %t/g.mlir --ssm-select-strategy="target=x86-64-v4 force=sequential rates=%t/slow" --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=SLOWER
// RUN: ssm-compile %t/f.mlir -o %t/f.o --target=x86-64-v4 --strategy=sequential --rates=%t/slow --explain | FileCheck %s --check-prefix=SLOW
// SLOW: sequential 34.4 us
// SLOWER: sequential 68.5 us

// RUN: not ssm-opt %t/f.mlir --ssm-select-strategy=rates=%t/name 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not ssm-opt %t/f.mlir --ssm-select-strategy=rates=%t/value 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not ssm-opt %t/f.mlir --ssm-select-strategy=rates=%t/size 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not ssm-opt %t/f.mlir --ssm-select-strategy=rates=%t/line 2>&1 | FileCheck %s --check-prefix=LINE
// RUN: not ssm-opt %t/f.mlir --ssm-select-strategy=rates=%t/none 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not ssm-compile %t/f.mlir -o %t/f.o --rates=%t/name 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: cannot take the rates: {{.*}}name:2: there is no rate 'speed'
// VALUE: error: cannot take the rates: {{.*}}value:1: clock must be a positive number, found 'nan'
// SIZE: error: cannot take the rates: {{.*}}size:3: l2Bytes must be a positive integer, found '-1'
// LINE: error: cannot take the rates: {{.*}}line:1: a line must be 'name = value'
// NONE: error: cannot take the rates: {{.*}}none: No such file

//--- slow
# A machine that waits.
clock = 3e9       # cycles a second

fmaLatency = 400
tileOverhead = 1e-12
//--- name
# One rate too many.
speed = 3
//--- value
clock = nan
//--- size


l2Bytes = -1
//--- line
clock
//--- f.mlir
module {
  func.func @f(%a: tensor<64xf32>, %u: tensor<256x64xf32>) -> tensor<256x64xf32> {
    %y, %x = ssm.linear_recurrence transition(%a : tensor<64xf32>) signal(%u : tensor<256x64xf32>)
        {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>,
                          affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>], time = 0 : i64}
        -> tensor<256x64xf32>, tensor<64xf32>
    return %y : tensor<256x64xf32>
  }
}
