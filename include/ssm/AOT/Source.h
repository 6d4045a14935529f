//===- Source.h - Reading programs that may be hostile ----------*- C++ -*-===//
#ifndef SSM_AOT_SOURCE_H
#define SSM_AOT_SOURCE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

namespace ssm {

/// Deepest nesting of brackets that a program may have. The parser, the
/// verifier and the printer recurse into nested constructs.
inline constexpr unsigned kMaxNesting = 200;

/// Runs `fn` on a thread with a large stack and returns its result. Recursive
/// algorithms over IR need more than a thread's usual stack for inputs that
/// are long rather than deep.
mlir::LogicalResult
runWithLargeStack(llvm::function_ref<mlir::LogicalResult()> fn);

/// Parses the text of a program. Bytecode and nesting deeper than kMaxNesting
/// are refused. Diagnostics go through the context's handlers; `sources` holds
/// the text for them.
mlir::OwningOpRef<mlir::ModuleOp> parseProgram(llvm::StringRef text,
                                               llvm::StringRef name,
                                               llvm::SourceMgr &sources,
                                               mlir::MLIRContext *context);

} // namespace ssm

#endif // SSM_AOT_SOURCE_H
