//===- Stream.cpp - Running a function chunk by chunk ---------------------===//
#include "Stream.h"

#include "ssm/AOT/Npy.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

using namespace mlir;
using namespace ssm;

/// Bytes before, in and after one step of an array along `dim`.
static std::pair<int64_t, int64_t> getBlocks(const HostTensor &tensor,
                                             unsigned dim) {
  int64_t outer = 1, inner = tensor.dtype.bytes;
  for (auto [i, size] : llvm::enumerate(tensor.shape))
    (i < dim ? outer : inner) *= i == dim ? 1 : size;
  return {outer, inner};
}

/// Copies `count` steps between two arrays that differ in time only.
static void copySteps(const HostTensor &from, int64_t fromStep, HostTensor &to,
                      int64_t toStep, int64_t count, unsigned dim) {
  auto [outer, inner] = getBlocks(from, dim);
  const char *source = static_cast<const char *>(from.buffer.data());
  char *target = static_cast<char *>(to.buffer.data());
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(target + (i * to.shape[dim] + toStep) * inner,
                source + (i * from.shape[dim] + fromStep) * inner,
                count * inner);
}

static llvm::Expected<HostTensor> allocateWith(const HostTensor &like,
                                               unsigned dim, int64_t steps) {
  SmallVector<int64_t, 4> shape(like.shape);
  shape[dim] = steps;
  return HostTensor::allocate(like.dtype, shape);
}

static llvm::Expected<HostTensor> cut(const HostTensor &tensor, unsigned dim,
                                      int64_t begin, int64_t steps) {
  auto part = allocateWith(tensor, dim, steps);
  if (part)
    copySteps(tensor, begin, *part, 0, steps, dim);
  return part;
}

Stream::Port Stream::readPort(DictionaryAttr attrs, StringRef number) {
  auto read = [&](StringRef name) -> std::optional<int64_t> {
    auto attr = attrs ? attrs.getAs<IntegerAttr>(name) : IntegerAttr();
    return attr ? std::optional(attr.getInt()) : std::nullopt;
  };
  return {read(number), read(kStateAttrName), read(kTimeAttrName)};
}

static int64_t hashText(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, OpPrintingFlags().useLocalScope());
  return static_cast<int64_t>(llvm::xxh3_64bits(text));
}

std::optional<Stream> Stream::derive(ModuleOp module, StringRef entry) {
  SmallVector<func::FuncOp> entries;
  for (auto func : module.getOps<func::FuncOp>())
    if (func.isPublic() && !func.isExternal() &&
        (entry.empty() || func.getName() == entry))
      entries.push_back(func);
  if (entries.size() != 1) {
    module.emitError("the program has ")
        << entries.size()
        << (entry.empty() ? " public functions; pick one with --entry"
                          : " public functions of the name of --entry");
    return std::nullopt;
  }
  std::string name = entries[0].getName().str();
  PassManager pm(module.getContext());
  pm.addPass(createInlinerPass());
  DeriveStepOptions options;
  options.entry = name;
  options.chunk = 0;
  pm.addPass(createDeriveStep(options));
  if (failed(pm.run(module)))
    return std::nullopt;
  Stream stream;
  stream.start = name + "_start";
  stream.step = name + "_step";
  for (auto func : module.getOps<func::FuncOp>()) {
    bool isStep = func.getName() == stream.step;
    if (!isStep && func.getName() != stream.start) {
      if (!func.isExternal())
        func.setPrivate();
      continue;
    }
    if (isStep)
      stream.fingerprint = hashText(func);
    for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
      (isStep ? stream.stepInputs : stream.startInputs)
          .push_back(readPort(func.getArgAttrDict(i), kArgumentAttrName));
    for (unsigned i = 0, e = isStep ? func.getNumResults() : 0; i < e; ++i)
      stream.stepOutputs.push_back(
          readPort(func.getResultAttrDict(i), kResultAttrName));
  }
  return stream;
}

llvm::Expected<int64_t> Stream::countSteps(ArrayRef<HostTensor> inputs) const {
  if (inputs.size() != startInputs.size())
    return llvm::createStringError("the function has " +
                                   std::to_string(startInputs.size()) +
                                   " arguments, but --input was given " +
                                   std::to_string(inputs.size()) + " times");
  std::optional<int64_t> steps;
  for (auto [i, input, port] : llvm::enumerate(inputs, startInputs)) {
    if (!port.time)
      continue;
    if (static_cast<size_t>(*port.time) >= input.shape.size())
      return llvm::createStringError(
          "input " + std::to_string(i) + " has no dimension " +
          std::to_string(*port.time) + ", which is time; it is " + input.str());
    int64_t size = input.shape[*port.time];
    if (steps && *steps != size)
      return llvm::createStringError(
          "all signals have the same number of steps, but input " +
          std::to_string(i) + " has " + std::to_string(size) +
          " and one before it " + std::to_string(*steps));
    steps = size;
  }
  if (steps.value_or(0) < 1)
    return llvm::createStringError(
        "a stream has at least 1 step, but the signals have none");
  return *steps;
}

