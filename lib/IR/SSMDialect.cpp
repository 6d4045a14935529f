//===- SSMDialect.cpp - The ssm dialect -----------------------------------===//
#include "ssm/IR/SSMDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

#include "ssm/IR/SSMDialect.cpp.inc"

void ssm::SSMDialect::initialize() {}
