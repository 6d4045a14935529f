//===- Passes.td - Analyses made visible -------------------*- tablegen -*-===//

#ifndef SSM_ANALYSIS_PASSES_TD
#define SSM_ANALYSIS_PASSES_TD

include "mlir/Pass/PassBase.td"

def AnnotateFacts : Pass<"ssm-annotate-facts"> {
  let summary = "write what is known of each recurrence on it";
  let description = [{
    Adds a discardable attribute `ssm.facts` to every recurrence: whether its
    transition, input map and output map are `invariant` in time, `varying` or
    `absent`, and, if no convolution computes it, why.

    ```mlir
    ssm.facts = {transition = "invariant", input = "absent", output = "varying",
                 no_convolution = "the output map varies in time"}
    ```
  }];
}

#endif // SSM_ANALYSIS_PASSES_TD
