//===- DestinationPassing.cpp - Tensor functions to memref arguments ------===//
//
// The caller brings the memory of every result. After this pass bufferization
// finds the results' buffers at the function boundary and computes in them.
//
// Precondition: one block per function (structured control flow), and every
// result size is a constant or the size of an argument (see SizeClasses).
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Passes.h"
#include "ssm/AOT/Signature.h"
#include "ssm/AOT/SizeClasses.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace ssm {
#define GEN_PASS_DEF_DESTINATIONPASSING
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// The memref of an argument or result: contiguous and row-major. A scalar
/// becomes a memref of rank 0.
static MemRefType getMemRefType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  return MemRefType::get({}, type);
}

/// Checks that a value of this type can cross the C ABI.
static LogicalResult checkType(func::FuncOp func, Type type, const char *kind,
                               unsigned index) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (isa<ShapedType>(type) && !tensor)
    return func.emitError("a kernel takes and returns ranked tensors or "
                          "scalars, but ")
           << kind << " #" << index << " is " << type
           << "; make the function private or change the type";
  if (tensor && tensor.getEncoding())
    return func.emitError("a kernel takes dense row-major tensors, but ")
           << kind << " #" << index << " has the encoding "
           << tensor.getEncoding() << "; drop it";
  Type element = tensor ? tensor.getElementType() : type;
  if (!getDType(element))
    return func.emitError("a kernel takes elements of ")
           << kDTypeList << ", but " << kind << " #" << index
           << " has elements of " << element << "; cast inside the kernel";
  return success();
}

static LogicalResult checkFunction(func::FuncOp func) {
  if (!func.getBody().hasOneBlock())
    return func.emitError("a kernel has one block, but this function has ")
           << func.getBody().getBlocks().size()
           << "; use scf instead of branches";
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (failed(checkType(func, type, "argument", i)))
      return failure();
  for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
    if (failed(checkType(func, type, "result", i)))
      return failure();
  return success();
}

namespace {
/// Builds the signature of one function; symbols are numbered in the order in
/// which arguments use them.
class SignatureBuilder {
public:
  explicit SignatureBuilder(func::FuncOp func) : func(func), classes(func) {}

  FailureOr<Signature> build();

private:
  TensorSpec describe(Value value, std::string name);
  LogicalResult checkResult(Value value, unsigned index);

  func::FuncOp func;
  SizeClasses classes;
  DenseMap<unsigned, int> symbols;
};
} // namespace

TensorSpec SignatureBuilder::describe(Value value, std::string name) {
  TensorSpec spec{std::move(name), getElementTypeOrSelf(value.getType()), {}};
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (unsigned dim = 0, rank = type ? type.getRank() : 0; dim < rank; ++dim) {
    unsigned id = classes.classOf(value, dim);
    if (auto size = classes.constantOf(id))
      spec.shape.push_back({*size, -1});
    else
      spec.shape.push_back(
          {0, symbols.try_emplace(id, symbols.size()).first->second});
  }
  return spec;
}

LogicalResult SignatureBuilder::checkResult(Value value, unsigned index) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (unsigned dim = 0, rank = type ? type.getRank() : 0; dim < rank; ++dim) {
    unsigned id = classes.classOf(value, dim);
    if (classes.constantOf(id) || symbols.contains(id))
      continue;
    InFlightDiagnostic diag =
        func.emitError("every result size must be a constant or the size of "
                       "an argument, so that a caller can bring the memory; "
                       "dimension ")
        << dim << " of result #" << index << " (" << type
        << ") is neither; make it static, or pass an argument of that size";
    diag.attachNote(value.getLoc()) << "the result is computed here";
    return diag;
  }
  return success();
}

/// The states of a step that --ssm-derive-step has made.
static std::vector<StateSpec> findStates(func::FuncOp func) {
  std::vector<StateSpec> states;
  for (unsigned arg = 0; arg < func.getNumArguments(); ++arg)
    for (unsigned result = 0; result < func.getNumResults(); ++result) {
      Attribute state = func.getArgAttr(arg, kStateAttrName);
      if (state && state == func.getResultAttr(result, kStateAttrName))
        states.push_back({arg, result});
    }
  return states;
}

FailureOr<Signature> SignatureBuilder::build() {
  if (!classes.conflicts().empty()) {
    const SizeClasses::Conflict &c = classes.conflicts().front();
    return c.op->emitError("sizes that this operation needs equal are ")
           << c.lhs << " and " << c.rhs
           << "; make the shapes of its operands agree";
  }
  Signature signature;
  for (BlockArgument arg : func.getArguments()) {
    auto name = func.getArgAttrOfType<StringAttr>(arg.getArgNumber(), kArgName);
    signature.inputs.push_back(describe(
        arg, name ? name.str() : "a" + std::to_string(arg.getArgNumber())));
  }
  Operation *terminator = func.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    if (failed(checkResult(value, i)))
      return failure();
    auto name = func.getResultAttrOfType<StringAttr>(i, kArgName);
    signature.outputs.push_back(
        describe(value, name ? name.str() : "r" + std::to_string(i)));
  }
  signature.states = findStates(func);
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    if (func.getArgAttr(i, kParameterAttrName))
      signature.parameters.push_back(i);
  return signature;
}

/// Replaces an argument by a memref; the body reads it through a tensor (or,
/// for a scalar, a load).
static void rewriteArgument(BlockArgument arg, OpBuilder &b) {
  Type type = arg.getType();
  Location loc = arg.getLoc();
  arg.setType(getMemRefType(type));
  Operation *read;
  if (isa<RankedTensorType>(type))
    read = bufferization::ToTensorOp::create(b, loc, type, arg,
                                             /*restrict=*/true);
  else
    read = memref::LoadOp::create(b, loc, arg);
  arg.replaceAllUsesExcept(read->getResult(0), read);
}

/// Adds an output argument and writes `value` to it before the terminator.
static void rewriteResult(Value value, Block &body, OpBuilder &b) {
  Location loc = value.getLoc();
  BlockArgument out = body.addArgument(getMemRefType(value.getType()), loc);
  b.setInsertionPoint(body.getTerminator());
  if (isa<RankedTensorType>(value.getType())) {
    auto write = bufferization::MaterializeInDestinationOp::create(
        b, loc, Type(), value, out);
    write.setRestrict(true);
    write.setWritable(true);
  } else {
    memref::StoreOp::create(b, loc, value, out, ValueRange());
  }
}

/// The rewrite shown in the description of the pass.
static LogicalResult rewriteFunction(func::FuncOp func) {
  if (failed(checkFunction(func)))
    return failure();
  FailureOr<Signature> signature = SignatureBuilder(func).build();
  if (failed(signature))
    return failure();

  MLIRContext *context = func.getContext();
  Block &body = func.getBody().front();
  OpBuilder b(context);
  b.setInsertionPointToStart(&body);
  for (BlockArgument arg : body.getArguments())
    rewriteArgument(arg, b);
  auto results = llvm::to_vector(body.getTerminator()->getOperands());
  for (Value result : results)
    rewriteResult(result, body, b);
  body.getTerminator()->setOperands({});

  func.setFunctionType(FunctionType::get(context, body.getArgumentTypes(), {}));
  func.removeArgAttrsAttr();
  func.removeResAttrsAttr();
  func->setAttr(kABIAttrName, signature->toAttr(context));
  return success();
}

namespace {
struct DestinationPassing
    : ::ssm::impl::DestinationPassingBase<DestinationPassing> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isPublic() && !func.isExternal() && !Signature::get(func))
        if (failed(rewriteFunction(func)))
          return signalPassFailure();
  }
};
} // namespace
