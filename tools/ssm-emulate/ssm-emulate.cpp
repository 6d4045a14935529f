//===- ssm-emulate.cpp - Run a GPU kernel on the CPU ----------------------===//
#include "ssm/AOT/Npy.h"
#include "ssm/AOT/ToolSupport.h"
#include "ssm/Emulator/Emulator.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/InitLLVM.h"

using namespace mlir;
using namespace llvm::opt;
using ssm::emulator::Argument;

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

/// What the user asked for.
struct Options {
  std::string kernel;
  std::vector<std::string> arguments, outputs;
  ssm::emulator::LaunchOptions launch;
  std::vector<ssm::emulator::LaunchOptions> then;
  bool help = false;

  static llvm::Expected<Options> parse(int argc, char **argv);
};

/// The arrays of a launch, and its arguments, which point into them.
struct Launch {
  std::vector<std::unique_ptr<ssm::HostTensor>> tensors; ///< Null: a scalar.
  std::vector<Argument> arguments;
};
} // namespace

static const char kUsage[] =
    "ssm-emulate <kernel.ll> --entry <name> --grid <n> --block <n> "
    "[--then <name:grid:block>]... "
    "--arg <value>... --output <n=y.npy>...";

/// "4", "4,2" or "4,2,1".
static bool parseSizes(StringRef text, std::array<unsigned, 3> &sizes) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  if (parts.size() > 3)
    return false;
  sizes = {1, 1, 1};
  for (auto [i, part] : llvm::enumerate(parts))
    if (part.getAsInteger(10, sizes[i]))
      return false;
  return true;
}

/// A launch like the first, but for what "name:grid:block" says.
static std::optional<ssm::emulator::LaunchOptions>
parseThen(StringRef text, ssm::emulator::LaunchOptions launch) {
  SmallVector<StringRef> parts;
  text.split(parts, ':');
  if (parts.size() != 3 || parts[0].empty() ||
      !parseSizes(parts[1], launch.grid) || !parseSizes(parts[2], launch.block))
    return std::nullopt;
  launch.entry = parts[0].str();
  return launch;
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
  options.arguments = args.getAllArgValues(OPT_arg);
  options.outputs = args.getAllArgValues(OPT_output);
  options.launch.entry = args.getLastArgValue(OPT_entry).str();
  auto sizes = [&](OptSpecifier id, StringRef name,
                   std::array<unsigned, 3> &into) {
    if (Arg *arg = args.getLastArg(id);
        arg && !parseSizes(arg->getValue(), into))
      problem = (name +
                 " must be one to three numbers with commas between, "
                 "but it is '" +
                 arg->getValue() + "'")
                    .str();
  };
  sizes(OPT_grid, "--grid", options.launch.grid);
  sizes(OPT_block, "--block", options.launch.block);
  auto number = [&](OptSpecifier id, StringRef name, auto &into,
                    uint64_t least) {
    Arg *arg = args.getLastArg(id);
    if (arg &&
        (StringRef(arg->getValue()).getAsInteger(10, into) || into < least))
      problem = (name + " must be a number of at least " + Twine(least) +
                 ", but it is '" + arg->getValue() + "'")
                    .str();
  };
  number(OPT_shared, "--shared", options.launch.sharedBytes, 0);
  number(OPT_resident, "--resident", options.launch.residentBlocks, 1);
  number(OPT_seed, "--seed", options.launch.seed, 0);
  for (const std::string &text : args.getAllArgValues(OPT_further)) {
    auto launch = parseThen(text, options.launch);
    if (!launch)
      problem = "--then must be name:grid:block, but it is '" + text + "'";
    else
      options.then.push_back(std::move(*launch));
  }
  auto kernels = args.getAllArgValues(OPT_INPUT);
  if (!problem.empty())
    return llvm::createStringError(problem + "; see ssm-emulate --help");
  if (!options.help && (kernels.size() != 1 || options.launch.entry.empty()))
    return llvm::createStringError("one file and --entry are needed; usage: " +
                                   std::string(kUsage));
  if (!options.help)
    options.kernel = kernels.front();
  return options;
}

