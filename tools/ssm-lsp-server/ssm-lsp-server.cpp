//===- ssm-lsp-server.cpp - MLIR's language server with the ssm dialect ---===//
#include "ssm/Init.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  ssm::registerAll(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
