//===- Device.h - Run kernels on a GPU --------------------------*- C++ -*-===//
//
// The CUDA driver, libcuda, is opened when it is needed: nothing links to it.
// Every call of it that fails is an error with its name and reason.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_GPU_DEVICE_H
#define SSM_GPU_DEVICE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace ssm {

struct CUDADriver;

/// Memory of a device.
class DeviceBuffer {
public:
  DeviceBuffer() = default;
  DeviceBuffer(const CUDADriver *driver, uint64_t address)
      : driver(driver), address(address) {}
  DeviceBuffer(DeviceBuffer &&other) noexcept
      : driver(std::exchange(other.driver, nullptr)), address(other.address) {}
  DeviceBuffer &operator=(DeviceBuffer &&other) noexcept {
    std::swap(driver, other.driver);
    std::swap(address, other.address);
    return *this;
  }
  ~DeviceBuffer();

  uint64_t get() const { return address; }

private:
  const CUDADriver *driver = nullptr;
  uint64_t address = 0;
};

/// The first device, and a module of code on it.
class Device {
public:
  /// Loads PTX or a cubin.
  static llvm::Expected<Device> open(llvm::StringRef code);
  Device(Device &&other) noexcept;
  ~Device();

  llvm::Expected<DeviceBuffer> allocate(int64_t bytes);
  llvm::Error copyIn(const DeviceBuffer &to, const void *from, int64_t bytes);
  llvm::Error copyOut(void *to, const DeviceBuffer &from, int64_t bytes);
  llvm::Error zero(const DeviceBuffer &buffer, int64_t bytes);
  /// A kernel of the module.
  struct Geometry {
    std::string entry;
    int64_t blocks, threads;
    int64_t sharedBytes = 0; ///< Of a block, beside the kernel's own.
  };
  /// Launches kernels one after the other, on the same arguments of 8 bytes,
  /// and waits for them; the seconds that they took on the device. They run on
  /// the caller's stream, a CUstream of the device's primary context; null is
  /// the default one.
  llvm::Expected<double> launch(llvm::ArrayRef<Geometry> kernels,
                                llvm::ArrayRef<uint64_t> arguments,
                                void *stream = nullptr);

private:
  explicit Device(const CUDADriver &driver) : driver(&driver) {}
  llvm::Error start(llvm::StringRef code);

  const CUDADriver *driver;
  int device = 0;
  void *module = nullptr;
  bool hasContext = false;
};

} // namespace ssm

#endif // SSM_GPU_DEVICE_H
