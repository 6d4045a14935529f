//===- Calibrate.cpp - What this machine can do, measured -----------------===//
//
// The rates are those of compiled programs, as the cost model means them: a
// stream is a varying scan whose arrays fit a level of the caches, FMAs are an
// elementwise polynomial in the first cache, their latency is the time of a
// step of one vector. A call of a single step is overhead, and so is what more
// tiles of a step, or threads for them, add to it. The least of several tries
// counts. Sizes are left out: the system tells them.
//
// Reference: McCalpin, "Memory Bandwidth and Machine Balance in Current High
// Performance Computers" (1995).
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Calibrate.h"

#include "ssm/AOT/Compile.h"
#include "ssm/AOT/HostTensor.h"
#include "ssm/AOT/ToolSupport.h"
#include "ssm/Analysis/TargetInfo.h"

#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <chrono>
#include <cstring>

using namespace ssm;

/// Tries of each measurement, of a millisecond or one call at least.
static constexpr int kTries = 9;
static constexpr double kTrySeconds = 1e-3;

static double secondsOf(llvm::function_ref<void()> fn) {
  auto start = std::chrono::steady_clock::now();
  fn();
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  return time.count();
}

/// Seconds of one call.
static double fastest(llvm::function_ref<void()> fn) {
  int64_t calls = std::max(1.0, kTrySeconds / std::max(secondsOf(fn), 1e-7));
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i)
    best = std::min(best, secondsOf([&] {
                      for (int64_t call = 0; call < calls; ++call)
                        fn();
                    }));
  return best / calls;
}

/// Cycles a second, by additions that wait for each other.
static double measureClock() {
  constexpr int64_t kAdditions = 1 << 14, kUnrolled = 16;
  return kAdditions * kUnrolled / fastest([] {
           uint64_t x = 0, y = 1;
           asm volatile("" : "+r"(y));
           for (int64_t i = 0; i < kAdditions; ++i)
             for (int64_t j = 0; j < kUnrolled; ++j) {
               x += y;
               asm volatile("" : "+r"(x));
             }
         });
}

