//===- Device.cpp - Run kernels on a GPU ----------------------------------===//
#include "ssm/GPU/Device.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/DynamicLibrary.h"

using namespace llvm;

namespace ssm {

/// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES of the CUDA Driver API.
static constexpr int kMaxDynamicSharedBytes = 8;

/// The functions of libcuda that are called, and their parameters (CUDA Driver
/// API). Results are error codes, 0 for success.
#define SSM_CUDA_FUNCTIONS(X)                                                  \
  X(cuInit, (unsigned))                                                        \
  X(cuDeviceGet, (int *, int))                                                 \
  X(cuDevicePrimaryCtxRetain, (void **, int))                                  \
  X(cuDevicePrimaryCtxRelease_v2, (int))                                       \
  X(cuCtxSetCurrent, (void *))                                                 \
  X(cuModuleLoadData, (void **, const void *))                                 \
  X(cuModuleUnload, (void *))                                                  \
  X(cuModuleGetFunction, (void **, void *, const char *))                      \
  X(cuFuncSetAttribute, (void *, int, int))                                    \
  X(cuMemAlloc_v2, (uint64_t *, size_t))                                       \
  X(cuMemFree_v2, (uint64_t))                                                  \
  X(cuMemcpyHtoD_v2, (uint64_t, const void *, size_t))                         \
  X(cuMemcpyDtoH_v2, (void *, uint64_t, size_t))                               \
  X(cuMemsetD8_v2, (uint64_t, unsigned char, size_t))                          \
  X(cuLaunchKernel, (void *, unsigned, unsigned, unsigned, unsigned, unsigned, \
                     unsigned, unsigned, void *, void **, void **))            \
  X(cuEventCreate, (void **, unsigned))                                        \
  X(cuEventDestroy_v2, (void *))                                               \
  X(cuEventRecord, (void *, void *))                                           \
  X(cuEventSynchronize, (void *))                                              \
  X(cuEventElapsedTime, (float *, void *, void *))                             \
  X(cuGetErrorString, (int, const char **))

struct CUDADriver {
#define SSM_DECLARE(name, parameters) int(*name) parameters = nullptr;
  SSM_CUDA_FUNCTIONS(SSM_DECLARE)
#undef SSM_DECLARE

