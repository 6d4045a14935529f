//===- SSMOps.td - Operations of the ssm dialect -----------*- tablegen -*-===//

#ifndef SSM_IR_SSMOPS_TD
#define SSM_IR_SSMOPS_TD

include "ssm/IR/SSMAttributes.td"
include "ssm/IR/SSMDialect.td"
include "ssm/IR/SSMInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class SSM_Op<string mnemonic, list<Trait> traits = []>
    : Op<SSM_Dialect, mnemonic, traits>;

/// Element types that a sequence model is made of.
def SSM_Element : AnyTypeOf<[F16, BF16, F32, F64, Complex<F32>, Complex<F64>],
                            "f16, bf16, f32, f64, complex<f32> or complex<f64>">;
def SSM_Tensor : RankedTensorOf<[SSM_Element]>;
def SSM_FFTTensor : RankedTensorOf<[F32, F64, Complex<F32>, Complex<F64>]>;

/// An op over named loop dimensions of which one is time.
class SSM_IndexedOp<string mnemonic, list<Trait> traits = []>
    : SSM_Op<mnemonic, !listconcat([
        Pure, DeclareOpInterfaceMethods<SSM_IndexedOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>], traits)>;

def LinearRecurrenceOp : SSM_IndexedOp<"linear_recurrence",
                                       [AttrSizedOperandSegments,
                                        InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "x_t = A_t x_{t-1} + B_t u_t,  y_t = C_t x_t";
  let description = [{
    The linear recurrence

        x_t = A_t x_{t-1} + sum_input(b_t * u_t),     x_{-1} = init or 0
        y_t = proj(sum_state(c_t * x_t))

    where `proj` is the `projection`. Without `input` (B) the signal drives the
    state directly, without `output` (C) the states themselves come out. With
    `direction = backward`, t runs from L-1 down to 0 and x_{t-1} stands for
    x_{t+1}; with `read = before`, y_t reads the state before the update.

    Operands and results are indexed over common loop dimensions by
    `indexing_maps`, in the order transition, signal, input, output, init, p, q
    (those that are present), result, final; `time` is the position of the time
    dimension. What a loop dimension is follows from the maps:

    | dimension | in final | in result | meaning |
    |---|---|---|---|
    | parallel | yes | yes | independent recurrences: batch, channel, head |
    | state | yes | no | summed by the output map C |
    | input | no | no | summed by the input map B (multi-input) |
    | output | no | yes | added by the output map C (multi-output) |

    The transition is diagonal unless it mixes the elements along one dimension
    of the state, `row`:

    | structure | given by | A_t x, with n, m along `row` |
    |---|---|---|
    | diagonal | | a_t[n] x[n] |
    | dense | `row`, `column` | sum_m a_t[n, m] x[m] |
    | diagonal plus low rank | `row`, `low_rank(p, q)` | a_t[n] x[n] + sum_r p_t[n, r] sum_m conj(q_t[m, r]) x[m] |

    `column` is a loop dimension that only the transition uses: the place of m.
    The rank r is a loop dimension that only p and q use; without one the rank
    is 1. A matrix state is a state with further dimensions that A acts on
    alike.

    An operand whose map lacks time is time-invariant; one whose map lacks a
    state dimension is shared along it (a scalar transition is a diagonal whose
    map lacks the state dimension).

    The state is complex if any operand is. It has the widest of the operands'
    real types, and at least 32 bits: a transition in f64 makes an f64 state
    under a signal in f32, for states that last so many steps n that the
    rounding of A, which makes them off by up to n 2^-25, would show. The result has the signal's real type; what `input` sums
    over input dimensions is rounded to it too.

    The final state is x_{L-1} (x_0 for backward; `init` if L = 0).

    Constraints:

    - (linear_recurrence_c1) there is one map per operand and result, each a
      projected permutation of the same loop dimensions, of its value's rank.
    - (linear_recurrence_c2) `time` is a loop dimension; the result's map uses
      it, the maps of init and final do not.
    - (linear_recurrence_c3) every loop dimension is in an operand's map, and all
      values that share one agree on its size.
    - (linear_recurrence_c4) no operand is narrower than the signal, whose real
      type the result has; init has the state's.
    - (linear_recurrence_c5) transition and init use state and parallel
      dimensions only (and time, for the transition).
    - (linear_recurrence_c6) without `output` the result's map covers the state
      and time, and nothing else.
    - (linear_recurrence_c7) input dimensions need `input` and are in no map of
      the output's side; output dimensions are in the maps of `output` and the
      result only.
    - (linear_recurrence_c8) a projection needs a complex operand.
    - (linear_recurrence_c9) a mixing transition has `row`, a dimension of the
      state that the transition's map uses; with `column`, of the same size, it
      is square, and no other map uses `column`.
    - (linear_recurrence_c10) `low_rank` is given with `row` and without
      `column`; both maps use `row`, and beside the rank only dimensions of the
      state and time.

    Example, S4D: N states a channel, conjugate halves stored.

    ```mlir
    #hn = affine_map<(b, t, h, n) -> (h, n)>
    #bth = affine_map<(b, t, h, n) -> (b, t, h)>
    #bhn = affine_map<(b, t, h, n) -> (b, h, n)>
    %y, %x = ssm.linear_recurrence
        transition(%a : tensor<64x32xcomplex<f32>>)
        signal(%u : tensor<8x?x64xf32>)
        input(%b : tensor<64x32xcomplex<f32>>)
        output(%c : tensor<64x32xcomplex<f32>>)
        {indexing_maps = [#hn, #bth, #hn, #hn, #bth, #bhn], time = 1 : i64,
         projection = #ssm.projection<twice_real>}
        -> tensor<8x?x64xf32>, tensor<8x64x32xcomplex<f32>>
    ```

    Source: Gu et al., "Efficiently Modeling Long Sequences with Structured
    State Spaces" (arXiv 2111.00396); Smith et al., "Simplified State Space
    Layers for Sequence Modeling" (arXiv 2208.04933).
  }];
  let arguments = (ins SSM_Tensor:$transition, SSM_Tensor:$signal,
    Optional<SSM_Tensor>:$input, Optional<SSM_Tensor>:$output,
    Optional<SSM_Tensor>:$init,
    Optional<SSM_Tensor>:$left, Optional<SSM_Tensor>:$right,
    AffineMapArrayAttr:$indexing_maps, I64Attr:$time,
    OptionalAttr<I64Attr>:$row, OptionalAttr<I64Attr>:$column,
    DefaultValuedAttr<SSM_OneDirectionAttr, "::ssm::Direction::Forward">:$direction,
    DefaultValuedAttr<SSM_ProjectionAttr, "::ssm::Projection::None">:$projection,
    DefaultValuedAttr<SSM_ReadPointAttr, "::ssm::ReadPoint::After">:$read,
    DefaultValuedAttr<SSM_NumericsAttr, "::ssm::Numerics::Norm">:$numerics,
    OptionalAttr<SSM_StrategyAttr>:$strategy);
  let results = (outs SSM_Tensor:$result, SSM_Tensor:$final);
  let assemblyFormat = [{
    `transition` `(` $transition `:` type($transition) `)`
    `signal` `(` $signal `:` type($signal) `)`
    (`input` `(` $input^ `:` type($input) `)`)?
    (`output` `(` $output^ `:` type($output) `)`)?
    (`init` `(` $init^ `:` type($init) `)`)?
    (`low_rank` `(` $left^ `,` $right `:` type($left) `,` type($right) `)`)?
    attr-dict `->` type($result) `,` type($final)
  }];
  let extraClassDeclaration = [{
    /// What each loop dimension is, read off the maps (see the description).
    /// `row` is in neither parallel nor output; it is in state if the output
    /// sums it.
    struct Dims {
      unsigned time;
      ::llvm::SmallVector<unsigned> parallel, state, input, output, rank;
      std::optional<unsigned> row, column;

      /// Whether the state has `row` and the result does too.
      bool rowComesOut() const {
        return row && !::llvm::is_contained(state, *row);
      }
    };
    Dims getDims();

    bool isDiagonal() { return !getRow(); }
    bool isDense() { return bool(getColumn()); }
    bool isLowRank() { return bool(getLeft()); }

    ::mlir::AffineMap getTransitionMap() { return getIndexingMapsArray()[0]; }
    ::mlir::AffineMap getSignalMap() { return getIndexingMapsArray()[1]; }
    /// Maps of the optional operands; null if the operand is absent.
    ::mlir::AffineMap getInputIndexingMap();
    ::mlir::AffineMap getOutputIndexingMap();
    ::mlir::AffineMap getInitIndexingMap();
    ::mlir::AffineMap getLeftIndexingMap();
    ::mlir::AffineMap getRightIndexingMap();
    ::mlir::AffineMap getResultIndexingMap() { return getResultMap(0); }
    ::mlir::AffineMap getFinalIndexingMap() { return getResultMap(1); }

    /// Element type of the state: real or complex, at least 32 bits wide.
    ::mlir::Type getStateElementType() {
      return getFinal().getType().getElementType();
    }
    bool isBackward() { return getDirection() == ::ssm::Direction::Backward; }

    /// Why no convolution computes the op's result, or an empty string: what
    /// varies in time, or which form of the op has no single kernel.
    std::string refusesConvolution();
  }];
  let hasCanonicalizer = 1;
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

def AssociativeScanOp : SSM_Op<"associative_scan", [
    Pure, AttrSizedOperandSegments, SingleBlock,
    InferTypeOpAdaptor,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "prefixes of a tuple of tensors under an associative combiner";
  let description = [{
    With e_t the tuple of the inputs' elements at position t along `dimension`
    and * the combiner,

        inclusive   s_t = e_0 * e_1 * ... * e_t
        exclusive   s_0 = identity,  s_t = e_0 * ... * e_{t-1}

    and for `direction = backward` the same on the reversed dimension:
    s_t = e_{L-1} * ... * e_t.

    The region combines two tuples of scalars: its arguments are the left
    tuple, which has been met first, then the right tuple, and it yields the
    combined tuple. The combiner must be associative; it need not commute.
    `identity` is a tuple of scalars that the combiner leaves alone on both
    sides; an exclusive scan needs it.

    Constraints:

    - (associative_scan_c1) all inputs have the same shape, and each result has
      its input's type.
    - (associative_scan_c2) `dimension` is a dimension of the inputs.
    - (associative_scan_c3) `identity` is empty or has one scalar of the
      element type per input; `exclusive` needs it.
    - (associative_scan_c4) the region takes twice the tuple and yields the
      tuple.

    Example, the recurrence x_t = a_t x_{t-1} + b_t:

    ```mlir
    %p, %x = ssm.associative_scan(%a, %b) {dimension = 0 : i64}
        : (tensor<?x8xf32>, tensor<?x8xf32>) {
    ^bb0(%ai: f32, %bi: f32, %aj: f32, %bj: f32):
      %a2 = arith.mulf %aj, %ai : f32
      %ab = arith.mulf %aj, %bi : f32
      %b2 = arith.addf %ab, %bj : f32
      ssm.yield %a2, %b2 : f32, f32
    }
    ```

    Source: Blelloch, "Prefix Sums and Their Applications" (CMU-CS-90-190).
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs,
    Variadic<AnyType>:$identity, I64Attr:$dimension, UnitAttr:$exclusive,
    DefaultValuedAttr<SSM_OneDirectionAttr, "::ssm::Direction::Forward">:$direction,
    OptionalAttr<SSM_StrategyAttr>:$strategy);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = [{
    `(` $inputs `)` (`identity` `(` $identity^ `:` type($identity) `)`)?
    attr-dict `:` `(` type($inputs) `)` $combiner
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasFolder = 1;
}
def NonlinearRecurrenceOp : SSM_IndexedOp<"nonlinear_recurrence", [
    AttrSizedOperandSegments, SameVariadicResultSize, SingleBlock,
    InferTypeOpAdaptor]> {
  let summary = "x_t = f(x_{t-1}, u_t) for any f";
  let description = [{
    The recurrence

        x_t = f(x_{t-1}, u_t),     x_{-1} = init,

    for a tuple x of tensors (LSTM's hidden and cell state) and a tuple u of
    signals. The region is f: its arguments are the states, each of the type of
    its `init`, then the signals at one time, each of its signal's type without
    the time dimension; it yields the next states. Whatever else f needs, its
    weights, it takes from around the op. With `direction = backward`, t runs
    from L-1 down to 0 and x_{t-1} stands for x_{t+1}.

    The results are every x_t, one tensor per state, then the final states
    (x_{L-1}; x_0 for backward; `init` if L = 0), then `iterations` and
    `residual`.

    Operands and tensor results are indexed over common loop dimensions by
    `indexing_maps`, in the order signals, init, states, finals; `time` is the
    position of the time dimension. A signal whose map lacks time is the same
    at every step.

    The recurrence is computed by a loop over time, and then `iterations` and
    `residual` are 0, or with `tolerance` by Newton's method, on all of time at
    once: from the guess x = 0 each iteration solves the recurrence linearised
    at the last x by a scan of dense transitions, until the residual, the largest
    |x_t - f(x_{t-1}, u_t)|, is at most `tolerance`, or for `max_iterations`.
    `row` names the dimension of the states along which f couples them, if it
    does (the rows of a recurrent weight): the Jacobians are square in the
    elements of all states along it. `iterations` are the scans that were done
    and `residual` is what Newton's method ended with; if that is above
    `tolerance`, or no number, the states come from the loop instead. So they do
    where the region has no derivative (an op that is neither linalg nor a slice
    nor one of the arith and math ops with a rule), which a remark says.

    A tolerance of some units of the precision times the largest state can be
    met, one of 0 cannot in general. Memory for the Jacobians is the length times
    the square of the elements along `row`, and work that times a further such
    factor, where the loop needs one step after another: Newton's method is for
    few states and long sequences on many cores, and for nothing else.

    If f is affine in its one state, element by element, so that x_t = a x + b
    with a and b free of x, in elementwise ops on tensors or in linalg ops
    without a reduction, the op folds into `ssm.linear_recurrence`, which has
    other strategies.

    Constraints:

    - (nonlinear_recurrence_c1) as linear_recurrence_c1; there is a state.
    - (nonlinear_recurrence_c2) `time` is a loop dimension; the maps of states
      use it, those of init and finals do not.
    - (nonlinear_recurrence_c3) every loop dimension is in an operand's map, and
      all values that share one agree on its size.
    - (nonlinear_recurrence_c4) the map of a final state is that of its init,
      and the map of a state has the same dimensions and time.
    - (nonlinear_recurrence_c5) the region takes the states and the signals at
      one time and yields the states.
    - (nonlinear_recurrence_c6) `tolerance` is a number that is not negative,
      `max_iterations` at least 1, and all states have the dimensions of the
      first one, among them `row`.

    Example, the vanilla RNN x_t = tanh(W x_{t-1} + u_t), where u_t = V v_t + b
    has been computed for all of time:

    ```mlir
    #bth = affine_map<(b, t, h) -> (b, t, h)>
    #bh = affine_map<(b, t, h) -> (b, h)>
    %x, %last, %n, %r = ssm.nonlinear_recurrence
        signals(%u : tensor<4x?x64xf32>) init(%x0 : tensor<4x64xf32>)
        {indexing_maps = [#bth, #bh, #bth, #bh], time = 1 : i64}
        -> (tensor<4x?x64xf32>), (tensor<4x64xf32>) {
    ^bb0(%h: tensor<4x64xf32>, %ut: tensor<4x64xf32>):
      %z = linalg.matmul ins(%h, %wt : tensor<4x64xf32>, tensor<64x64xf32>)
                         outs(%ut : tensor<4x64xf32>) -> tensor<4x64xf32>
      %next = math.tanh %z : tensor<4x64xf32>
      ssm.yield %next : tensor<4x64xf32>
    }
    ```

    Source: Elman, "Finding Structure in Time" (1990); Hochreiter and
    Schmidhuber, "Long Short-Term Memory" (1997); Lim et al., "Parallelizing
    non-linear sequential models over the sequence length" (arXiv 2309.12252).
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$signals,
    Variadic<SSM_Tensor>:$init,
    AffineMapArrayAttr:$indexing_maps, I64Attr:$time,
    DefaultValuedAttr<SSM_OneDirectionAttr, "::ssm::Direction::Forward">:$direction,
    OptionalAttr<F64Attr>:$tolerance,
    DefaultValuedAttr<I64Attr, "32">:$max_iterations,
    OptionalAttr<I64Attr>:$row);
  let results = (outs Variadic<SSM_Tensor>:$states, Variadic<SSM_Tensor>:$finals,
    I64:$iterations, F64:$residual);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`signals` `(` $signals^ `:` type($signals) `)`)?
    `init` `(` $init `:` type($init) `)` attr-dict
    `->` `(` type($states) `)` `,` `(` type($finals) `)` $body
  }];
  let extraClassDeclaration = [{
    bool isBackward() { return getDirection() == ::ssm::Direction::Backward; }
    ::mlir::AffineMap getSignalMap(unsigned i) {
      return getIndexingMapsArray()[i];
    }
    /// The map of state i without time, which is that of its init.
    ::mlir::AffineMap getInitMap(unsigned i) {
      return getIndexingMapsArray()[getSignals().size() + i];
    }
    /// The map of state i over all of time.
    ::mlir::AffineMap getStatesMap(unsigned i) { return getResultMap(i); }

    /// Why it is no `ssm.linear_recurrence`, or an empty string.
    std::string refusesLinear();
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def YieldOp : SSM_Op<"yield", [Pure, Terminator, ReturnLike,
                               ParentOneOf<["AssociativeScanOp",
                                            "NonlinearRecurrenceOp"]>]> {
  let summary = "the values of a region of an ssm op";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

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

#endif // SSM_IR_SSMOPS_TD
