//===- DeriveStep.cpp - From sequences to one chunk of them ---------------===//
//
//   @f(parameters, signals, x0) -> (y, x)
//
//   @f_start(parameters, signals, x0) -> states        before the first step
//   @f_step(parameters, signals, states) -> (y, states)        one chunk
//
// Calling @f_step on one chunk after another, each time with the states that it
// returned, computes @f. A result of @f that is one of the states is not
// returned twice; an argument that only the start needs is not one of the step.
//
// Precondition: calls have been inlined.
//
//===----------------------------------------------------------------------===//
#include "ConvToRecurrence.h"
#include "StepBuilder.h"

#include "ssm/AOT/Signature.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace ssm;

namespace ssm {
#define GEN_PASS_DEF_DERIVESTEP
#include "ssm/Transforms/Passes.h.inc"
} // namespace ssm

static void eraseDeadOps(func::FuncOp func) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// A copy of the function in which convolutions with kernels of recurrences are
/// recurrences.
static OwningOpRef<func::FuncOp> prepare(func::FuncOp func) {
  OwningOpRef<func::FuncOp> copy = func.clone();
  copy->walk([](LongConvOp op) {
    OpBuilder b(op);
    if (Value y = convToRecurrence(b, op)) {
      op.replaceAllUsesWith(y);
      op.erase();
    }
  });
  eraseDeadOps(*copy);
  return copy;
}

namespace {
/// The two functions of one.
class Derivation {
public:
  Derivation(func::FuncOp original, func::FuncOp func, int64_t chunk)
      : original(original), func(func), dims(func), causality(func, dims),
        builder(func, dims, causality, chunk), chunk(chunk),
        b(original.getContext()) {}

  LogicalResult run(SymbolTable &symbols);

private:
  func::FuncOp declare(StringRef suffix);
  void emitStep();
  void emitStart();
  void nameStates(func::FuncOp step);
  void dropUnread(func::FuncOp step);

  func::FuncOp original, func;
  TimeDims dims;
  Causality causality;
  StepBuilder builder;
  int64_t chunk;
  OpBuilder b;
  func::FuncOp step, start;
};
} // namespace

/// A function with the arguments of the original, sequences of one chunk.
func::FuncOp Derivation::declare(StringRef suffix) {
  SmallVector<Type> types;
  for (BlockArgument arg : func.getArguments())
    types.push_back(dims.of(arg) ? Type(builder.typeWith(arg, chunk))
                                 : arg.getType());
  auto made = func::FuncOp::create(b, original.getLoc(),
                                   (original.getName() + suffix).str(),
                                   b.getFunctionType(types, {}));
  made.addEntryBlock();
  for (unsigned i = 0, e = types.size(); i < e; ++i) {
    made.setArgAttrs(i, original.getArgAttrDict(i));
    made.getArgument(i).setLoc(original.getArgument(i).getLoc());
    made.setArgAttr(i, kArgumentAttrName, b.getI64IntegerAttr(i));
    if (std::optional<unsigned> time = dims.of(func.getArgument(i)))
      made.setArgAttr(i, kTimeAttrName, b.getI64IntegerAttr(*time));
  }
  return made;
}

static void finish(func::FuncOp func, ArrayRef<Value> results) {
  OpBuilder b = OpBuilder::atBlockEnd(&func.front());
  func::ReturnOp::create(b, func.getLoc(), results);
  // The attributes are as many as the type has arguments.
  SmallVector<DictionaryAttr> attrs;
  func.getAllArgAttrs(attrs);
  func.removeArgAttrsAttr();
  func.setFunctionType(b.getFunctionType(func.front().getArgumentTypes(),
                                         ValueRange(results).getTypes()));
  attrs.resize(func.getNumArguments(), b.getDictionaryAttr({}));
  func.setAllArgAttrs(attrs);
  eraseDeadOps(func);
}

/// Removes the arguments that only the start reads.
void Derivation::dropUnread(func::FuncOp step) {
  llvm::BitVector unread(step.getNumArguments());
  for (BlockArgument arg : func.getArguments())
    if (!arg.use_empty() && !dims.of(arg) &&
        step.getArgument(arg.getArgNumber()).use_empty())
      unread.set(arg.getArgNumber());
  (void)step.eraseArguments(unread);
}

void Derivation::emitStep() {
  step = declare("_step");
  builder.emitChunk(step);
  SmallVector<Value> results;
  SmallVector<int64_t> numbers;
  for (auto [i, result] :
       llvm::enumerate(func.front().getTerminator()->getOperands()))
    if (!builder.findState(result)) {
      results.push_back(builder.getResult(result));
      numbers.push_back(i);
    }
  llvm::append_range(results, builder.emitNextStates());
  unsigned numArguments = func.getNumArguments();
  finish(step, results);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    step.setResultAttr(i, kResultAttrName, b.getI64IntegerAttr(number));
    Value result = func.front().getTerminator()->getOperand(number);
    if (std::optional<unsigned> time = dims.of(result))
      step.setResultAttr(i, kTimeAttrName, b.getI64IntegerAttr(*time));
  }
  for (unsigned i = 0, e = builder.getStates().size(); i < e; ++i) {
    step.setArgAttr(numArguments + i, kStateAttrName, b.getI64IntegerAttr(i));
    step.setResultAttr(numbers.size() + i, kStateAttrName,
                       b.getI64IntegerAttr(i));
  }
  // A result that is a state is found there.
  for (auto [i, result] :
       llvm::enumerate(func.front().getTerminator()->getOperands()))
    if (std::optional<unsigned> state = builder.findState(result))
      step.setResultAttr(numbers.size() + *state, kResultAttrName,
                         b.getI64IntegerAttr(i));
  dropUnread(step);
}

void Derivation::emitStart() {
  start = declare("_start");
  finish(start, builder.emitStart(start));
  for (unsigned i = 0, e = builder.getStates().size(); i < e; ++i)
    start.setResultAttr(i, kStateAttrName, b.getI64IntegerAttr(i));
}

LogicalResult Derivation::run(SymbolTable &symbols) {
  if (failed(causality.run()))
    return failure();
  emitStep();
  emitStart();
  symbols.insert(step, ++original->getIterator());
  symbols.insert(start, ++original->getIterator());
  return success();
}

namespace {
struct DeriveStep : ssm::impl::DeriveStepBase<DeriveStep> {
  using DeriveStepBase::DeriveStepBase;

  LogicalResult checkOptions() {
    if (chunk >= 0)
      return success();
    return getOperation().emitError(
               "a chunk has at least 1 step, or 0 for any number of them, but "
               "it is ")
           << chunk.getValue();
  }

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> funcs;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (entry.empty() ? func.isPublic() && !func.isExternal()
                        : func.getName() == entry)
        funcs.push_back(func);
    if (failed(checkOptions()))
      return signalPassFailure();
    if (funcs.empty()) {
      getOperation().emitError("there is no public function '") << entry << "'";
      return signalPassFailure();
    }
    for (func::FuncOp func : funcs) {
      if (!func.getBody().hasOneBlock()) {
        func.emitOpError("has branches; a step is derived from one block");
        return signalPassFailure();
      }
      OwningOpRef<func::FuncOp> prepared = prepare(func);
      Derivation derivation(func, *prepared,
                            chunk ? chunk : ShapedType::kDynamic);
      if (failed(derivation.run(symbols)))
        return signalPassFailure();
    }
  }
};
} // namespace
