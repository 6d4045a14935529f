//===- ssm-run.cpp - Compile a program and run it on .npy files -----------===//
#include "HostCode.h"
#include "RunOnGPU.h"
#include "Stream.h"

#include "ssm/AOT/Calibrate.h"
#include "ssm/AOT/Compile.h"
#include "ssm/AOT/HostTensor.h"
#include "ssm/AOT/Npy.h"
#include "ssm/AOT/ToolSupport.h"

#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

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

/// What the user asked for.
struct Options {
  std::string program, calibrate;
  std::vector<std::string> inputs, outputs;
  ssm::CompileOptions compile;
  unsigned repeats = 0;
  int64_t chunk = 0; ///< Steps at a time; 0: all at once.
  ssm::Stream::StateFiles states;
  bool explain = false, help = false;

  static llvm::Expected<Options> parse(int argc, char **argv);
  bool isForGPU() const {
    return StringRef(compile.target).starts_with("nvidia:");
  }
};
/// One kernel with its arguments.
struct Call {
  ssm::Signature signature;
  std::vector<ssm::HostTensor> inputs, outputs;
  ssm::AlignedBuffer workspace;
  int (*run)(const ssm_tensor *, const ssm_tensor *, void *, void *);

  llvm::Error operator()();
};
} // namespace

static const char kUsage[] =
    "ssm-run <program.mlir> --input <x.npy>... --output <y.npy>...";

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
  options.inputs = args.getAllArgValues(OPT_input);
  options.outputs = args.getAllArgValues(OPT_output);
  options.compile.entry = args.getLastArgValue(OPT_entry).str();
  options.compile.strategy = args.getLastArgValue(OPT_strategy).str();
  options.compile.rates = args.getLastArgValue(OPT_rates).str();
  options.compile.target = args.getLastArgValue(OPT_target, "host").str();
  options.calibrate = args.getLastArgValue(OPT_calibrate).str();
  auto programs = args.getAllArgValues(OPT_INPUT);
  auto threads = ssm::parseThreads(args.getLastArgValue(OPT_threads, "1"));
  if (threads)
    options.compile.threads = *threads;
  else
    problem = llvm::toString(threads.takeError());
  if (Arg *arg = args.getLastArg(OPT_time))
    if (StringRef(arg->getValue()).getAsInteger(10, options.repeats) ||
        options.repeats < 1)
      problem = "--time must be a number of at least 1, but it is '" +
                std::string(arg->getValue()) + "'";
  if (Arg *arg = args.getLastArg(OPT_stream))
    if (StringRef(arg->getValue()).getAsInteger(10, options.chunk) ||
        options.chunk < 1)
      problem =
          "--stream must be a number of steps of at least 1, but it is '" +
          std::string(arg->getValue()) + "'";
  options.states.in = args.getLastArgValue(OPT_state_in).str();
  options.states.out = args.getLastArgValue(OPT_state_out).str();
  if (options.chunk == 0 && args.hasArg(OPT_state_in, OPT_state_out))
    problem = "--state-in and --state-out are of a stream, so they need "
              "--stream";
  if (options.chunk > 0 && options.repeats)
    problem = "--time measures one call, so it cannot be given with --stream";
  if (!options.isForGPU() && options.compile.target != "host")
    problem =
        "--target must be host or a GPU such as nvidia:sm_90, but it is '" +
        options.compile.target + "'";
  if (options.isForGPU() && options.chunk > 0)
    problem = "--stream is for CPUs";
  if (!problem.empty())
    return llvm::createStringError(problem + "; see ssm-run --help");
  if (!options.calibrate.empty()) {
    if (!programs.empty())
      return llvm::createStringError("--calibrate runs no program, but '" +
                                     programs.front() + "' was given");
    for (Arg *arg : args)
      if (!arg->getOption().matches(OPT_calibrate))
        return llvm::createStringError(
            "--calibrate takes no other option, but '" +
            arg->getAsString(args) + "' was given");
    return options;
  }
  if (!options.help && programs.size() != 1)
    return llvm::createStringError("one program is needed, but " +
                                   std::to_string(programs.size()) +
                                   " were given; usage: " + kUsage);
  if (!options.help)
    options.program = programs.front();
  return options;
}

