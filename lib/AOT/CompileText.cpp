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

/// What a compilation works on. It is not freed after a fatal error, which
/// leaves objects in any state.
struct Job {
  Job(StringRef text, StringRef name, const CompileOptions &options,
      OutputKind kind)
      : text(text), name(name), options(options), kind(kind) {}

  StringRef text, name;
  const CompileOptions &options;
  OutputKind kind;

  std::string diagnostics;
  llvm::raw_string_ostream diagnosticsStream{diagnostics};
  CompiledText result;
  llvm::raw_string_ostream explanationStream{result.explanation};
  std::unique_ptr<Program> program;
  std::optional<CompiledModule> compiled;

  LogicalResult run();
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

LogicalResult Job::run() {
  auto fail = [&](llvm::Error error) {
    diagnosticsStream << name << ": error: " << llvm::toString(std::move(error))
                      << "\n";
    return failure();
  };
  program = Program::parse(text, name, diagnosticsStream, &explanationStream);
  if (!program || failed(compileToLLVM(program->module(), options)))
    return failure();
  auto kernels = getKernels(program->module());
  for (const auto &[kernel, signature] : kernels)
    result.signatures.push_back(
        signature.toJSON(kernel, options.target, options.threads));
  auto header = formatHeader(kernels, options.entry);
  if (!header)
    return fail(header.takeError());
  result.header = std::move(*header);
  auto module = CompiledModule::create(program->module(), options.target);
  if (!module)
    return fail(module.takeError());
  compiled.emplace(std::move(*module));
  SmallVector<char, 0> code;
  llvm::raw_svector_ostream os(code);
  if (llvm::Error error = compiled->emit(kind, os))
    return fail(std::move(error));
  result.code = os.str().str();
  return success();
}

llvm::Expected<CompiledText> ssm::compileText(StringRef text, StringRef name,
                                              const CompileOptions &options,
                                              OutputKind kind) {
  FatalErrorScope scope;
  auto job = std::make_unique<Job>(text, name, options, kind);
  Recovery recovery;
  bool fatal = false;
  LogicalResult status = runWithLargeStack([&]() -> LogicalResult {
    FatalErrorScope::recovery = &recovery;
    if (setjmp(recovery.buffer)) {
      fatal = true;
      return failure();
    }
    return job->run();
  });
  if (fatal) {
    job.release();
    return llvm::createStringError(name + ": error: " + recovery.message +
                                   "; try another target");
  }
  if (failed(status))
    return llvm::createStringError(job->diagnostics);
  return std::move(job->result);
}

llvm::Expected<std::string>
ssm::rewriteText(StringRef text, StringRef name,
                 llvm::function_ref<void(PassManager &)> addPasses,
                 llvm::function_ref<void(ModuleOp)> inspect) {
  std::string diagnostics, rewritten;
  llvm::raw_string_ostream diagnosticsStream(diagnostics);
  LogicalResult status = runWithLargeStack([&]() -> LogicalResult {
    auto program = Program::parse(text, name, diagnosticsStream, nullptr);
    if (!program)
      return failure();
    PassManager pm(program->module().getContext());
    addPasses(pm);
    if (failed(pm.run(program->module())))
      return failure();
    if (inspect)
      inspect(program->module());
    llvm::raw_string_ostream os(rewritten);
    program->module().print(os);
    return success();
  });
  if (failed(status))
    return llvm::createStringError(diagnostics);
  return rewritten;
}
