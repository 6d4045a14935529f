// RUN: ssm-opt %s --ssm-lower-to-linalg --canonicalize --cse | FileCheck %s
// RUN: ssm-opt %s --ssm-lower-to-linalg=cores=2 --canonicalize --cse | FileCheck %s --check-prefix=TWO
// RUN: ssm-opt %s --ssm-lower-to-linalg=vectors=true --canonicalize --cse | FileCheck %s --check-prefix=AHEAD

#btd = affine_map<(b, t, d) -> (b, t, d)>
#dt = affine_map<(b, t, d) -> (d, t)>

// A right-angle transform of 128 points holds 100 steps: there is no padding to
// 256. The spectra of the kernels are made once, for both batch rows.
// CHECK-LABEL: func.func @static(
// CHECK-SAME: %[[U:.*]]: tensor<2x100x32xf32>, %[[K:.*]]: tensor<32x7xf32>)
// CHECK-DAG: %[[WEIGHT:.*]] = arith.constant 0.98078525 : f32
// CHECK-DAG: %[[COSINES:.*]] = arith.constant dense<[1.000000e+00, 0.98078525, {{.*}}]> : tensor<8xf32>
// 1. For each tile of the kernels: transpose 7 taps of each, load and weight
// them, transform.
// CHECK: %[[SPECTRA:.*]] = scf.forall (%[[TILE:.*]]) in (2) {{.*}} -> (tensor<2x128x2x16xf32>)
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, 0] [16, 7]
// CHECK: %[[TAPS:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<7x16xf32>)
// CHECK: scf.for %[[T:.*]] = %c0 to %c7 step %c1
// CHECK: tensor.extract_slice %[[TAPS]][%[[T]], 0] [1, 16]
// CHECK: %[[ROW:.*]] = arith.divui %[[T]], %c16
// CHECK: tensor.extract %[[COSINES]][%[[ROW]]]
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%[[TILE]], 0, 0, 0] [1, 128, 2, 16]
// 2. For each tile of the signal: the first round of radix 8 reads the signal
// where it lies, in two stripes: of the rows k + 16 j, 7 are below 100 for k < 4
// and 6 for the others. Then the other rounds, and a last one that writes.
// CHECK: scf.forall (%[[B:.*]], %[[TILE:.*]]) in (2, 2) {{.*}} -> (tensor<2x100x32xf32>)
// CHECK: tensor.extract_slice %[[SPECTRA]][%[[TILE]], 0, 0, 0] [1, 128, 2, 16]
// CHECK: scf.for %[[T:.*]] = %c0 to %c4 step %c1 {{.*}} -> (tensor<128x2x16xf32>)
// CHECK: tensor.extract_slice %[[U]][%[[B]], %[[T]], %{{.*}}] [1, 1, 16]
// CHECK: %[[LAST:.*]] = arith.addi %[[T]], %c96
// CHECK-NEXT: tensor.extract_slice %[[U]][%[[B]], %[[LAST]], %{{.*}}] [1, 1, 16]
// CHECK: arith.mulf %{{.*}}, %[[WEIGHT]]
// CHECK: scf.for %{{.*}} = %c0 to %c12 step %c1 {{.*}} -> (tensor<128x2x16xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: scf.for %[[T:.*]] = %c0 to %c4 step %c1 {{.*}} -> (tensor<1x100x16xf32>)
// CHECK: tensor.insert_slice {{.*}}[0, %[[T]], 0] [1, 1, 16]
// CHECK: scf.for %{{.*}} = %c0 to %c12 step %c1 {{.*}} -> (tensor<1x100x16xf32>)
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice {{.*}}[%[[B]], 0, %{{.*}}] [1, 100, 16]
// CHECK-NOT: scf.for
func.func @static(%u: tensor<2x100x32xf32>, %k: tensor<32x7xf32>) -> tensor<2x100x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x100x32xf32>, tensor<32x7xf32> -> tensor<2x100x32xf32>
  return %y : tensor<2x100x32xf32>
}

