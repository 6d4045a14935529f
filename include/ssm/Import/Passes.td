//===- Passes.td - Other forms into the language -----------*- tablegen -*-===//

#ifndef SSM_IMPORT_PASSES_TD
#define SSM_IMPORT_PASSES_TD

include "mlir/Pass/PassBase.td"

def RaiseLoops : Pass<"ssm-raise-loops"> {
  let summary = "rewrite loops whose carry is affine as linear recurrences";
  let description = [{
    An `scf.for` over time that carries states through its iteration arguments
    becomes one `ssm.linear_recurrence` per state, where every state is proved
    to be a x_{t-1} + b, element by element, with a and b free of it.

    ```mlir
    %y, %last = scf.for %t = %c0 to %c64 step %c1
        iter_args(%yi = %e, %x = %x0) -> (tensor<64x8xf32>, tensor<8xf32>) {
      %ut = tensor.extract_slice %u[%t, 0] [1, 8] [1, 1] : tensor<64x8xf32> to tensor<8xf32>
      %m = arith.mulf %a, %x : tensor<8xf32>
      %xt = arith.addf %m, %ut : tensor<8xf32>
      %yt = tensor.insert_slice %xt into %yi[%t, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<64x8xf32>
      scf.yield %yt, %xt : tensor<64x8xf32>, tensor<8xf32>
    }
    // becomes
    %y, %last = ssm.linear_recurrence transition(%a : tensor<8xf32>)
        signal(%u : tensor<64x8xf32>) init(%x0 : tensor<8xf32>) ...
    ```

    A step may read slices or elements of tensors at places that move by one
    with the loop, forward or backward; compute by elementwise ops, on scalars,
    tensors or in linalg ops; and write slices or elements of further iteration
    arguments, of any elementwise function of states and signals. Linalg ops with
    reductions, of static sizes, may make b of the signals or what is written of
    the states.

    One contraction may be of the state itself, along one of its dimensions and
    with what is free of it: A x is a dense transition, and p (q^T x), of which
    each column of a matrix state has a number of its own, an update of rank one,
    as in a delta rule. Either may be added to a x.

    A state may use those of other states, before or after their
    step, where no two depend on each other. a, b and what is written are
    computed for all of time at once.

    Loads and stores of the loop's own block are read as those of tensors, where
    what is written is proved to share no memory with anything else that the
    loop touches: it is made in the function, or an argument with
    `llvm.noalias`. An element that the iteration before has written
    (x[t] = a x[t - 1] + u[t]) is carried; the loop must then have a constant
    number of iterations. Affine loops are lowered by `--lower-affine` before.

    Sums of products are reordered, which changes rounding. `numerics` is what
    the recurrence promises: under `strict` no later input reaches an earlier
    output, as in the loop.

    A `passed` remark (`Raised`) of category `ssm-raise-loops` tells of each
    recurrence, a `missed` one (`NotRaised`) what blocks a loop that carries
    something.
  }];
  let options = [
    Option<"numerics", "numerics", "std::string", "\"strict\"",
           "what the recurrences promise: strict or norm">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect",
                           "::ssm::SSMDialect"];
}

