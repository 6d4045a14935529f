//===- CompileText.cpp - Text in, code and messages out -------------------===//
#include "ssm/AOT/CompileText.h"

#include "ssm/AOT/Source.h"
#include "ssm/AOT/ToolSupport.h"

#include "llvm/Support/ErrorHandling.h"
#include <csetjmp>
#include <mutex>

using namespace mlir;
using namespace ssm;

namespace {
/// Where a fatal error of LLVM continues on this thread, and its text.
struct Recovery {
  std::jmp_buf buffer;
  std::string message;
};

/// Turns LLVM's fatal errors into jumps on the threads that have a Recovery,
/// for as long as one compilation runs; other threads end as without it.
class FatalErrorScope {
public:
  FatalErrorScope();
  ~FatalErrorScope();

  static thread_local Recovery *recovery;

private:
  static std::mutex mutex;
  static unsigned scopes;
};
} // namespace

thread_local Recovery *FatalErrorScope::recovery = nullptr;
std::mutex FatalErrorScope::mutex;
unsigned FatalErrorScope::scopes = 0;

static void handleFatalError(void *, const char *reason, bool) {
  Recovery *recovery = FatalErrorScope::recovery;
  if (!recovery)
    return;
  recovery->message = reason;
  std::longjmp(recovery->buffer, 1);
}

FatalErrorScope::FatalErrorScope() {
  std::lock_guard<std::mutex> lock(mutex);
  if (!scopes++)
    llvm::install_fatal_error_handler(handleFatalError);
}

FatalErrorScope::~FatalErrorScope() {
  std::lock_guard<std::mutex> lock(mutex);
  if (!--scopes)
    llvm::remove_fatal_error_handler();
}

llvm::Error
ssm::runCompilation(StringRef name,
                    llvm::function_ref<LogicalResult(raw_ostream &)> compile) {
  struct Diagnostics {
    std::string text;
    llvm::raw_string_ostream stream{text};
  };
  FatalErrorScope scope;
  auto diagnostics = std::make_unique<Diagnostics>();
  Recovery recovery;
  bool fatal = false;
  LogicalResult status = runWithLargeStack([&]() -> LogicalResult {
    FatalErrorScope::recovery = &recovery;
    if (setjmp(recovery.buffer)) {
      fatal = true;
      return failure();
    }
    return compile(diagnostics->stream);
  });
  if (fatal) {
    diagnostics.release(); // A program that is never destroyed refers to it.
    return llvm::createStringError(name + ": error: " + recovery.message +
                                   "; try another target");
  }
  if (failed(status))
    return llvm::createStringError(diagnostics->text);
  return llvm::Error::success();
}

static llvm::Error compileProgram(Program &program,
                                  const CompileOptions &options,
                                  OutputKind kind, CompiledText &result) {
  auto kernels = getKernels(program.module());
  for (const auto &[kernel, signature] : kernels)
    result.signatures.push_back(
        signature.toJSON(kernel, options.target, options.threads));
  auto header = formatHeader(kernels, options.entry);
  if (!header)
    return header.takeError();
  result.header = std::move(*header);
  auto module = CompiledModule::create(program.module(), options.target);
  if (!module)
    return module.takeError();
  SmallVector<char, 0> code;
  llvm::raw_svector_ostream os(code);
  if (llvm::Error error = module->emit(kind, os))
    return error;
  result.code = os.str().str();
  return llvm::Error::success();
}

llvm::Expected<CompiledText> ssm::compileText(StringRef text, StringRef name,
                                              const CompileOptions &options,
                                              OutputKind kind) {
  CompiledText result;
  auto compile = [&](raw_ostream &diagnostics) -> LogicalResult {
    llvm::raw_string_ostream explanation(result.explanation);
    auto program = Program::parse(text, name, diagnostics, &explanation);
    if (!program || failed(compileToLLVM(program->module(), options)))
      return failure();
    llvm::Error error = compileProgram(*program, options, kind, result);
    if (!error)
      return success();
    diagnostics << name << ": error: " << llvm::toString(std::move(error))
                << "\n";
    return failure();
  };
  if (llvm::Error error = runCompilation(name, compile))
    return error;
  return result;
}

llvm::Expected<std::string>
ssm::rewriteText(StringRef text, StringRef name,
                 llvm::function_ref<LogicalResult(PassManager &)> addPasses,
                 llvm::function_ref<void(ModuleOp)> inspect) {
  std::string rewritten;
  auto rewrite = [&](raw_ostream &diagnostics) -> LogicalResult {
    auto program = Program::parse(text, name, diagnostics, /*remarks=*/nullptr,
                                  /*foreign=*/true);
    if (!program)
      return failure();
    PassManager pm(program->module().getContext());
    if (failed(addPasses(pm)) || failed(pm.run(program->module())))
      return failure();
    if (inspect)
      inspect(program->module());
    llvm::raw_string_ostream os(rewritten);
    program->module().print(os);
    return success();
  };
  if (llvm::Error error = runCompilation(name, rewrite))
    return error;
  return rewritten;
}
