//===- RegistrationTest.cpp - What registerAll makes available ------------===//
#include "ssm/IR/SSMDialect.h"
#include "ssm/Init.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;

TEST(RegistrationTest, DialectIsLoadableByName) {
  DialectRegistry registry;
  ssm::registerAll(registry);
  MLIRContext context(registry);
  EXPECT_TRUE(context.getOrLoadDialect("ssm"));
  EXPECT_TRUE(context.getLoadedDialect<ssm::SSMDialect>());
}

TEST(RegistrationTest, DialectLoadsWhatItsFoldsCreate) {
  MLIRContext context;
  context.loadDialect<ssm::SSMDialect>();
  EXPECT_TRUE(context.getLoadedDialect("arith"));
  EXPECT_TRUE(context.getLoadedDialect("tensor"));
}

TEST(RegistrationTest, UnknownOpOfTheDialectIsAnError) {
  DialectRegistry registry;
  ssm::registerAll(registry);
  MLIRContext context(registry);
  std::string message;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_FALSE(parseSourceString<ModuleOp>("\"ssm.no_such_op\"() : () -> ()",
                                           ParserConfig(&context)));
  EXPECT_NE(message.find("ssm.no_such_op"), std::string::npos) << message;
}
