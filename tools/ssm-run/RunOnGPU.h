//===- RunOnGPU.h - One kernel on a GPU -------------------------*- C++ -*-===//
#ifndef SSM_TOOLS_RUNONGPU_H
#define SSM_TOOLS_RUNONGPU_H

#include "ssm/AOT/HostTensor.h"
#include "ssm/GPU/Compile.h"

namespace ssm {

/// What came out, and the seconds of each run on the device.
struct GPUResult {
  std::vector<HostTensor> outputs;
  std::vector<double> seconds;
};

/// Runs the only kernel of `code` 1 + `repeats` times; the first run is not
/// timed.
llvm::Expected<GPUResult> runOnGPU(const GPUCode &code,
                                   llvm::ArrayRef<HostTensor> inputs,
                                   unsigned repeats);

} // namespace ssm

#endif // SSM_TOOLS_RUNONGPU_H
