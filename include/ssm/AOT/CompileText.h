//===- CompileText.h - Text in, code and messages out -----------*- C++ -*-===//
//
// For callers that live longer than one compilation, such as the Python
// package: nothing is printed, and what would end a process becomes an error.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_AOT_COMPILETEXT_H
#define SSM_AOT_COMPILETEXT_H

#include "ssm/AOT/Compile.h"

#include "mlir/Pass/PassManager.h"

namespace ssm {

/// A program compiled to one kind of output.
struct CompiledText {
  std::string code;        ///< Of the OutputKind that was asked for.
  std::string explanation; ///< A line for each strategy decision.
  std::vector<std::string> signatures; ///< JSON, as `K_signature` returns it.
  std::string header;                  ///< C declarations of the kernels.
};

/// Runs a compilation that writes its diagnostics to a stream: on a large
/// stack, with LLVM's fatal errors turned into errors, after which what it held
/// is not freed, since it may be in any state. An error holds the diagnostics.
/// Any number of threads may compile at the same time.
llvm::Error runCompilation(
    llvm::StringRef name,
    llvm::function_ref<mlir::LogicalResult(llvm::raw_ostream &)> compile);

/// Compiles a program; `name` stands for its file in diagnostics. An error
/// holds the diagnostics as `name:line:col: error: ...`.
llvm::Expected<CompiledText> compileText(llvm::StringRef text,
                                         llvm::StringRef name,
                                         const CompileOptions &options,
                                         OutputKind kind);

/// The program after passes, as text; `inspect` sees it before it is printed.
/// Ops of dialects that this process does not have are for the passes to take
/// or to refuse.
llvm::Expected<std::string> rewriteText(
    llvm::StringRef text, llvm::StringRef name,
    llvm::function_ref<mlir::LogicalResult(mlir::PassManager &)> addPasses,
    llvm::function_ref<void(mlir::ModuleOp)> inspect = nullptr);

} // namespace ssm

#endif // SSM_AOT_COMPILETEXT_H
