//===- Signature.h - What a kernel takes and returns ------------*- C++ -*-===//
//
// The attribute `ssm.abi` on a function, as a C++ value:
//
//   ssm.abi = {inputs = [{name = "a0", type = f32, shape = ["d0", 4]}, ...],
//              outputs = [...],
//              strategies = [{op = "linear_recurrence",
//                             strategy = "fft_conv"}, ...],
//              states = [array<i64: 1, 0>, ...],      (only of a step)
//              parameters = array<i64: 1>,            (if there are any)
//              workspace = [{offset = 0, shape = array<i64: 4, 4>}, ...],
//              workspace_bytes = 64}
//
//===----------------------------------------------------------------------===//
#ifndef SSM_AOT_SIGNATURE_H
#define SSM_AOT_SIGNATURE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <vector>

namespace ssm {

/// Name of the discardable attribute on functions.
inline constexpr llvm::StringLiteral kABIAttrName = "ssm.abi";

/// Name of the argument and result attribute that names a tensor.
inline constexpr llvm::StringLiteral kArgName = "ssm.name";

/// Unit attribute of an argument that is the same in many calls.
inline constexpr llvm::StringLiteral kParameterAttrName = "ssm.parameter";

/// Attributes of arguments and results of what --ssm-derive-step makes: the
/// number of a state, of the function's argument or result, and the dimension
/// that is time.
inline constexpr llvm::StringLiteral kStateAttrName = "ssm.state";
inline constexpr llvm::StringLiteral kArgumentAttrName = "ssm.argument";
inline constexpr llvm::StringLiteral kResultAttrName = "ssm.result";
inline constexpr llvm::StringLiteral kTimeAttrName = "ssm.time";

/// A size: a constant, or the number of a symbol that is bound at run time.
struct DimSpec {
  int64_t size = 0; ///< Used if `symbol` is negative.
  int symbol = -1;

  bool isStatic() const { return symbol < 0; }
  std::string str() const;
  bool operator==(const DimSpec &o) const {
    return size == o.size && symbol == o.symbol;
  }
};

struct TensorSpec {
  std::string name;
  mlir::Type elementType;
  llvm::SmallVector<DimSpec, 4> shape;

  /// E.g. "float32[d0, 4]".
  std::string str() const;
};

/// A buffer inside the workspace: the kernel's arguments after its outputs.
struct BufferSpec {
  int64_t offset;
  llvm::SmallVector<int64_t, 4> shape;
};

/// How an op of the kernel is computed: the name as `--explain` prints it, and
/// the kind of its `#ssm.strategy`.
struct StrategySpec {
  std::string op, strategy;
};

/// A state of a step: it comes in as an input and goes out as an output.
struct StateSpec {
  int64_t input, output;
};

struct Signature {
  std::vector<TensorSpec> inputs, outputs;
  std::vector<StateSpec> states; ///< In their order.
  /// Inputs that are the same in many calls, see ssm-split-parameters.
  std::vector<int64_t> parameters;
  std::vector<BufferSpec> workspace;
  std::vector<StrategySpec> strategies;
  int64_t workspaceBytes = 0;

  unsigned numSymbols() const;
  /// Bytes of all states, where sizes known at run time only count as 1.
  int64_t stateBytes() const;
  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  static std::optional<Signature> fromAttr(mlir::DictionaryAttr dict);
  /// Reads `ssm.abi` of `op`; nothing if it is absent or malformed.
  static std::optional<Signature> get(mlir::Operation *op);
  std::string toJSON(llvm::StringRef name, llvm::StringRef target,
                     unsigned threads) const;
};

/// Name, dtype and shape of each.
llvm::json::Array toJSON(llvm::ArrayRef<TensorSpec> specs);

/// How an element type is called outside: its code in ssm-c/Runtime.h and its
/// NumPy name; its size in memory.
struct DType {
  int code;
  const char *name;
  int64_t bytes, alignment;
};

/// All of them.
llvm::ArrayRef<DType> getDTypes();

/// Null if elements of this type cannot cross the C ABI.
const DType *getDType(mlir::Type elementType);

/// The names of all types that can, for error messages.
inline constexpr llvm::StringLiteral kDTypeList =
    "f16, bf16, f32, f64, complex<f32>, complex<f64>, i1, i8, i16, i32, i64 "
    "and index";

} // namespace ssm

#endif // SSM_AOT_SIGNATURE_H
