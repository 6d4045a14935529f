//===- ToolSupport.h - What the compiler's front ends share -----*- C++ -*-===//
#ifndef SSM_AOT_TOOLSUPPORT_H
#define SSM_AOT_TOOLSUPPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SourceMgr.h"

namespace ssm {

/// A program with everything its diagnostics need. These are printed as
/// `file:line:col: error: ...`.
class Program {
public:
  /// Parses `text`; on failure the message has been printed. `name` stands for
  /// the file. The remarks of strategy selection go to `remarks`, if given.
  /// `foreign` allows ops of dialects that this process does not have.
  static std::unique_ptr<Program> parse(llvm::StringRef text,
                                        llvm::StringRef name,
                                        llvm::raw_ostream &diagnostics,
                                        llvm::raw_ostream *remarks,
                                        bool foreign = false);

  /// Reads and parses a file, with diagnostics on stderr. `explain` prints the
  /// remarks of strategy selection to stdout.
  static std::unique_ptr<Program> load(llvm::StringRef path, bool explain);

  mlir::ModuleOp module() { return *op; }

private:
  explicit Program(llvm::raw_ostream &diagnostics);

  llvm::SourceMgr sources;
  mlir::MLIRContext context;
  std::unique_ptr<mlir::SourceMgrDiagnosticHandler> handler;
  mlir::OwningOpRef<mlir::ModuleOp> op;
};

/// Prints `tool: error: message` (or the message alone if it names a file) and
/// returns failure.
mlir::LogicalResult reportError(llvm::StringRef tool, llvm::Error error);

inline constexpr unsigned kMaxThreads = 4096;

/// The value of --threads: a number from 1 to kMaxThreads.
llvm::Expected<unsigned> parseThreads(llvm::StringRef text);

/// Runs the body of a tool: on a large stack, with LLVM's fatal errors turned
/// into messages. Returns the exit code.
int runTool(llvm::StringRef name,
            llvm::function_ref<mlir::LogicalResult()> body);

} // namespace ssm

#endif // SSM_AOT_TOOLSUPPORT_H
