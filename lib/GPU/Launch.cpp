//===- Launch.cpp - How a kernel is launched ------------------------------===//
#include "ssm/GPU/Launch.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

int64_t Launch::countBlocks(ArrayRef<int64_t> sizes) const {
  int64_t blocks = 1;
  for (const GridFactor &factor : grid) {
    int64_t elements = 1;
    for (int64_t element : factor.elements)
      elements *= element < 0 ? sizes[-element - 1] : element;
    blocks *= std::max<int64_t>(factor.least,
                                llvm::divideCeil(elements, factor.perBlock));
  }
  return blocks;
}

DictionaryAttr Launch::toAttr(MLIRContext *context) const {
  Builder b(context);
  NamedAttrList attrs;
  auto number = [&](NamedAttrList &list, StringRef name, int64_t value) {
    list.append(name, b.getI64IntegerAttr(value));
  };
  SmallVector<Attribute> factors;
  for (const GridFactor &factor : grid) {
    NamedAttrList fields;
    fields.append("elements", b.getDenseI64ArrayAttr(factor.elements));
    number(fields, "per_block", factor.perBlock);
    number(fields, "least", factor.least);
    factors.push_back(fields.getDictionary(context));
  }
  attrs.append("abi", signature.toAttr(context));
  number(attrs, "block", threads);
  attrs.append("entry", b.getStringAttr(entry));
  attrs.append("grid", b.getArrayAttr(factors));
  attrs.append("kernel", b.getStringAttr(kernel));
  attrs.append("reason", b.getStringAttr(reason));
  number(attrs, "workspace_bytes", workspaceBytes);
  number(attrs, "workspace_bytes_per_block", workspaceBytesPerBlock);
  return attrs.getDictionary(context);
}

Launch Launch::fromAttr(DictionaryAttr attr) {
  auto number = [](DictionaryAttr from, StringRef name) {
    return from.getAs<IntegerAttr>(name).getInt();
  };
  auto text = [&](StringRef name) {
    return attr.getAs<StringAttr>(name).str();
  };
  Launch launch;
  launch.threads = number(attr, "block");
  for (auto factor : attr.getAs<ArrayAttr>("grid").getAsRange<DictionaryAttr>())
    launch.grid.push_back(
        {llvm::to_vector(
             factor.getAs<DenseI64ArrayAttr>("elements").asArrayRef()),
         number(factor, "per_block"), number(factor, "least")});
  launch.workspaceBytes = number(attr, "workspace_bytes");
  launch.workspaceBytesPerBlock = number(attr, "workspace_bytes_per_block");
  launch.entry = text("entry");
  launch.kernel = text("kernel");
  launch.reason = text("reason");
  launch.signature = *Signature::fromAttr(attr.getAs<DictionaryAttr>("abi"));
  return launch;
}

llvm::json::Object Launch::toJSON() const {
  llvm::json::Array factors;
  for (const GridFactor &factor : grid)
    factors.push_back(
        llvm::json::Object{{"elements", llvm::json::Array(factor.elements)},
                           {"per_block", factor.perBlock},
                           {"least", factor.least}});
  return llvm::json::Object{
      {"entry", entry},
      {"kernel", kernel},
      {"reason", reason},
      {"inputs", ssm::toJSON(signature.inputs)},
      {"outputs", ssm::toJSON(signature.outputs)},
      {"block", threads},
      {"grid", std::move(factors)},
      {"workspace_bytes", workspaceBytes},
      {"workspace_bytes_per_block", workspaceBytesPerBlock}};
}

} // namespace ssm
