//===- HostCode.cpp - The kernels of a program in this process ------------===//
#include "HostCode.h"

#include "ssm/AOT/CodeCache.h"
#include "ssm/AOT/ToolSupport.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace ssm;

namespace {
/// An object file, and a module with the declarations of its kernels.
struct Object {
  std::string code;
  OwningOpRef<ModuleOp> declarations;
};
} // namespace

static std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  return text;
}

static OwningOpRef<ModuleOp> declare(ModuleOp module) {
  OwningOpRef<ModuleOp> declarations = ModuleOp::create(module.getLoc());
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!Signature::get(function))
      continue;
    auto declaration = cast<LLVM::LLVMFuncOp>(function->cloneWithoutRegions());
    declaration.setLinkage(LLVM::Linkage::External);
    declarations->push_back(declaration);
  }
  return declarations;
}

/// Whatever the compiler makes an object of.
static CodeCache::Parts getInputs(ModuleOp module,
                                  const CompileOptions &options) {
  std::string rates;
  if (!options.rates.empty())
    if (auto file = llvm::MemoryBuffer::getFile(options.rates))
      rates = (*file)->getBuffer();
  return {"ssm-run",        print(module), options.entry,
          options.strategy, rates,         std::to_string(options.threads)};
}

static std::optional<Object> compile(ModuleOp module,
                                     const CompileOptions &options) {
  if (failed(compileToLLVM(module, options)))
    return std::nullopt;
  Object object{"", declare(module)};
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  auto compiled = CompiledModule::create(module, options.target);
  llvm::Error error =
      compiled ? compiled->emit(OutputKind::Object, os) : compiled.takeError();
  if (error) {
    (void)reportError("ssm-run", std::move(error));
    return std::nullopt;
  }
  object.code = os.str();
  return object;
}

/// Compiles, and keeps what came without a message.
static std::optional<Object> compileAndKeep(ModuleOp module,
                                            const CompileOptions &options,
                                            const CodeCache &cache,
                                            const CodeCache::Parts &inputs) {
  bool quiet = true;
  ScopedDiagnosticHandler watch(module.getContext(), [&](Diagnostic &) {
    quiet = false;
    return failure(); // The handler before this one prints it.
  });
  auto object = compile(module, options);
  if (object && quiet)
    cache.write(inputs, {object->code, print(*object->declarations)});
  return object;
}

static std::optional<Object>
getObject(ModuleOp module, const CompileOptions &options, bool explain) {
  auto cache = CodeCache::fromEnvironment();
  if (explain || !cache)
    return compile(module, options);
  CodeCache::Parts inputs = getInputs(module, options);
  auto parts = cache->read(inputs);
  if (!parts)
    return compileAndKeep(module, options, *cache, inputs);
  module.getContext()->loadDialect<LLVM::LLVMDialect>();
  return Object{parts->at(0),
                parseSourceString<ModuleOp>(parts->at(1), module.getContext())};
}

std::optional<HostCode>
HostCode::get(ModuleOp module, const CompileOptions &options, bool explain) {
  auto object = getObject(module, options, explain);
  if (!object)
    return std::nullopt;
  bool openmp = options.threads > 1;
  llvm::Error error =
      openmp ? setThreads(options.threads) : llvm::Error::success();
  if (!error) {
    auto loaded = LoadedModule::create(object->code, openmp);
    if (loaded)
      return HostCode{getKernels(*object->declarations), std::move(*loaded)};
    error = loaded.takeError();
  }
  (void)reportError("ssm-run", std::move(error));
  return std::nullopt;
}
