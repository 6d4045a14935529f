//===- SSMOps.td - Operations of the ssm dialect -----------*- tablegen -*-===//

#ifndef SSM_IR_SSMOPS_TD
#define SSM_IR_SSMOPS_TD

include "ssm/IR/KernelOps.td"
include "ssm/IR/RecurrenceOps.td"

#endif // SSM_IR_SSMOPS_TD
