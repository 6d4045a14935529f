//===- SplitParameters.cpp - What depends on parameters alone -------------===//
//
// f(u, k) = g(u, p(k)) becomes f_prepare(k) = p(k) and f(u, p) = g(u, p).
//
//   1 find the ops of the body that depend on parameters, or on nothing
//   2 the values of theirs that other ops use are what f_prepare returns
//   3 copy these ops to f_prepare; f reads the values from new arguments
//
// Precondition: one block, on tensors; parameters are read by
// bufferization.to_tensor or memref.load, and never written.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ParallelCombiningOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

namespace ssm {
#define GEN_PASS_DEF_SPLITPARAMETERS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

namespace {
class Splitter {
public:
  Splitter(func::FuncOp func, Signature signature)
      : func(func), body(func.getBody().front()),
        signature(std::move(signature)), b(func.getContext()) {}

  LogicalResult run();

private:
  LogicalResult checkParameters();
  bool isParameter(Value value) const;
  void classify();
  void findHanded();
  void emitPrepare(StringRef name);
  void rewriteFunction();
  void updateSignature();

  func::FuncOp func;
  Block &body;
  Signature signature;
  OpBuilder b;
  /// Ops that do not depend on data; among them those that only f_prepare has.
  DenseSet<Operation *> invariant, prepared;
  /// Results of prepared ops that other ops use, and their memory.
  SmallVector<std::pair<Value, MemRefType>> handed;
};
} // namespace

/// Whether it only computes its results, and can be done ahead.
static bool canRunAhead(Operation *op) {
  if (isa<bufferization::ToTensorOp, memref::LoadOp>(op))
    return true; // of a parameter, or else its operand depends on data
  bool pure = true;
  op->walk([&](Operation *inner) {
    pure &= inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
            isMemoryEffectFree(inner) ||
            isa<InParallelOpInterface, ParallelCombiningOpInterface,
                memref::PrefetchOp>(inner);
  });
  return pure;
}

static bool hasStaticShapes(TypeRange types) {
  return llvm::all_of(types, [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return !shaped || shaped.hasStaticShape();
  });
}

/// Whether it computes numbers. A buffer is cleared where it is used.
static bool isWork(Operation *op) {
  if (op->getNumRegions() == 0)
    return false;
  return op
      ->walk([](Operation *inner) {
        bool computes = inner->getNumOperands() > 0 &&
                        isa<arith::ArithDialect, math::MathDialect,
                            complex::ComplexDialect>(inner->getDialect()) &&
                        !inner->getResult(0).getType().isIntOrIndex();
        return computes ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

bool Splitter::isParameter(Value value) const {
  auto arg = dyn_cast<BlockArgument>(value);
  return arg && arg.getOwner() == &body &&
         llvm::is_contained(signature.parameters, arg.getArgNumber());
}

LogicalResult Splitter::checkParameters() {
  for (int64_t number : signature.parameters) {
    const TensorSpec &spec = signature.inputs[number];
    if (!llvm::all_of(spec.shape, [](DimSpec dim) { return dim.isStatic(); }))
      return func.emitError("a parameter must have a static shape, so that a "
                            "caller can bring the memory for what is prepared, "
                            "but '")
             << spec.name << "' is " << spec.str()
             << "; give it its sizes, or drop ssm.parameter";
  }
  return success();
}

void Splitter::classify() {
  for (Operation &op : body.without_terminator()) {
    if (!canRunAhead(&op) || !hasStaticShapes(op.getResultTypes()))
      continue;
    llvm::SetVector<Value> used(op.operand_begin(), op.operand_end());
    getUsedValuesDefinedAbove(op.getRegions(), used);
    bool reads = llvm::any_of(used, [&](Value v) { return isParameter(v); });
    bool usesPrepared = false, onData = false;
    for (Value value : used) {
      Operation *source = value.getDefiningOp();
      usesPrepared |= prepared.contains(source);
      onData |= source ? !invariant.contains(source) : !isParameter(value);
    }
    if (onData)
      continue;
    invariant.insert(&op);
    if (reads || usesPrepared || isWork(&op))
      prepared.insert(&op);
  }
}

static MemRefType getMemory(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  return MemRefType::get({}, type);
}

void Splitter::findHanded() {
  for (Operation &op : body)
    for (Value result : op.getResults()) {
      bool isHanded =
          prepared.contains(&op) &&
          llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !prepared.contains(body.findAncestorOpInBlock(*user));
          });
      if (isHanded)
        handed.push_back({result, getMemory(result.getType())});
    }
}

static TensorSpec describe(MemRefType type, unsigned number) {
  TensorSpec spec{
      "prepared" + std::to_string(number), type.getElementType(), {}};
  for (int64_t size : type.getShape())
    spec.shape.push_back({size, -1});
  return spec;
}

void Splitter::emitPrepare(StringRef name) {
  Location loc = func.getLoc();
  SmallVector<Type> types;
  Signature ours;
  for (int64_t number : signature.parameters) {
    types.push_back(body.getArgument(number).getType());
    ours.inputs.push_back(signature.inputs[number]);
  }
  for (auto [value, memory] : handed) {
    ours.outputs.push_back(describe(memory, ours.outputs.size()));
    types.push_back(memory);
  }
  b.setInsertionPoint(func);
  auto prepare =
      func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  prepare->setAttr(kABIAttrName, ours.toAttr(b.getContext()));
  Block *block = prepare.addEntryBlock();
  b.setInsertionPointToStart(block);
  IRMapping map;
  for (auto [i, number] : llvm::enumerate(signature.parameters))
    map.map(body.getArgument(number), block->getArgument(i));
  for (Operation &op : body.without_terminator())
    if (invariant.contains(&op))
      b.clone(op, map);
  for (auto [i, pair] : llvm::enumerate(handed)) {
    Value result = map.lookup(pair.first);
    Value memory = block->getArgument(ours.inputs.size() + i);
    if (!isa<RankedTensorType>(result.getType())) {
      memref::StoreOp::create(b, loc, result, memory, ValueRange());
      continue;
    }
    auto write = bufferization::MaterializeInDestinationOp::create(
        b, loc, Type(), result, memory);
    write.setRestrict(true);
    write.setWritable(true);
  }
  func::ReturnOp::create(b, loc);
}

void Splitter::rewriteFunction() {
  // 1. The values come in after the inputs.
  Location loc = func.getLoc();
  unsigned at = signature.inputs.size();
  b.setInsertionPointToStart(&body);
  for (auto [value, type] : handed) {
    Value memory = body.insertArgument(at++, type, loc);
    Value read;
    if (isa<RankedTensorType>(value.getType()))
      read = bufferization::ToTensorOp::create(b, loc, value.getType(), memory,
                                               /*restrict=*/true);
    else
      read = memref::LoadOp::create(b, loc, memory);
    value.replaceAllUsesWith(read);
  }
  // 2. What computed them goes, and with it the only uses of the parameters.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (prepared.contains(&op))
      op.erase();
  for (int64_t number : llvm::reverse(signature.parameters))
    body.eraseArgument(number);
  func.setFunctionType(b.getFunctionType(body.getArgumentTypes(), {}));
}

void Splitter::updateSignature() {
  std::vector<TensorSpec> inputs;
  std::vector<int64_t> places;
  for (auto [i, spec] : llvm::enumerate(signature.inputs)) {
    places.push_back(inputs.size());
    if (!llvm::is_contained(signature.parameters, int64_t(i)))
      inputs.push_back(spec);
  }
  for (auto [i, pair] : llvm::enumerate(handed))
    inputs.push_back(describe(pair.second, i));
  for (StateSpec &state : signature.states)
    state.input = places[state.input];
  signature.inputs = std::move(inputs);
  signature.parameters.clear();
  func->setAttr(kABIAttrName, signature.toAttr(b.getContext()));
}

LogicalResult Splitter::run() {
  if (failed(checkParameters()))
    return failure();
  std::string name = func.getName().str() + "_prepare";
  if (SymbolTable::lookupNearestSymbolFrom(func, b.getStringAttr(name)))
    return func.emitError("the kernel for the parameters is to be called '")
           << name << "', but there is a symbol of that name; rename it";
  classify();
  findHanded();
  emitPrepare(name);
  rewriteFunction();
  updateSignature();
  return success();
}

namespace {
struct SplitParameters : ::ssm::impl::SplitParametersBase<SplitParameters> {
  void runOnOperation() override {
    bool found = false;
    for (auto func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      std::optional<Signature> signature = Signature::get(func);
      if (!signature || signature->parameters.empty())
        continue;
      found = true;
      if (failed(Splitter(func, std::move(*signature)).run()))
        return signalPassFailure();
    }
    if (!found) {
      getOperation().emitError(
          "nothing can be prepared: no argument is a parameter; mark those "
          "that are the same in many calls with the attribute ssm.parameter");
      signalPassFailure();
    }
  }
};
} // namespace
