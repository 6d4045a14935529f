//===- Passes.td - Rewrites within the language ------------*- tablegen -*-===//

#ifndef SSM_TRANSFORMS_PASSES_TD
#define SSM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def RecurrenceToConv : Pass<"ssm-recurrence-to-conv"> {
  let summary = "rewrite a time-invariant recurrence as kernel and convolution";
  let description = [{
    With A, B and C constant in time, the output is the convolution of the
    signal with the kernel K_l = C A^l B, plus what the initial state leaves:

        y_t = sum_{l <= t} K_l u_{t-l} + C A^{t+1} init

    If the output reads the state before the update, K_l is C A^{l-1} B and
    zero for l = 0, and C A^t init is left. The pass rewrites every recurrence for which this holds, or with
    `only-chosen` those whose strategy is fft_conv or direct_conv. The final
    state, if used, is computed by a recurrence of its own.

    ```mlir
    %y, %x = ssm.linear_recurrence transition(%a) signal(%u) input(%b) output(%c)
    // becomes
    %k = ssm.materialize_kernel transition(%a) input(%b) output(%c)
    %y = ssm.long_conv %u, %k
    ```
  }];
  let options = [
    Option<"onlyChosen", "only-chosen", "bool", "false",
           "rewrite only recurrences whose strategy is a convolution">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseBidirectional : Pass<"ssm-fuse-bidirectional"> {
  let summary = "make one two-sided convolution of a forward and a backward one";
  let description = [{
    Two causal convolutions of the same signal, one forward and one backward,
    whose results are added become one two-sided `ssm.long_conv`, which costs as
    many transforms as one of them. A time-invariant recurrence counts as the
    convolution that it is. With kernels k (forward) and h (backward), the taps
    are

        ..., h_2, h_1, k_0 + h_0, k_1, k_2, ...

    The present counts as often as it is written: twice, unless one of the two
    reads its state before the update. Sums are found through arith.addf,
    linalg.add and the regions of elementwise linalg ops, in any order and with
    other terms between.

    An op with a strategy is fused if that is fft_conv only. The CPU pipeline
    runs the pass after `--ssm-select-strategy`: the scans of short recurrences
    are faster than any convolution, and stay.

    A `missed` remark of category `ssm-bidirectional` names what blocks: another use
    of a result, another signal, an operand that varies in time, an initial or
    final state, `numerics<strict>`. Directions that are multiplied by one
    another (BiGS) stay two convolutions.

    ```mlir
    %f, %0 = ssm.linear_recurrence transition(%a) signal(%u) output(%c)
    %g, %1 = ssm.linear_recurrence transition(%b) signal(%u) output(%d)
        {direction = #ssm.direction<backward>}
    %y = arith.addf %f, %g
    // becomes
    %k = ssm.materialize_kernel transition(%a) output(%c)
    %h = ssm.materialize_kernel transition(%b) output(%d)
    %both = ...
    %y = ssm.long_conv %u, %both {direction = #ssm.direction<two_sided>}
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RecurrenceToScan : Pass<"ssm-recurrence-to-scan"> {
  let summary = "rewrite a recurrence as an associative scan of affine maps";
  let description = [{
    The map x -> a_t x + b_t u_t is the pair (a_t, b_t u_t), and two of them
    compose, i before j, to (a_j a_i, a_j x_i + x_j): a recurrence is the scan of
    these pairs, started from `init` in the first of them.

    ```mlir
    %x, %last = ssm.linear_recurrence transition(%a) signal(%u)
    // becomes
    %p, %x = ssm.associative_scan(%a, %u) { ... }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def AbsorbContractions : Pass<"ssm-absorb-contractions"> {
  let summary = "make products around a recurrence its input and output maps";
  let description = [{
    A loop of a frontend often multiplies its states by a vector in each step,
    and is driven by an outer product. Where nothing else reads them, the sum
    of products becomes the recurrence's `output`, the outer product its `input`
    and a real part its `projection`: what runs through memory is then the
    signal and the result instead of states, as many times more.

    ```mlir
    %v = linalg.generic ins(%u, %b : tensor<?x512xf32>, tensor<?x16xf32>)
        -> tensor<?x512x16xf32>                            // u * b
    %x, %last = ssm.linear_recurrence transition(%a) signal(%v)
    %y = linalg.generic ins(%x, %c) -> tensor<?x512xf32>   // sum of x * c
    // becomes
    %y, %last = ssm.linear_recurrence transition(%a) signal(%u) input(%b)
        output(%c)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def HoistContractions : Pass<"ssm-hoist-contractions"> {
  let summary = "take multi-input and multi-output maps out of recurrences";
  let description = [{
    Input dimensions are summed before the recurrence and output dimensions
    added after it, each as one linalg contraction over all of time, so that the
    recurrence that remains runs on the states alone (S5, LRU).
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def Gradient : Pass<"ssm-gradient", "::mlir::ModuleOp"> {
  let summary = "add the vector-Jacobian products of functions";
  let description = [{
    For each public function @f, or the one that `entry` names, adds @f_vjp. It
    takes @f's inputs and then the cotangents of @f's results, and returns the
    cotangents of @f's inputs; tensors of integers have none. The cotangent of x
    is the g of x's type for which a change dx changes the loss by the real part
    of sum(conj(g) dx).

    The gradient of a recurrence is the recurrence in the other direction:

        g_t = C_t^H dy_t + A_{t+1}^H g_{t+1}

    and dA, dB, dC and du are sums of its products with states (computed again),
    signals and dy. Ops with a rule are `ssm.linear_recurrence` and
    `ssm.materialize_kernel` with a diagonal or dense transition,
    `ssm.long_conv`, `ssm.associative_scan` by sums, products and affine pairs,
    linalg ops whose scalars have one, slices and reshapes, and arith and math
    ops on tensors. What is compared or rounded to an integer has none. Any other
    op between inputs and results is an error.

    Example:

    ```mlir
    func.func @f(%a: tensor<8xf32>, %u: tensor<64x8xf32>) -> tensor<64x8xf32>
    // adds
    func.func @f_vjp(%a: tensor<8xf32>, %u: tensor<64x8xf32>,
                     %d_r0: tensor<64x8xf32>)
        -> (tensor<8xf32>, tensor<64x8xf32>)
    ```
  }];
  let options = [
    Option<"entry", "entry", "std::string", "\"\"",
           "the function; every public one if empty">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def InferTimeInvariance : Pass<"ssm-infer-time-invariance", "::mlir::ModuleOp"> {
  let summary = "take time out of operands that are constant in it";
  let description = [{
    Proves, through the computation of a recurrence's transition, input map,
    output map and low-rank part, that their values are the same at all times,
    and rewrites the op to the operand without time. Known to repeat a value are
    constants, fills, splats, broadcasts, and loops that write one slice to
    every place; elementwise ops, linalg ops, `ssm.discretize`, slices and
    reshapes of such values keep that. A proof goes into callees (the call is
    then inlined) and out to the callers of a private function (which then takes
    the narrow value as well). An invariant operand also loses parallel
    dimensions along which it is constant.

    A `passed` remark of category `ssm-time-invariance` names the operand; a
    `missed` remark names the value that forbids it.

    ```mlir
    %a = linalg.broadcast ins(%d : tensor<8xf32>) outs(%e : tensor<16x8xf32>) dimensions = [0]
    ssm.linear_recurrence transition(%a : tensor<16x8xf32>) ...
    // becomes
    ssm.linear_recurrence transition(%d : tensor<8xf32>) ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ScaleExponents : Pass<"ssm-scale-exponents"> {
  let summary = "rewrite exp(x y) as a power of two of scaled factors";
  let description = [{
    In a linalg op, where the factor y is an operand that lacks loops and the
    product may be contracted:

        exp(x y) = 2^(x (y log2 e))

    The operand is scaled once by an op of its own, for all exponentials that
    read it.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SimplifyStructure : Pass<"ssm-simplify-structure"> {
  let summary = "make transitions diagonal, and states fewer, where proved";
  let description = [{
    A constant dense transition with nothing beside its diagonal, and diag(w) +
    p q^H with p or q zero, become diagonal transitions, with a `passed` remark
    of category `ssm-structure`. Under `numerics<strict>` they stay: the zeros
    would be NaN times an infinite state.

    Of constant states that come in conjugate pairs, the halves of a dimension
    or neighbours in it, one of each is kept, and `projection` becomes
    `twice_real`, where it was `real`, the signal is real and nothing else sees
    the states (remark `ConjugatePairs`).

    An `analysis` remark (`Unstable`) tells of a diagonal transition that has an
    element proved larger than 1, and of a constant dense one that has such an
    eigenvalue.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def DeriveStep : Pass<"ssm-derive-step", "::mlir::ModuleOp"> {
  let summary = "derive a function of one chunk of time, with explicit states";
  let description = [{
    For each public function @f over sequences, or the one that `entry` names,
    adds @f_start, which returns the states before the first step, and @f_step,
    which computes the next `chunk` steps:

    ```mlir
    func.func @f(%a: tensor<8xf32>, %u: tensor<?x8xf32>, %x0: tensor<8xf32>)
        -> (tensor<?x8xf32>, tensor<8xf32>)
    // adds
    func.func @f_start(%a: tensor<8xf32>, %u: tensor<1x8xf32>,
                       %x0: tensor<8xf32>) -> tensor<8xf32>
    func.func @f_step(%a: tensor<8xf32>, %u: tensor<1x8xf32>, %x: tensor<8xf32>)
        -> (tensor<1x8xf32>, tensor<8xf32>)
    ```

    Time stays a dimension, of `chunk` elements, so that a step has the layouts
    of the sequence; with `chunk=0` its size is dynamic. Calling @f_step on
    chunk after chunk, with the states that it has returned, computes @f.

    A state is the final state of a recurrence, or a window: the last elements
    of a sequence that is read in the past (a padded signal under a short
    convolution or a delay, the prefixes of a scan, the signal of a
    `ssm.long_conv` with a kernel of static length). Windows keep their
    sequence's layout; arguments and results in the place of states have the
    attribute `ssm.state`, their number. Where a result of @f is a state, it is
    not returned a second time. An argument of @f that only says where to start
    is no argument of @f_step. @f_start reads nothing of its sequences but their
    sizes. `ssm.argument` and `ssm.result` number the arguments and results of
    @f, and `ssm.time` is the dimension of theirs that is time.

    Which dimension is time follows from the ssm ops. An op that reads a later
    step, the position of a step or the number of steps is an error that names
    it. Calls must have been inlined (`--inline`).
  }];
  let options = [
    Option<"entry", "entry", "std::string", "\"\"",
           "the function; every public one if empty">,
    Option<"chunk", "chunk", "int64_t", "1",
           "steps in a chunk; 0: any number, known at run time">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::complex::ComplexDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ExtractSystems : Pass<"ssm-extract-systems", "::mlir::ModuleOp"> {
  let summary = "add a function that returns the parameters of recurrences";
  let description = [{
    For the function @f that `entry` names, adds @f_systems with the arguments
    of @f, which returns what analyses need of each `ssm.linear_recurrence` and
    `ssm.long_conv` of @f, in their order: those of the transition, input map,
    output map and low-rank part that do not vary in time, and kernels. Its
    attribute `ssm.systems` has a dictionary for each op: the names of operands
    and results, their maps and element types, for each of these the number of
    the result that it is, or -1 (a signal, an initial state, what varies in
    time), and the sizes of the loop dimensions, -1 if known at run time only.

    ```mlir
    func.func @f(%a: tensor<8xf32>, %u: tensor<?x8xf32>) -> tensor<?x8xf32>
    // adds
    func.func @f_systems(%a: tensor<8xf32>, %u: tensor<?x8xf32>)
        -> tensor<8xf32> attributes {ssm.systems = [...]}
    // of one dictionary
    {op = "linear_recurrence", operands = ["transition", "signal", "result",
     "final"], results = [0, -1, -1, -1], maps = [...], time = 0 : i64, ...}
    ```

    Ops in loops are left out. Calls must have been inlined (`--inline`).
  }];
  let options = [
    Option<"entry", "entry", "std::string", "\"f\"", "the function">
  ];
}

#endif // SSM_TRANSFORMS_PASSES_TD
