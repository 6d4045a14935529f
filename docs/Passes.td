//===- Passes.td - Every pass, for the reference ----------*- tablegen -*-===//
include "ssm/AOT/Passes.td"
include "ssm/Analysis/Passes.td"
include "ssm/GPU/Passes.td"
include "ssm/Import/Passes.td"
include "ssm/Lowering/Passes.td"
include "ssm/Pipelines/Passes.td"
include "ssm/Strategy/Passes.td"
include "ssm/Transforms/Passes.td"
