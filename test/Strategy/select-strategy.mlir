// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 | FileCheck %s
// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v4 cores=2" --remarks-filter=".*" 2>&1 >/dev/null | FileCheck %s --check-prefix=CORES
// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v4 cores=2" | FileCheck %s --check-prefix=HALVES
// RUN: ssm-opt %s --ssm-select-strategy="target=znver4 cores=2" | FileCheck %s --check-prefix=WHOLE
// RUN: ssm-opt %s --ssm-select-strategy=target=x86-64-v4 --remarks-filter=ssm-plan 2>&1 >/dev/null | FileCheck %s --check-prefix=PLAN
// RUN: ssm-opt %s --ssm-select-strategy="target=x86-64-v3 force=tree_scan" | FileCheck %s --check-prefix=FORCED

#btd = affine_map<(b, t, d) -> (b, t, d)>
#d = affine_map<(b, t, d) -> (d)>
#bd = affine_map<(b, t, d) -> (b, d)>
#hn = affine_map<(t, h, n) -> (h, n)>
#bhn = affine_map<(b, t, h, n) -> (h, n)>
#bth = affine_map<(b, t, h, n) -> (b, t, h)>
#state = affine_map<(b, t, h, n) -> (b, h, n)>
#th = affine_map<(t, h, n) -> (t, h)>

// Many channels fill the machine; no kernel exists.
// REMARK: linear_recurrence: sequential {{.*}} (fastest); tree_scan {{.*}}s; fft_conv refused: the transition varies in time; direct_conv refused: the transition varies in time
// PLAN: StrategyPlan {{.*}}sequential: steps {{.*}}s (32 tiles, depth 4.1 kFMA, 16.8 Mflop, 101 MB from memory)
// PLAN: StrategyPlan {{.*}}tree_scan: reduce {{.*}}s (1.02 ktiles, depth 128 FMA, 16.8 Mflop, 70.5 MB from memory); summaries {{.*}}; apply {{.*}}s (1.02 ktiles, depth 128 FMA, 16.8 Mflop, 101 MB from memory)
// CHECK-LABEL: func @varying
// CHECK: strategy = #ssm.strategy<sequential, lanes = 64>
// FORCED-LABEL: func @varying
// FORCED: strategy = #ssm.strategy<tree_scan, lanes = 32>
func.func @varying(%a: tensor<4x4096x512xf32>, %u: tensor<4x4096x512xf32>) -> tensor<4x4096x512xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<4x4096x512xf32>)
      signal(%u : tensor<4x4096x512xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<4x4096x512xf32>, tensor<4x512xf32>
  return %y : tensor<4x4096x512xf32>
}

// Constant in time, many states, long, several sequences: the kernel by FFT.
// REMARK: linear_recurrence: fft_conv {{.*}} (fastest); sequential
// PLAN: fft_conv: tables {{.*}}; kernel {{.*}}s (1 tiles, depth 0 FMA, 2.15 Gflop); spectrum {{.*}}s (32 tiles, depth 0 FMA, 75 Mflop); transforms {{.*}}s (128 tiles, depth 0 FMA, 600 Mflop)
// PLAN: direct_conv: kernel {{.*}}; sums {{.*}}s (4 tiles, depth 0 FMA, 275 Gflop)
// CHECK-LABEL: func @long
// CHECK: strategy = #ssm.strategy<fft_conv>
func.func @long(%a: tensor<16x1024xf32>, %c: tensor<16x1024xf32>, %u: tensor<4x65536x16xf32>)
    -> tensor<4x65536x16xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16x1024xf32>)
      signal(%u : tensor<4x65536x16xf32>) output(%c : tensor<16x1024xf32>)
      {indexing_maps = [#bhn, #bth, #bhn, #bth, #state], time = 1 : i64}
      -> tensor<4x65536x16xf32>, tensor<4x16x1024xf32>
  return %y : tensor<4x65536x16xf32>
}

// One sequence alone: states go through four steps at a time, which is less than
// the kernel takes (24.5 ms, the convolution 31.4, on a Zen 5).
// REMARK: linear_recurrence: sequential {{.*}} (fastest); {{.*}}fft_conv
// CHECK-LABEL: func @alone
// CHECK: strategy = #ssm.strategy<sequential>
func.func @alone(%a: tensor<16x1024xf32>, %c: tensor<16x1024xf32>, %u: tensor<65536x16xf32>) -> tensor<65536x16xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16x1024xf32>)
      signal(%u : tensor<65536x16xf32>) output(%c : tensor<16x1024xf32>)
      {indexing_maps = [#hn, #th, #hn, #th, #hn], time = 0 : i64}
      -> tensor<65536x16xf32>, tensor<16x1024xf32>
  return %y : tensor<65536x16xf32>
}

// The same under strict numerics.
// REMARK: linear_recurrence: {{.*}}fft_conv refused: numerics<strict> asks for exact causality
func.func @strict(%a: tensor<16x1024xf32>, %c: tensor<16x1024xf32>, %u: tensor<65536x16xf32>) -> tensor<65536x16xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<16x1024xf32>)
      signal(%u : tensor<65536x16xf32>) output(%c : tensor<16x1024xf32>)
      {indexing_maps = [#hn, #th, #hn, #th, #hn], time = 0 : i64, numerics = #ssm.numerics<strict>}
      -> tensor<65536x16xf32>, tensor<16x1024xf32>
  return %y : tensor<65536x16xf32>
}

// A pinned strategy stays; an unknown length is assumed, and that is said.
// REMARK: linear_recurrence: sequential {{.*}} (pinned); {{.*}}; sizes known at run time only are taken to be 4096
// CHECK-LABEL: func @pinned
// CHECK: strategy = #ssm.strategy<sequential, lanes = 8>
func.func @pinned(%a: tensor<8xf32>, %u: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<8xf32>)
      signal(%u : tensor<2x?x8xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64,
       strategy = #ssm.strategy<sequential, lanes = 8>}
      -> tensor<2x?x8xf32>, tensor<2x8xf32>
  return %y : tensor<2x?x8xf32>
}

// A few steps: a convolution first makes a table of powers. Where there are two
// cores, one takes all, since a second would take longer to start.
// REMARK: linear_recurrence: sequential 0.4 us (fastest); tree_scan {{.*}} direct_conv 1.2 us
// CORES: linear_recurrence: sequential 0.4 us (fastest)
// CHECK-LABEL: func @tiny
// CHECK: strategy = #ssm.strategy<sequential, lanes = 64>
func.func @tiny(%a: tensor<128xf32>, %u: tensor<1x2x128xf32>) -> tensor<1x2x128xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<128xf32>)
      signal(%u : tensor<1x2x128xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<1x2x128xf32>, tensor<1x128xf32>
  return %y : tensor<1x2x128xf32>
}