llvm::Error Call::operator()() {
  auto describe = [](const std::vector<ssm::HostTensor> &tensors) {
    return llvm::map_to_vector(
        tensors, [](const ssm::HostTensor &t) { return t.descriptor(); });
  };
  auto ins = describe(inputs), outs = describe(outputs);
  if (int status = run(ins.data(), outs.data(), workspace.data(), nullptr))
    return llvm::createStringError("the kernel refused its arguments: " +
                                   std::string(ssm_status_string(status)));
  return llvm::Error::success();
}

/// Checks the inputs, and allocates outputs and workspace for them.
static llvm::Error allocate(Call &call) {
  auto shapes = ssm::bindShapes(call.signature, call.inputs);
  if (!shapes)
    return shapes.takeError();
  for (auto [spec, shape] : llvm::zip(call.signature.outputs, *shapes)) {
    auto tensor =
        ssm::HostTensor::allocate(*ssm::getDType(spec.elementType), shape);
    if (!tensor)
      return tensor.takeError();
    call.outputs.push_back(std::move(*tensor));
  }
  auto workspace = ssm::AlignedBuffer::allocate(call.signature.workspaceBytes);
  if (!workspace)
    return workspace.takeError();
  call.workspace = std::move(*workspace);
  return llvm::Error::success();
}

static llvm::Error readInputs(const Options &options,
                              std::vector<ssm::HostTensor> &inputs) {
  for (const std::string &path : options.inputs) {
    auto tensor = ssm::readNpy(path);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

static llvm::Error checkOutputs(const Options &options, size_t results) {
  if (options.outputs.size() <= results)
    return llvm::Error::success();
  return llvm::createStringError("the function has " + std::to_string(results) +
                                 " results, but --output was given " +
                                 std::to_string(options.outputs.size()) +
                                 " times");
}

static llvm::Error writeOutputs(const Options &options,
                                llvm::ArrayRef<ssm::HostTensor> results) {
  for (auto [path, tensor] : llvm::zip(options.outputs, results))
    if (llvm::Error error = ssm::writeNpy(path, tensor))
      return error;
  return llvm::Error::success();
}

/// Prints the least and the median time.
static void printTimes(std::vector<double> seconds) {
  llvm::sort(seconds);
  size_t n = seconds.size();
  double median = (seconds[(n - 1) / 2] + seconds[n / 2]) / 2;
  llvm::outs() << llvm::format(
      "{\"min_s\": %.9g, \"median_s\": %.9g, \"repeats\": %zu}\n", seconds[0],
      median, n);
}

/// Reads the inputs and allocates the outputs.
static llvm::Error prepare(Call &call, const Options &options) {
  if (llvm::Error error = readInputs(options, call.inputs))
    return error;
  if (llvm::Error error = allocate(call))
    return error;
  return checkOutputs(options, call.outputs.size());
}

/// Runs the kernel `repeats` times and prints how long it takes.
static llvm::Error measure(Call &call, unsigned repeats) {
  // Times are of the kernel: how malloc happens to have come by the buffers of
  // run-time length would make up to half of them.
  (void)ssm::keepFreedMemory(std::numeric_limits<int>::max());
  std::vector<double> seconds;
  for (unsigned i = 0; i < repeats; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (llvm::Error error = call())
      return error;
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    seconds.push_back(time.count());
  }
  printTimes(std::move(seconds));
  return llvm::Error::success();
}

/// A kernel that has yet to get its arguments.
static llvm::Expected<Call>
makeCall(ssm::HostCode &code,
         const std::pair<std::string, ssm::Signature> &kernel) {
  auto run = code.loaded.lookup<std::remove_pointer_t<decltype(Call::run)>>(
      kernel.first + "_run");
  if (!run)
    return run.takeError();
  return Call{kernel.second, {}, {}, {}, *run};
}

static llvm::Error runKernel(ssm::HostCode &code, const Options &options) {
  if (code.kernels.size() != 1)
    return llvm::createStringError("the program has " +
                                   std::to_string(code.kernels.size()) +
                                   " public functions; pick one with --entry");
  auto call = makeCall(code, code.kernels.front());
  if (!call)
    return call.takeError();
  if (llvm::Error error = prepare(*call, options))
    return error;
  if (llvm::Error error = (*call)())
    return error;
  if (llvm::Error error = writeOutputs(options, call->outputs))
    return error;
  return options.repeats ? measure(*call, options.repeats)
                         : llvm::Error::success();
}

/// Writes the rates of this machine.
static llvm::Error calibrate(StringRef path) {
  auto rates = ssm::measureRates();
  if (!rates)
    return rates.takeError();
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    os << *rates;
    return llvm::Error::success();
  });
  if (error)
    return llvm::createStringError(path + ": error: cannot write the file: " +
                                   llvm::toString(std::move(error)) +
                                   "; check the path and the space");
  return error;
}

