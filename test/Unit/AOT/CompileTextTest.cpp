#include "ssm/AOT/CompileText.h"

#include "gtest/gtest.h"
#include <thread>

using namespace ssm;

/// A process whose first compilations are at the same time.
TEST(CompileText, ManyThreadsAtOnce) {
  const char *text = "func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {\n"
                     "  return %a : tensor<4xf32>\n}\n";
  std::vector<std::string> codes(8);
  std::vector<std::thread> threads;
  for (std::string &code : codes)
    threads.emplace_back([&] {
      CompileOptions options;
      options.entry = "f";
      auto compiled = compileText(text, "test", options, OutputKind::Object);
      if (compiled)
        code = compiled->code;
      else
        llvm::consumeError(compiled.takeError());
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_FALSE(codes[0].empty());
  for (const std::string &code : codes)
    EXPECT_EQ(code, codes[0]);
}
