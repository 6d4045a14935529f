//===- ImportStableHLO.cpp - StableHLO programs into upstream dialects ----===//
#include "StableHLO.h"

#include "ssm/IR/SSMDialect.h"
#include "ssm/Import/Passes.h"
#include "ssm/Utils/Generic.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace ssm {
#define GEN_PASS_DEF_IMPORTSTABLEHLO
#include "ssm/Import/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Calls may nest this deep; a program that calls itself does without end.
static constexpr unsigned kMaxCalls = 64;

Attribute ssm::getAttribute(Operation *op, StringRef name) {
  if (Attribute attr = op->getDiscardableAttr(name))
    return attr;
  auto properties =
      dyn_cast_if_present<DictionaryAttr>(op->getPropertiesAsAttribute());
  return properties ? properties.get(name) : Attribute();
}

ArrayRef<int64_t> ssm::getNumbers(Operation *op, StringRef name) {
  auto numbers = dyn_cast_if_present<DenseI64ArrayAttr>(getAttribute(op, name));
  return numbers ? numbers.asArrayRef() : ArrayRef<int64_t>();
}

StringRef ssm::getKeyword(Operation *op, StringRef name, StringRef key) {
  auto attr = dyn_cast_if_present<OpaqueAttr>(getAttribute(op, name));
  StringRef text = attr ? attr.getAttrData() : "";
  return text.consume_front(key) ? text.trim() : "";
}

SmallVector<int64_t> ssm::readDims(StringRef text, StringRef key) {
  SmallVector<int64_t> dims;
  size_t at = text.find((key + " = [").str());
  if (at == StringRef::npos)
    return dims;
  StringRef list = text.substr(at).split('[').second.split(']').first;
  for (StringRef number : llvm::split(list, ',')) {
    int64_t dim;
    if (number.trim().getAsInteger(10, dim))
      return {};
    dims.push_back(dim);
  }
  return dims;
}

LogicalResult StableHLOImporter::refuse(Operation *op, const Twine &why) {
  return op->emitOpError("cannot be imported: ") << why;
}

LogicalResult StableHLOImporter::refuseUnknown(Operation *op) {
  return refuse(op, "no import is known of this op on these types; write it "
                    "with others, or compute it outside");
}

SmallVector<Value> StableHLOImporter::get(ValueRange old) {
  return llvm::map_to_vector(old, [&](Value value) { return get(value); });
}

Value StableHLOImporter::empty(Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(b, loc, type.getShape(),
                                 type.getElementType());
}

const StableHLOImporter::Import *StableHLOImporter::findImport(StringRef name) {
  using I = StableHLOImporter;
  static const llvm::StringMap<Import> imports = {
      {"constant", {&I::importConstant, 0}},
      {"iota", {&I::importIota, 0}},
      {"broadcast_in_dim", {&I::importBroadcast, 1}},
      {"reshape", {&I::importReshape, 1}},
      {"transpose", {&I::importTranspose, 1}},
      {"slice", {&I::importSlice, 1}},
      {"dynamic_slice", {&I::importDynamicSlice, 1, /*more=*/true}},
      {"dynamic_update_slice", {&I::importDynamicUpdateSlice, 2, true}},
      {"concatenate", {&I::importConcatenate, 0, true}},
      {"pad", {&I::importPad, 2}},
      {"reverse", {&I::importReverse, 1}},
      {"dot_general", {&I::importDot, 2}},
      {"convolution", {&I::importConvolution, 2}},
      {"reduce", {&I::importReduce, 0, true, /*anyResults=*/true}},
      {"reduce_window", {&I::importReduceWindow, 0, true, true}},
      {"gather", {&I::importGather, 2}},
      {"scatter", {&I::importScatter, 3, true, true}},
      {"sort", {&I::importSort, 1, true, true}},
      {"top_k", {&I::importTopK, 1, false, true}},
      {"triangular_solve", {&I::importTriangularSolve, 2}},
      {"fft", {&I::importFFT, 1}},
      {"while", {&I::importWhile, 0, true, true}},
      {"if", {&I::importIf, 1, false, true}},
      {"case", {&I::importCase, 1, false, true}},
      {"composite", {&I::importComposite, 0, true, true}},
      {"optimization_barrier", {&I::importBarrier, 0, true, true}},
  };
  auto found = imports.find(name);
  return found == imports.end() ? nullptr : &found->second;
}

