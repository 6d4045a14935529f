// A stream that is cut goes on from the state that --state-out wrote.
// RUN: %python %S/Inputs/npy.py make %t-a.npy 2
// RUN: %python %S/Inputs/npy.py make %t-u.npy 5x2
// RUN: %python %S/Inputs/npy.py part %t-u.npy 0 3 %t-u0.npy
// RUN: %python %S/Inputs/npy.py part %t-u.npy 3 5 %t-u1.npy
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --output %t-y.npy --output %t-x.npy
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u0.npy --stream=2 --state-out=%t.state
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u1.npy --stream=1 --state-in=%t.state --state-out %t-next.state --output %t-y1.npy --output %t-x1.npy
// RUN: %python %S/Inputs/npy.py part %t-y.npy 3 5 %t-want.npy
// RUN: cmp %t-want.npy %t-y1.npy
// RUN: cmp %t-x.npy %t-x1.npy

// The states of all of it are those after its last part.
// RUN: ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=100 --state-out=%t-all.state
// RUN: cmp %t-all.state %t-next.state

// RUN: rm -f %t-none.state
// RUN: not ssm-run %s --entry=g --input %t-a.npy --input %t-u1.npy --stream=1 --state-in=%t.state --state-out=%t-none.state 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not ls %t-none.state
// OTHER: .state: error: the state must be one that --state-out wrote for this program and entry, but it is of another; stream from the start

// RUN: ssm-run %s --entry=h --input %t-u.npy --stream=2 --state-out=%t-h.state
// RUN: %python %S/Inputs/npy.py make %t-wide.npy 5x3
// RUN: not ssm-run %s --entry=h --input %t-wide.npy --stream=2 --state-in=%t-h.state 2>&1 | FileCheck %s --check-prefix=SIZE
// SIZE: .state: error: state 0 must be float32[3] for signals of these sizes, but it is float32[2]; go on with as many rows as the state was made for

// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=2 --state-in=%t-u.npy 2>&1 | FileCheck %s --check-prefix=OTHER-FILE
// OTHER-FILE: -u.npy: error: the state must be one that --state-out wrote
// RUN: head -c 180 %t.state > %t-cut.state
// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=2 --state-in=%t-cut.state 2>&1 | FileCheck %s --check-prefix=CUT
// CUT: -cut.state: error: the file ends inside the header; write it again
// RUN: head -c 136 %t.state > %t-few.state
// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=2 --state-in=%t-few.state 2>&1 | FileCheck %s --check-prefix=FEW
// FEW: -few.state: error: the program has 2 states, but the file has 0; stream from the start
// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --state-in=%t.state 2>&1 | FileCheck %s --check-prefix=STREAM
// STREAM: --state-in and --state-out are of a stream, so they need --stream
// RUN: not ssm-run %s --entry=f --input %t-a.npy --input %t-u.npy --stream=2 --state-in=%t-absent.state 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: -absent.state: error: cannot read the file: No such file or directory; check the path

#d = affine_map<(t, d) -> (d)>
#td = affine_map<(t, d) -> (t, d)>

// A recurrence, and a window of two taps: two states.
func.func @f(%a: tensor<2xf32>, %u: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<2xf32>) {
  %k = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %v = ssm.long_conv %u, %k {indexing_maps = [#td, #td, #td], time = 0 : i64}
      : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%v : tensor<?x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %x, %last : tensor<?x2xf32>, tensor<2xf32>
}

// The state has the same size.
func.func @g(%a: tensor<2xf32>, %u: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %x, %last = ssm.linear_recurrence transition(%a : tensor<2xf32>) signal(%u : tensor<?x2xf32>)
      {indexing_maps = [#d, #td, #td, #d], time = 0 : i64} -> tensor<?x2xf32>, tensor<2xf32>
  return %x : tensor<?x2xf32>
}

func.func @h(%u: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %a = arith.constant dense<0.5> : tensor<f32>
  %x, %last = ssm.linear_recurrence transition(%a : tensor<f32>) signal(%u : tensor<?x?xf32>)
      {indexing_maps = [affine_map<(t, d) -> ()>, #td, #td, #d], time = 0 : i64} -> tensor<?x?xf32>, tensor<?xf32>
  return %x : tensor<?x?xf32>
}
