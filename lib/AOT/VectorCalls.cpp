//===- VectorCalls.cpp - Functions of libm on vectors ---------------------===//
//
// Before: %y = math.tanh %x : vector<64xf32>
// After, with AVX-512, for each 16 lanes of %x:
//         %p = call @_ZGVeN16v_tanhf(%q) : (vector<16xf32>) -> vector<16xf32>
//
// LLVM calls vector functions where its vectoriser made the vectors, and else
// where they fill a register; a wider one would call a scalar function for each
// lane. What is left of a vector calls the narrowest function that it fits,
// with its first lane repeated.
//
// exp and exp2 of f32 are computed in line (InlineExp.cpp).
//
//===----------------------------------------------------------------------===//
#include "Target.h"
#include "VectorMath.h"
#include "ssm/AOT/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace ssm {
#define GEN_PASS_DEF_VECTORCALLS
#include "ssm/AOT/Passes.h.inc"
} // namespace ssm

using namespace mlir;

/// The scalar function of libm that computes an element of the op.
static std::string getScalarName(Operation *op) {
  StringRef name = isa<math::PowFOp>(op) ? "pow" : op->getName().stripDialect();
  bool isSingle = getElementTypeOrSelf(op->getResult(0)).isF32();
  return name.str() + (isSingle ? "f" : "");
}

/// Whether the op is one of libm's functions on a vector of f32 or f64 that is
/// not computed in line.
static bool callsLibrary(Operation *op) {
  if (!isa<math::MathDialect>(op->getDialect()) || op->getNumResults() != 1)
    return false;
  auto type = dyn_cast<VectorType>(op->getResult(0).getType());
  if (!type || type.isScalable() || type.getNumElements() < 2 ||
      llvm::any_of(op->getOperandTypes(), [&](Type x) { return x != type; }))
    return false;
  Type element = type.getElementType();
  return element.isF64() ||
         (element.isF32() && !isa<math::ExpOp, math::Exp2Op>(op));
}

namespace {
/// Calls the vector functions of a machine's C library.
class CallEmitter {
public:
  CallEmitter(ModuleOp module, const llvm::TargetMachine &machine)
      : module(module), library(::ssm::getLibraryInfo(machine)) {}

  void replace(Operation *op);

private:
  /// As many elements as fit, of the operands from `first` on.
  Value emitPiece(OpBuilder &b, Location loc, StringRef name,
                  ValueRange operands, int64_t first, int64_t lanes);
  func::FuncOp declare(StringRef name, FunctionType type);

  ModuleOp module;
  llvm::TargetLibraryInfoImpl library;
};
} // namespace

func::FuncOp CallEmitter::declare(StringRef name, FunctionType type) {
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  auto b = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(b, module.getLoc(), name, type);
  function.setPrivate();
  function->setAttr(LLVM::LLVMDialect::getReadnoneAttrName(), b.getUnitAttr());
  return function;
}

Value CallEmitter::emitPiece(OpBuilder &b, Location loc, StringRef name,
                             ValueRange operands, int64_t first,
                             int64_t lanes) {
  int64_t size = cast<VectorType>(operands[0].getType()).getNumElements();
  SmallVector<int64_t> places;
  for (int64_t i = first; i < first + lanes; ++i)
    places.push_back(i < size ? i : first);
  SmallVector<Value> pieces = llvm::map_to_vector(operands, [&](Value x) {
    return Value(vector::ShuffleOp::create(b, loc, x, x, places));
  });
  Type type = pieces[0].getType();
  SmallVector<Type> types(pieces.size(), type);
  StringRef function = library.getVectorizedFunction(
      name, llvm::ElementCount::getFixed(lanes), /*Masked=*/false);
  auto callee = declare(function, b.getFunctionType(types, type));
  return func::CallOp::create(b, loc, callee, pieces).getResult(0);
}

void CallEmitter::replace(Operation *op) {
  std::string name = getScalarName(op);
  auto exists = [&](int64_t lanes) {
    return library.isFunctionVectorizable(name,
                                          llvm::ElementCount::getFixed(lanes));
  };
  llvm::ElementCount widest, scalable;
  library.getWidestVF(name, widest, scalable);
  int64_t lanes = widest.getFixedValue();
  if (!exists(lanes))
    return;
  OpBuilder b(op);
  Location loc = op->getLoc();
  auto type = cast<VectorType>(op->getResult(0).getType());
  int64_t size = type.getNumElements();
  auto flat = VectorType::get(size, type.getElementType());
  SmallVector<Value> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value x) {
        return b.createOrFold<vector::ShapeCastOp>(loc, flat, x);
      });
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(flat));
  for (int64_t first = 0; first < size; first += lanes) {
    int64_t rest = size - first;
    while (lanes / 2 >= rest && exists(lanes / 2))
      lanes /= 2;
    Value piece = emitPiece(b, loc, name, operands, first, lanes);
    if (lanes > rest)
      piece = vector::ExtractStridedSliceOp::create(b, loc, piece, 0, rest, 1);
    result = lanes >= size ? piece
                           : vector::InsertStridedSliceOp::create(
                                 b, loc, piece, result, first, 1);
  }
  op->getResult(0).replaceAllUsesWith(
      b.createOrFold<vector::ShapeCastOp>(loc, type, result));
  op->erase();
}

namespace {
struct VectorCalls : ::ssm::impl::VectorCallsBase<VectorCalls> {
  using VectorCallsBase::VectorCallsBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (callsLibrary(op))
        ops.push_back(op);
    });
    if (ops.empty())
      return;
    auto machine = ::ssm::createTargetMachine(target);
    if (!machine) {
      getOperation().emitError(llvm::toString(machine.takeError()));
      return signalPassFailure();
    }
    CallEmitter emitter(getOperation(), **machine);
    for (Operation *op : ops)
      emitter.replace(op);
  }
};
} // namespace
