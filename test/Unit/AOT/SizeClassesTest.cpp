//===- SizeClassesTest.cpp - Which sizes must be equal --------------------===//
#include "ssm/AOT/SizeClasses.h"
#include "ssm/Init.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace ssm;

namespace {
/// The classes of the function `f` of a program.
class SizeClassesTest : public ::testing::Test {
protected:
  SizeClassesTest() {
    DialectRegistry registry;
    registerAll(registry);
    context.appendDialectRegistry(registry);
  }

  void parse(llvm::StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    func = module->lookupSymbol<func::FuncOp>("f");
    ASSERT_TRUE(func);
    classes.emplace(func);
  }
  unsigned argument(unsigned index, unsigned dim) {
    return classes->classOf(func.getArgument(index), dim);
  }
  unsigned result(unsigned index, unsigned dim) {
    return classes->classOf(func.front().getTerminator()->getOperand(index),
                            dim);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp func;
  std::optional<SizeClasses> classes;
};
} // namespace

TEST_F(SizeClassesTest, ElementwiseOperandsShareTheirShape) {
  parse(R"(
    func.func @f(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %c = arith.addf %a, %b : tensor<?x4xf32>
      return %c : tensor<?x4xf32>
    })");
  EXPECT_EQ(argument(0, 0), argument(1, 0));
  EXPECT_EQ(argument(0, 0), result(0, 0));
  EXPECT_NE(argument(0, 0), argument(0, 1));
  EXPECT_EQ(classes->constantOf(argument(0, 0)), std::nullopt);
  EXPECT_EQ(classes->constantOf(argument(0, 1)), 4);
  EXPECT_TRUE(classes->conflicts().empty());
}

TEST_F(SizeClassesTest, UnrelatedArgumentsStayApart) {
  parse(R"(
    func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
      return %a : tensor<?xf32>
    })");
  EXPECT_NE(argument(0, 0), argument(1, 0));
  EXPECT_EQ(argument(0, 0), result(0, 0));
}

TEST_F(SizeClassesTest, MeasuredSizesCreateEqualTensors) {
  parse(R"(
    func.func @f(%a: tensor<?x3xf32>, %s: f32) -> tensor<3x?xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %a, %c0 : tensor<?x3xf32>
      %e = tensor.empty(%n) : tensor<3x?xf32>
      %y = linalg.fill ins(%s : f32) outs(%e : tensor<3x?xf32>) -> tensor<3x?xf32>
      return %y : tensor<3x?xf32>
    })");
  EXPECT_EQ(argument(0, 0), result(0, 1));
  EXPECT_EQ(classes->constantOf(result(0, 0)), 3);
}

TEST_F(SizeClassesTest, RecurrenceMapsTieTimeAndChannels) {
  parse(R"(
    #d = affine_map<(t, d) -> (d)>
    #td = affine_map<(t, d) -> (t, d)>
    func.func @f(%a: tensor<?xf32>, %u: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>) {
      %x, %last = ssm.linear_recurrence
          transition(%a : tensor<?xf32>) signal(%u : tensor<?x?xf32>)
          {indexing_maps = [#d, #td, #td, #d], time = 0 : i64}
          -> tensor<?x?xf32>, tensor<?xf32>
      return %x, %last : tensor<?x?xf32>, tensor<?xf32>
    })");
  EXPECT_EQ(argument(0, 0), argument(1, 1));
  EXPECT_EQ(argument(1, 0), result(0, 0));
  EXPECT_EQ(argument(1, 1), result(1, 0));
  EXPECT_NE(argument(1, 0), argument(1, 1));
}

TEST_F(SizeClassesTest, KernelsMayBeLongerThanTheSignal) {
  parse(R"(
    #bht = affine_map<(b, h, t) -> (b, h, t)>
    #ht = affine_map<(b, h, t) -> (h, t)>
    func.func @f(%u: tensor<?x?x?xf32>, %k: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
      %y = ssm.long_conv %u, %k {indexing_maps = [#bht, #ht, #bht], time = 2 : i64}
          : tensor<?x?x?xf32>, tensor<?x?xf32> -> tensor<?x?x?xf32>
      return %y : tensor<?x?x?xf32>
    })");
  EXPECT_EQ(argument(0, 1), argument(1, 0));
  EXPECT_NE(argument(0, 2), argument(1, 1));
  EXPECT_EQ(argument(0, 2), result(0, 2));
}

TEST_F(SizeClassesTest, LoopsHandSizesOn) {
  parse(R"(
    func.func @f(%a: tensor<?xf32>, %n: index) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %r = scf.for %i = %c0 to %n step %c1 iter_args(%x = %a) -> tensor<?xf32> {
        %y = arith.addf %x, %x : tensor<?xf32>
        scf.yield %y : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    })");
  EXPECT_EQ(argument(0, 0), result(0, 0));
}

TEST_F(SizeClassesTest, ConstantsThatMeetAreAConflict) {
  parse(R"(
    func.func @f(%a: tensor<3xf32>) -> tensor<4xf32> {
      %d = tensor.cast %a : tensor<3xf32> to tensor<?xf32>
      %b = tensor.cast %d : tensor<?xf32> to tensor<4xf32>
      return %b : tensor<4xf32>
    })");
  ASSERT_EQ(classes->conflicts().size(), 1u);
  EXPECT_EQ(classes->conflicts()[0].lhs + classes->conflicts()[0].rhs, 7);
}