/// Arrays of zeros for a kernel of static sizes.
static llvm::Error allocate(llvm::ArrayRef<TensorSpec> specs,
                            std::vector<HostTensor> &tensors) {
  for (const TensorSpec &spec : specs) {
    auto shape = llvm::map_to_vector<4>(
        spec.shape, [](const DimSpec &dim) { return dim.size; });
    auto tensor = HostTensor::allocate(*getDType(spec.elementType), shape);
    if (!tensor)
      return tensor.takeError();
    std::memset(tensor->buffer.data(), 0, tensor->buffer.size());
    tensors.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

/// Compiles the program's @f for this machine; seconds of a call of it.
static llvm::Expected<double> timeProgram(const std::string &text,
                                          unsigned threads = 1) {
  CompileOptions options;
  options.threads = threads;
  auto program = Program::parse(text, "calibrate", llvm::errs(), nullptr);
  if (!program || failed(compileToLLVM(program->module(), options)))
    return llvm::createStringError("a program to measure does not compile");
  auto compiled = CompiledModule::create(program->module(), "host");
  if (!compiled)
    return compiled.takeError();
  auto loaded = compiled->load(threads);
  if (!loaded)
    return loaded.takeError();
  using Run = int(const ssm_tensor *, const ssm_tensor *, void *, void *);
  auto run = loaded->lookup<Run>("f_run");
  if (!run)
    return run.takeError();
  Signature signature = getKernels(program->module()).front().second;
  std::vector<HostTensor> inputs, outputs;
  if (llvm::Error error = allocate(signature.inputs, inputs))
    return error;
  if (llvm::Error error = allocate(signature.outputs, outputs))
    return error;
  auto workspace = AlignedBuffer::allocate(signature.workspaceBytes);
  if (!workspace)
    return workspace.takeError();
  auto describe = [](const HostTensor &tensor) { return tensor.descriptor(); };
  auto ins = llvm::map_to_vector(inputs, describe),
       outs = llvm::map_to_vector(outputs, describe);
  return fastest(
      [&] { (*run)(ins.data(), outs.data(), workspace->data(), nullptr); });
}

namespace {
/// x_t = a x_{t-1} + u_t, on threads however little it is, over [batch, length,
/// channels] in tiles of `lanes`, where a has the length too if it varies.
struct Scan {
  int64_t batch, length, channels, lanes;
  bool varies;

  std::string program() const;
};
} // namespace

std::string Scan::program() const {
  const char *text = R"mlir(
#btd = affine_map<(b, t, d) -> (b, t, d)>
#a = affine_map<(b, t, d) -> ({0})>
module attributes {{dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"forkJoin" = 1.0e-12 : f64>>} {{
func.func @f(%a: tensor<{1}xf32>, %u: tensor<{2}xf32>) -> tensor<{2}xf32> {{
  %x, %last = ssm.linear_recurrence transition(%a : tensor<{1}xf32>)
      signal(%u : tensor<{2}xf32>)
      {{indexing_maps = [#a, #btd, #btd, affine_map<(b, t, d) -> (b, d)>],
       time = 1 : i64, strategy = #ssm.strategy<sequential, lanes = {3}>}
      -> tensor<{2}xf32>, tensor<{4}x{5}xf32>
  return %x : tensor<{2}xf32>
}
})mlir";
  std::string all = llvm::formatv("{0}x{1}x{2}", batch, length, channels);
  return llvm::formatv(text, varies ? "b, t, d" : "d",
                       varies ? all : std::to_string(channels), all, lanes,
                       batch, channels);
}

/// Each element through a chain of FMAs; neighbours overlap.
static std::string polynomialProgram(int64_t elements, int64_t fmas) {
  std::string type = "tensor<" + std::to_string(elements) + "xf32>", body;
  for (int64_t i = 0; i < fmas; ++i)
    body +=
        llvm::formatv("    %p{0} = math.fma %p{1}, %x, %c : f32\n", i + 1, i)
            .str();
  const char *text = R"mlir(
#i = affine_map<(i) -> (i)>
func.func @f(%a: {0}, %b: {0}) -> {0} {{
  %e = tensor.empty() : {0}
  %y = linalg.generic {{indexing_maps = [#i, #i, #i], iterator_types = ["parallel"]}
      ins(%a, %b : {0}, {0}) outs(%e : {0}) {{
  ^bb0(%x: f32, %c: f32, %o: f32):
    %p0 = arith.addf %x, %c : f32
{1}    linalg.yield %p{2} : f32
  } -> {0}
  return %y : {0}
})mlir";
  return llvm::formatv(text, type, body, fmas).str();
}

/// Bytes a second of a scan of three arrays, of `bytes` together, shared by the
/// threads.
static llvm::Expected<double> measureStream(int64_t bytes, int64_t channels,
                                            unsigned threads = 1) {
  int64_t length = std::max<int64_t>(16, bytes / (3 * 4 * channels * threads));
  Scan scan{threads, length, channels, channels, /*varies=*/true};
  auto seconds = timeProgram(scan.program(), threads);
  if (!seconds)
    return seconds;
  return 3.0 * 4 * channels * length * threads / *seconds;
}

namespace {
/// The file that is written, line by line, and the first error.
class Rates {
public:
  /// A difference that noise has made negative is left out.
  void note(const char *name, double value) {
    if (value > 0)
      text +=
          llvm::formatv("{0} = {1}\n", name, llvm::format("%.4g", value)).str();
  }
  /// The seconds that were measured; 0 after an error.
  double take(llvm::Expected<double> seconds) {
    if (seconds)
      return *seconds;
    error = llvm::joinErrors(std::move(error), seconds.takeError());
    return 0;
  }
  llvm::Expected<std::string> finish() {
    if (error)
      return std::move(error);
    return std::move(text);
  }

private:
  std::string text = "# measured on this machine; of one core, but for what "
                     "its threads cost\n";
  llvm::Error error = llvm::Error::success();
};
} // namespace

static void measureArithmetic(const TargetInfo &host, Rates &rates) {
  int64_t lanes = host.vectorBytes / 4;
  double clock = measureClock();
  constexpr int64_t kElements = 2048, kFmas = 16;
  double polynomial =
      rates.take(timeProgram(polynomialProgram(kElements, kFmas)));
  // The slope, without what a call costs.
  constexpr int64_t kShort = 64, kLong = 192;
  auto measure = [&](int64_t length) {
    Scan scan{1, length, lanes, lanes, /*varies=*/false};
    return rates.take(timeProgram(scan.program()));
  };
  rates.note("clock", clock);
  rates.note("fmasPerCycle", kElements * kFmas / (polynomial * clock * lanes));
  rates.note("fmaLatency",
             (measure(kLong) - measure(kShort)) / (kLong - kShort) * clock);
}

/// Streams that fit each level, and one that fits none.
static void measureStreams(const TargetInfo &host, Rates &rates) {
  int64_t far = std::max<int64_t>(64 << 20, host.l3Bytes / 4);
  int64_t middle = std::clamp<int64_t>(host.l3Bytes / 16, 2 * host.l2Bytes,
                                       std::max(2 * host.l2Bytes, far / 4));
  double rate = 0;
  for (auto [name, bytes] :
       {std::pair("l2Bandwidth", host.l2Bytes / 2),
        std::pair("l3Bandwidth", middle), std::pair("bandwidth", far)}) {
    rate = rates.take(measureStream(bytes, host.vectorBytes));
    rates.note(name, rate);
  }
  if (host.cores > 1)
    rates.note("streamingCores",
               rates.take(measureStream(far, host.vectorBytes, host.cores)) /
                   rate);
}

/// Loops of one step, so that nothing but the overhead grows.
static void measureOverheads(const TargetInfo &host, Rates &rates) {
  int64_t lanes = host.vectorBytes / 4;
  auto measure = [&](int64_t tiles, unsigned threads) {
    Scan scan{1, /*length=*/1, tiles * lanes, lanes, /*varies=*/false};
    return rates.take(timeProgram(scan.program(), threads));
  };
  constexpr int64_t kTiles = 257;
  double call = measure(1, 1);
  rates.note("callOverhead", call);
  rates.note("tileOverhead", (measure(kTiles, 1) - call) / (kTiles - 1));
  if (host.cores > 1)
    rates.note("forkJoin",
               measure(host.cores, host.cores) - measure(host.cores, 1));
}

llvm::Expected<std::string> ssm::measureRates() {
  TargetInfo host = TargetInfo::forName("host");
  Rates rates;
  measureArithmetic(host, rates);
  measureStreams(host, rates);
  measureOverheads(host, rates);
  return rates.finish();
}