// The number of points is three quarters of the power of two that holds the
// length or all of it, found at run time; taps that reach no output are left
// out. Spectra and signal twice, for full tiles, whose border rounds read and
// write (fft-conv-any-length.mlir), and for the channels left over.
// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: %[[U:.*]]: tensor<?x?x?xf32>, %[[K:.*]]: tensor<?x?xf32>)
// CHECK: %[[L:.*]] = tensor.dim %[[U]], %c1
// CHECK: math.ctlz
// CHECK: %[[N:.*]] = arith.shli
// CHECK: %[[TAPS:.*]] = tensor.dim %[[K]], %c1
// CHECK: %[[COUNT:.*]] = arith.minsi %[[TAPS]], %[[L]]
// CHECK: scf.forall {{.*}} -> (tensor<?x?x2x16xf32>)
// CHECK: scf.forall {{.*}} -> (tensor<?x?x?xf32>)
// CHECK: arith.divui %[[L]], %[[PART:.*]] : index
// CHECK-NEXT: arith.remui %[[L]], %[[PART]]
// CHECK: scf.forall {{.*}} -> (tensor<?x?x2x16xf32>)
// CHECK: %[[REST:.*]] = arith.remsi %[[COUNT]], %c64
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c1
// CHECK: scf.forall {{.*}} -> (tensor<?x?x?xf32>)
// CHECK: scf.for %{{.*}} = %c0 to %[[L]] step %c1
// CHECK-NOT: scf.forall (
func.func @dynamic(%u: tensor<?x?x?xf32>, %k: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      direction = #ssm.direction<backward>, strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<?x?x?xf32>, tensor<?x?xf32> -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @no_steps(
// CHECK-NEXT: %[[EMPTY:.*]] = tensor.empty() : tensor<2x0x32xf32>
// CHECK-NEXT: return %[[EMPTY]]
func.func @no_steps(%u: tensor<2x0x32xf32>, %k: tensor<32x7xf32>) -> tensor<2x0x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv>}
      : tensor<2x0x32xf32>, tensor<32x7xf32> -> tensor<2x0x32xf32>
  return %y : tensor<2x0x32xf32>
}

// A two-sided kernel takes no more points. The past goes to the rows from 0 on,
// the future to those from 128 - 99 on, times -i and added.
// CHECK-LABEL: func.func @two_sided(
// CHECK-SAME: %[[U:.*]]: tensor<2x100x32xf32>, %[[K:.*]]: tensor<199x32xf32>)
// CHECK-DAG: %[[COSINES:.*]] = arith.constant dense<[1.000000e+00, 0.98078525, {{.*}}]> : tensor<8xf32>
// CHECK: scf.forall {{.*}} -> (tensor<2x128x2x16xf32>)
// CHECK: scf.for %{{.*}} = %c100 to %c128 step %c1
// CHECK: scf.for %[[T:.*]] = %c0 to %c100 step %c1
// CHECK: %[[TAP:.*]] = arith.addi %[[T]], %c99
// CHECK: tensor.extract_slice %[[K]][%[[TAP]], %{{.*}}] [1, 16]
// CHECK: arith.divui %[[T]], %c16
// CHECK: tensor.extract %[[COSINES]]
// CHECK: scf.for %[[I:.*]] = %c0 to %c99 step %c1
// CHECK: tensor.extract_slice %[[K]][%[[I]], %{{.*}}] [1, 16]
// CHECK: %[[ROW:.*]] = arith.addi %[[I]], %c29
// CHECK: arith.divui %[[ROW]], %c16
// CHECK: tensor.extract %[[COSINES]]
// CHECK: arith.negf
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK: scf.forall.in_parallel
func.func @two_sided(%u: tensor<2x100x32xf32>, %k: tensor<199x32xf32>) -> tensor<2x100x32xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, affine_map<(b, t, d) -> (t, d)>, #btd], time = 1 : i64,
      direction = #ssm.direction<two_sided>, strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<2x100x32xf32>, tensor<199x32xf32> -> tensor<2x100x32xf32>
  return %y : tensor<2x100x32xf32>
}

