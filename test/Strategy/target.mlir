// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v3 force=sequential" | FileCheck %s --check-prefix=V3
// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v4 force=sequential" | FileCheck %s --check-prefix=BYTES64
// RUN: ssm-opt %s --ssm-select-strategy="target=sapphirerapids force=sequential" | FileCheck %s --check-prefix=BYTES64
// RUN: ssm-opt %s --ssm-select-strategy="target=znver4 force=sequential" | FileCheck %s --check-prefix=BYTES64
// RUN: ssm-opt %s --ssm-select-strategy="target=neoverse-v2 force=sequential" | FileCheck %s --check-prefix=V2
// RUN: ssm-opt %s --ssm-select-strategy="target=sm_90 force=sequential" | FileCheck %s --check-prefix=WARP
// RUN: sed 's/module {/module attributes {dlti.target_system_spec = #dlti.target_system_spec<"CPU" = #dlti.target_device_spec<"vectorBytes" = 16 : i64, "fmaLatency" = 400.0 : f64>>} {/' %s > %t.mlir
// RUN: ssm-opt %t.mlir --ssm-select-strategy="target=x86-64-v4 force=sequential" | FileCheck %s --check-prefix=V2
// RUN: ssm-opt %t.mlir --ssm-select-strategy="target=x86-64-v4 force=sequential" --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=SLOW
// RUN: ssm-opt %s --ssm-select-strategy="target=sapphirerapids cores=2 force=sequential" --remarks-filter=ssm-strategy 2>&1 >/dev/null | FileCheck %s --check-prefix=SHARED
// RUN: ssm-opt %s --ssm-select-strategy="target=znver4 cores=2 force=sequential" --remarks-filter=ssm-strategy 2>&1 >/dev/null | FileCheck %s --check-prefix=SHARED

// A tile is four vectors of the target wide; the module's attributes go before
// the table.
// V3: lanes = 32
// BYTES64: lanes = 64
// V2: #ssm.strategy<sequential>
// WARP: lanes = 128
// SLOW: sequential 36.0 us
// SHARED: sequential {{[0-9]+\.[0-9]}} us
module {
  func.func @f(%a: tensor<512xf32>, %u: tensor<8x512xf32>) -> tensor<8x512xf32> {
    %y, %x = ssm.linear_recurrence transition(%a : tensor<512xf32>) signal(%u : tensor<8x512xf32>)
        {indexing_maps = [affine_map<(t, d) -> (d)>, affine_map<(t, d) -> (t, d)>,
                          affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (d)>], time = 0 : i64}
        -> tensor<8x512xf32>, tensor<512xf32>
    return %y : tensor<8x512xf32>
  }
}
