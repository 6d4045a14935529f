//===- RunOnGPU.cpp - One kernel on a GPU ---------------------------------===//
#include "RunOnGPU.h"

#include "ssm/GPU/Device.h"

using namespace llvm;

namespace ssm {

namespace {
/// A kernel's arguments in the device's memory.
struct Arguments {
  std::vector<DeviceBuffer> buffers; ///< Inputs, outputs, workspace.
  std::vector<uint64_t> values;
};
} // namespace

/// The sizes that the signature's symbols have.
static void bindSizes(ArrayRef<TensorSpec> specs, ArrayRef<HostTensor> tensors,
                      SmallVectorImpl<int64_t> &sizes) {
  for (auto [spec, tensor] : zip_equal(specs, tensors))
    for (auto [dim, size] : zip_equal(spec.shape, tensor.shape))
      if (!dim.isStatic())
        sizes[dim.symbol] = size;
}

static Error addTensors(Device &device, ArrayRef<HostTensor> tensors,
                        bool copies, Arguments &arguments) {
  for (const HostTensor &tensor : tensors) {
    auto buffer = device.allocate(tensor.buffer.size());
    if (!buffer)
      return buffer.takeError();
    if (copies)
      if (Error error = device.copyIn(*buffer, tensor.buffer.data(),
                                      tensor.buffer.size()))
        return error;
    arguments.values.push_back(buffer->get());
    arguments.buffers.push_back(std::move(*buffer));
  }
  return Error::success();
}

static Expected<std::vector<HostTensor>>
allocateOutputs(const Signature &signature, ArrayRef<HostTensor> inputs) {
  auto shapes = bindShapes(signature, inputs);
  if (!shapes)
    return shapes.takeError();
  std::vector<HostTensor> outputs;
  for (auto [spec, shape] : zip_equal(signature.outputs, *shapes)) {
    auto tensor = HostTensor::allocate(*getDType(spec.elementType), shape);
    if (!tensor)
      return tensor.takeError();
    outputs.push_back(std::move(*tensor));
  }
  return outputs;
}

Expected<GPUResult> runOnGPU(const GPUCode &code, ArrayRef<HostTensor> inputs,
                             unsigned repeats) {
  const Launch &launch = code.kernels.front();
  auto outputs = allocateOutputs(launch.signature, inputs);
  if (!outputs)
    return outputs.takeError();
  GPUResult result{std::move(*outputs), {}};
  SmallVector<int64_t> sizes(launch.signature.numSymbols());
  bindSizes(launch.signature.inputs, inputs, sizes);
  bindSizes(launch.signature.outputs, result.outputs, sizes);
  std::vector<Device::Geometry> kernels;
  for (const KernelLaunch &kernel : launch.sequence())
    kernels.push_back({kernel.entry, kernel.countBlocks(sizes), kernel.threads,
                       kernel.sharedBytes});
  int64_t workspaceBytes = launch.countWorkspaceBytes(sizes);

  auto device = Device::open(code.code);
  if (!device)
    return device.takeError();
  Arguments arguments;
  if (Error error = addTensors(*device, inputs, /*copies=*/true, arguments))
    return std::move(error);
  if (Error error =
          addTensors(*device, result.outputs, /*copies=*/false, arguments))
    return std::move(error);
  append_range(arguments.values, sizes);
  auto workspace = device->allocate(workspaceBytes);
  if (!workspace)
    return workspace.takeError();
  if (workspaceBytes)
    arguments.values.push_back(workspace->get());
  for (unsigned i = 0; i <= repeats; ++i) {
    if (launch.zeroesWorkspace)
      if (Error error = device->zero(*workspace, workspaceBytes))
        return std::move(error);
    auto seconds = device->launch(kernels, arguments.values);
    if (!seconds)
      return seconds.takeError();
    if (i > 0)
      result.seconds.push_back(*seconds);
  }
  for (auto [i, tensor] : enumerate(result.outputs))
    if (Error error = device->copyOut(tensor.buffer.data(),
                                      arguments.buffers[inputs.size() + i],
                                      tensor.buffer.size()))
      return std::move(error);
  return std::move(result);
}

} // namespace ssm
