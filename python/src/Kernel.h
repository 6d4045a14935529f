//===- Kernel.h - A compiled function on NumPy arrays -----------*- C++ -*-===//
#ifndef SSM_PYTHON_KERNEL_H
#define SSM_PYTHON_KERNEL_H

#include "ssm/AOT/Compile.h"
#include "ssm/AOT/HostTensor.h"

#include <mutex>
#include <nanobind/nanobind.h>

namespace ssm::python {

namespace nb = nanobind;

/// A tensor of a signature. A size below 0 is the symbol -1 - size.
struct Tensor {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  nb::object numpyDType;

  /// E.g. "float32[d0, 4]".
  std::string str() const;
};

/// Machine code in this process, called with arrays. Any number of threads may
/// call it at the same time.
class Kernel {
public:
  /// `object` is an object file, `signature` the JSON of its `K_signature`.
  Kernel(nb::bytes object, const std::string &signature);

  /// Runs the kernel on one array for each input, without the GIL, and returns
  /// its results in a tuple. Arrays that are not contiguous are copied.
  nb::object operator()(nb::args arrays);

  /// Runs the kernel on arrays that are contiguous and of the signature's
  /// sizes; 0 or an ssm_status.
  int invoke(const ssm_tensor *ins, const ssm_tensor *outs);

  llvm::ArrayRef<Tensor> getInputs() const { return inputs; }
  llvm::ArrayRef<Tensor> getOutputs() const { return outputs; }

private:
  AlignedBuffer takeWorkspace();
  void giveBack(AlignedBuffer workspace);

  std::string name;
  std::vector<Tensor> inputs, outputs;
  unsigned numSymbols = 0;
  int64_t workspaceBytes = 0;
  std::optional<LoadedModule> code;
  int (*run)(const ssm_tensor *, const ssm_tensor *, void *, void *);

  std::mutex mutex;
  std::vector<AlignedBuffer> workspaces; ///< Those no call uses.
};

/// Adds what XLA needs to call kernels (XLA.cpp).
void bindXLA(nb::module_ &m);

} // namespace ssm::python

#endif // SSM_PYTHON_KERNEL_H
