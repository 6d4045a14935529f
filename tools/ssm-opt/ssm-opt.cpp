//===- ssm-opt.cpp - mlir-opt with the ssm dialect and its passes ---------===//
#include "ssm/Init.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  ssm::registerPasses();
  mlir::DialectRegistry registry;
  ssm::registerAll(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "ssm optimizer driver: mlir-opt plus the ssm dialect\n",
      registry));
}
