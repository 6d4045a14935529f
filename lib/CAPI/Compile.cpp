//===- Compile.cpp - The compiler as a C library --------------------------===//
#include "ssm-c/Compile.h"

#include "ssm/AOT/CompileText.h"
#include "ssm/AOT/ToolSupport.h"
#include "ssm/GPU/Compile.h"
#include "ssm/Init.h"

#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>
#include <cstring>
#include <mutex>

using namespace mlir;

/// Code, or messages that say why there is none.
struct ssm_result {
  bool ok = false;
  std::string messages;
  ssm::CompiledText text;
  std::string launches;

  void fail(llvm::Error error) {
    ok = false;
    StringRef text = messages += llvm::toString(std::move(error));
    messages = text.rtrim().str() + '\n';
  }
};

struct ssm_library {
  ssm::LoadedModule module;
};

namespace {
/// The caller's options, of which an older one knows fewer than this library.
struct Options : ssm_options {
  explicit Options(const ssm_options *given) : ssm_options() {
    if (given)
      std::memcpy(static_cast<ssm_options *>(this), given,
                  std::min(given->struct_size, sizeof(ssm_options)));
  }
  StringRef getName() const { return name ? name : "program"; }
  StringRef getTarget() const { return target ? target : "host"; }
  bool isForGPU() const { return getTarget().contains(':'); }
  ssm::CompileOptions forCPU() const;
  /// What of the options does not fit together.
  const char *findProblem() const;
};
} // namespace

ssm::CompileOptions Options::forCPU() const {
  ssm::CompileOptions options;
  options.target = getTarget().str();
  options.entry = entry ? entry : "";
  options.strategy = strategy ? strategy : "";
  options.threads = std::max(threads, 1u);
  options.prepare = prepare;
  return options;
}

const char *Options::findProblem() const {
  if (threads > ssm::kMaxThreads)
    return "threads must be at most 4096";
  if (static_cast<unsigned>(emit) > SSM_EMIT_SPIRV)
    return "emit must be one of ssm_emit's values";
  if (!isForGPU())
    return emit > SSM_EMIT_LLVM ? "a cubin needs a target such as nvidia:sm_90,"
                                  " SPIR-V needs opencl:spirv64"
                                : nullptr;
  if (prepare)
    return "prepare is for CPUs; on a GPU call a kernel for the parameters and "
           "pass on what it returns";
  if (emit == SSM_EMIT_OBJECT)
    return "a GPU has no object file: emit assembly, LLVM IR, a cubin or "
           "SPIR-V";
  bool isForNVIDIA = getTarget().starts_with("nvidia:");
  bool isForOpenCL = getTarget().starts_with("opencl:");
  if (!isForNVIDIA && !isForOpenCL && !getTarget().starts_with("amd:"))
    return "a GPU's target starts with nvidia:, amd: or opencl:";
  if ((emit == SSM_EMIT_CUBIN && !isForNVIDIA) ||
      (emit == SSM_EMIT_SPIRV) != isForOpenCL)
    return "a cubin is for nvidia:*, SPIR-V for opencl:spirv64, which takes "
           "nothing else";
  return nullptr;
}

static void compileForCPU(StringRef text, const Options &options,
                          ssm_result &result) {
  auto kind = options.emit == SSM_EMIT_OBJECT ? ssm::OutputKind::Object
              : options.emit == SSM_EMIT_LLVM ? ssm::OutputKind::LLVM
                                              : ssm::OutputKind::Assembly;
  auto compiled =
      ssm::compileText(text, options.getName(), options.forCPU(), kind);
  if (!compiled)
    return result.fail(compiled.takeError());
  result.text = std::move(*compiled);
  result.ok = true;
}