// No channel: the call alone.
// REMARK: linear_recurrence: sequential 0.2 us (fastest); tree_scan 0.2 us; fft_conv {{[0-9.]+}} us; direct_conv 0.2 us
func.func @no_channels(%a: tensor<0xf32>, %u: tensor<2x5x0xf32>) -> tensor<2x5x0xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<0xf32>)
      signal(%u : tensor<2x5x0xf32>)
      {indexing_maps = [#d, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<2x5x0xf32>, tensor<2x0xf32>
  return %y : tensor<2x5x0xf32>
}

// A transition that mixes: composing steps takes N^3 products, a step N^2.
// REMARK: linear_recurrence: sequential {{[0-9.]+}} us (fastest); tree_scan {{[0-9.]+}} ms; fft_conv refused: the transition mixes states that come out
func.func @dense(%a: tensor<32x32xf32>, %u: tensor<4x1024x32xf32>) -> tensor<4x1024x32xf32> {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<32x32xf32>) signal(%u : tensor<4x1024x32xf32>)
      {indexing_maps = [affine_map<(b, t, n, m) -> (n, m)>, affine_map<(b, t, n, m) -> (b, t, n)>,
                        affine_map<(b, t, n, m) -> (b, t, n)>, affine_map<(b, t, n, m) -> (b, n)>],
       time = 1 : i64, row = 2 : i64, column = 3 : i64} -> tensor<4x1024x32xf32>, tensor<4x32xf32>
  return %y : tensor<4x1024x32xf32>
}

// One step of S4D: no chain of FMAs is waited for, and small tiles are better.
// REMARK: linear_recurrence: sequential {{[0-9.]+}} us (fastest); tree_scan
func.func @one_step(%a: tensor<1024x32xcomplex<f32>>, %u: tensor<1x1024xf32>, %x: tensor<1024x32xcomplex<f32>>)
    -> (tensor<1x1024xf32>, tensor<1024x32xcomplex<f32>>) {
  %y, %last = ssm.linear_recurrence transition(%a : tensor<1024x32xcomplex<f32>>) signal(%u : tensor<1x1024xf32>)
      output(%a : tensor<1024x32xcomplex<f32>>) init(%x : tensor<1024x32xcomplex<f32>>)
      {indexing_maps = [affine_map<(t, h, n) -> (h, n)>, affine_map<(t, h, n) -> (t, h)>, affine_map<(t, h, n) -> (h, n)>,
                        affine_map<(t, h, n) -> (h, n)>, affine_map<(t, h, n) -> (t, h)>, affine_map<(t, h, n) -> (h, n)>],
       time = 0 : i64, projection = #ssm.projection<twice_real>} -> tensor<1x1024xf32>, tensor<1024x32xcomplex<f32>>
  return %y, %last : tensor<1x1024xf32>, tensor<1024x32xcomplex<f32>>
}

// 64 channels are one tile, and half of it for each of two cores. What takes less
// time than starting a thread stays whole, and so does what would leave a tile
// over, and all where two cores get little more from memory than one.
// CHECK-LABEL: func @one_tile
// CHECK-COUNT-3: strategy = #ssm.strategy<sequential, lanes = 64>
// HALVES-LABEL: func @one_tile
// HALVES: strategy = #ssm.strategy<sequential, lanes = 32>
// HALVES-COUNT-2: strategy = #ssm.strategy<sequential, lanes = 64>
// WHOLE-LABEL: func @one_tile
// WHOLE-COUNT-3: strategy = #ssm.strategy<sequential, lanes = 64>
func.func @one_tile(%a: tensor<1x65536x64xf32>, %b: tensor<1x16x64xf32>, %c: tensor<1x65536x48xf32>)
    -> (tensor<1x65536x64xf32>, tensor<1x16x64xf32>, tensor<1x65536x48xf32>) {
  %y, %x = ssm.linear_recurrence transition(%a : tensor<1x65536x64xf32>)
      signal(%a : tensor<1x65536x64xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<1x65536x64xf32>, tensor<1x64xf32>
  %z, %w = ssm.linear_recurrence transition(%b : tensor<1x16x64xf32>)
      signal(%b : tensor<1x16x64xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<1x16x64xf32>, tensor<1x64xf32>
  %v, %u = ssm.linear_recurrence transition(%c : tensor<1x65536x48xf32>)
      signal(%c : tensor<1x65536x48xf32>)
      {indexing_maps = [#btd, #btd, #btd, #bd], time = 1 : i64}
      -> tensor<1x65536x48xf32>, tensor<1x48xf32>
  return %y, %z, %v : tensor<1x65536x64xf32>, tensor<1x16x64xf32>, tensor<1x65536x48xf32>
}