/// Regions of an op that is not registered may be graphs, where a value is used
/// before it is computed.
LogicalResult StableHLOImporter::checkOperands(Operation *op) {
  for (Value operand : op->getOperands())
    if (!map.contains(operand))
      return refuse(op, "it uses a value that is computed after it");
  return success();
}

/// Its body with the arguments in place of its parameters.
LogicalResult StableHLOImporter::importCall(Operation *op,
                                            FlatSymbolRefAttr callee) {
  auto func =
      callee ? symbols.lookup<func::FuncOp>(callee.getValue()) : func::FuncOp();
  if (!func || func.isExternal() ||
      TypeRange(func.getArgumentTypes()) != TypeRange(op->getOperands()) ||
      TypeRange(func.getResultTypes()) != TypeRange(op->getResults()))
    return refuse(op, "it needs a function with a body and of these types");
  if (depth == kMaxCalls)
    return refuse(op, "calls nest more than " + Twine(kMaxCalls) +
                          " deep, as those of a function that calls itself do");
  // Another call of the function may be under way or have been before.
  IRMapping caller = map;
  map.map(func.getArguments(), get(op->getOperands()));
  ++depth;
  SmallVector<Value> results;
  if (failed(importBlock(func.front(), results)))
    return failure();
  --depth;
  map = std::move(caller);
  map.map(op->getResults(), results);
  return success();
}

LogicalResult StableHLOImporter::importElementwise(Operation *op,
                                                   StringRef name) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<Indexed> ins;
  for (Value operand : get(op->getOperands())) {
    // The condition of a select and the bounds of a clamp may be scalars.
    unsigned rank = typeOf(operand).getRank();
    if (rank != 0 && typeOf(operand).getShape() != type.getShape())
      return refuseUnknown(op);
    ins.push_back(
        {operand, rank == type.getRank()
                      ? identity(rank)
                      : AffineMap::get(type.getRank(), 0, b.getContext())});
  }
  StringRef direction =
      getKeyword(op, "comparison_direction", "comparison_direction");
  bool isKnown = true;
  Indexed out = {empty(op->getLoc(), type), identity(type.getRank())};
  auto body = [&](OpBuilder &inner, Location loc, ValueRange scalars) {
    Value value = emitScalar(inner, loc, getScalarName(op), direction,
                             scalars.drop_back(), type.getElementType());
    isKnown = bool(value);
    return SmallVector<Value>{value ? value : scalars.back()};
  };
  set(op, buildGeneric(b, op->getLoc(), type.getRank(), ins, {out}, body)[0]);
  if (!isKnown)
    return refuseUnknown(op);
  if (!op->hasAttr(kUnsigned))
    noteIndex(op, name);
  return success();
}

static bool isTaken(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return false;
  Type element = tensor.getElementType();
  return element.isSignlessInteger() ||
         isa<Float16Type, BFloat16Type, Float32Type, Float64Type, ComplexType>(
             element);
}

LogicalResult StableHLOImporter::importOp(Operation *op) {
  if (failed(checkOperands(op)))
    return failure();
  if (auto call = dyn_cast<func::CallOp>(op))
    return importCall(op, call.getCalleeAttr());
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("stablehlo.") && !name.consume_front("chlo.")) {
    if (!op->isRegistered())
      return refuse(op, "only stablehlo and chlo are imported");
    b.clone(*op, map);
    return success();
  }
  if (!llvm::all_of(op->getOperandTypes(), isTaken) ||
      !llvm::all_of(op->getResultTypes(), isTaken))
    return refuse(op, "operands and results must be tensors of static shapes, "
                      "of f16, bf16, f32, f64, complex numbers, bool or "
                      "integers");
  if (const Import *import = findImport(name)) {
    unsigned operands = op->getNumOperands();
    if (operands < import->operands ||
        (operands > import->operands && !import->more) ||
        (op->getNumResults() != 1 && !import->anyResults))
      return refuse(op, "it lacks the operands or results of such an op");
    return (this->*import->handler)(op);
  }
  if (op->getNumResults() != 1 || op->getNumRegions() != 0)
    return refuseUnknown(op);
  return importElementwise(op, name);
}

