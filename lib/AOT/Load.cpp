//===- Load.cpp - Code in this process ------------------------------------===//
//
// The object file that would be written to disk is linked into the process
// instead, so that what is tested is what is shipped.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Compile.h"

#include "Target.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace ssm {

LoadedModule::LoadedModule(std::unique_ptr<orc::LLJIT> jit)
    : jit(std::move(jit)) {}
LoadedModule::LoadedModule(LoadedModule &&) = default;
LoadedModule::~LoadedModule() = default;

namespace {
/// LLVM's OpenMP runtime, whose numbers of threads are those of the calling
/// one.
struct OpenMP {
  void (*setThreads)(int) = nullptr;
  int (*getThreads)() = nullptr;
};
} // namespace

/// Loads it into the process.
static Expected<OpenMP> loadOpenMP() {
  for (const char *name : {"libomp.so.5", "libomp.so", SSM_LIBOMP}) {
    auto library = sys::DynamicLibrary::getPermanentLibrary(name);
    if (!library.isValid())
      continue;
    void *set = library.getAddressOfSymbol("omp_set_num_threads");
    void *get = library.getAddressOfSymbol("omp_get_max_threads");
    if (set && get)
      return OpenMP{reinterpret_cast<void (*)(int)>(set),
                    reinterpret_cast<int (*)()>(get)};
  }
  return createStringError("more than one thread needs LLVM's OpenMP runtime, "
                           "but libomp.so was not found; install libomp5-22 or "
                           "use one thread");
}

Error setThreads(unsigned threads) {
  auto openMP = loadOpenMP();
  if (!openMP)
    return openMP.takeError();
  openMP->setThreads(threads);
  return Error::success();
}

bool loadOpenMPRuntime() {
  auto openMP = loadOpenMP();
  bool found = static_cast<bool>(openMP);
  consumeError(openMP.takeError());
  return found;
}

unsigned limitThreads(unsigned threads) {
  static const OpenMP openMP = [] {
    auto loaded = loadOpenMP();
    if (loaded)
      return *loaded;
    consumeError(loaded.takeError());
    return OpenMP();
  }();
  if (!openMP.setThreads)
    return 0;
  unsigned before = openMP.getThreads();
  openMP.setThreads(threads);
  return before;
}

Expected<LoadedModule> CompiledModule::load(unsigned threads) {
  SmallVector<char, 0> object;
  raw_svector_ostream os(object);
  if (Error error = emit(OutputKind::Object, os))
    return error;
  if (threads > 1)
    if (Error error = setThreads(threads))
      return error;
  return LoadedModule::create(os.str(), threads > 1);
}

Expected<LoadedModule> LoadedModule::create(StringRef object, bool openmp) {
  if (openmp)
    if (Error error = loadOpenMP().takeError())
      return error;
  auto machine = createTargetMachine("host");
  if (!machine)
    return machine.takeError();
  orc::JITTargetMachineBuilder builder((*machine)->getTargetTriple());
  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(builder))
                 .create();
  if (!jit)
    return jit.takeError();
  // Absent where the code generator does not use it.
  if (auto vectorMath = orc::DynamicLibrarySearchGenerator::Load(
          "libmvec.so.1", (*jit)->getDataLayout().getGlobalPrefix()))
    (*jit)->getMainJITDylib().addGenerator(std::move(*vectorMath));
  else
    consumeError(vectorMath.takeError());
  if (Error error =
          (*jit)->addObjectFile(MemoryBuffer::getMemBufferCopy(object)))
    return error;
  return LoadedModule(std::move(*jit));
}

Expected<void *> LoadedModule::lookupAddress(StringRef name) {
  auto symbol = jit->lookup(name);
  if (!symbol)
    return symbol.takeError();
  return symbol->toPtr<void *>();
}

} // namespace ssm
