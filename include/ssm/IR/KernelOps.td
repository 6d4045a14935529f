//===- KernelOps.td - Systems, kernels and transforms ------*- tablegen -*-===//

#ifndef SSM_IR_KERNELOPS_TD
#define SSM_IR_KERNELOPS_TD

include "ssm/IR/SSMOpBase.td"

def DiscretizeOp : SSM_Op<"discretize", [
    Pure, AttrSizedOperandSegments, InferTypeOpAdaptor,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "the recurrence of a continuous state space model";
  let description = [{
    The transition and the input map of a recurrence that follows
    x'(s) = A x(s) + B u(s) over steps of length dt, with z = dt A:

    | method | `transition` | `input` | `previous` |
    |---|---|---|---|
    | `zoh` | exp(z) | dt phi(z) B, phi(z) = (exp(z) - 1) / z | |
    | `bilinear` | (1 - z/2)^-1 (1 + z/2) | (1 - z/2)^-1 dt B | |
    | `euler` | exp(z) | dt B | |
    | `dirac` | exp(z) | B | |
    | `trapezoid` | exp(z) | lambda dt B | (1 - lambda) dt exp(z) |

    `zoh` is exact for an input that is constant over a step, `dirac` for one
    that consists of impulses at the steps (events), `bilinear` is the implicit
    trapezoidal rule, `euler` exact in A only (Mamba). `trapezoid` weighs both
    ends of the step,

        x_t = transition x_{t-1} + previous B_{t-1} u_{t-1} + input u_t,

    by `weight` (lambda, 1/2 if absent; Mamba-3). Without B, `input` is the
    factor of B. A further factor on dt resamples a model.

    Operands and results are indexed over common loop dimensions by
    `indexing_maps`, in the order A, dt, B, weight (those that are present),
    transition, input, and with `trapezoid` previous. A is diagonal, or with
    `row` and `column` a dense matrix, for which `bilinear` is a linear solve by
    elimination with partial pivoting in f64; other methods of a dense A need
    its eigenvalues (diagonalise it first).

    Accuracy, in units of the elements' precision and relative to the modulus of
    the element: below 8 units (with one more rounding of 16-bit elements) near
    z = 0, where phi(0) = 1 and exp(z) - 1 does not cancel for complex z either,
    and for large |z|, because the rounding error of z itself is put back to
    first order: the phase of exp(z) keeps its digits for |Im z| up to 2^12 in
    f32. Where dt has no dimensions that A lacks, so that the results are the
    parameters of a model and not one set for each time, f32 is computed in f64
    and rounded once. A result may be of a wider type than the operands, which
    leaves out that rounding: of f32 parameters a transition in f64, and with it
    the state of the recurrence. A dense `bilinear` has the condition number of 1 - z/2 times units of
    f64, and one rounding.

    Constraints:

    - (discretize_c1) there is one map per operand and result, each a projected
      permutation of the same loop dimensions, of its value's rank.
    - (discretize_c2) the map of a result uses every dimension of the operands
      that it is computed from.
    - (discretize_c3) every loop dimension of a result is in an operand's map,
      and all values that share one agree on its size.
    - (discretize_c4) all operands are of one precision; dt and weight are real.
    - (discretize_c5) dt is positive, wherever it is a constant.
    - (discretize_c6) `weight` is for `trapezoid` only.
    - (discretize_c7) a dense A is square in `row` and `column`, its method is
      `bilinear`, and only A and transition use `column`.
    - (discretize_c8) the type of a result is that of the operands, complex where
      one that it is computed from is, or a wider one, f32 or f64.

    Example, S4D's zero-order hold with a step per channel:

    ```mlir
    #hn = affine_map<(h, n) -> (h, n)>
    #h = affine_map<(h, n) -> (h)>
    %abar, %bbar = ssm.discretize zoh
        transition(%a : tensor<64x32xcomplex<f32>>) step(%dt : tensor<64xf32>)
        input(%b : tensor<64x32xcomplex<f32>>)
        {indexing_maps = [#hn, #h, #hn, #hn, #hn]}
        -> tensor<64x32xcomplex<f32>>, tensor<64x32xcomplex<f32>>
    ```

    Source: Gu et al., "Efficiently Modeling Long Sequences with Structured
    State Spaces" (arXiv 2111.00396); Gu and Dao, "Mamba" (arXiv 2312.00752);
    Schoene et al., "Scalable Event-by-event Processing of Neuromorphic Sensory
    Signals With Deep State-Space Models" (arXiv 2404.18508).
  }];
  let arguments = (ins SSM_DiscretizationAttr:$method,
    SSM_Tensor:$transition, SSM_Tensor:$step,
    Optional<SSM_Tensor>:$input, Optional<SSM_Tensor>:$weight,
    AffineMapArrayAttr:$indexing_maps,
    OptionalAttr<I64Attr>:$row, OptionalAttr<I64Attr>:$column);
  let results = (outs SSM_Tensor:$discrete_transition, SSM_Tensor:$discrete_input,
    Optional<SSM_Tensor>:$previous);
  let assemblyFormat = [{
    $method
    `transition` `(` $transition `:` type($transition) `)`
    `step` `(` $step `:` type($step) `)`
    (`input` `(` $input^ `:` type($input) `)`)?
    (`weight` `(` $weight^ `:` type($weight) `)`)?
    attr-dict `->` type($discrete_transition) `,` type($discrete_input)
    (`,` type($previous)^)?
  }];
  let extraClassDeclaration = [{
    bool isDense() { return bool(getColumn()); }
    ::mlir::AffineMap getMap(unsigned i) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getIndexingMaps()[i]).getValue();
    }
    ::mlir::AffineMap getTransitionMap() { return getMap(0); }
    ::mlir::AffineMap getStepMap() { return getMap(1); }
    /// Maps of the optional operands; null if the operand is absent.
    ::mlir::AffineMap getInputIndexingMap() {
      return getInput() ? getMap(2) : ::mlir::AffineMap();
    }
    ::mlir::AffineMap getWeightIndexingMap() {
      return getWeight() ? getMap(2 + bool(getInput())) : ::mlir::AffineMap();
    }
    ::mlir::AffineMap getResultMap(unsigned i) {
      return getMap(getNumOperands() + i);
    }
    /// Whether results may be of these types: inferred ones, or wider ones.
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred,
                                        ::mlir::TypeRange actual);
    /// Whether a method computes a result from an operand, named as in the
    /// assembly.
    static bool isComputedFrom(::ssm::Discretization method, unsigned result,
                               ::llvm::StringRef operand);
    /// Size of every loop dimension, null where no operand has it.
    ::llvm::SmallVector<::mlir::OpFoldResult>
    getLoopSizes(::mlir::OpBuilder &builder);
  }];
  let hasVerifier = 1;
}

