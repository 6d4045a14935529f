// ssm-run --stream derives a step and feeds it a signal in chunks.
// RUN: %python %S/Inputs/npy.py make %t-a.npy 2
// RUN: %python %S/Inputs/npy.py make %t-u.npy 5x2
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --output %t-y.npy --output %t-x.npy
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --output %t-ys.npy --output %t-xs.npy --stream=2
// RUN: cmp %t-y.npy %t-ys.npy
// RUN: cmp %t-x.npy %t-xs.npy
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --output %t-ys.npy --stream 100
// RUN: cmp %t-y.npy %t-ys.npy
// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=-2 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not ssm-run %s --entry=f --input %t-a.npy --stream=2 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not ssm-run %s --entry=back --input %t-a.npy --input %t-u.npy --stream=2 2>&1 | FileCheck %s --check-prefix=BACK
// RUN: not ssm-run %s --input %t-a.npy --stream=2 2>&1 | FileCheck %s --check-prefix=ENTRY

// NEGATIVE: --stream must be a number of steps of at least 1, but it is '-2'
// COUNT: the function has 2 arguments, but --input was given 1 times
// BACK: 'ssm.linear_recurrence' op runs backward in time, so the function cannot be run step by step
// ENTRY: the program has 2 public functions; pick one with --entry

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

func.func @f(%a: tensor<2xf32>, %u: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<2xf32>) {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<?x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %x, %last : tensor<?x2xf32>, tensor<2xf32>
}

func.func @back(%a: tensor<2xf32>, %u: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<?x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64, direction = #ssm.direction<backward>}
      -> tensor<?x2xf32>, tensor<2xf32>
  return %x : tensor<?x2xf32>
}
