//===- SSMAttributes.td - Attributes of the ssm dialect ----*- tablegen -*-===//

#ifndef SSM_IR_SSMATTRIBUTES_TD
#define SSM_IR_SSMATTRIBUTES_TD

include "ssm/IR/SSMDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class SSM_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::ssm";
  let genSpecializedAttr = 0;
}

class SSM_EnumAttr<EnumAttrInfo info, string mnemonic>
    : EnumAttr<SSM_Dialect, info, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def SSM_Direction : SSM_Enum<"Direction", "the order in which time is walked", [
  I32EnumAttrCase<"Forward", 0, "forward">,
  I32EnumAttrCase<"Backward", 1, "backward">,
  I32EnumAttrCase<"TwoSided", 2, "two_sided">
]>;
def SSM_DirectionAttr : SSM_EnumAttr<SSM_Direction, "direction"> {
  let description = [{
    `forward` reads t = 0, 1, ..., L-1; `backward` reads t = L-1, ..., 0, so
    that "the previous state" is the state at t+1. A reversed model is a
    direction, never a flipped copy of its data. `two_sided`, of a convolution
    only, reads the past and the future of every step.
  }];
}
/// The direction of what carries a state from step to step.
def SSM_OneDirectionAttr : ConfinedAttr<SSM_DirectionAttr, [AttrConstraint<
  CPred<"::llvm::cast<::ssm::DirectionAttr>($_self).getValue() != ::ssm::Direction::TwoSided">,
  "forward or backward, for a state has one direction">]>;

def SSM_Projection : SSM_Enum<"Projection", "the part of the output kept", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Real", 1, "real">,
  I32EnumAttrCase<"TwiceReal", 2, "twice_real">
]>;
def SSM_ProjectionAttr : SSM_EnumAttr<SSM_Projection, "projection"> {
  let description = [{
    `none` returns z = C x as it is, `real` returns Re(z) and `twice_real`
    2 Re(z): the output of a state of conjugate pairs of which one half is
    stored (S4, S4D, S5).
  }];
}

def SSM_ReadPoint : SSM_Enum<"ReadPoint", "the state that the output reads", [
  I32EnumAttrCase<"After", 0, "after">,
  I32EnumAttrCase<"Before", 1, "before">
]>;
def SSM_ReadPointAttr : SSM_EnumAttr<SSM_ReadPoint, "read"> {
  let description = [{
    `after` reads x_t, the state that already holds u_t; `before` reads the
    previous state x_{t-1} (RWKV-5 and RWKV-6).
  }];
}

def SSM_Numerics : SSM_Enum<"Numerics", "what the result promises", [
  I32EnumAttrCase<"Strict", 0, "strict">,
  I32EnumAttrCase<"Norm", 1, "norm">
]>;
def SSM_NumericsAttr : SSM_EnumAttr<SSM_Numerics, "numerics"> {
  let description = [{
    `strict` keeps exact causality: an output is computed from the inputs that
    it depends on and from no other, so a later input, were it NaN, never
    reaches an earlier output. `norm` promises an error that is small relative
    to the norm of the whole result, which is what an FFT gives: rounding of a
    large later input reaches earlier outputs.
  }];
}

def SSM_Discretization : SSM_Enum<"Discretization",
    "what the input does between two steps", [
  I32EnumAttrCase<"ZOH", 0, "zoh">,
  I32EnumAttrCase<"Bilinear", 1, "bilinear">,
  I32EnumAttrCase<"Euler", 2, "euler">,
  I32EnumAttrCase<"Dirac", 3, "dirac">,
  I32EnumAttrCase<"Trapezoid", 4, "trapezoid">
]>;
def SSM_DiscretizationAttr : SSM_EnumAttr<SSM_Discretization, "discretization"> {
  let description = [{
    The methods of `ssm.discretize`: zero-order hold, the bilinear rule, Euler's
    rule for the input, impulses, and the exponential trapezoidal rule.
  }];
  let assemblyFormat = "$value";
}

def SSM_StrategyKind : SSM_Enum<"StrategyKind", "how a recurrence is computed", [
  I32EnumAttrCase<"Sequential", 0, "sequential">,
  I32EnumAttrCase<"TreeScan", 1, "tree_scan">,
  I32EnumAttrCase<"FFTConv", 2, "fft_conv">,
  I32EnumAttrCase<"DirectConv", 3, "direct_conv">
]>;

def SSM_StrategyAttr : AttrDef<SSM_Dialect, "Strategy"> {
  let mnemonic = "strategy";
  let summary = "the decision how an op is computed";
  let description = [{
    Written by `--ssm-select-strategy`, or by hand to pin a choice; read by the
    lowerings and by nothing else.

    | kind | algorithm | legal when |
    |---|---|---|
    | `sequential` | a loop over time, vectorised over channels | always |
    | `tree_scan` | leaves of `leaf` time steps reduced in parallel, a work-efficient tree over their summaries, leaves applied in parallel | always |
    | `fft_conv` | the kernel K_l = C A^l B, convolved by FFT | A, B, C time-invariant; `numerics<norm>` |
    | `direct_conv` | the same kernel, convolved by its definition | A, B, C time-invariant |

    A convolution may cut its kernel: with `taps` above zero, K_l is taken to be
    zero for l >= taps. `--ssm-select-strategy` does so under `numerics<norm>`
    where a proved bound on |a| makes the taps beyond smaller than rounding.

    A transform has as many points as there are steps, or more. With `points`
    above zero, `fft_conv` cuts time into blocks that transforms of so many
    points compute: for a kernel, known to reach less far than that, of a signal
    that may be of any length.

    With `matrix = bf16`, `fft_conv` computes its transforms as products of
    matrices whose elements are rounded to bf16, for a unit that multiplies
    such matrices. The result is good to two or three digits (docs/Numerics.md
    has the error), so it is never chosen, only asked for.

    `leaf` is the number of steps that are taken together: by `tree_scan` those
    that a leaf reduces, by `fft_conv` those that the first and last round of a
    transform transpose at once for each of their rows, where time is contiguous.
    The others ignore it.

    `lanes` is the number of channels (or, in a tree of few channels, leaves; in a
    convolution of few channels or a long signal, parts of time)
    computed side by side in one vector tile.

    Example: `#ssm.strategy<tree_scan, leaf = 128, lanes = 64>`
  }];
  let parameters = (ins
    EnumParameter<SSM_StrategyKind>:$kind,
    DefaultValuedParameter<"int64_t", "128">:$leaf,
    DefaultValuedParameter<"int64_t", "16">:$lanes,
    DefaultValuedParameter<"int64_t", "0">:$taps,
    DefaultValuedParameter<"int64_t", "0">:$points,
    OptionalParameter<"::mlir::Type">:$matrix);
  let builders = [
    AttrBuilder<(ins "::ssm::StrategyKind":$kind, "int64_t":$leaf,
                     "int64_t":$lanes, CArg<"int64_t", "0">:$taps,
                     CArg<"int64_t", "0">:$points), [{
      return $_get($_ctxt, kind, leaf, lanes, taps, points,
                   /*matrix=*/::mlir::Type());
    }]>
  ];
  let assemblyFormat = [{
    `<` $kind (`,` struct($leaf, $lanes, $taps, $points, $matrix)^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // SSM_IR_SSMATTRIBUTES_TD
