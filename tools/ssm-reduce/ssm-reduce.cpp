//===- ssm-reduce.cpp - mlir-reduce with the ssm dialect and its passes ---===//
#include "ssm/Init.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  ssm::registerPasses();
  mlir::DialectRegistry registry;
  ssm::registerAll(registry);
  mlir::MLIRContext context(registry);
  return failed(mlir::mlirReduceMain(argc, argv, context));
}