static llvm::Expected<Call> findKernel(ssm::HostCode &code, StringRef name) {
  for (const auto &kernel : code.kernels)
    if (kernel.first == name)
      return makeCall(code, kernel);
  return llvm::createStringError("there is no kernel '" + name + "'");
}

/// Runs the step of a function on chunk after chunk.
static llvm::Error runStream(ssm::HostCode &code, ssm::Stream &stream,
                             const Options &options) {
  std::vector<ssm::HostTensor> inputs;
  if (llvm::Error error = readInputs(options, inputs))
    return error;
  auto call = [&](StringRef name, std::vector<ssm::HostTensor> &ins)
      -> llvm::Expected<std::vector<ssm::HostTensor>> {
    auto kernel = findKernel(code, name);
    if (!kernel)
      return kernel.takeError();
    std::swap(kernel->inputs, ins);
    llvm::Error error = allocate(*kernel);
    if (!error)
      error = (*kernel)();
    std::swap(kernel->inputs, ins);
    if (error)
      return std::move(error);
    return std::move(kernel->outputs);
  };
  auto results =
      stream.run(std::move(inputs), options.chunk, options.states, call);
  if (!results)
    return results.takeError();
  if (llvm::Error error = checkOutputs(options, results->size()))
    return error;
  return writeOutputs(options, *results);
}

/// Runs the only kernel.
static llvm::Error runOnGPU(const ssm::GPUCode &code, const Options &options) {
  if (code.kernels.size() != 1)
    return llvm::createStringError("the program has " +
                                   std::to_string(code.kernels.size()) +
                                   " public functions; pick one with --entry");
  std::vector<ssm::HostTensor> inputs;
  if (llvm::Error error = readInputs(options, inputs))
    return error;
  if (llvm::Error error =
          checkOutputs(options, code.kernels[0].signature.outputs.size()))
    return error;
  auto result = ssm::runOnGPU(code, inputs, options.repeats);
  if (!result)
    return result.takeError();
  if (llvm::Error error = writeOutputs(options, result->outputs))
    return error;
  if (options.repeats)
    printTimes(std::move(result->seconds));
  return llvm::Error::success();
}

static LogicalResult runProgram(const Options &options) {
  auto program = ssm::Program::load(options.program, options.explain);
  if (!program)
    return failure();
  ssm::CompileOptions compile = options.compile;
  if (options.isForGPU()) {
    StringRef chip = StringRef(compile.target).drop_front(strlen("nvidia:"));
    if (failed(ssm::selectEntry(program->module(), compile.entry)))
      return failure();
    auto code = ssm::compileToGPU(program->module(), chip,
                                  ssm::GPUOutputKind::Assembly);
    if (!code)
      return failure();
    if (llvm::Error error = runOnGPU(*code, options))
      return ssm::reportError("ssm-run", std::move(error));
    return success();
  }
  std::optional<ssm::Stream> stream;
  if (options.chunk > 0) {
    stream = ssm::Stream::derive(program->module(), compile.entry);
    if (!stream)
      return failure();
    compile.entry.clear();
  }
  auto code = ssm::HostCode::get(program->module(), compile, options.explain);
  if (!code)
    return failure();
  llvm::Error error =
      stream ? runStream(*code, *stream, options) : runKernel(*code, options);
  if (error)
    return ssm::reportError("ssm-run", std::move(error));
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  return ssm::runTool("ssm-run", [&] {
    auto options = Options::parse(argc, argv);
    if (!options)
      return ssm::reportError("ssm-run", options.takeError());
    if (!options->help && !options->calibrate.empty()) {
      llvm::Error error = calibrate(options->calibrate);
      return error ? ssm::reportError("ssm-run", std::move(error)) : success();
    }
    if (!options->help)
      return runProgram(*options);
    OptionTable().printHelp(llvm::outs(), kUsage,
                            "Compile a program and run it on .npy files");
    return success();
  });
}