static void compileForGPU(StringRef text, const Options &options,
                          ssm_result &result) {
  auto kind = options.emit == SSM_EMIT_LLVM    ? ssm::GPUOutputKind::LLVM
              : options.emit == SSM_EMIT_CUBIN ? ssm::GPUOutputKind::Cubin
              : options.emit == SSM_EMIT_SPIRV ? ssm::GPUOutputKind::SPIRV
                                               : ssm::GPUOutputKind::Assembly;
  auto compile = [&](raw_ostream &diagnostics) -> LogicalResult {
    auto program = ssm::Program::parse(text, options.getName(), diagnostics,
                                       /*remarks=*/nullptr);
    if (!program || failed(ssm::selectEntry(
                        program->module(), options.entry ? options.entry : "")))
      return failure();
    auto code = ssm::compileToGPU(program->module(),
                                  options.getTarget().split(':').second, kind);
    if (!code)
      return failure();
    result.launches = code->formatLaunches();
    result.text.code = std::move(code->code);
    return success();
  };
  if (llvm::Error error = ssm::runCompilation(options.getName(), compile))
    return result.fail(std::move(error));
  result.ok = true;
}

ssm_result *ssm_compile(const char *text, size_t size,
                        const ssm_options *given) {
  auto *result = new ssm_result;
  Options options(given);
  if (const char *problem = options.findProblem())
    result->fail(
        llvm::createStringError(options.getName() + ": error: " + problem));
  else if (options.isForGPU())
    compileForGPU({text, size}, options, *result);
  else
    compileForCPU({text, size}, options, *result);
  return result;
}

ssm_result *ssm_rewrite(const char *text, size_t size, const char *pipeline,
                        const char *name) {
  auto *result = new ssm_result;
  static std::once_flag registered;
  std::call_once(registered, [] {
    registerAllPasses();
    ssm::registerPasses();
  });
  auto addPasses = [&](PassManager &pm) {
    StringRef passes(pipeline);
    if (passes.consume_front("builtin.module("))
      passes.consume_back(")");
    llvm::raw_string_ostream os(result->messages);
    return parsePassPipeline(passes, pm, os);
  };
  auto rewritten =
      ssm::rewriteText({text, size}, name ? name : "program", addPasses);
  if (rewritten) {
    result->text.code = std::move(*rewritten);
    result->ok = true;
  } else {
    result->fail(rewritten.takeError());
  }
  return result;
}

void ssm_result_free(ssm_result *result) { delete result; }

static ssm_bytes view(StringRef bytes) { return {bytes.data(), bytes.size()}; }

int ssm_result_ok(const ssm_result *result) { return result->ok; }
ssm_bytes ssm_result_messages(const ssm_result *result) {
  return view(result->messages);
}
ssm_bytes ssm_result_code(const ssm_result *result) {
  return view(result->text.code);
}
ssm_bytes ssm_result_explanation(const ssm_result *result) {
  return view(result->text.explanation);
}
ssm_bytes ssm_result_header(const ssm_result *result) {
  return view(result->text.header);
}
ssm_bytes ssm_result_launches(const ssm_result *result) {
  return view(result->launches);
}
size_t ssm_result_kernels(const ssm_result *result) {
  return result->text.signatures.size();
}
ssm_bytes ssm_result_signature(const ssm_result *result, size_t kernel) {
  const auto &signatures = result->text.signatures;
  return view(kernel < signatures.size() ? StringRef(signatures[kernel]) : "");
}

ssm_library *ssm_load(const char *object, size_t size, unsigned threads,
                      ssm_result **problem) {
  auto module = ssm::LoadedModule::create({object, size}, threads > 1);
  if (module)
    return new ssm_library{std::move(*module)};
  auto *result = new ssm_result;
  result->fail(module.takeError());
  if (problem)
    *problem = result;
  else
    delete result;
  return nullptr;
}

void *ssm_library_function(const ssm_library *library, const char *name) {
  auto address =
      const_cast<ssm_library *>(library)->module.lookup<void()>(name);
  if (address)
    return reinterpret_cast<void *>(*address);
  llvm::consumeError(address.takeError());
  return nullptr;
}

void ssm_library_free(ssm_library *library) { delete library; }

const char *ssm_host_target(void) {
  static const std::string name = llvm::sys::getHostCPUName().str();
  return name.c_str();
}

const char *ssm_version(void) { return SSM_VERSION; }
