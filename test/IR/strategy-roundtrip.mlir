// RUN: ssm-opt %s --verify-roundtrip | FileCheck %s

// Parameters at their defaults are not printed.
// CHECK-LABEL: func private @kinds
// CHECK-SAME: direct = #ssm.strategy<direct_conv>
// CHECK-SAME: fft = #ssm.strategy<fft_conv>
// CHECK-SAME: loop = #ssm.strategy<sequential>
// CHECK-SAME: tree = #ssm.strategy<tree_scan>
func.func private @kinds() attributes {
  loop = #ssm.strategy<sequential>, tree = #ssm.strategy<tree_scan>,
  fft = #ssm.strategy<fft_conv>, direct = #ssm.strategy<direct_conv>}

// CHECK-LABEL: func private @parameters
// CHECK-SAME: a = #ssm.strategy<tree_scan, leaf = 32>
// CHECK-SAME: b = #ssm.strategy<sequential, lanes = 64>
// CHECK-SAME: c = #ssm.strategy<tree_scan, leaf = 1, lanes = 1>
// CHECK-SAME: d = #ssm.strategy<tree_scan>
// CHECK-SAME: e = #ssm.strategy<fft_conv, taps = 20, points = 64>
// CHECK-SAME: f = #ssm.strategy<fft_conv, points = 64, matrix = bf16>
func.func private @parameters() attributes {
  a = #ssm.strategy<tree_scan, leaf = 32>, b = #ssm.strategy<sequential, lanes = 64>,
  c = #ssm.strategy<tree_scan, lanes = 1, leaf = 1>,
  d = #ssm.strategy<tree_scan, leaf = 128, lanes = 16>,
  e = #ssm.strategy<fft_conv, points = 64, taps = 20>,
  f = #ssm.strategy<fft_conv, matrix = bf16, points = 64>}

// CHECK-LABEL: func private @choices
// CHECK-SAME: d = #ssm.direction<backward>, n = #ssm.numerics<strict>
// CHECK-SAME: p = #ssm.projection<twice_real>, r = #ssm.read<before>
func.func private @choices() attributes {
  d = #ssm.direction<backward>, n = #ssm.numerics<strict>,
  p = #ssm.projection<twice_real>, r = #ssm.read<before>}
