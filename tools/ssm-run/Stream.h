//===- Stream.h - Running a function chunk by chunk -------------*- C++ -*-===//
#ifndef SSM_TOOLS_RUN_STREAM_H
#define SSM_TOOLS_RUN_STREAM_H

#include "ssm/AOT/HostTensor.h"

#include "mlir/IR/BuiltinOps.h"

namespace ssm {

/// A function as the two that --ssm-derive-step makes of it.
class Stream {
public:
  /// Calls a kernel by name.
  using Call = llvm::function_ref<llvm::Expected<std::vector<HostTensor>>(
      llvm::StringRef name, std::vector<HostTensor> &inputs)>;

  /// Derives the step of `entry`, or of the only public function, which is
  /// then all that is public in the module. Diagnostics say what is wrong.
  static std::optional<Stream> derive(mlir::ModuleOp module,
                                      llvm::StringRef entry);

  /// Files of a state: to go on from, and to write; none if empty. They hold
  /// arrays one after another: what names the program, then its states.
  struct StateFiles {
    std::string in, out;
  };

  /// The function's results from its inputs, in chunks of `chunk` steps.
  llvm::Expected<std::vector<HostTensor>> run(std::vector<HostTensor> inputs,
                                              int64_t chunk,
                                              const StateFiles &files,
                                              Call call);

private:
  /// An argument or a result of the step.
  struct Port {
    std::optional<int64_t> number; ///< In the function.
    std::optional<int64_t> state, time;
  };
  static Port readPort(mlir::DictionaryAttr attrs, llvm::StringRef number);

  llvm::Expected<int64_t> countSteps(llvm::ArrayRef<HostTensor> inputs) const;
  std::vector<HostTensor> moveResults(std::vector<HostTensor> &last,
                                      std::vector<HostTensor> &joined) const;

  /// Replaces the states before the first step by those of a file.
  llvm::Error readStates(llvm::StringRef path,
                         std::vector<HostTensor> &states) const;
  llvm::Error writeStates(llvm::StringRef path,
                          llvm::ArrayRef<HostTensor> outs) const;

  std::string start, step;
  int64_t fingerprint = 0; ///< Of the text of the step.
  std::vector<Port> startInputs, stepInputs, stepOutputs;
};

} // namespace ssm

#endif // SSM_TOOLS_RUN_STREAM_H