/// "float32:8x16", filled with bytes `fill`.
static llvm::Expected<ssm::HostTensor> makeArray(StringRef text, char fill) {
  auto [name, sizes] = text.split(':');
  const auto *dtype =
      llvm::find_if(ssm::getDTypes(), [&, name = name](const ssm::DType &d) {
        return name == d.name;
      });
  SmallVector<StringRef> parts;
  sizes.split(parts, 'x');
  SmallVector<int64_t> shape(parts.size());
  bool valid = dtype != ssm::getDTypes().end();
  for (auto [part, size] : llvm::zip(parts, shape))
    valid &= !part.getAsInteger(10, size) && size >= 0;
  if (!valid)
    return llvm::createStringError("an array is given as float32:8x16, its "
                                   "NumPy type and sizes, but it is '" +
                                   text + "'");
  auto tensor = ssm::HostTensor::allocate(*dtype, shape);
  if (tensor)
    std::memset(tensor->buffer.data(), fill, tensor->buffer.size());
  return tensor;
}

static llvm::Error addArgument(Launch &launch, StringRef text) {
  auto [word, rest] = text.split(':');
  Argument argument;
  std::optional<llvm::Expected<ssm::HostTensor>> tensor;
  int64_t integer = 0;
  double real = 0;
  if (word == "new" || word == "zero") {
    tensor.emplace(makeArray(rest, word == "new" ? 0xff : 0));
  } else if ((word == "i32" || word == "i64") &&
             !rest.getAsInteger(10, integer)) {
    argument.bits = integer;
  } else if (word == "f32" && !rest.getAsDouble(real)) {
    argument.bits = llvm::bit_cast<uint32_t>(static_cast<float>(real));
  } else if (text.ends_with(".npy")) {
    tensor.emplace(ssm::readNpy(text));
  } else {
    return llvm::createStringError(
        "--arg must be a file x.npy, new:float32:8x16, zero:int32:4, i32:5, "
        "i64:5 or f32:0.5, but it is '" +
        text + "'");
  }
  launch.tensors.emplace_back();
  if (tensor) {
    if (!*tensor)
      return tensor->takeError();
    auto &owned = launch.tensors.back();
    owned = std::make_unique<ssm::HostTensor>(std::move(**tensor));
    argument.isMemory = true;
    argument.data = owned->buffer.data();
    argument.bytes = *ssm::getByteSize(owned->dtype.bytes, owned->shape);
    argument.elementBytes = std::min<unsigned>(owned->dtype.bytes, 4);
  }
  launch.arguments.push_back(argument);
  return llvm::Error::success();
}

/// Writes an array that "n=file.npy" names.
static llvm::Error writeOutput(const Launch &launch, StringRef text) {
  auto [number, path] = text.split('=');
  size_t n;
  if (number.getAsInteger(10, n) || n >= launch.tensors.size() ||
      !launch.tensors[n] || path.empty())
    return llvm::createStringError("--output must be n=file.npy with the "
                                   "number of an array, but it is '" +
                                   text + "'");
  return ssm::writeNpy(path, *launch.tensors[n]);
}

static llvm::Expected<ssm::emulator::Report>
runKernel(const Options &options, const ssm::emulator::LaunchOptions &launch,
          ArrayRef<Argument> arguments) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic problem;
  auto module = llvm::parseIRFile(options.kernel, problem, *context);
  if (!module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    problem.print(/*ProgName=*/nullptr, os, /*ShowColors=*/false);
    return llvm::createStringError(StringRef(text).rtrim());
  }
  return ssm::emulator::emulate({std::move(module), std::move(context)}, launch,
                                arguments);
}

/// The kernels one after the other; one report for all.
static llvm::Error runKernels(const Options &options) {
  Launch launch;
  for (const std::string &argument : options.arguments)
    if (llvm::Error error = addArgument(launch, argument))
      return error;
  auto report = runKernel(options, options.launch, launch.arguments);
  if (!report)
    return report.takeError();
  for (const ssm::emulator::LaunchOptions &then : options.then) {
    auto further = runKernel(options, then, launch.arguments);
    if (!further)
      return further.takeError();
    report->add(*further);
  }
  for (const std::string &output : options.outputs)
    if (llvm::Error error = writeOutput(launch, output))
      return error;
  llvm::outs() << llvm::formatv("{0:2}\n", llvm::json::Value(report->json()));
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  return ssm::runTool("ssm-emulate", [&] {
    auto options = Options::parse(argc, argv);
    if (!options)
      return ssm::reportError("ssm-emulate", options.takeError());
    if (options->help) {
      OptionTable().printHelp(
          llvm::outs(), kUsage,
          "Run a kernel for NVIDIA GPUs, as LLVM IR, on the CPU");
      return success();
    }
    if (llvm::Error error = runKernels(*options))
      return ssm::reportError("ssm-emulate", std::move(error));
    return success();
  });
}
