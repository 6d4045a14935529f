// RUN: ssm-opt %s --split-input-file --verify-diagnostics

// expected-error@+2 {{expected ::ssm::StrategyKind to be one of: sequential, tree_scan, fft_conv, direct_conv}}
// expected-error@+1 {{failed to parse SSM_StrategyAttr parameter 'kind'}}
func.func private @kind() attributes {s = #ssm.strategy<magic>}
// -----
// expected-error@+1 {{strategy parameters are at least 1, found leaf = 0, lanes = 16}}
func.func private @leaf() attributes {s = #ssm.strategy<tree_scan, leaf = 0>}
// -----
// expected-error@+1 {{strategy parameters are at least 1, found leaf = 128, lanes = -9223372036854775808}}
func.func private @lanes() attributes {s = #ssm.strategy<sequential, lanes = -9223372036854775808>}
// -----
// expected-error@+1 {{duplicate or unknown struct parameter name: threads}}
func.func private @parameter() attributes {s = #ssm.strategy<sequential, threads = 2>}
// -----
// expected-error@+2 {{expected ::ssm::Direction to be one of: forward, backward}}
// expected-error@+1 {{failed to parse SSM_DirectionAttr parameter 'value'}}
func.func private @direction() attributes {d = #ssm.direction<sideways>}
// -----
// expected-error@+1 {{taps is the length of a convolution's kernel, or 0 for all of it, found 8 for tree_scan}}
func.func private @taps() attributes {s = #ssm.strategy<tree_scan, taps = 8>}
// -----
// expected-error@+1 {{points is a power of two, the size of the transforms of fft_conv, or 0 for what the length needs, found 60 for fft_conv}}
func.func private @size() attributes {s = #ssm.strategy<fft_conv, points = 60>}
// -----
// expected-error@+1 {{points is a power of two, the size of the transforms of fft_conv, or 0 for what the length needs, found 64 for direct_conv}}
func.func private @points() attributes {s = #ssm.strategy<direct_conv, points = 64>}
// -----
// expected-error@+1 {{matrix is bf16, the elements of the matrices that the transforms of fft_conv are products of, or left out, found 'f32' for fft_conv}}
func.func private @matrix() attributes {s = #ssm.strategy<fft_conv, matrix = f32>}
// -----
// expected-error@+1 {{matrix is bf16, the elements of the matrices that the transforms of fft_conv are products of, or left out, found 'bf16' for direct_conv}}
func.func private @no_matrix() attributes {s = #ssm.strategy<direct_conv, matrix = bf16>}
