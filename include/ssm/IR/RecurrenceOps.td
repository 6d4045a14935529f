//===- RecurrenceOps.td - Ops that run through time --------*- tablegen -*-===//

#ifndef SSM_IR_RECURRENCEOPS_TD
#define SSM_IR_RECURRENCEOPS_TD

include "ssm/IR/SSMOpBase.td"

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

def YieldOp : SSM_Op<"yield", [Pure, Terminator, ReturnLike,
                               ParentOneOf<["AssociativeScanOp",
                                            "NonlinearRecurrenceOp"]>]> {
  let summary = "the values of a region of an ssm op";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif // SSM_IR_RECURRENCEOPS_TD