  static Expected<const CUDADriver &> get();
  Error check(int code, const char *function) const;
};

/// Calls a function of the driver; its failure as an llvm::Error.
#define SSM_CALL(function, ...)                                                \
  driver->check(driver->function(__VA_ARGS__), #function)

Expected<const CUDADriver &> CUDADriver::get() {
  static CUDADriver driver;
  std::string problem;
  auto library =
      sys::DynamicLibrary::getPermanentLibrary("libcuda.so.1", &problem);
  if (!library.isValid())
    return createStringError("there is no CUDA driver: " + problem +
                             "; install the driver of the GPU, or run the "
                             "kernel on the CPU by ssm-emulate");
  const char *missing = nullptr;
#define SSM_LOAD(name, parameters)                                             \
  if (void *address = library.getAddressOfSymbol(#name))                       \
    driver.name = reinterpret_cast<decltype(driver.name)>(address);            \
  else                                                                         \
    missing = #name;
  SSM_CUDA_FUNCTIONS(SSM_LOAD)
#undef SSM_LOAD
  if (missing)
    return createStringError(Twine("libcuda.so.1 lacks ") + missing +
                             "; it must be of CUDA 11 or later");
  return driver;
}

/// What to do after an error (CUresult of the CUDA Driver API); nothing where
/// that depends.
static const char *advise(int code) {
  switch (code) {
  case 2: // CUDA_ERROR_OUT_OF_MEMORY
    return "; take smaller tensors, or end what else uses the GPU";
  case 100: // CUDA_ERROR_NO_DEVICE
    return "; run it on the CPU, without a target, or the kernel by "
           "ssm-emulate";
  case 209: // CUDA_ERROR_NO_BINARY_FOR_GPU
  case 218: // CUDA_ERROR_INVALID_PTX
    return "; take the chip of the device for --target";
  case 222: // CUDA_ERROR_UNSUPPORTED_PTX_VERSION
  case 803: // CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
    return "; install a newer driver, or take an older chip for --target";
  default:
    return "";
  }
}

Error CUDADriver::check(int code, const char *function) const {
  if (code == 0)
    return Error::success();
  const char *reason = nullptr;
  cuGetErrorString(code, &reason);
  return createStringError(Twine(function) +
                           " failed: " + (reason ? reason : "unknown error") +
                           " (" + Twine(code) + ")" + advise(code));
}

DeviceBuffer::~DeviceBuffer() {
  if (driver)
    driver->cuMemFree_v2(address);
}

//===----------------------------------------------------------------------===//
// Device
//===----------------------------------------------------------------------===//

Expected<Device> Device::open(StringRef code) {
  auto driver = CUDADriver::get();
  if (!driver)
    return driver.takeError();
  Device device(*driver);
  if (Error error = device.start(code))
    return std::move(error);
  return std::move(device);
}

Error Device::start(StringRef code) {
  if (Error error = SSM_CALL(cuInit, 0))
    return error;
  if (Error error = SSM_CALL(cuDeviceGet, &device, 0))
    return error;
  void *context = nullptr;
  if (Error error = SSM_CALL(cuDevicePrimaryCtxRetain, &context, device))
    return error;
  hasContext = true;
  if (Error error = SSM_CALL(cuCtxSetCurrent, context))
    return error;
  // PTX is text that ends in a zero.
  return SSM_CALL(cuModuleLoadData, &module, code.str().c_str());
}

Device::Device(Device &&other) noexcept
    : driver(other.driver), device(other.device),
      module(std::exchange(other.module, nullptr)),
      hasContext(std::exchange(other.hasContext, false)) {}

Device::~Device() {
  if (module)
    driver->cuModuleUnload(module);
  if (hasContext)
    driver->cuDevicePrimaryCtxRelease_v2(device);
}

Expected<DeviceBuffer> Device::allocate(int64_t bytes) {
  uint64_t address = 0;
  // The driver refuses to allocate nothing.
  if (Error error =
          SSM_CALL(cuMemAlloc_v2, &address, std::max<int64_t>(bytes, 1)))
    return std::move(error);
  return DeviceBuffer(driver, address);
}

Error Device::copyIn(const DeviceBuffer &to, const void *from, int64_t bytes) {
  return bytes ? SSM_CALL(cuMemcpyHtoD_v2, to.get(), from, bytes)
               : Error::success();
}

Error Device::copyOut(void *to, const DeviceBuffer &from, int64_t bytes) {
  return bytes ? SSM_CALL(cuMemcpyDtoH_v2, to, from.get(), bytes)
               : Error::success();
}

Error Device::zero(const DeviceBuffer &buffer, int64_t bytes) {
  return bytes ? SSM_CALL(cuMemsetD8_v2, buffer.get(), 0, bytes)
               : Error::success();
}

Expected<double> Device::launch(ArrayRef<Geometry> kernels,
                                ArrayRef<uint64_t> arguments, void *stream) {
  void *events[2] = {};
  scope_exit destroy([&] {
    for (void *event : events)
      if (event)
        driver->cuEventDestroy_v2(event);
  });
  std::vector<void *> functions(kernels.size());
  for (auto [function, kernel] : zip_equal(functions, kernels)) {
    if (Error error = SSM_CALL(cuModuleGetFunction, &function, module,
                               kernel.entry.c_str()))
      return std::move(error);
    // Beyond 48 KiB, which a kernel has to ask for.
    if (kernel.sharedBytes)
      if (Error error = SSM_CALL(cuFuncSetAttribute, function,
                                 kMaxDynamicSharedBytes, kernel.sharedBytes))
        return std::move(error);
  }
  for (void *&event : events)
    if (Error error = SSM_CALL(cuEventCreate, &event, 0))
      return std::move(error);
  std::vector<uint64_t> values(arguments);
  std::vector<void *> pointers;
  for (uint64_t &value : values)
    pointers.push_back(&value);
  if (Error error = SSM_CALL(cuEventRecord, events[0], stream))
    return std::move(error);
  for (auto [function, kernel] : zip_equal(functions, kernels)) {
    // A grid must have a block; without elements there is nothing to do.
    if (!kernel.blocks)
      continue;
    if (Error error = SSM_CALL(cuLaunchKernel, function, kernel.blocks, 1, 1,
                               kernel.threads, 1, 1, kernel.sharedBytes, stream,
                               pointers.data(), /*extra=*/nullptr))
      return std::move(error);
  }
  if (Error error = SSM_CALL(cuEventRecord, events[1], stream))
    return std::move(error);
  if (Error error = SSM_CALL(cuEventSynchronize, events[1]))
    return std::move(error);
  float milliseconds = 0;
  if (Error error =
          SSM_CALL(cuEventElapsedTime, &milliseconds, events[0], events[1]))
    return std::move(error);
  return milliseconds * 1e-3;
}

} // namespace ssm
