//===- Passes.td - Analyses made visible -------------------*- tablegen -*-===//

#ifndef SSM_ANALYSIS_PASSES_TD
#define SSM_ANALYSIS_PASSES_TD

include "mlir/Pass/PassBase.td"

def AnnotateFacts : Pass<"ssm-annotate-facts"> {
  let summary = "write what is known of each recurrence on it";
  let description = [{
    Adds a discardable attribute `ssm.facts` to every recurrence:

    | fact | meaning |
    |---|---|
    | `transition`, `input`, `output` | `invariant` in time by its map; `constant` in time by a proof, which `--ssm-infer-time-invariance` uses; `varying`; or `absent` |
    | `structure` | the least general of `scalar`, `diagonal`, `low_rank`, `dense` that the transition is proved to have |
    | `commuting` | A_s A_t = A_t A_s at all times |
    | `magnitude` | no element of a diagonal transition is larger |
    | `row_sum` | the magnitudes in a row of a transition that mixes sum up to no more: the largest element of a state grows by no more at a step |
    | `growth` | an element of a diagonal transition, or an eigenvalue of a constant dense one, is at least this large, which is above 1 |
    | `no_convolution` | why no convolution computes the recurrence |

    ```mlir
    ssm.facts = {commuting, input = "absent",
                 no_convolution = "the output map varies in time",
                 output = "varying", structure = "diagonal",
                 transition = "invariant"}
    ```
  }];
}

def CheckAssociativity : Pass<"ssm-check-associativity"> {
  let summary = "look for numbers on which a scan's combiner is not associative";
  let description = [{
    Computes (a * b) * c and a * (b * c) with the combiner of each
    `ssm.associative_scan` on `samples` random triples of tuples, and identity * a
    and a * identity if the identity is constant. Where two results differ by
    more than rounding (32 units of the element type, relative to the larger of
    them and 1) the triple is an error. Integers must agree exactly.

    The numbers are the same in every run of one `seed`: floats in [low, high],
    some of them -1, 0, 1/2, 1 or 2 where the range has them, and integers in
    [-8, 8], so that equal values and flags occur. A combiner that takes, say,
    positive numbers needs a range of such.

    The combiner is computed by constant folding: a remark says which op, if any,
    has no folder or takes values that are not constant, and the scan is not
    checked then. No counterexample is no proof.

    ```
    error: 'ssm.associative_scan' op the combiner is not associative: with
    a = (-1), b = (0.5), c = (2), (a * b) * c = (-3.5) and a * (b * c) = (0.5)
    ```
  }];
  let options = [
    Option<"samples", "samples", "unsigned", "256", "number of random triples">,
    Option<"seed", "seed", "unsigned", "1", "seed of the random numbers">,
    Option<"low", "low", "double", "-2.0", "smallest float">,
    Option<"high", "high", "double", "2.0", "largest float">
  ];
}

#endif // SSM_ANALYSIS_PASSES_TD
