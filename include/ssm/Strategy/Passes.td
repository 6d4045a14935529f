//===- Passes.td - Choice ----------------------------------*- tablegen -*-===//

#ifndef SSM_STRATEGY_PASSES_TD
#define SSM_STRATEGY_PASSES_TD

include "mlir/Pass/PassBase.td"

def SelectStrategy : Pass<"ssm-select-strategy"> {
  let summary = "choose how each scan and convolution is computed";
  let description = [{
    Estimates every strategy that may compute an op and writes the fastest as
    `#ssm.strategy`. An op that has the attribute keeps it if it is legal.

    A remark of category `ssm-strategy` names the winner and every other
    candidate with its estimate or the reason why it was refused. A strategy
    that is pinned or forced where it is illegal is an error.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host\"",
           "machine to choose for: host, or the name of a CPU">,
    Option<"cores", "cores", "int64_t", "1", "threads that will compute">,
    Option<"force", "force", "std::string", "",
           "use this strategy for every op; auto or nothing chooses">
  ];
}

#endif // SSM_STRATEGY_PASSES_TD
