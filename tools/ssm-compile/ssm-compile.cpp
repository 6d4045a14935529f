//===- ssm-compile.cpp - Compile a program ahead of time ------------------===//
#include "ssm/AOT/Compile.h"
#include "ssm/AOT/ToolSupport.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace llvm::opt;

namespace {
enum OptionID {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};
#define OPTTABLE_STR_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_STR_TABLE_CODE
#define OPTTABLE_PREFIXES_TABLE_CODE
#include "Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE
constexpr OptTable::Info kOptionInfos[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "Options.inc"
#undef OPTION
};
struct OptionTable : GenericOptTable {
  OptionTable()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, kOptionInfos) {}
};

enum class Emit { Object, Shared, LLVM, Assembly };

/// What the user asked for.
struct Options {
  std::string program, output, header;
  ssm::CompileOptions compile;
  Emit emit = Emit::Object;
  bool explain = false, help = false;

  static llvm::Expected<Options> parse(int argc, char **argv);
};
} // namespace

static const char kUsage[] = "ssm-compile <program.mlir> -o <k.o>";

static std::optional<Emit> parseEmit(StringRef kind) {
  return llvm::StringSwitch<std::optional<Emit>>(kind)
      .Case("obj", Emit::Object)
      .Case("shared", Emit::Shared)
      .Case("llvm", Emit::LLVM)
      .Case("asm", Emit::Assembly)
      .Default(std::nullopt);
}

llvm::Expected<Options> Options::parse(int argc, char **argv) {
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver saver(allocator);
  std::string problem;
  OptionTable table;
  InputArgList args =
      table.parseArgs(argc, argv, OPT_UNKNOWN, saver,
                      [&](StringRef message) { problem = message.str(); });
  Options options;
  options.help = args.hasArg(OPT_help);
  options.explain = args.hasArg(OPT_explain);
  options.output = args.getLastArgValue(OPT_o).str();
  options.header = args.getLastArgValue(OPT_header).str();
  options.compile.entry = args.getLastArgValue(OPT_entry).str();
  options.compile.strategy = args.getLastArgValue(OPT_strategy).str();
  options.compile.target = args.getLastArgValue(OPT_target, "host").str();
  auto programs = args.getAllArgValues(OPT_INPUT);
  if (auto emit = parseEmit(args.getLastArgValue(OPT_emit, "obj")))
    options.emit = *emit;
  else
    problem = "--emit must be obj, shared, llvm or asm, but it is '" +
              args.getLastArgValue(OPT_emit).str() + "'";
  auto threads = ssm::parseThreads(args.getLastArgValue(OPT_threads, "1"));
  if (threads)
    options.compile.threads = *threads;
  else
    problem = llvm::toString(threads.takeError());
  if (!problem.empty())
    return llvm::createStringError(problem + "; see ssm-compile --help");
  if (options.help)
    return options;
  if (programs.size() != 1 || options.output.empty())
    return llvm::createStringError(
        "one program and one -o are needed, but there are " +
        std::to_string(programs.size()) + " programs and " +
        (options.output.empty() ? "no" : "an") + " -o; usage: " + kUsage);
  options.program = programs.front();
  return options;
}

static llvm::Error writeFile(StringRef path, StringRef contents) {
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    os << contents;
    return llvm::Error::success();
  });
  if (error)
    return llvm::createStringError(path + ": error: cannot write the file: " +
                                   llvm::toString(std::move(error)) +
                                   "; check the path and the space");
  return error;
}

/// Everything after the passes. A header without its code is removed.
static llvm::Error writeOutputs(ModuleOp module, const Options &options) {
  std::string header;
  if (!options.header.empty()) {
    auto text = ssm::formatHeader(ssm::getKernels(module),
                                  llvm::sys::path::stem(options.header));
    if (!text)
      return text.takeError();
    header = std::move(*text);
  }
  auto compiled = ssm::CompiledModule::create(module, options.compile.target);
  if (!compiled)
    return compiled.takeError();
  auto kind = options.emit == Emit::LLVM       ? ssm::OutputKind::LLVM
              : options.emit == Emit::Assembly ? ssm::OutputKind::Assembly
                                               : ssm::OutputKind::Object;
  SmallVector<char, 0> code;
  llvm::raw_svector_ostream os(code);
  if (llvm::Error error = compiled->emit(kind, os))
    return error;
  if (!options.header.empty())
    if (llvm::Error error = writeFile(options.header, header))
      return error;
  llvm::Error error = options.emit == Emit::Shared
                          ? ssm::linkSharedLibrary(os.str(), options.output,
                                                   options.compile.threads > 1)
                          : writeFile(options.output, os.str());
  if (error && !options.header.empty())
    if (std::error_code left = llvm::sys::fs::remove(options.header))
      return llvm::joinErrors(
          std::move(error),
          llvm::createStringError(options.header +
                                  ": error: cannot remove the header of a "
                                  "kernel that was not written: " +
                                  left.message() + "; delete it"));
  return error;
}

static LogicalResult compileProgram(const Options &options) {
  auto program = ssm::Program::load(options.program, options.explain);
  if (!program ||
      failed(ssm::compileToLLVM(program->module(), options.compile)))
    return failure();
  if (llvm::Error error = writeOutputs(program->module(), options))
    return ssm::reportError("ssm-compile", std::move(error));
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  return ssm::runTool("ssm-compile", [&] {
    auto options = Options::parse(argc, argv);
    if (!options)
      return ssm::reportError("ssm-compile", options.takeError());
    if (!options->help)
      return compileProgram(*options);
    OptionTable().printHelp(llvm::outs(), kUsage,
                            "Compile a program ahead of time");
    return success();
  });
}
