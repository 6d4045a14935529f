//===- Source.cpp - Reading programs that may be hostile ------------------===//
//
// Upstream's parser is made for text that compilers wrote: nesting is bounded
// only by the stack, and the bytecode reader trusts its bytes. This file
// bounds the first and refuses the second. The verifiers take a dimension that
// a tensor has not, on which analyses of upstream end the process; this file
// refuses it too.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Source.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/ShapedOpInterfaces.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/thread.h"

using namespace mlir;

namespace {
/// Where nesting first exceeds the limit.
struct Position {
  unsigned line, column;
};
} // namespace

/// The end of the string or comment that starts at `i`, or `i`.
static size_t skipToken(StringRef text, size_t i) {
  if (text.substr(i).starts_with("//"))
    return std::min(text.find('\n', i), text.size());
  if (text[i] != '"')
    return i;
  for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
    if (text[i] == '\\')
      ++i;
  return std::min(i, text.size());
}

/// Scans brackets outside of strings and comments. `<` and `>` also occur in
/// `->`, `<=` and `>=`, which do not nest. Runs of `-` nest in affine
/// expressions.
static std::optional<Position> findDeepNesting(StringRef text) {
  unsigned line = 1, minuses = 0;
  size_t lineStart = 0;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    i = skipToken(text, i);
    if (i == text.size())
      break;
    char c = text[i];
    char next = i + 1 < text.size() ? text[i + 1] : 0;
    bool operatorLike = next == '=' || (i && text[i - 1] == '-');
    if (c == '\n') {
      ++line;
      lineStart = i + 1;
    } else if (StringRef("([{").contains(c) || (c == '<' && !operatorLike)) {
      ++depth;
    } else if (StringRef(")]}").contains(c) || (c == '>' && !operatorLike)) {
      depth = std::max(depth - 1, 0);
    }
    minuses = c == '-' ? minuses + 1 : isspace(c) ? minuses : 0;
    if (depth > static_cast<int>(ssm::kMaxNesting) ||
        minuses > ssm::kMaxNesting)
      return Position{line, static_cast<unsigned>(i - lineStart + 1)};
  }
  return std::nullopt;
}

LogicalResult ssm::runWithLargeStack(llvm::function_ref<LogicalResult()> fn) {
  LogicalResult result = failure();
  llvm::thread worker(std::optional<unsigned>(512u << 20),
                      [&] { result = fn(); });
  worker.join();
  return result;
}

/// Whether every size that is asked for is one of a dimension that exists.
static LogicalResult checkDimensions(ModuleOp module) {
  auto check = [](ShapedDimOpInterface op) -> WalkResult {
    auto type = dyn_cast<ShapedType>(op.getShapedValue().getType());
    std::optional<int64_t> dim = getConstantIntValue(op.getDimension());
    if (!type || !type.hasRank() || !dim ||
        (*dim >= 0 && *dim < type.getRank()))
      return WalkResult::advance();
    return op.emitError("the dimension whose size is asked for must be below "
                        "the rank, ")
           << type.getRank() << ", but it is " << *dim;
  };
  return failure(module.walk(check).wasInterrupted());
}

OwningOpRef<ModuleOp> ssm::parseProgram(StringRef text, StringRef name,
                                        llvm::SourceMgr &sources,
                                        MLIRContext *context) {
  // A copy, because the lexer wants a NUL after the last character.
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(text, name);
  StringRef owned = buffer->getBuffer();
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  auto fail = [&](Position at) {
    return emitError(FileLineColLoc::get(context, name, at.line, at.column));
  };
  if (owned.starts_with("ML\xEFR")) {
    fail({1, 1}) << "a program must be text, but this file is MLIR bytecode, "
                    "whose reader trusts its bytes; convert it with ssm-opt";
    return nullptr;
  }
  if (size_t nul = owned.find('\0'); nul != StringRef::npos) {
    fail({static_cast<unsigned>(owned.take_front(nul).count('\n')) + 1, 1})
        << "a program must be text, but this file has a NUL character; check "
           "the path";
    return nullptr;
  }
  if (std::optional<Position> deep = findDeepNesting(owned)) {
    fail(*deep) << "brackets may nest " << kMaxNesting
                << " deep, but here is one more; split the program";
    return nullptr;
  }
  ParserConfig config(context);
  auto module = parseSourceFile<ModuleOp>(sources, config);
  if (module && failed(checkDimensions(*module)))
    return nullptr;
  return module;
}
