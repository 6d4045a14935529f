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
    that is pinned or forced where it is illegal is an error. For a
    `ssm.nonlinear_recurrence` the remark says what computes it and why it is no
    linear one.

    A remark of category `ssm-plan` lists the loops of each candidate with their
    time and what it is computed from: tiles that do not wait for each other,
    the depth of one in FMAs that do, operations, and bytes with the cache (or
    memory) that they come from.

    What the machine can do comes from `target` (known are the host, x86-64-v3,
    x86-64-v4, sapphirerapids, emeraldrapids, znver4, neoverse-v2, sm_80, sm_90,
    sm_100 and gfx942; `include/ssm/Analysis/TargetInfo.h` says which rates there are), from
    `rates`, a file of lines `name = value` as `ssm-run --calibrate` writes one,
    and from the module. Each goes before what is named here earlier; the
    module's entries are those for device "CPU":

    ```mlir
    module attributes {dlti.target_system_spec = #dlti.target_system_spec<
        "CPU" = #dlti.target_device_spec<"vectorBytes" = 64 : i64,
                                         "l2Bytes" = 2097152 : i64,
                                         "bandwidth" = 1.0e10 : f64>>} { ... }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host\"",
           "machine to choose for: host, or the name of a CPU">,
    Option<"rates", "rates", "std::string", "\"\"",
           "file of rates that go before the target's">,
    Option<"cores", "cores", "int64_t", "1", "threads that will compute">,
    Option<"force", "force", "std::string", "",
           "use this strategy for every op; auto or nothing chooses">
  ];
}

#endif // SSM_STRATEGY_PASSES_TD