/// An array of the one number.
static llvm::Expected<HostTensor> makeNumber(int64_t number) {
  for (const DType &dtype : getDTypes())
    if (dtype.code == SSM_I64) {
      auto tensor = HostTensor::allocate(dtype, {});
      if (tensor)
        std::memcpy(tensor->buffer.data(), &number, sizeof(number));
      return tensor;
    }
  llvm_unreachable("int64 is a type of arrays");
}

llvm::Error Stream::readStates(StringRef path,
                               std::vector<HostTensor> &states) const {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError(path + ": error: " + message);
  };
  auto arrays = readNpys(path);
  if (!arrays)
    return arrays.takeError();
  const HostTensor &name = arrays->front();
  if (name.dtype.code != SSM_I64 || !name.shape.empty() ||
      std::memcmp(name.buffer.data(), &fingerprint, sizeof(fingerprint)) != 0)
    return fail("the state must be one that --state-out wrote for this program "
                "and entry, but it is of another; stream from the start");
  if (arrays->size() != states.size() + 1)
    return fail("the program has " + llvm::Twine(states.size()) +
                " states, but the file has " + llvm::Twine(arrays->size() - 1) +
                "; stream from the start");
  for (auto [i, state] : llvm::enumerate(states)) {
    HostTensor &given = (*arrays)[i + 1];
    if (given.dtype.code != state.dtype.code || given.shape != state.shape)
      return fail("state " + llvm::Twine(i) + " must be " + state.str() +
                  " for signals of these sizes, but it is " + given.str() +
                  "; go on with as many rows as the state was made for");
    state = std::move(given);
  }
  return llvm::Error::success();
}

llvm::Error Stream::writeStates(StringRef path,
                                ArrayRef<HostTensor> outs) const {
  auto name = makeNumber(fingerprint);
  if (!name)
    return name.takeError();
  SmallVector<const HostTensor *> arrays = {&*name};
  for (auto [out, port] : llvm::zip(outs, stepOutputs))
    if (port.state)
      arrays.push_back(&out);
  return writeNpys(path, arrays);
}

llvm::Expected<std::vector<HostTensor>>
Stream::run(std::vector<HostTensor> inputs, int64_t chunk,
            const StateFiles &files, Call call) {
  auto steps = countSteps(inputs);
  if (!steps)
    return steps.takeError();
  // 1. The states before the first step; signals give their sizes only.
  std::vector<HostTensor> arguments(inputs.size());
  for (auto [input, argument, port] :
       llvm::zip(inputs, arguments, startInputs)) {
    if (!port.time) {
      argument = std::move(input);
      continue;
    }
    auto part = cut(input, *port.time, 0, std::min(chunk, *steps));
    if (!part)
      return part.takeError();
    argument = std::move(*part);
  }
  auto states = call(start, arguments);
  if (!states)
    return states.takeError();
  if (!files.in.empty())
    if (llvm::Error error = readStates(files.in, *states))
      return std::move(error);
  std::vector<HostTensor> ins(stepInputs.size());
  for (auto [in, port] : llvm::zip(ins, stepInputs))
    in = std::move(port.state ? (*states)[*port.state]
                              : arguments[*port.number]);
  // 2. Chunk by chunk.
  std::vector<HostTensor> joined(stepOutputs.size()), outs;
  for (int64_t begin = 0; begin < *steps; begin += chunk) {
    int64_t count = std::min(chunk, *steps - begin);
    for (auto [in, port] : llvm::zip(ins, stepInputs)) {
      if (port.state && begin)
        for (auto [out, from] : llvm::zip(outs, stepOutputs))
          if (from.state == port.state)
            in = std::move(out);
      if (port.state || !port.time)
        continue;
      auto part = cut(inputs[*port.number], *port.time, begin, count);
      if (!part)
        return part.takeError();
      in = std::move(*part);
    }
    auto results = call(step, ins);
    if (!results)
      return results.takeError();
    outs = std::move(*results);
    for (auto [out, whole, port] : llvm::zip(outs, joined, stepOutputs)) {
      if (!port.time || port.state)
        continue;
      if (!begin) {
        auto all = allocateWith(out, *port.time, *steps);
        if (!all)
          return all.takeError();
        whole = std::move(*all);
      }
      copySteps(out, 0, whole, begin, count, *port.time);
    }
  }
  if (!files.out.empty())
    if (llvm::Error error = writeStates(files.out, outs))
      return std::move(error);
  return moveResults(outs, joined);
}

/// The results in the function's order.
std::vector<HostTensor>
Stream::moveResults(std::vector<HostTensor> &last,
                    std::vector<HostTensor> &joined) const {
  size_t count = 0;
  for (const Port &port : stepOutputs)
    count += port.number.has_value();
  std::vector<HostTensor> results(count);
  for (auto [out, whole, port] : llvm::zip(last, joined, stepOutputs))
    if (port.number)
      results[*port.number] = std::move(port.time && !port.state ? whole : out);
  return results;
}
