//===- SSMOps.h - Operations of the ssm dialect -----------------*- C++ -*-===//
#ifndef SSM_IR_SSMOPS_H
#define SSM_IR_SSMOPS_H

#include "ssm/IR/SSMAttributes.h"
#include "ssm/IR/SSMDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ssm/IR/SSMInterfaces.h.inc"

#define GET_OP_CLASSES
#include "ssm/IR/SSMOps.h.inc"

#endif // SSM_IR_SSMOPS_H
