// The dialect and the passes load into a stock mlir-opt.
// REQUIRES: no-asan

// RUN: mlir-opt %s --load-dialect-plugin=%ssm_libs/ssm_plugin.so \
// RUN:   --load-pass-plugin=%ssm_libs/ssm_plugin.so --show-dialects \
// RUN: | FileCheck %s --check-prefix=DIALECT
// RUN: not mlir-opt %s --load-dialect-plugin=%ssm_libs/ssm_plugin.so \
// RUN:   --verify-roundtrip 2>&1 | FileCheck %s --check-prefix=PARSE

// DIALECT: ssm
// PARSE: error: unregistered operation 'ssm.no_such_op' found in dialect ('ssm')
"ssm.no_such_op"() : () -> ()