def MaterializeKernelOp : SSM_IndexedOp<"materialize_kernel",
                                        [AttrSizedOperandSegments]> {
  let summary = "K_l = C A^l B for 0 <= l < length";
  let description = [{
    The impulse response of a time-invariant recurrence,

        K_l = proj(sum_state(c * A^l b)),     0 <= l < length,

    with the operands `transition` (A), `input` (b), `output` (c) and perhaps
    `low_rank` (p, q), and loop dimensions as in `ssm.linear_recurrence`; `time`
    is the lag l and occurs in the result's map only. Dimensions that the result
    lacks are summed. `length` is given if the lag's size is dynamic, and only
    then.

    Powers of a diagonal A are formed in twice the working precision, so that
    K_l carries a few roundings whatever l is. With a transition that mixes,
    A^l b for l < S and c^T A^(kS) are formed in f64, for S about the square
    root of the length (a Krylov basis from either side): K_l then carries the
    error of at most S + length/S products with A, in units of f64.

    Constraints:

    - (materialize_kernel_c1) as linear_recurrence_c1.
    - (materialize_kernel_c2) `time` is a loop dimension that the result's map
      uses and no operand's map does.
    - (materialize_kernel_c3) all values that share a loop dimension agree on
      its size.
    - (materialize_kernel_c4) no operand is narrower than the result; the result is complex if an operand is and nothing is projected.
    - (materialize_kernel_c5) every loop dimension but the lag is in an
      operand's map.
    - (materialize_kernel_c6) a projection needs a complex operand.
    - (materialize_kernel_c7) `length` is present if and only if the lag's size
      is dynamic.
    - (materialize_kernel_c8) `row`, `column` and `low_rank` as in
      linear_recurrence_c9 and c10; the result's map has neither.

    Example, one kernel per channel from N states:

    ```mlir
    %k = ssm.materialize_kernel transition(%a : tensor<64x32xcomplex<f32>>)
        input(%b : tensor<64x32xcomplex<f32>>)
        output(%c : tensor<64x32xcomplex<f32>>)
        {indexing_maps = [#hn, #hn, #hn, affine_map<(h, n, l) -> (h, l)>],
         time = 2 : i64, projection = #ssm.projection<twice_real>}
        -> tensor<64x4096xf32>
    ```

    Source: Gu et al., "On the Parameterization and Initialization of Diagonal
    State Space Models" (arXiv 2206.11893).
  }];
  let arguments = (ins SSM_Tensor:$transition, SSM_Tensor:$input,
    SSM_Tensor:$output, Optional<Index>:$length,
    Optional<SSM_Tensor>:$left, Optional<SSM_Tensor>:$right,
    AffineMapArrayAttr:$indexing_maps, I64Attr:$time,
    OptionalAttr<I64Attr>:$row, OptionalAttr<I64Attr>:$column,
    DefaultValuedAttr<SSM_ProjectionAttr, "::ssm::Projection::None">:$projection);
  let results = (outs SSM_Tensor:$result);
  let assemblyFormat = [{
    `transition` `(` $transition `:` type($transition) `)`
    `input` `(` $input `:` type($input) `)`
    `output` `(` $output `:` type($output) `)`
    (`length` `(` $length^ `)`)?
    (`low_rank` `(` $left^ `,` $right `:` type($left) `,` type($right) `)`)?
    attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

def LongConvOp : SSM_IndexedOp<"long_conv", [InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "y_t = sum_l k_l u_{t-l}";
  let description = [{
    The causal convolution of a signal with a kernel along time,

        y_t = sum_{l=0}^{min(t, K-1)} k_l * u_{t-l},    0 <= t < L,

    and with `direction = backward` the same on reversed time: y_t is the sum of
    k_l * u_{t+l} over t + l < L.

    With `direction = two_sided` the kernel weighs the past and the future. Lag 0
    is its middle, at place c = floor(K/2), those before are of the future:

        y_t = sum_s k_{c+t-s} * u_s,    0 <= c + t - s < K.

    K = 2L-1 taps, with c = L-1, relate every step to every other: the tap at
    L-1+d weighs the lag d = -(L-1), ..., L-1.

    `indexing_maps` holds the maps of signal, kernel and result; in the kernel's
    map the time dimension stands for the lag, whose size K may differ from L.
    Taps that are L or more steps away do not reach the result.

    Constraints:

    - (long_conv_c1) as linear_recurrence_c1.
    - (long_conv_c2) `time` is a loop dimension that all three maps use.
    - (long_conv_c3) all values that share a loop dimension other than the lag
      agree on its size.
    - (long_conv_c4) signal and kernel have the same real type.
    - (long_conv_c5) the result's map covers every loop dimension: nothing is
      summed but the lag, and each is in the map of signal or kernel.
    - (long_conv_c6) a strategy with `points` is for a kernel known to have no
      more taps than that: by its type or, one-sided, by the strategy's `taps`.
    - (long_conv_c7) a strategy with `matrix` is for numbers of at most 32 bits,
      and for a signal whose length is known, by its type, or `points`.

    Example:

    ```mlir
    #bht = affine_map<(b, h, t) -> (b, h, t)>
    #ht = affine_map<(b, h, t) -> (h, t)>
    %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
        : tensor<8x64x4096xf32>, tensor<64x4096xf32> -> tensor<8x64x4096xf32>
    ```
  }];
  let arguments = (ins SSM_Tensor:$signal, SSM_Tensor:$kernel,
    AffineMapArrayAttr:$indexing_maps, I64Attr:$time,
    DefaultValuedAttr<SSM_DirectionAttr, "::ssm::Direction::Forward">:$direction,
    DefaultValuedAttr<SSM_NumericsAttr, "::ssm::Numerics::Norm">:$numerics,
    OptionalAttr<SSM_StrategyAttr>:$strategy);
  let results = (outs SSM_Tensor:$result);
  let assemblyFormat = [{
    $signal `,` $kernel attr-dict
    `:` type($signal) `,` type($kernel) `->` type($result)
  }];
  let hasVerifier = 1;
}

def FFTOp : SSM_Op<"fft", [Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                              ["reifyResultShapes"]>]> {
  let summary = "the discrete Fourier transform along one dimension";
  let description = [{
    With n points along `dimension`, and without a factor,

        X_k = sum_j x_j exp(-2 pi i j k / n),     0 <= k < n,

    and with `inverse`

        X_k = (1/n) sum_j x_j exp(+2 pi i j k / n),

    so that the inverse of the transform of x is x. n may be any number; sizes
    with prime factors up to 61 are factored, others become a convolution.

    The element types say which half of a symmetric sequence is left out: n/2 + 1
    (rounded down) complex numbers stand for the n of a sequence with
    x_{n-j} = conj(x_j), the transform of a real one. The imaginary parts of x_0
    and, for even n, of x_{n/2} are then taken as zero.

    | operand | result | `numpy.fft`, forward | with `inverse` |
    |---|---|---|---|
    | n complex | n complex | `fft` | `ifft` |
    | n real | n/2 + 1 complex | `rfft` | `ihfft` |
    | n/2 + 1 complex | n real | `hfft` | `irfft` |

    Constraints:

    - (fft_c1) `dimension` is a dimension of the operand.
    - (fft_c2) the number n of points is static, at least 1 and at most 2^31.
    - (fft_c3) operand and result are of one precision, and one is complex.
    - (fft_c4) operand and result have the same sizes; of a complex one beside
      a real one, the size along `dimension` is n/2 + 1.

    Examples:

    ```mlir
    %X = ssm.fft %x {dimension = 1 : i64} : tensor<8x1000xcomplex<f32>>
    %Y = ssm.fft %y {dimension = 1 : i64} : tensor<?x1000xf32> -> tensor<?x501xcomplex<f32>>
    %y1 = ssm.fft %Y {dimension = 1 : i64, inverse} : tensor<?x501xcomplex<f32>> -> tensor<?x1000xf32>
    ```
  }];
  let arguments = (ins SSM_FFTTensor:$operand, I64Attr:$dimension,
                       UnitAttr:$inverse);
  let results = (outs SSM_FFTTensor:$result);
  let assemblyFormat = [{
    $operand attr-dict `:` custom<FFTTypes>(type($operand), type($result))
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    /// The number of points: the size of the longer of operand and result.
    int64_t getPoints();
  }];
}

#endif // SSM_IR_KERNELOPS_TD
