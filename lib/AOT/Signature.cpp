//===- Signature.cpp - What a kernel takes and returns --------------------===//
#include "ssm/AOT/Signature.h"

#include "ssm-c/Runtime.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace ssm {

ArrayRef<DType> getDTypes() {
  static const DType dtypes[] = {
      {SSM_F16, "float16", 2, 2},   {SSM_BF16, "bfloat16", 2, 2},
      {SSM_F32, "float32", 4, 4},   {SSM_F64, "float64", 8, 8},
      {SSM_C64, "complex64", 8, 4}, {SSM_C128, "complex128", 16, 8},
      {SSM_BOOL, "bool", 1, 1},     {SSM_I8, "int8", 1, 1},
      {SSM_I16, "int16", 2, 2},     {SSM_I32, "int32", 4, 4},
      {SSM_I64, "int64", 8, 8},
  };
  return dtypes;
}

/// The code in ssm-c/Runtime.h, or 0.
static int getCode(Type type) {
  if (auto complex = dyn_cast<ComplexType>(type))
    return complex.getElementType().isF32()   ? SSM_C64
           : complex.getElementType().isF64() ? SSM_C128
                                              : 0;
  return type.isF16()                                   ? SSM_F16
         : type.isBF16()                                ? SSM_BF16
         : type.isF32()                                 ? SSM_F32
         : type.isF64()                                 ? SSM_F64
         : type.isSignlessInteger(1)                    ? SSM_BOOL
         : type.isSignlessInteger(8)                    ? SSM_I8
         : type.isSignlessInteger(16)                   ? SSM_I16
         : type.isSignlessInteger(32)                   ? SSM_I32
         : type.isSignlessInteger(64) || type.isIndex() ? SSM_I64
                                                        : 0;
}

const DType *getDType(Type type) {
  int code = getCode(type);
  const auto *it = llvm::find_if(
      getDTypes(), [&](const DType &dtype) { return dtype.code == code; });
  return it == getDTypes().end() ? nullptr : it;
}

std::string DimSpec::str() const {
  return isStatic() ? std::to_string(size) : "d" + std::to_string(symbol);
}

std::string TensorSpec::str() const {
  std::string text = getDType(elementType)->name;
  text += "[";
  for (auto [i, dim] : llvm::enumerate(shape))
    text += (i ? ", " : "") + dim.str();
  return text + "]";
}

unsigned Signature::numSymbols() const {
  int symbols = 0;
  for (const auto *specs : {&inputs, &outputs})
    for (const TensorSpec &spec : *specs)
      for (const DimSpec &dim : spec.shape)
        symbols = std::max(symbols, dim.symbol + 1);
  return symbols;
}

int64_t Signature::stateBytes() const {
  int64_t sum = 0;
  for (const StateSpec &state : states) {
    const TensorSpec &spec = inputs[state.input];
    int64_t bytes = getDType(spec.elementType)->bytes;
    for (const DimSpec &dim : spec.shape)
      bytes *= dim.isStatic() ? dim.size : 1;
    sum += bytes;
  }
  return sum;
}

static Attribute tensorToAttr(const TensorSpec &spec, Builder &b) {
  SmallVector<Attribute> shape;
  for (const DimSpec &dim : spec.shape)
    shape.push_back(dim.isStatic() ? Attribute(b.getI64IntegerAttr(dim.size))
                                   : b.getStringAttr(dim.str()));
  return b.getDictionaryAttr(
      {b.getNamedAttr("name", b.getStringAttr(spec.name)),
       b.getNamedAttr("shape", b.getArrayAttr(shape)),
       b.getNamedAttr("type", TypeAttr::get(spec.elementType))});
}

DictionaryAttr Signature::toAttr(MLIRContext *context) const {
  Builder b(context);
  auto tensors = [&](const std::vector<TensorSpec> &specs) {
    return b.getArrayAttr(llvm::map_to_vector(
        specs, [&](const TensorSpec &spec) { return tensorToAttr(spec, b); }));
  };
  auto buffers = llvm::map_to_vector(
      workspace, [&](const BufferSpec &buffer) -> Attribute {
        return b.getDictionaryAttr(
            {b.getNamedAttr("offset", b.getI64IntegerAttr(buffer.offset)),
             b.getNamedAttr("shape", b.getDenseI64ArrayAttr(buffer.shape))});
      });
  auto choices = llvm::map_to_vector(
      strategies, [&](const StrategySpec &spec) -> Attribute {
        return b.getDictionaryAttr(
            {b.getNamedAttr("op", b.getStringAttr(spec.op)),
             b.getNamedAttr("strategy", b.getStringAttr(spec.strategy))});
      });
  NamedAttrList attrs;
  attrs.append("inputs", tensors(inputs));
  attrs.append("outputs", tensors(outputs));
  attrs.append("strategies", b.getArrayAttr(choices));
  attrs.append("workspace", b.getArrayAttr(buffers));
  attrs.append("workspace_bytes", b.getI64IntegerAttr(workspaceBytes));
  auto pairs = llvm::map_to_vector(states, [&](StateSpec s) -> Attribute {
    return b.getDenseI64ArrayAttr({s.input, s.output});
  });
  if (!states.empty())
    attrs.append("states", b.getArrayAttr(pairs));
  if (!parameters.empty())
    attrs.append("parameters", b.getDenseI64ArrayAttr(parameters));
  return attrs.getDictionary(context);
}