LogicalResult StableHLOImporter::importBlock(Block &block,
                                             SmallVectorImpl<Value> &results) {
  for (Operation &op : block) {
    bool isLast = &op == &block.back();
    if (isLast && (isa<func::ReturnOp>(op) ||
                   op.getName().getStringRef() == "stablehlo.return")) {
      results = failed(checkOperands(&op)) ? SmallVector<Value>()
                                           : get(op.getOperands());
      return success(results.size() == op.getNumOperands());
    }
    if (failed(importOp(&op)))
      return failure();
  }
  return block.getParentOp()->emitError("a block must end in a return");
}

FailureOr<OwningOpRef<func::FuncOp>>
StableHLOImporter::importFunction(func::FuncOp func) {
  if (!llvm::hasSingleElement(func.getBody()))
    return func.emitError("a function of several blocks is not imported");
  b.clearInsertionPoint();
  OwningOpRef<func::FuncOp> imported = func::FuncOp::create(
      b, func.getLoc(), func.getName(), func.getFunctionType());
  Block *entry = imported->addEntryBlock();
  b.setInsertionPointToStart(entry);
  map.clear();
  indices.clear();
  indexVectors.clear();
  map.map(func.getArguments(), entry->getArguments());
  SmallVector<Value> results;
  if (failed(importBlock(func.front(), results)))
    return failure();
  func::ReturnOp::create(b, func.getLoc(), results);
  return imported;
}

namespace {
struct ImportStableHLO : ::ssm::impl::ImportStableHLOBase<ImportStableHLO> {
  void runOnOperation() override;
};
} // namespace

/// Drops what other dialects than those of this process have said of the op.
static void dropForeignAttributes(Operation *op) {
  MLIRContext *context = op->getContext();
  auto isForeign = [&](NamedAttribute attr) {
    auto [dialect, rest] = attr.getName().strref().split('.');
    return !rest.empty() && !context->getOrLoadDialect(dialect);
  };
  auto keep = [&](ArrayRef<NamedAttribute> attrs) {
    SmallVector<NamedAttribute> kept;
    llvm::copy_if(attrs, std::back_inserter(kept), std::not_fn(isForeign));
    return DictionaryAttr::get(context, kept);
  };
  op->setDiscardableAttrs(keep(op->getDiscardableAttrDictionary().getValue()));
  auto func = dyn_cast<FunctionOpInterface>(op);
  if (!func)
    return;
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    func.setArgAttrs(i, keep(func.getArgAttrs(i)));
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    func.setResultAttrs(i, keep(func.getResultAttrs(i)));
}

/// Whether nothing reads what the op computes, and it does nothing else.
static bool isUnused(Operation *op) {
  StringRef name = op->getName().getStringRef();
  auto effect =
      dyn_cast_if_present<BoolAttr>(getAttribute(op, "has_side_effect"));
  return (isa<func::CallOp>(op) || name.starts_with("stablehlo.") ||
          name.starts_with("chlo.")) &&
         op->getNumResults() != 0 &&
         llvm::all_of(op->getResultTypes(), llvm::IsaPred<TensorType>) &&
         op->use_empty() && !(effect && effect.getValue());
}

/// What a program computes and drops, such as the keys of random numbers that
/// are not drawn, needs no import.
static void eraseUnused(Region &region) {
  for (Block &block : region)
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isUnused(&op))
        op.erase();
      else
        for (Region &inner : op.getRegions())
          eraseUnused(inner);
}

void ImportStableHLO::runOnOperation() {
  ModuleOp module = getOperation();
  eraseUnused(module.getBodyRegion());
  dropSigns(module);
  StableHLOImporter importer(module);
  // Bodies are replaced at the end: what one function calls may be public too.
  SmallVector<std::pair<func::FuncOp, OwningOpRef<func::FuncOp>>> done;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!func.isPublic() || func.isExternal())
      continue;
    auto imported = importer.importFunction(func);
    if (failed(imported))
      return signalPassFailure();
    done.push_back({func, std::move(*imported)});
  }
  for (auto &[func, imported] : done)
    func.getBody().takeBody(imported->getBody());
  dropForeignAttributes(module);
  auto isUsed = [&](func::FuncOp func) {
    return llvm::any_of(done, [&](auto &pair) {
      return !SymbolTable::symbolKnownUseEmpty(func, pair.first);
    });
  };
  for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (func.isPrivate() && !isUsed(func))
      func.erase();
  for (auto func : module.getOps<func::FuncOp>())
    dropForeignAttributes(func);
}
