//===- ExtractSystems.cpp - The parameters of the ops of a function -------===//
//
//   @f(parameters, signals) -> y
//
//   @f_systems(parameters, signals) -> (A, B, C, K...)    {ssm.systems = [...]}
//
// What analyses outside of the compiler need of a model (poles, kernels,
// frequency responses): for each recurrence and convolution of the function the
// operands that do not vary in time, computed from the function's arguments,
// and in an attribute which results these are and along which loop dimensions
// they lie.
//
// Precondition: calls have been inlined, and operands that are constant in time
// have lost it (ssm-infer-time-invariance).
//
//===----------------------------------------------------------------------===//
#include "ssm/IR/LoopDims.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace ssm;

namespace ssm {
#define GEN_PASS_DEF_EXTRACTSYSTEMS
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

namespace {
/// The systems of one function.
class Extraction {
public:
  explicit Extraction(func::FuncOp func) : func(func), b(func.getContext()) {}

  /// The function that returns their parameters.
  func::FuncOp run(StringRef name);

private:
  DictionaryAttr describe(LinearRecurrenceOp op);
  DictionaryAttr describe(LongConvOp op);
  /// What is common to both: operands that vary in time have the result -1.
  NamedAttrList describe(IndexedOpInterface op, unsigned time,
                         ArrayRef<StringRef> names, Direction direction);

  func::FuncOp func;
  Builder b;
  SmallVector<Value> parameters;
};
} // namespace

NamedAttrList Extraction::describe(IndexedOpInterface op, unsigned time,
                                   ArrayRef<StringRef> names,
                                   Direction direction) {
  SmallVector<int64_t> results;
  for (auto [i, name] : llvm::enumerate(names)) {
    bool isParameter =
        i < op->getNumOperands() && name != "signal" && name != "init" &&
        (name == "kernel" || !uses(op.getIndexingMapsArray()[i], time));
    results.push_back(isParameter ? parameters.size() : -1);
    if (isParameter)
      parameters.push_back(op->getOperand(i));
  }
  NamedAttrList attrs;
  attrs.append("op", b.getStringAttr(op->getName().stripDialect()));
  SmallVector<int64_t> sizes = getStaticLoopSizes(op);
  for (int64_t &size : sizes)
    if (ShapedType::isDynamic(size))
      size = -1;
  SmallVector<Type> types(op->getOperandTypes());
  llvm::append_range(types, op->getResultTypes());
  SmallVector<Attribute> elements;
  for (Type type : types)
    elements.push_back(b.getStringAttr(
        llvm::formatv("{0}", getElementTypeOrSelf(type)).str()));
  attrs.append("operands", b.getStrArrayAttr(names));
  attrs.append("elements", b.getArrayAttr(elements));
  attrs.append("sizes", b.getI64ArrayAttr(sizes));
  attrs.append("maps", b.getAffineMapArrayAttr(op.getIndexingMapsArray()));
  attrs.append("results", b.getI64ArrayAttr(results));
  attrs.append("time", b.getI64IntegerAttr(time));
  attrs.append("direction", b.getStringAttr(stringifyDirection(direction)));
  return attrs;
}

DictionaryAttr Extraction::describe(LongConvOp op) {
  NamedAttrList attrs = describe(
      op, op.getTime(), {"signal", "kernel", "result"}, op.getDirection());
  attrs.append("numerics",
               b.getStringAttr(stringifyNumerics(op.getNumerics())));
  return attrs.getDictionary(b.getContext());
}

DictionaryAttr Extraction::describe(LinearRecurrenceOp op) {
  SmallVector<StringRef> names = {"transition", "signal"};
  for (auto [operand, name] :
       {std::pair<Value, StringRef>(op.getInput(), "input"),
        {op.getOutput(), "output"},
        {op.getInit(), "init"},
        {op.getLeft(), "left"},
        {op.getRight(), "right"}})
    if (operand)
      names.push_back(name);
  names.append({"result", "final"});
  NamedAttrList attrs = describe(op, op.getTime(), names, op.getDirection());
  attrs.append("projection",
               b.getStringAttr(stringifyProjection(op.getProjection())));
  attrs.append("numerics",
               b.getStringAttr(stringifyNumerics(op.getNumerics())));
  attrs.append("final_used", b.getI64IntegerAttr(!op.getFinal().use_empty()));
  attrs.append("read", b.getStringAttr(stringifyReadPoint(op.getRead())));
  if (IntegerAttr row = op.getRowAttr())
    attrs.append("row", row);
  if (IntegerAttr column = op.getColumnAttr())
    attrs.append("column", column);
  return attrs.getDictionary(b.getContext());
}

static void eraseDeadOps(func::FuncOp func) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

func::FuncOp Extraction::run(StringRef name) {
  func::FuncOp made = func.clone();
  made.setName(name);
  SmallVector<Attribute> systems;
  made.walk([&](Operation *op) {
    if (op->getBlock() != &made.front())
      return;
    if (auto recurrence = dyn_cast<LinearRecurrenceOp>(op))
      systems.push_back(describe(recurrence));
    else if (auto conv = dyn_cast<LongConvOp>(op))
      systems.push_back(describe(conv));
  });
  Operation *end = made.front().getTerminator();
  end->setOperands(parameters);
  made.removeResAttrsAttr();
  made.setFunctionType(b.getFunctionType(made.getArgumentTypes(),
                                         ValueRange(parameters).getTypes()));
  made->setAttr("ssm.systems", b.getArrayAttr(systems));
  eraseDeadOps(made);
  return made;
}

namespace {
struct ExtractSystems : ssm::impl::ExtractSystemsBase<ExtractSystems> {
  using ExtractSystemsBase::ExtractSystemsBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto func = symbols.lookup<func::FuncOp>(entry);
    if (!func || !func.getBody().hasOneBlock()) {
      getOperation().emitError("there is no function '")
          << entry << "' of one block";
      return signalPassFailure();
    }
    symbols.insert(Extraction(func).run(entry + "_systems"),
                   ++func->getIterator());
  }
};
} // namespace