// One tile for several threads: they share the first round, the eight blocks after
// it and the last one.
// CHECK-LABEL: func.func @one_tile(
// The spectrum: first round, blocks.
// CHECK: scf.for %{{.*}} = %c0 to %c512 step %c1
// CHECK: } {ssm.independent}
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK-NEXT: arith.muli
// CHECK-NEXT: scf.for %{{.*}} = %c0 to %c64 step %c1
// CHECK: } {ssm.independent}
// CHECK: scf.for %{{.*}} = %c0 to %c512 step %c1
// CHECK: } {ssm.independent}
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: } {ssm.independent}
// CHECK: scf.for %{{.*}} = %c0 to %c512 step %c1 {{.*}} -> (tensor<1x4096x16xf32>)
// CHECK: } {ssm.cached, ssm.independent}
func.func @one_tile(%u: tensor<1x4096x16xf32>, %k: tensor<4096x16xf32>) -> tensor<1x4096x16xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, affine_map<(b, t, d) -> (t, d)>, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<1x4096x16xf32>, tensor<4096x16xf32> -> tensor<1x4096x16xf32>
  return %y : tensor<1x4096x16xf32>
}

// All channels share the signal: its spectrum is computed ahead, in one lane,
// once for both widths of tiles, and the kernels are what the tiles transform.
// CHECK-LABEL: func.func @one_signal(
// CHECK-SAME: %[[U:.*]]: tensor<100xf32>, %[[K:.*]]: tensor<100x40xf32>)
// CHECK: tensor.extract_slice %[[U]][%{{.*}}] [1] [1]
// CHECK: %[[SPECTRUM:.*]] = scf.for %{{.*}} = %c0 to %c8 step %c1 {{.*}} -> (tensor<128x2x1xf32>)
// CHECK-NOT: tensor.extract_slice %[[U]]
// CHECK: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<100x40xf32>)
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, %{{.*}}] [1, 16] [1, 1]
// CHECK: tensor.extract %[[SPECTRUM]][%{{.*}}, %c0, %c0]
// CHECK-NOT: tensor.extract_slice %[[U]]
// CHECK: tensor.extract_slice %[[K]][%{{.*}}, 32] [1, 8] [1, 1]
// CHECK: tensor.extract %[[SPECTRUM]][%{{.*}}, %c0, %c0]
#d = affine_map<(t, d) -> (t, d)>
func.func @one_signal(%u: tensor<100xf32>, %k: tensor<100x40xf32>) -> tensor<100x40xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [affine_map<(t, d) -> (t)>, #d, #d], time = 0 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<100xf32>, tensor<100x40xf32> -> tensor<100x40xf32>
  return %y : tensor<100x40xf32>
}

#bdt = affine_map<(b, d, t) -> (b, d, t)>
#taps = affine_map<(b, d, t) -> (d, t)>

// Two threads: the first axis is which half of the four tiles of channels, whose
// spectra a thread has computed itself.
// TWO-LABEL: func.func @halves(
// TWO: %[[SPECTRA:.*]] = scf.forall (%{{.*}}) in (4)
// TWO: scf.forall (%[[HALF:.*]], %[[B:.*]], %[[PART:.*]]) in (2, 3, 2) {{.*}} -> (tensor<3x64x128xf32>)
// TWO-DAG: %[[FIRST:.*]] = arith.muli %[[HALF]], %c2
// TWO-DAG: %[[TILE:.*]] = arith.addi %[[PART]], %[[FIRST]]
// TWO: tensor.extract_slice %[[SPECTRA]][%[[TILE]], 0, 0, 0] [1, 128, 2, 16]
func.func @halves(%u: tensor<3x64x128xf32>, %k: tensor<64x128xf32>) -> tensor<3x64x128xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #taps, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<3x64x128xf32>, tensor<64x128xf32> -> tensor<3x64x128xf32>
  return %y : tensor<3x64x128xf32>
}

// Results of less than 2 MiB whose tiles share pages: by batch rows.
// TWO-LABEL: func.func @shared_pages(
// TWO: scf.forall (%{{.*}}, %{{.*}}) in (3, 4) {{.*}} -> (tensor<3x128x64xf32>)
func.func @shared_pages(%u: tensor<3x128x64xf32>, %k: tensor<64x128xf32>) -> tensor<3x128x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<3x128x64xf32>, tensor<64x128xf32> -> tensor<3x128x64xf32>
  return %y : tensor<3x128x64xf32>
}

