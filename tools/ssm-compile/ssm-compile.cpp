//===- ssm-compile.cpp - Compile a program ahead of time ------------------===//
#include "ssm/AOT/KernelObject.h"
#include "ssm/AOT/ToolSupport.h"
#include "ssm/GPU/Compile.h"

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

enum class Emit { Object, Shared, LLVM, Assembly, PTX, Cubin, SPIRV };

/// What the user asked for.
struct Options {
  std::string program, output, header;
  ssm::CompileOptions compile;
  Emit emit = Emit::Object;
  bool explain = false, help = false;

  static llvm::Expected<Options> parse(int argc, char **argv);
  bool isForGPU() const {
    return StringRef(compile.target).starts_with("nvidia:") || isForAMD() ||
           isForOpenCL();
  }
  bool isForOpenCL() const {
    return StringRef(compile.target).starts_with("opencl:");
  }
  bool isForAMD() const {
    return StringRef(compile.target).starts_with("amd:");
  }
  /// What of the other options does not fit the target.
  std::optional<std::string> checkTarget() const;
};
} // namespace

std::optional<std::string> Options::checkTarget() const {
  bool isGPUCode =
      emit == Emit::PTX || emit == Emit::Cubin || emit == Emit::SPIRV;
  if (!isForGPU())
    return isGPUCode ? std::optional<std::string>(
                           "--emit=ptx and --emit=cubin need a GPU, such as "
                           "--target=nvidia:sm_90; --emit=spirv needs "
                           "--target=opencl:spirv64")
                     : std::nullopt;
  if (isForOpenCL() != (emit == Emit::SPIRV))
    return "--emit=spirv and --target=opencl:spirv64 need each other";
  if (isForAMD() && emit != Emit::Assembly && emit != Emit::LLVM)
    return "--emit must be asm or llvm for a GPU of AMD; clang makes an object "
           "of the assembly";
  if (!isForAMD() && !isGPUCode && emit != Emit::LLVM)
    return "--emit must be ptx, cubin or llvm for a GPU";
  if (compile.prepare)
    return "--prepare is for CPUs; on a GPU call a kernel for the parameters "
           "and pass on what it returns";
  if (!header.empty())
    return "--header is for CPUs; the launches of GPU kernels are written as "
           "JSON beside the code";
  return std::nullopt;
}

static const char kUsage[] = "ssm-compile <program.mlir> -o <k.o>";

static std::optional<Emit> parseEmit(StringRef kind) {
  return llvm::StringSwitch<std::optional<Emit>>(kind)
      .Case("obj", Emit::Object)
      .Case("shared", Emit::Shared)
      .Case("llvm", Emit::LLVM)
      .Case("asm", Emit::Assembly)
      .Case("ptx", Emit::PTX)
      .Case("cubin", Emit::Cubin)
      .Case("spirv", Emit::SPIRV)
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
  options.compile.prepare = args.hasArg(OPT_prepare);
  options.output = args.getLastArgValue(OPT_o).str();
  options.header = args.getLastArgValue(OPT_header).str();
  options.compile.entry = args.getLastArgValue(OPT_entry).str();
  options.compile.strategy = args.getLastArgValue(OPT_strategy).str();
  options.compile.rates = args.getLastArgValue(OPT_rates).str();
  options.compile.target = args.getLastArgValue(OPT_target, "host").str();
  auto programs = args.getAllArgValues(OPT_INPUT);
  if (auto emit = parseEmit(
          args.getLastArgValue(OPT_emit, options.isForAMD()      ? "asm"
                                         : options.isForOpenCL() ? "spirv"
                                         : options.isForGPU()    ? "ptx"
                                                                 : "obj")))
    options.emit = *emit;
  else
    problem = "--emit must be obj, shared, llvm, asm, ptx, cubin or spirv, "
              "but it is '" +
              args.getLastArgValue(OPT_emit).str() + "'";
  if (auto found = options.checkTarget())
    problem = *found;
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

/// What the program becomes, and its kernels. Messages say why there is
/// nothing.
static std::optional<ssm::KernelObject> compile(ModuleOp module,
                                                const Options &options) {
  if (options.emit == Emit::Object || options.emit == Emit::Shared)
    return ssm::KernelObject::get("ssm-compile", module, options.compile,
                                  options.explain);
  if (failed(ssm::compileToLLVM(module, options.compile)))
    return std::nullopt;
  SmallVector<char, 0> text;
  llvm::raw_svector_ostream os(text);
  auto compiled = ssm::CompiledModule::create(module, options.compile.target);
  llvm::Error error = compiled ? compiled->emit(options.emit == Emit::LLVM
                                                    ? ssm::OutputKind::LLVM
                                                    : ssm::OutputKind::Assembly,
                                                os)
                               : compiled.takeError();
  if (!error)
    return ssm::KernelObject{os.str().str(), module.clone()};
  (void)ssm::reportError("ssm-compile", std::move(error));
  return std::nullopt;
}

/// A header without its code is removed.
static llvm::Error writeOutputs(ssm::KernelObject &object,
                                const Options &options) {
  std::string header;
  if (!options.header.empty()) {
    auto text = ssm::formatHeader(ssm::getKernels(*object.declarations),
                                  llvm::sys::path::stem(options.header));
    if (!text)
      return text.takeError();
    header = std::move(*text);
  }
  if (!options.header.empty())
    if (llvm::Error error = writeFile(options.header, header))
      return error;
  llvm::Error error = options.emit == Emit::Shared
                          ? ssm::linkSharedLibrary(object.code, options.output,
                                                   options.compile.threads > 1)
                          : writeFile(options.output, object.code);
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

/// The code, and a JSON file beside it that says how to launch it.
static LogicalResult compileForGPU(ModuleOp module, const Options &options) {
  StringRef chip = StringRef(options.compile.target).split(':').second;
  auto kind = options.emit == Emit::LLVM    ? ssm::GPUOutputKind::LLVM
              : options.emit == Emit::Cubin ? ssm::GPUOutputKind::Cubin
              : options.emit == Emit::SPIRV ? ssm::GPUOutputKind::SPIRV
                                            : ssm::GPUOutputKind::Assembly;
  if (failed(ssm::selectEntry(module, options.compile.entry)))
    return failure();
  auto code = ssm::compileToGPU(module, chip, kind);
  if (!code)
    return failure();
  llvm::Error error = llvm::Error::success();
  if (options.output != "-") {
    SmallString<128> path(options.output);
    llvm::sys::path::replace_extension(path, "json");
    error = writeFile(path, code->formatLaunches());
  }
  if (!error)
    error = writeFile(options.output, code->code);
  if (error)
    return ssm::reportError("ssm-compile", std::move(error));
  return success();
}

static LogicalResult compileProgram(const Options &options) {
  auto program = ssm::Program::load(options.program, options.explain);
  if (program && options.isForGPU())
    return compileForGPU(program->module(), options);
  auto object = program ? compile(program->module(), options) : std::nullopt;
  if (!object)
    return failure();
  if (llvm::Error error = writeOutputs(*object, options))
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