def ImportStableHLO : Pass<"ssm-import-stablehlo", "::mlir::ModuleOp"> {
  let summary = "rewrite StableHLO as linalg, tensor, scf and arith";
  let description = [{
    Reads programs of JAX and other frontends of StableHLO. MLIR does not have
    the dialect, so the program comes in generic form, and the tool reads it with
    `--allow-unregistered-dialect`:

    ```mlir
    %s = "stablehlo.add"(%x, %y) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    ```

    Elementwise ops, with those of `chlo` that are one op of `math`, become
    `linalg.generic`; shapes become slices and reshapes of `tensor`; a
    `stablehlo.while` that counts by one between constants becomes an `scf.for`,
    whose slices `--ssm-raise-loops` follows, and any other an `scf.while`. So a
    loop of `jax.lax.scan` whose carry is linear becomes an
    `ssm.linear_recurrence`. Places of slices are clamped to the tensor, as the
    dialect has it, unless they are known to be inside. What public functions
    call becomes part of them, and so does the decomposition of a
    `stablehlo.composite`. Transforms along one dimension become `ssm.fft`, a
    cumulative reduction (`jnp.cumsum`) an `ssm.associative_scan`, and a
    convolution of each channel along one dimension, as before the scan of
    Mamba, an `ssm.long_conv`; any other is a sum of products over taps.

    Small windows are slices that are combined. A scatter writes window after
    window, a sort merges runs, a triangular system is solved row after row,
    each in loops. Unsigned integers lose the sign of their type, and the ops
    have it.

    Precondition: tensors of static shapes, of real or complex numbers, bool or
    integers. What has no import (custom calls, factors of matrices but LU and
    so on) is an error that names the op, unless nothing reads its results.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect",
                           "::ssm::SSMDialect"];
}

def RaiseConvolutions : Pass<"ssm-raise-convolutions"> {
  let summary = "rewrite inverse transforms of products of spectra as convolutions";
  let description = [{
    A convolution that is written as transforms of padded sequences, their
    product and its inverse transform becomes an `ssm.long_conv`, which needs
    neither the padding nor the spectra in memory, and whose strategy is chosen:

    ```mlir
    %U = ssm.fft %u_and_zeros {dimension = 1 : i64} : tensor<8x2048xf32> -> tensor<8x1025xcomplex<f32>>
    %K = ssm.fft %k_and_zeros {dimension = 1 : i64} : tensor<8x2048xf32> -> tensor<8x1025xcomplex<f32>>
    %Y = linalg.generic ... { complex.mul %K, %U } ...
    %y = ssm.fft %Y {dimension = 1 : i64, inverse} : tensor<8x1025xcomplex<f32>> -> tensor<8x2048xf32>
    %z = tensor.extract_slice %y[0, 0] [8, 1024] [1, 1] : tensor<8x2048xf32> to tensor<8x1024xf32>
    // becomes
    %z = ssm.long_conv %u, %k {indexing_maps = [#ht, #ht, #ht], time = 1 : i64}
        : tensor<8x1024xf32>, tensor<8x1024xf32> -> tensor<8x1024xf32>
    ```

    Of N points, with L steps of the result, the convolution is

    - `forward`, if signal and kernel are N + 1 long together at most;
    - `backward`, if the kernel's spectrum is conjugated, and kernel and result
      are N + 1 long together at most;
    - `two_sided` otherwise, where the signal has L steps at least and L < N: the
      kernel at N - l weighs the step l ahead, which is how layers that look both
      ways are written.

    All N steps of a product that wraps around stay transforms. Factors may be
    multiplied or divided by a real number, transposed, and be of complex
    sequences; the factor with fewer dimensions is the kernel, or else the
    second one.

    `numerics` of the convolution is `norm`, as transforms are: the result is the
    same up to rounding. A `passed` remark (`Raised`) of category
    `ssm-raise-convolutions` tells of each.

    Precondition: static sizes.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::ssm::SSMDialect"];
}

def RaiseKernels : Pass<"ssm-raise-kernels"> {
  let summary = "rewrite sums of powers by position as kernels";
  let description = [{
    The sum of c a^l over states, where l is the index of a dimension, becomes an
    `ssm.materialize_kernel`, which forms the powers as it sums:

    ```mlir
    %p = linalg.generic ... { complex.pow %a, %l } -> tensor<8x16x1024xcomplex<f32>>
    %K = linalg.generic ... { complex.mul %c, %p; complex.add } -> tensor<8x1024xcomplex<f32>>
    // becomes
    %K = ssm.materialize_kernel transition(%a : tensor<8x16xcomplex<f32>>)
        input(%one : tensor<f32>) output(%c : tensor<8x16xcomplex<f32>>)
        {indexing_maps = [#hn, #none, #hn, #hl], time = 2 : i64} -> tensor<8x1024xcomplex<f32>>
    ```

    The powers may be `math.powf`, `math.fpowi`, `complex.pow`, or exponentials of
    a product x y l, real or complex, in which l may be anywhere; then a = exp(x y)
    is computed in f64, since l multiplications have l times the error of a. Positions are those of
    `linalg.index` or the constant 0, 1, 2, ..., converted or not. The real part of the
    kernel, and twice that, is its projection.

    A `passed` remark (`Raised`) of category `ssm-raise-kernels` tells of each.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect",
                           "::ssm::SSMDialect"];
}

#endif // SSM_IMPORT_PASSES_TD
