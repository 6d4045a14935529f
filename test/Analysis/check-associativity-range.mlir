// RUN: not ssm-opt %s --ssm-check-associativity 2>&1 | FileCheck %s
// RUN: ssm-opt %s --ssm-check-associativity="low=0.5 high=4" -o /dev/null

// Of positive numbers only: |l| r is no product of others. The values are
// those of the seed.
// CHECK: error: 'ssm.associative_scan' op the combiner is not associative: with a = ({{-?[0-9.]+}}), b = ({{-?[0-9.]+}}), c = (-{{[0-9.]+}}), (a * b) * c = ({{-?[0-9.]+}}) and a * (b * c) = ({{-?[0-9.]+}}); a scan may bracket either way, a loop (ssm.nonlinear_recurrence) does not
func.func @positive(%x: tensor<8xf64>) -> tensor<8xf64> {
  %0 = ssm.associative_scan(%x) {dimension = 0 : i64} : (tensor<8xf64>) {
  ^bb0(%l: f64, %r: f64):
    %a = math.absf %r : f64
    %s = arith.mulf %l, %a : f64
    %d = arith.subf %a, %r : f64
    %e = arith.addf %s, %d : f64
    ssm.yield %e : f64
  }
  return %0 : tensor<8xf64>
}
