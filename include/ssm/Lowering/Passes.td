//===- Passes.td - Lowering passes -------------------------*- tablegen -*-===//

#ifndef SSM_LOWERING_PASSES_TD
#define SSM_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToLinalg : Pass<"ssm-lower-to-linalg"> {
  let summary = "lower ssm ops to loops of linalg ops on tensors";
  let description = [{
    Lowers every ssm op by its `#ssm.strategy` (without one: sequential, or
    direct for a convolution). Of ssm nothing remains, and what replaces it is
    func, tensor, linalg, arith, math, complex and scf only: the portable stop
    from which any other compiler can take over.

    ```mlir
    %x, %last = ssm.linear_recurrence transition(%a : tensor<?x8xf32>) ...
    // becomes
    %r:2 = scf.for %t = %c0 to %L step %c1 iter_args(%h = %zero, %x = %empty) {
      %at = tensor.extract_slice %a[%t, 0] [1, 8] [1, 1] ...
      %h1 = linalg.generic ... ins(%at, %ut) outs(%h) { a * h + u }
      %x1 = tensor.insert_slice %h1 into %x[%t, 0] [1, 8] [1, 1] ...
      scf.yield %h1, %x1
    }
    ```
  }];
  let options = [
    Option<"cores", "cores", "int64_t", "8",
           "threads that share the channels of a recurrence">,
    Option<"vectors", "vectors", "bool", "false",
           "scan lines of time by vector ops, and look ahead in memory, of "
           "which the portable stop has none">,
    Option<"lineLanes", "line-lanes", "int64_t", "16",
           "lanes of the vectors by which lines are read whose transitions vary, "
           "8 or 16">,
    Option<"ahead", "ahead", "int64_t", "4096",
           "bytes that scans of lines look ahead in memory; 0: they leave it to "
           "the machine">,
    Option<"complexAhead", "complex-ahead", "int64_t", "4096",
           "the same of complex lines">,
    Option<"cachedAhead", "cached-ahead", "int64_t", "4096",
           "the same of real lines that are in the last cache">,
    Option<"partlyCachedAhead", "partly-cached-ahead", "int64_t", "4096",
           "the same of real lines of which a part is there">,
    Option<"lastCache", "last-cache", "int64_t", "0",
           "bytes of the last cache, half of which holds lines that are read and "
           "written beside others; of twice as many as it has it holds a part">,
    Option<"sharedRowsAhead", "shared-rows-ahead", "int64_t", "0",
           "steps ahead that threads which share rows ask for, in bands of a "
           "kilobyte; 0: each follows its part of a row by itself">,
    Option<"normalPowers", "normal-powers", "bool", "false",
           "several steps of states ask whether all their powers of two are "
           "normal numbers, and have a loop for those that are">,
    Option<"whole", "whole", "bool", "false",
           "no part of the program will be computed ahead of the rest: a spectrum "
           "that is used once is computed where it is">,
    Option<"cached", "cached", "int64_t", "0",
           "bytes of the largest result that several threads write through the "
           "caches, each its lines, and half as much where they share rows">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::complex::ComplexDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def DenseProducts : Pass<"ssm-dense-products", "::mlir::func::FuncOp"> {
  let summary = "compute products of matrices by tiles that fit the registers";
  let description = [{
    A linalg op that sums products of two tensors, real or complex, and whose
    result has a dimension of each of them that the other one lacks, becomes
    loops over panels of two vectors of columns and blocks of rows. The sums of
    a block stay in registers:

    ```mlir
    %y = linalg.generic ... ins(%s, %v : tensor<?x256xf32>, tensor<256x128xf32>)
                            outs(%zero : tensor<?x128xf32>) { sum + s * v }
    // becomes
    scf.forall (%chunk, %columns) ... {
      %panel = linalg.generic ... // %v[k, %columns ..], side by side
      scf.for %rows ... {
        %sums:12 = scf.for %k ... { sums of vector<32xf32> }
        ... vector.transfer_write
    ```

    A product that only a transpose reads is computed in the transpose's order.
    Of complex numbers, parts that are zero or that nothing reads are not
    computed. Products of a matrix with a vector, of few numbers, and of 16 bits
    stay as they are.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host\"",
           "the processor whose registers are filled">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::complex::ComplexDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def LaneReductions : Pass<"ssm-lane-reductions", "::mlir::func::FuncOp"> {
  let summary = "reduce rows of contiguous elements by the lanes of vectors";
  let description = [{
    A linalg op with one reduction, along the last dimension of what it reads,
    that may be computed in any order becomes a loop over rows, in each of which
    blocks of four vectors of 64 bytes are combined element by element, then
    those lanes with each other:

    ```mlir
    %y = linalg.generic ... ins(%x : tensor<?x?xf32>) outs(%zero : tensor<?xf32>)
                            { arith.addf %out, %in fastmath<reassoc> }
    // becomes
    scf.forall (%row) ... {
      %wide = scf.for %block ... { linalg.generic outs(%sums : tensor<64xf32>) }
      %narrow = scf.for ... { linalg.generic outs(%sums : tensor<16xf32>) }
      ... // the sum of 16 lanes, and of what is left of the row
    ```

    Sums and products of floating-point numbers must have the fast-math flag
    `reassoc`. The order does not depend on the target.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"
  ];
}

#endif // SSM_LOWERING_PASSES_TD
