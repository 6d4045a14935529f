//===- Header.cpp - The C header of a module's kernels --------------------===//
#include "ssm/AOT/Compile.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

/// The header is self-contained: ssm-c/Runtime.h is copied into it, under its
/// own include guard.
static constexpr const char kRuntimeHeader[] =
#include "Runtime.h.inc"
    ;

namespace ssm {

static bool isCIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name[0]) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

static std::string getGuard(StringRef stem) {
  std::string guard = "SSM_KERNEL_";
  for (char c : stem)
    guard += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return guard + "_H";
}

/// One line per tensor; a name may hold anything but the end of a comment.
static void describe(llvm::raw_ostream &os, const char *kind,
                     ArrayRef<TensorSpec> specs) {
  for (auto [i, spec] : llvm::enumerate(specs)) {
    std::string name;
    for (char c : spec.name)
      name += llvm::isPrint(c) && c != '*' && c != '/' ? c : '?';
    os << " * " << kind << "[" << i << "]: " << spec.str() << " " << name
       << "\n";
  }
}

static void declare(llvm::raw_ostream &os, StringRef name,
                    const Signature &signature) {
  os << "\n/* " << name << "\n";
  describe(os, "ins", signature.inputs);
  describe(os, "outs", signature.outputs);
  for (auto [i, state] : llvm::enumerate(signature.states))
    os << " * state " << i << ": in ins[" << state.input << "], after it outs["
       << state.output << "]\n";
  if (!signature.states.empty())
    os << " * " << name
       << "_state_bytes counts all states, of one sequence where the number of"
          "\n * sequences is given at run time\n";
  os << " */\n"
     << "int " << name
     << "_run(const ssm_tensor *ins, const ssm_tensor *outs,\n"
     << std::string(name.size() + 9, ' ') << "void *workspace, void *stream);\n"
     << "size_t " << name << "_workspace_bytes(void);\n";
  if (!signature.states.empty())
    os << "size_t " << name << "_state_bytes(void);\n";
  os << "const char *" << name << "_signature(void);\n";
}

llvm::Expected<std::string>
formatHeader(ArrayRef<std::pair<std::string, Signature>> kernels,
             StringRef stem) {
  std::string text, guard = getGuard(stem);
  llvm::raw_string_ostream os(text);
  os << "/* Made by ssm-compile. */\n#ifndef " << guard << "\n#define " << guard
     << "\n\n"
     << kRuntimeHeader << "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  for (const auto &[name, signature] : kernels) {
    if (!isCIdentifier(name))
      return llvm::createStringError(
          "a C header needs kernel names that are C identifiers, but one is '" +
          name + "'; rename the function");
    declare(os, name, signature);
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return text;
}

} // namespace ssm
