//===- SSMAttributes.h - Attributes of the ssm dialect ----------*- C++ -*-===//
#ifndef SSM_IR_SSMATTRIBUTES_H
#define SSM_IR_SSMATTRIBUTES_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"

#include "ssm/IR/SSMEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ssm/IR/SSMAttributes.h.inc"

#endif // SSM_IR_SSMATTRIBUTES_H
