//===- Kernel.cpp - What the kernels of a recurrence share ----------------===//
#include "Kernel.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

static constexpr unsigned kGlobalSpace = 1;

Kernel::Kernel(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp function,
               LinearRecurrenceOp op, int64_t threads)
    : op(op), loc(op.getLoc()),
      num(b, op.getLoc(), getRealType(op.getStateElementType())), b(b) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), kGlobalSpace);
  SmallVector<int64_t> staticSizes = getStaticLoopSizes(op);
  auto back = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  SmallVector<Type> types(function.getNumArguments() + back.getNumOperands(),
                          pointer);
  types.append(
      llvm::count_if(staticSizes,
                     [](int64_t s) { return ShapedType::isDynamic(s); }),
      b.getI64Type());

  b.setInsertionPointToEnd(parent.getBody());
  kernel = gpu::GPUFuncOp::create(b, loc, function.getName(),
                                  b.getFunctionType(types, {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel.setKnownBlockSizeAttr(
      b.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
  b.setInsertionPointToStart(&kernel.getBody().front());

  ValueRange args = kernel.getArguments();
  auto describe = [&](Value value, Value memory, AffineMap map) {
    return KernelTensor{
        memory, map, cast<RankedTensorType>(value.getType()).getElementType()};
  };
  auto operand = [&](Value value, AffineMap map) {
    if (!value)
      return KernelTensor();
    return describe(value, args[cast<BlockArgument>(value).getArgNumber()],
                    map);
  };
  transition = operand(op.getTransition(), op.getTransitionMap());
  signal = operand(op.getSignal(), op.getSignalMap());
  input = operand(op.getInput(), op.getInputIndexingMap());
  output = operand(op.getOutput(), op.getOutputIndexingMap());
  init = operand(op.getInit(), op.getInitIndexingMap());
  for (auto [i, value] : llvm::enumerate(back.getOperands())) {
    Value memory = args[function.getNumArguments() + i];
    if (value == op.getResult())
      result = describe(value, memory, op.getResultIndexingMap());
    else
      final = describe(value, memory, op.getFinalIndexingMap());
  }
  ValueRange dynamic =
      args.drop_front(function.getNumArguments() + back.getNumOperands());
  for (int64_t size : staticSizes) {
    bool known = !ShapedType::isDynamic(size);
    launchSizes.push_back(
        known ? size
              : -1 - static_cast<int64_t>(llvm::count_if(
                         launchSizes, [](int64_t s) { return s < 0; })));
    sizes.push_back(known ? constant(size) : dynamic[-launchSizes.back() - 1]);
  }
}

Value Kernel::constant(int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
}
Value Kernel::add(Value x, Value y) {
  return arith::AddIOp::create(b, loc, x, y);
}
Value Kernel::mul(Value x, Value y) {
  return arith::MulIOp::create(b, loc, x, y);
}
Value Kernel::threadIndex() {
  return arith::IndexCastOp::create(
      b, loc, b.getI64Type(),
      gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x));
}
Value Kernel::blockIndex() {
  return arith::IndexCastOp::create(
      b, loc, b.getI64Type(),
      gpu::BlockIdOp::create(b, loc, gpu::Dimension::x));
}

Value Kernel::offset(const KernelTensor &tensor, ArrayRef<Value> indices) {
  Value offset;
  for (unsigned dim : dimsOf(tensor.map)) {
    if (offset)
      offset = mul(offset, sizes[dim]);
    if (indices[dim])
      offset = offset ? add(offset, indices[dim]) : indices[dim];
  }
  return offset ? offset : constant(0);
}

Value Kernel::address(const KernelTensor &tensor, Value offset) {
  Type real = getRealType(tensor.element);
  if (isa<ComplexType>(tensor.element))
    offset = mul(offset, constant(2));
  return LLVM::GEPOp::create(b, loc, tensor.pointer.getType(), real,
                             tensor.pointer, ArrayRef<LLVM::GEPArg>{offset});
}

Value Kernel::laneNumber(int64_t i) {
  return LLVM::ConstantOp::create(b, loc, b.getI32IntegerAttr(i));
}

SmallVector<Num> Kernel::load(const KernelTensor &tensor, Value offset,
                              unsigned count) {
  Type real = getRealType(tensor.element);
  unsigned parts = isa<ComplexType>(tensor.element) ? 2 : 1;
  unsigned reals = count * parts;
  unsigned bytes = real.getIntOrFloatBitWidth() / 8;
  Value from = address(tensor, offset);
  Type type = reals == 1 ? real : VectorType::get(reals, real);
  Value all = LLVM::LoadOp::create(b, loc, type, from, reals * bytes);
  auto part = [&](unsigned i) {
    Value scalar =
        reals == 1 ? all
                   : LLVM::ExtractElementOp::create(b, loc, all, laneNumber(i))
                         .getResult();
    return num.load(scalar).re;
  };
  SmallVector<Num> loaded;
  for (unsigned i = 0; i < count; ++i)
    loaded.push_back(
        {part(i * parts), parts == 2 ? part(i * parts + 1) : Value()});
  return loaded;
}

void Kernel::store(const KernelTensor &tensor, Value offset, ArrayRef<Num> x) {
  Type real = getRealType(tensor.element);
  SmallVector<Value> parts;
  for (const Num &value : x) {
    parts.push_back(num.store({value.re, Value()}, real));
    if (isa<ComplexType>(tensor.element)) {
      Value im = value.isComplex() ? value.im : num.constant(0).re;
      parts.push_back(num.store({im, Value()}, real));
    }
  }
  Value all = parts.front();
  if (parts.size() > 1) {
    all = LLVM::PoisonOp::create(
        b, loc, VectorType::get(static_cast<int64_t>(parts.size()), real));
    for (auto [i, part] : llvm::enumerate(parts))
      all = LLVM::InsertElementOp::create(b, loc, all, part, laneNumber(i));
  }
  unsigned bytes = real.getIntOrFloatBitWidth() / 8;
  LLVM::StoreOp::create(b, loc, all, address(tensor, offset),
                        parts.size() * bytes);
}

} // namespace ssm
