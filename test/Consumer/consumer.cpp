//===- consumer.cpp - A program that uses ssm as an installed package -----===//
//
// Parses a module with the ssm dialect, runs a pass pipeline on it and prints
// the result.
//
//===----------------------------------------------------------------------===//
#include "ssm/IR/SSMDialect.h"
#include "ssm/Init.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

int main(int argc, char **argv) {
  if (argc != 3) {
    llvm::errs() << "usage: consumer <file.mlir> <pass pipeline>\n";
    return 1;
  }
  DialectRegistry registry;
  ssm::registerAll(registry);
  ssm::registerPasses();
  MLIRContext context(registry);
  context.loadDialect<ssm::SSMDialect>();

  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(argv[1], ParserConfig(&context));
  if (!module)
    return 1;
  PassManager manager(&context);
  if (failed(parsePassPipeline(argv[2], manager)) ||
      failed(manager.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