static std::optional<TensorSpec> tensorFromAttr(Attribute attr) {
  auto dict = dyn_cast<DictionaryAttr>(attr);
  if (!dict)
    return std::nullopt;
  auto name = dict.getAs<StringAttr>("name");
  auto type = dict.getAs<TypeAttr>("type");
  auto shape = dict.getAs<ArrayAttr>("shape");
  if (!name || !type || !shape || !getDType(type.getValue()))
    return std::nullopt;
  TensorSpec spec{name.str(), type.getValue(), {}};
  for (Attribute dim : shape) {
    auto size = dyn_cast<IntegerAttr>(dim);
    auto symbol = dyn_cast<StringAttr>(dim);
    StringRef digits = symbol ? symbol.getValue() : "";
    unsigned number;
    if (size && size.getInt() >= 0)
      spec.shape.push_back({size.getInt(), -1});
    else if (digits.consume_front("d") && !digits.getAsInteger(10, number))
      spec.shape.push_back({0, static_cast<int>(number)});
    else
      return std::nullopt;
  }
  return spec;
}

static std::optional<BufferSpec> bufferFromAttr(Attribute attr) {
  auto dict = dyn_cast<DictionaryAttr>(attr);
  auto offset = dict ? dict.getAs<IntegerAttr>("offset") : IntegerAttr();
  auto shape = dict ? dict.getAs<DenseI64ArrayAttr>("shape") : nullptr;
  if (!offset || !shape)
    return std::nullopt;
  return BufferSpec{offset.getInt(), llvm::to_vector<4>(shape.asArrayRef())};
}

static std::optional<StrategySpec> strategyFromAttr(Attribute attr) {
  auto dict = dyn_cast<DictionaryAttr>(attr);
  auto op = dict ? dict.getAs<StringAttr>("op") : StringAttr();
  auto strategy = dict ? dict.getAs<StringAttr>("strategy") : StringAttr();
  if (!op || !strategy)
    return std::nullopt;
  return StrategySpec{op.str(), strategy.str()};
}

std::optional<Signature> Signature::get(Operation *op) {
  auto dict = op->getAttrOfType<DictionaryAttr>(kABIAttrName);
  return dict ? fromAttr(dict) : std::nullopt;
}

std::optional<Signature> Signature::fromAttr(DictionaryAttr dict) {
  auto bytes = dict.getAs<IntegerAttr>("workspace_bytes");
  auto buffers = dict.getAs<ArrayAttr>("workspace");
  auto choices = dict.getAs<ArrayAttr>("strategies");
  Signature signature;
  if (!bytes || !buffers || !choices)
    return std::nullopt;
  signature.workspaceBytes = bytes.getInt();
  for (Attribute attr : buffers) {
    auto buffer = bufferFromAttr(attr);
    if (!buffer)
      return std::nullopt;
    signature.workspace.push_back(std::move(*buffer));
  }
  for (Attribute attr : choices) {
    auto choice = strategyFromAttr(attr);
    if (!choice)
      return std::nullopt;
    signature.strategies.push_back(std::move(*choice));
  }
  if (auto pairs = dict.getAs<ArrayAttr>("states"))
    for (Attribute attr : pairs) {
      auto pair = dyn_cast<DenseI64ArrayAttr>(attr);
      if (!pair || pair.size() != 2)
        return std::nullopt;
      signature.states.push_back({pair[0], pair[1]});
    }
  if (auto numbers = dict.getAs<DenseI64ArrayAttr>("parameters"))
    signature.parameters = numbers.asArrayRef().vec();
  for (auto [key, specs] : {std::pair{"inputs", &signature.inputs},
                            std::pair{"outputs", &signature.outputs}}) {
    auto tensors = dict.getAs<ArrayAttr>(key);
    if (!tensors)
      return std::nullopt;
    for (Attribute attr : tensors) {
      auto spec = tensorFromAttr(attr);
      if (!spec)
        return std::nullopt;
      specs->push_back(std::move(*spec));
    }
  }
  auto isInput = [&](int64_t number) {
    return number >= 0 && number < int64_t(signature.inputs.size());
  };
  if (!llvm::all_of(signature.parameters, isInput))
    return std::nullopt;
  return signature;
}

llvm::json::Array toJSON(ArrayRef<TensorSpec> specs) {
  llvm::json::Array array;
  for (const TensorSpec &spec : specs) {
    llvm::json::Array shape;
    for (const DimSpec &dim : spec.shape)
      shape.push_back(dim.isStatic() ? llvm::json::Value(dim.size)
                                     : llvm::json::Value(dim.str()));
    array.push_back(
        llvm::json::Object{{"name", llvm::json::fixUTF8(spec.name)},
                           {"dtype", getDType(spec.elementType)->name},
                           {"shape", std::move(shape)}});
  }
  return array;
}

static llvm::json::Array
strategiesToJSON(const std::vector<StrategySpec> &specs) {
  llvm::json::Array array;
  for (const StrategySpec &spec : specs)
    array.push_back(
        llvm::json::Object{{"op", spec.op}, {"strategy", spec.strategy}});
  return array;
}

std::string Signature::toJSON(StringRef name, StringRef target,
                              unsigned threads) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::Object object{{"name", llvm::json::fixUTF8(name)},
                            {"version", SSM_VERSION},
                            {"target", llvm::json::fixUTF8(target)},
                            {"inputs", ssm::toJSON(inputs)},
                            {"outputs", ssm::toJSON(outputs)},
                            {"strategies", strategiesToJSON(strategies)},
                            {"threads", threads},
                            {"workspace_bytes", workspaceBytes}};
  llvm::json::Array pairs;
  for (StateSpec state : states)
    pairs.push_back(
        llvm::json::Object{{"input", state.input}, {"output", state.output}});
  if (!states.empty()) {
    object["states"] = std::move(pairs);
    object["state_bytes"] = stateBytes();
  }
  os << llvm::json::Value(std::move(object));
  return text;
}

} // namespace ssm
