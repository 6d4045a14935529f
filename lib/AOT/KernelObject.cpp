//===- KernelObject.cpp - The object file of a program --------------------===//
#include "ssm/AOT/KernelObject.h"

#include "ssm/AOT/CodeCache.h"
#include "ssm/AOT/ToolSupport.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace ssm;

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
  return {print(module),
          options.target,
          options.entry,
          options.strategy,
          rates,
          std::to_string(options.threads),
          std::to_string(options.prepare)};
}

static std::optional<KernelObject> compile(StringRef tool, ModuleOp module,
                                           const CompileOptions &options) {
  if (failed(compileToLLVM(module, options)))
    return std::nullopt;
  KernelObject object{"", declare(module)};
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  auto compiled = CompiledModule::create(module, options.target);
  llvm::Error error =
      compiled ? compiled->emit(OutputKind::Object, os) : compiled.takeError();
  if (error) {
    (void)reportError(tool, std::move(error));
    return std::nullopt;
  }
  object.code = os.str();
  return object;
}

/// Compiles, and keeps what came without a message.
static std::optional<KernelObject>
compileAndKeep(StringRef tool, ModuleOp module, const CompileOptions &options,
               const CodeCache &cache, const CodeCache::Parts &inputs) {
  bool quiet = true;
  ScopedDiagnosticHandler watch(module.getContext(), [&](Diagnostic &) {
    quiet = false;
    return failure(); // The handler before this one prints it.
  });
  auto object = compile(tool, module, options);
  if (object && quiet)
    cache.write(inputs, {object->code, print(*object->declarations)});
  return object;
}

std::optional<KernelObject> KernelObject::get(StringRef tool, ModuleOp module,
                                              const CompileOptions &options,
                                              bool remarks) {
  auto cache = CodeCache::fromEnvironment();
  if (remarks || !cache)
    return compile(tool, module, options);
  CodeCache::Parts inputs = getInputs(module, options);
  auto parts = cache->read(inputs);
  if (!parts)
    return compileAndKeep(tool, module, options, *cache, inputs);
  module.getContext()->loadDialect<LLVM::LLVMDialect>();
  return KernelObject{parts->at(0), parseSourceString<ModuleOp>(
                                        parts->at(1), module.getContext())};
}
