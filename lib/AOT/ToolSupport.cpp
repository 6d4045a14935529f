//===- ToolSupport.cpp - What the compiler's front ends share -------------===//
#include "ssm/AOT/ToolSupport.h"

#include "ssm/AOT/Source.h"
#include "ssm/Init.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace ssm {

namespace {
/// Prints the text of every remark as one line.
class LinePrinter final : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit LinePrinter(llvm::raw_ostream &os) : os(os) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    for (const auto &arg : remark.getArgs())
      if (arg.key == "Remark")
        os << arg.val << "\n";
  }

private:
  llvm::raw_ostream &os;
};
} // namespace

/// Remarks of the category of strategy selection go to `os`.
static LogicalResult printStrategyRemarks(MLIRContext &context,
                                          llvm::raw_ostream &os) {
  // The engine enables a kind of remark only if the kind's own filter is set.
  remark::RemarkCategories categories;
  categories.all = categories.passed = categories.missed = "ssm-strategy";
  return remark::enableOptimizationRemarks(
      context, std::make_unique<LinePrinter>(os),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

Program::Program(llvm::raw_ostream &diagnostics)
    : context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  registerAll(registry);
  context.appendDialectRegistry(registry);
  context.printOpOnDiagnostic(false);
  handler = std::make_unique<SourceMgrDiagnosticHandler>(sources, &context,
                                                         diagnostics);
}

std::unique_ptr<Program> Program::parse(StringRef text, StringRef name,
                                        llvm::raw_ostream &diagnostics,
                                        llvm::raw_ostream *remarks,
                                        bool foreign) {
  std::unique_ptr<Program> program(new Program(diagnostics));
  program->context.allowUnregisteredDialects(foreign);
  if (remarks && failed(printStrategyRemarks(program->context, *remarks)))
    return nullptr;
  program->op = parseProgram(text, name, program->sources, &program->context);
  return program->op ? std::move(program) : nullptr;
}

std::unique_ptr<Program> Program::load(StringRef path, bool explain) {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file) {
    llvm::errs() << path << ": error: cannot read the file: "
                 << file.getError().message() << "; check the path\n";
    return nullptr;
  }
  return parse((*file)->getBuffer(), path, llvm::errs(),
               explain ? &llvm::outs() : nullptr);
}

LogicalResult reportError(StringRef tool, llvm::Error error) {
  std::string message = llvm::toString(std::move(error));
  if (!StringRef(message).contains(": error: "))
    llvm::errs() << tool << ": error: ";
  llvm::errs() << message << "\n";
  return failure();
}

llvm::Expected<unsigned> parseThreads(StringRef text) {
  unsigned threads;
  if (text.getAsInteger(10, threads) || threads < 1 || threads > kMaxThreads)
    return llvm::createStringError(
        "--threads must be a number from 1 to 4096, but it is '" + text + "'");
  return threads;
}

/// LLVM calls this instead of aborting, e.g. for instructions that a target
/// cannot express.
static void handleFatalError(void *tool, const char *reason, bool) {
  llvm::errs() << static_cast<const char *>(tool) << ": error: " << reason
               << "; try another --target\n";
  std::_Exit(1);
}

int runTool(StringRef name, llvm::function_ref<LogicalResult()> body) {
  llvm::install_fatal_error_handler(handleFatalError,
                                    const_cast<char *>(name.data()));
  LogicalResult result = runWithLargeStack(body);
  llvm::remove_fatal_error_handler();
  return failed(result);
}

} // namespace ssm
