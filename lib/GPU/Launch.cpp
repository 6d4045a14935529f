//===- Launch.cpp - How a kernel is launched ------------------------------===//
#include "ssm/GPU/Launch.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace ssm {

int64_t countBlocks(ArrayRef<GridFactor> grid, ArrayRef<int64_t> sizes) {
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

SmallVector<KernelLaunch> Launch::sequence() const {
  SmallVector<KernelLaunch> all{*this};
  all.append(then.begin(), then.end());
  return all;
}

int64_t Launch::countWorkspaceBytes(ArrayRef<int64_t> sizes) const {
  int64_t bytes = workspaceBytes;
  for (const KernelLaunch &launch : sequence())
    bytes += launch.countBlocks(sizes) * launch.workspaceBytesPerBlock;
  for (const WorkspaceRegion &region : regions)
    bytes += ssm::countBlocks(region.grid, sizes) * region.bytes;
  return bytes;
}

//===----------------------------------------------------------------------===//
// As an attribute
//===----------------------------------------------------------------------===//

static void append(NamedAttrList &list, StringRef name, int64_t value,
                   Builder &b) {
  list.append(name, b.getI64IntegerAttr(value));
}

static ArrayAttr toAttr(ArrayRef<GridFactor> grid, Builder &b) {
  SmallVector<Attribute> factors;
  for (const GridFactor &factor : grid) {
    NamedAttrList fields;
    fields.append("elements", b.getDenseI64ArrayAttr(factor.elements));
    append(fields, "per_block", factor.perBlock, b);
    append(fields, "least", factor.least, b);
    factors.push_back(fields.getDictionary(b.getContext()));
  }
  return b.getArrayAttr(factors);
}

static void appendLaunch(NamedAttrList &list, const KernelLaunch &launch,
                         Builder &b) {
  append(list, "block", launch.threads, b);
  list.append("entry", b.getStringAttr(launch.entry));
  list.append("grid", toAttr(launch.grid, b));
  if (launch.sharedBytes)
    append(list, "shared_bytes", launch.sharedBytes, b);
  append(list, "workspace_bytes_per_block", launch.workspaceBytesPerBlock, b);
}

DictionaryAttr Launch::toAttr(MLIRContext *context) const {
  Builder b(context);
  NamedAttrList attrs;
  appendLaunch(attrs, *this, b);
  if (!then.empty()) {
    SmallVector<Attribute> further;
    for (const KernelLaunch &launch : then) {
      NamedAttrList fields;
      appendLaunch(fields, launch, b);
      further.push_back(fields.getDictionary(context));
    }
    attrs.append("then", b.getArrayAttr(further));
  }
  if (!regions.empty()) {
    SmallVector<Attribute> all;
    for (const WorkspaceRegion &region : regions) {
      NamedAttrList fields;
      append(fields, "bytes", region.bytes, b);
      fields.append("grid", ssm::toAttr(region.grid, b));
      all.push_back(fields.getDictionary(context));
    }
    attrs.append("workspace", b.getArrayAttr(all));
  }
  attrs.append("abi", signature.toAttr(context));
  attrs.append("kernel", b.getStringAttr(kernel));
  attrs.append("reason", b.getStringAttr(reason));
  append(attrs, "workspace_bytes", workspaceBytes, b);
  if (zeroesWorkspace)
    attrs.append("workspace_zero", b.getUnitAttr());
  return attrs.getDictionary(context);
}

static int64_t getNumber(DictionaryAttr from, StringRef name) {
  return from.getAs<IntegerAttr>(name).getInt();
}

static SmallVector<GridFactor, 2> readGrid(DictionaryAttr attr) {
  SmallVector<GridFactor, 2> grid;
  for (auto factor : attr.getAs<ArrayAttr>("grid").getAsRange<DictionaryAttr>())
    grid.push_back(
        {llvm::to_vector(
             factor.getAs<DenseI64ArrayAttr>("elements").asArrayRef()),
         getNumber(factor, "per_block"), getNumber(factor, "least")});
  return grid;
}

static KernelLaunch readLaunch(DictionaryAttr attr) {
  KernelLaunch launch;
  launch.entry = attr.getAs<StringAttr>("entry").str();
  launch.threads = getNumber(attr, "block");
  launch.grid = readGrid(attr);
  launch.workspaceBytesPerBlock = getNumber(attr, "workspace_bytes_per_block");
  if (attr.contains("shared_bytes"))
    launch.sharedBytes = getNumber(attr, "shared_bytes");
  return launch;
}

Launch Launch::fromAttr(DictionaryAttr attr) {
  Launch launch;
  static_cast<KernelLaunch &>(launch) = readLaunch(attr);
  if (auto further = attr.getAs<ArrayAttr>("then"))
    for (auto fields : further.getAsRange<DictionaryAttr>())
      launch.then.push_back(readLaunch(fields));
  launch.workspaceBytes = getNumber(attr, "workspace_bytes");
  if (auto regions = attr.getAs<ArrayAttr>("workspace"))
    for (auto region : regions.getAsRange<DictionaryAttr>())
      launch.regions.push_back({readGrid(region), getNumber(region, "bytes")});
  launch.zeroesWorkspace = attr.contains("workspace_zero");
  launch.kernel = attr.getAs<StringAttr>("kernel").str();
  launch.reason = attr.getAs<StringAttr>("reason").str();
  launch.signature = *Signature::fromAttr(attr.getAs<DictionaryAttr>("abi"));
  return launch;
}

//===----------------------------------------------------------------------===//
// As JSON
//===----------------------------------------------------------------------===//

static llvm::json::Array formatGrid(ArrayRef<GridFactor> grid) {
  llvm::json::Array factors;
  for (const GridFactor &factor : grid)
    factors.push_back(
        llvm::json::Object{{"elements", llvm::json::Array(factor.elements)},
                           {"per_block", factor.perBlock},
                           {"least", factor.least}});
  return factors;
}

static llvm::json::Object formatLaunch(const KernelLaunch &launch) {
  return llvm::json::Object{
      {"entry", launch.entry},
      {"block", launch.threads},
      {"grid", formatGrid(launch.grid)},
      {"shared_bytes", launch.sharedBytes},
      {"workspace_bytes_per_block", launch.workspaceBytesPerBlock}};
}

llvm::json::Object Launch::toJSON() const {
  llvm::json::Object json = formatLaunch(*this);
  llvm::json::Array further;
  for (const KernelLaunch &launch : then)
    further.push_back(formatLaunch(launch));
  json["then"] = std::move(further);
  llvm::json::Array all;
  for (const WorkspaceRegion &region : regions)
    all.push_back(llvm::json::Object{{"bytes", region.bytes},
                                     {"grid", formatGrid(region.grid)}});
  json["workspace"] = std::move(all);
  json["kernel"] = kernel;
  json["reason"] = reason;
  json["inputs"] = ssm::toJSON(signature.inputs);
  json["outputs"] = ssm::toJSON(signature.outputs);
  json["workspace_bytes"] = workspaceBytes;
  json["workspace_zero"] = zeroesWorkspace;
  return json;
}

} // namespace ssm
