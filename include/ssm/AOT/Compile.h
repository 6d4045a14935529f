//===- Compile.h - From a program to machine code ---------------*- C++ -*-===//
//
//   compileToLLVM(module, options)          passes, in place
//   CompiledModule::create(module, target)  LLVM IR, optimised
//     .emit(OutputKind, stream)             object, assembly or LLVM IR
//     .load()                               code in this process
//
//===----------------------------------------------------------------------===//
#ifndef SSM_AOT_COMPILE_H
#define SSM_AOT_COMPILE_H

#include "ssm/AOT/Signature.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
namespace orc {
class LLJIT;
} // namespace orc
} // namespace llvm

namespace ssm {

struct CompileOptions {
  std::string target = "host"; ///< "host" or a CPU that LLVM knows.
  std::string strategy;        ///< Forces a strategy; empty: choose.
  std::string entry;           ///< Compile this function; empty: all public.
  std::string rates;           ///< File of TargetInfo's rates, or empty.
  unsigned threads = 1;        ///< Most threads of a loop; 1: no OpenMP.
  bool prepare = false; ///< Make f_prepare of what depends on parameters alone.
};

/// Whether this machine runs code for `target`: it is the host, or an x86 CPU
/// all of whose instructions the host has.
bool runsOnHost(llvm::StringRef target);

/// Makes every public function but `entry`, if it is not empty, private, so
/// that it is dropped or inlined. An error if there is no such function.
mlir::LogicalResult selectEntry(mlir::ModuleOp module, llvm::StringRef entry);

/// Runs the CPU pipeline on `module`. Diagnostics say what went wrong.
mlir::LogicalResult compileToLLVM(mlir::ModuleOp module,
                                  const CompileOptions &options);

/// The kernels of a module that compileToLLVM has processed.
std::vector<std::pair<std::string, Signature>>
getKernels(mlir::ModuleOp module);

enum class OutputKind { LLVM, Assembly, Object };

class LoadedModule;

/// Optimised LLVM IR and the machine it is for.
class CompiledModule {
public:
  static llvm::Expected<CompiledModule> create(mlir::ModuleOp module,
                                               llvm::StringRef target);
  CompiledModule(CompiledModule &&);
  ~CompiledModule();

  llvm::Error emit(OutputKind kind, llvm::raw_pwrite_stream &os);

  /// Loads the code into this process. With more than one thread the OpenMP
  /// runtime is loaded first and told their number.
  llvm::Expected<LoadedModule> load(unsigned threads = 1);

private:
  CompiledModule();

  /// What LLVM has found wrong with the module, as one error.
  llvm::Error takeErrors();

  std::unique_ptr<std::string> errors;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// Code in this process; unloaded with this object.
class LoadedModule {
public:
  LoadedModule(LoadedModule &&);
  ~LoadedModule();

  /// Loads an object file that CompiledModule::emit wrote for this machine;
  /// with `openmp`, the OpenMP runtime first.
  static llvm::Expected<LoadedModule> create(llvm::StringRef object,
                                             bool openmp);

  /// The address of a function, such as `K_run`.
  template <typename Fn>
  llvm::Expected<Fn *> lookup(llvm::StringRef name) {
    auto address = lookupAddress(name);
    if (!address)
      return address.takeError();
    return reinterpret_cast<Fn *>(*address);
  }

private:
  explicit LoadedModule(std::unique_ptr<llvm::orc::LLJIT> jit);
  llvm::Expected<void *> lookupAddress(llvm::StringRef name);

  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// Loads the OpenMP runtime and has its loops run on so many threads. That is
/// of the whole process, so it is for tools.
llvm::Error setThreads(unsigned threads);

/// Loads LLVM's OpenMP runtime, by which libraries loaded later run as well;
/// false where it is not found.
bool loadOpenMPRuntime();

/// Limits the threads of the kernels that this thread calls from now on.
/// Returns the limit before, or 0 where the process has no OpenMP runtime, and
/// then nothing changes.
unsigned limitThreads(unsigned threads);

/// Links an object file into a shared library with the system's compiler.
llvm::Error linkSharedLibrary(llvm::StringRef object, llvm::StringRef output,
                              bool openmp);

/// The C header that declares a module's kernels; `stem` makes its guard.
llvm::Expected<std::string>
formatHeader(llvm::ArrayRef<std::pair<std::string, Signature>> kernels,
             llvm::StringRef stem);

} // namespace ssm

#endif // SSM_AOT_COMPILE_H