// Large results go past the caches, and threads write apart: each half of the
// channels. Rows of a tile that are parts of lines go through the caches.
// TWO-LABEL: func.func @apart(
// TWO: scf.forall (%{{.*}}) in (2) {{.*}} -> (tensor<3x4096x64xf32>)
// TWO: scf.for %{{.*}} = %c0 to %c6 step %c1 {{.*}} -> (tensor<4096x2x16xf32>, tensor<3x4096x32xf32>)
// TWO-LABEL: func.func @parts_of_lines(
// TWO: scf.forall (%{{.*}}, %{{.*}}) in (3, 8) {{.*}} -> (tensor<3x4096x64xf32>)
// TWO: ssm.cached
func.func @apart(%u: tensor<3x4096x64xf32>, %k: tensor<64x4096xf32>) -> tensor<3x4096x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<3x4096x64xf32>, tensor<64x4096xf32> -> tensor<3x4096x64xf32>
  return %y : tensor<3x4096x64xf32>
}
func.func @parts_of_lines(%u: tensor<3x4096x64xf32>, %k: tensor<64x4096xf32>) -> tensor<3x4096x64xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 8>}
      : tensor<3x4096x64xf32>, tensor<64x4096xf32> -> tensor<3x4096x64xf32>
  return %y : tensor<3x4096x64xf32>
}

// 20 channels: a tile of 16, and one of four for those that are left, whose first
// round reads the signal as well.
// CHECK-LABEL: func.func @left_over(
// CHECK: tensor.empty() : tensor<64x2x16xf32>
// CHECK: tensor.empty() : tensor<64x2x4xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<4xf32>, {{.*}} outs({{.*}} : tensor<4xf32>,
func.func @left_over(%u: tensor<3x64x20xf32>, %k: tensor<20x64xf32>) -> tensor<3x64x20xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#btd, #dt, #btd], time = 1 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<3x64x20xf32>, tensor<20x64xf32> -> tensor<3x64x20xf32>
  return %y : tensor<3x64x20xf32>
}

// Along contiguous time 32 steps of each of the eight rows of a butterfly are
// transposed by a loop, and results likewise. Where vectors are allowed, the
// butterflies before ask for those of a signal larger than the second cache: of
// each row's 16 runs of two lines, butterfly i for line i % 2 of run i / 2.
// CHECK-LABEL: func.func @lines(
// AHEAD-LABEL: func.func @lines(
// AHEAD-NOT: memref.prefetch
// AHEAD: bufferization.to_buffer %{{.*}} read_only : tensor<300x16x512xf32>
// AHEAD: scf.for %{{.*}} = %c0 to %c32 step %c1
// AHEAD-COUNT-8: memref.prefetch %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}], read, locality<2>, data
// AHEAD-NOT: memref.prefetch
// CHECK: %[[PACKED:.*]] = tensor.empty() : tensor<1x256x16xf32>
// CHECK: scf.for %[[ROW:.*]] = %c0 to %c8 step %c1 iter_args(%{{.*}} = %[[PACKED]])
// CHECK: arith.muli %[[ROW]], %c32
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1
func.func @lines(%u: tensor<300x16x512xf32>, %k: tensor<16x512xf32>) -> tensor<300x16x512xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #taps, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, leaf = 32, lanes = 16>}
      : tensor<300x16x512xf32>, tensor<16x512xf32> -> tensor<300x16x512xf32>
  return %y : tensor<300x16x512xf32>
}

// A block is no more than a quarter of a row: its buffer is an eighth of the work
// tile.
// CHECK-LABEL: func.func @short_lines(
// CHECK: tensor.empty() : tensor<1x512x16xf32>
func.func @short_lines(%u: tensor<3x16x2048xf32>, %k: tensor<16x2048xf32>) -> tensor<3x16x2048xf32> {
  %y = ssm.long_conv %u, %k {indexing_maps = [#bdt, #taps, #bdt], time = 2 : i64,
      strategy = #ssm.strategy<fft_conv, lanes = 16>}
      : tensor<3x16x2048xf32>, tensor<16x2048xf32> -> tensor<3x16x2048xf32>
  return %y : tensor<3x16x2048xf32>
}
