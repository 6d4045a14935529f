//===- XLA.cpp - Kernels as custom calls of XLA ---------------------------===//
//
// One handler serves every kernel: the attribute `kernel` of a call is the name
// under which Python published it. A name is made of the program, so that what
// XLA caches on disk means the same kernel in another process.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"

#include "xla/ffi/api/ffi.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <nanobind/stl/string.h>

#include <shared_mutex>

using namespace ssm;
using namespace ssm::python;
namespace ffi = xla::ffi;

namespace {
/// The published kernels. They stay for as long as the process does, because
/// nothing tells when XLA has dropped its last call.
struct Registry {
  std::shared_mutex mutex;
  llvm::StringMap<Kernel *> kernels;

  static Registry &get() {
    static auto *registry = new Registry();
    return *registry;
  }
};
} // namespace

static void publish(nb::handle kernel, const std::string &name) {
  Registry &registry = Registry::get();
  std::unique_lock<std::shared_mutex> lock(registry.mutex);
  if (registry.kernels.try_emplace(name, nb::cast<Kernel *>(kernel)).second)
    kernel.inc_ref();
}

/// Whether a buffer is what the kernel's signature says.
static bool fits(const ffi::AnyBuffer &buffer, const Tensor &tensor) {
  return buffer.dimensions().size() == tensor.shape.size() &&
         std::equal(tensor.shape.begin(), tensor.shape.end(),
                    buffer.dimensions().begin());
}

static ffi::Error call(ffi::RemainingArgs args, ffi::RemainingRets results,
                       std::string_view name) {
  Kernel *kernel = nullptr;
  {
    Registry &registry = Registry::get();
    std::shared_lock<std::shared_mutex> lock(registry.mutex);
    kernel = registry.kernels.lookup(llvm::StringRef(name.data(), name.size()));
  }
  if (!kernel)
    return ffi::Error(ffi::ErrorCode::kNotFound,
                      "mlir_ssm: this process has not compiled the "
                      "kernel; trace the function again");
  if (args.size() != kernel->getInputs().size() ||
      results.size() != kernel->getOutputs().size())
    return ffi::Error::InvalidArgument("mlir_ssm: wrong number of arrays");
  llvm::SmallVector<ssm_tensor> tensors;
  auto append = [&](const ffi::AnyBuffer &buffer, const Tensor &tensor) {
    tensors.push_back({buffer.untyped_data(), tensor.dtype.code,
                       static_cast<int32_t>(tensor.shape.size()),
                       buffer.dimensions().begin(), nullptr});
    return fits(buffer, tensor);
  };
  bool ok = true;
  for (size_t i = 0; i < args.size(); ++i)
    ok &= append(*args.get<ffi::AnyBuffer>(i), kernel->getInputs()[i]);
  for (size_t i = 0; i < results.size(); ++i)
    ok &= append(**results.get<ffi::AnyBuffer>(i), kernel->getOutputs()[i]);
  if (!ok)
    return ffi::Error::InvalidArgument("mlir_ssm: wrong shape of an array");
  // XLA takes its arrays from malloc, which maps large ones anew at each call.
  for (size_t i = 0; i < results.size(); ++i) {
    const ffi::AnyBuffer &result = **results.get<ffi::AnyBuffer>(i);
    preferHugePages(result.untyped_data(), result.size_bytes());
  }
  int status = kernel->invoke(tensors.data(), tensors.data() + args.size());
  if (status)
    return ffi::Error::InvalidArgument(std::string("mlir_ssm: ") +
                                       ssm_status_string(status));
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(
    handler, call,
    ffi::Ffi::Bind().RemainingArgs().RemainingRets().Attr<std::string_view>(
        "kernel"));

void ssm::python::bindXLA(nb::module_ &m) {
  m.def("publish", &publish, nb::arg("kernel"), nb::arg("name"));
  m.def("xla_handler",
        [] { return nb::capsule(reinterpret_cast<void *>(handler)); });
}
