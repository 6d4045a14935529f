//===- Kernel.cpp - What all kernels share --------------------------------===//
#include "Kernel.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace ssm {

static constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

std::optional<int64_t> multiply(ArrayRef<int64_t> sizes,
                                ArrayRef<unsigned> dims) {
  int64_t product = 1;
  for (unsigned dim : dims)
    if (ShapedType::isDynamic(sizes[dim]) ||
        llvm::MulOverflow(product, sizes[dim], product))
      return std::nullopt;
  return product;
}

std::string findPart(gpu::GPUModuleOp parent, func::FuncOp function,
                     unsigned &number) {
  auto isTaken = [&](const std::string &name) {
    return parent.lookupSymbol(name) ||
           SymbolTable::lookupSymbolIn(parent->getParentOp(), name);
  };
  std::string part;
  do
    part = "_" + std::to_string(++number);
  while (isTaken(function.getName().str() + part));
  return part;
}

/// Where an op was written, if a call to that has been inlined: a kernel has no
/// caller that debug information could name.
static Location findWritten(Location loc) {
  while (auto site = dyn_cast<CallSiteLoc>(loc))
    loc = site.getCallee();
  return loc;
}

Kernel::Kernel(OpBuilder &b, const KernelFrame &frame, Location loc,
               ArrayRef<int64_t> staticSizes, Type real, int64_t threads,
               bool hasWorkspace)
    : loc(findWritten(loc)), num(b, this->loc, real), b(b),
      function(frame.function), stage(frame.stage) {
  func::FuncOp whole = stage ? stage->whole : function;
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), kGlobalSpace);
  tensors = whole.getNumArguments() + whole.getNumResults();
  SmallVector<Type> types(tensors, pointer);
  types.append(stage ? stage->symbols
                     : llvm::count_if(staticSizes, ShapedType::isDynamic),
               b.getI64Type());
  if (hasWorkspace || stage)
    types.push_back(pointer);

  gpu::GPUModuleOp parent = frame.parent;
  b.setInsertionPointToEnd(parent.getBody());
  kernel =
      gpu::GPUFuncOp::create(b, this->loc, whole.getName().str() + frame.part,
                             b.getFunctionType(types, {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  setThreads(threads);
  b.setInsertionPointToStart(&kernel.getBody().front());
  for (unsigned i = 0; i < tensors; ++i)
    kernel.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                      b.getUnitAttr());
  for (unsigned i = 0; i < whole.getNumArguments(); ++i)
    kernel.setArgAttr(i, LLVM::LLVMDialect::getReadonlyAttrName(),
                      b.getUnitAttr());
  bindSizes(staticSizes);
  if (hasWorkspace || stage)
    workspaceStart = kernel.getArgument(types.size() - 1);
  if (stage)
    findRegions();
}

void Kernel::setThreads(int64_t threads) {
  kernel.setKnownBlockSizeAttr(
      b.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
}

/// Without a stage dynamic sizes are numbered as they come.
void Kernel::bindSizes(ArrayRef<int64_t> staticSizes) {
  if (stage)
    launchSizes.append(stage->loops.begin(), stage->loops.end());
  else
    for (int64_t size : staticSizes)
      launchSizes.push_back(
          !ShapedType::isDynamic(size)
              ? size
              : -1 - static_cast<int64_t>(llvm::count_if(
                         launchSizes, [](int64_t s) { return s < 0; })));
  for (int64_t size : launchSizes)
    sizes.push_back(sizeOf(size));
}

Value Kernel::sizeOf(int64_t launchSize) {
  return launchSize < 0 ? kernel.getArgument(tensors - launchSize - 1)
                        : constant(launchSize);
}

Value Kernel::valueOf(const SizeProduct &product) {
  Value value = constant(product.number);
  for (int64_t symbol : product.symbols)
    value = mul(value, sizeOf(symbol));
  return value;
}

Value Kernel::countBytes(const WorkspaceRegion &region) {
  Value bytes = constant(region.bytes);
  for (const GridFactor &factor : region.grid) {
    Value elements = constant(1);
    for (int64_t element : factor.elements)
      elements = mul(elements, sizeOf(element));
    Value blocks =
        arith::CeilDivUIOp::create(b, loc, elements, constant(factor.perBlock));
    bytes = mul(bytes,
                arith::MaxUIOp::create(b, loc, blocks, constant(factor.least)));
  }
  return bytes;
}

void Kernel::findRegions() {
  Value all = workspaceStart, offset = constant(0);
  auto start = [&]() -> Value {
    return LLVM::GEPOp::create(b, loc, all.getType(), b.getI8Type(), all,
                               ArrayRef<LLVM::GEPArg>{offset});
  };
  for (const WorkspaceRegion &region : stage->regions) {
    regionStarts.push_back(start());
    offset = add(offset, countBytes(region));
  }
  workspaceStart = start();
}

KernelTensor Kernel::place(Value value, AffineMap map, unsigned number,
                           ArrayRef<TensorPlace> places, unsigned before) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  if (!stage)
    return {kernel.getArgument(before + number), map, element};
  const TensorPlace &place = places[number];
  Value memory = place.argument ? kernel.getArgument(*place.argument)
                                : regionStarts[place.region];
  KernelTensor tensor{memory, map, element, place.padding, place.strides};
  for (const SizeProduct &offset : place.start) {
    tensor.pointer = address(tensor, valueOf(offset));
    tensor.startDivisor = std::gcd(tensor.startDivisor, offset.number);
  }
  return tensor;
}

KernelTensor Kernel::argument(Value value, AffineMap map) {
  if (!value)
    return {};
  return place(value, map, cast<BlockArgument>(value).getArgNumber(),
               stage ? ArrayRef(stage->arguments) : ArrayRef<TensorPlace>(), 0);
}

KernelTensor Kernel::result(Value value, AffineMap map) {
  auto returned = function.getBody().front().getTerminator()->getOperands();
  auto found = llvm::find(returned, value);
  if (found == returned.end())
    return {};
  return place(value, map, found - returned.begin(),
               stage ? ArrayRef(stage->results) : ArrayRef<TensorPlace>(),
               function.getNumArguments());
}

Value Kernel::workspace(Value offset) {
  Value all = workspace();
  return offset ? LLVM::GEPOp::create(b, loc, all.getType(), b.getI32Type(),
                                      all, ArrayRef<LLVM::GEPArg>{offset})
                      .getResult()
                : all;
}

void Kernel::refuseVectors() {
  kernel->setAttr("passthrough", b.getStrArrayAttr({"noimplicitfloat"}));
  refusesVectors = true;
}

Value Kernel::addShared(StringRef name, int64_t bytes, int64_t alignment) {
  auto type =
      LLVM::LLVMArrayType::get(b.getI32Type(), llvm::divideCeil(bytes, 4));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(kernel);
  auto memory = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false,
                                       LLVM::Linkage::Internal,
                                       (kernel.getName() + "_" + name).str(),
                                       Attribute(), alignment, kSharedSpace);
  b.setInsertionPointToStart(&kernel.getBody().front());
  return LLVM::AddressOfOp::create(b, loc, memory);
}

Value Kernel::sharedPlace(Value memory, Type element, Value index) {
  return LLVM::GEPOp::create(b, loc, memory.getType(), element, memory,
                             ArrayRef<LLVM::GEPArg>{index});
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
SmallVector<Value> Kernel::shuffle(gpu::ShuffleMode mode, ValueRange parts,
                                   int64_t distance) {
  Value d = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(distance));
  return shuffle(mode, parts, d);
}
SmallVector<Value> Kernel::shuffle(gpu::ShuffleMode mode, ValueRange parts,
                                   Value d) {
  Value width = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(kWarp));
  SmallVector<Value> received;
  for (Value part : parts)
    received.push_back(gpu::ShuffleOp::create(b, loc, part.getType(),
                                              b.getI1Type(), part, d, width,
                                              mode)
                           .getShuffleResult());
  return received;
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

/// By inline assembly of no instructions.
Value Kernel::opaque(Value x, int64_t most) {
  Value hidden = LLVM::InlineAsmOp::create(
                     b, loc, x.getType(), x, /*asm_string=*/"", "=l,0",
                     /*has_side_effects=*/true, /*is_align_stack=*/false,
                     LLVM::tailcallkind::TailCallKind::None,
                     LLVM::AsmDialectAttr(), ArrayAttr())
                     .getResult(0);
  LLVM::AssumeOp::create(b, loc,
                         arith::CmpIOp::create(b, loc,
                                               arith::CmpIPredicate::ule,
                                               hidden, constant(most)));
  return hidden;
}

void Kernel::when(Value condition, function_ref<void()> body) {
  auto guard = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard inside(b);
  b.setInsertionPointToStart(guard.thenBlock());
  body();
}

SmallVector<Value> Kernel::branch(Value condition,
                                  function_ref<SmallVector<Value>()> yes,
                                  function_ref<SmallVector<Value>()> no) {
  auto body = [&](function_ref<SmallVector<Value>()> emit) {
    return [&, emit](OpBuilder &nested, Location) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(nested.getInsertionBlock(),
                          nested.getInsertionPoint());
      scf::YieldOp::create(b, loc, emit());
    };
  };
  return SmallVector<Value>(
      scf::IfOp::create(b, loc, condition, body(yes), body(no)).getResults());
}

SmallVector<Value>
Kernel::loop(Value from, Value to, int64_t step, ArrayRef<Value> carried,
             function_ref<SmallVector<Value>(Value, SmallVector<Value>)> body,
             bool mayUnroll) {
  auto loop = scf::ForOp::create(
      b, loc, from, to, constant(step), carried,
      [&](OpBuilder &nested, Location, Value i, ValueRange values) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(),
                            nested.getInsertionPoint());
        scf::YieldOp::create(b, loc, body(i, SmallVector<Value>(values)));
      });
  if (!mayUnroll) {
    auto unroll = LLVM::LoopUnrollAttr::get(b.getContext(), b.getBoolAttr(true),
                                            {}, {}, {}, {}, {}, {});
    loop->setDiscardableAttr(
        "llvm.loop_annotation",
        LLVM::LoopAnnotationAttr::get(b.getContext(), {}, {}, {}, unroll, {},
                                      {}, {}, {}, {}, {}, {}, {}, {}, {}, {}));
  }
  return SmallVector<Value>(loop.getResults());
}

Value Kernel::split(Value number, ArrayRef<unsigned> dims,
                    MutableArrayRef<Value> indices) {
  for (unsigned dim : llvm::reverse(dims)) {
    indices[dim] = arith::RemUIOp::create(b, loc, number, size(dim));
    number = arith::DivUIOp::create(b, loc, number, size(dim));
  }
  return number;
}

void Kernel::splitAll(Value number, ArrayRef<unsigned> dims,
                      MutableArrayRef<Value> indices) {
  if (dims.size() == 1)
    indices[dims[0]] = number;
  else
    split(number, dims, indices);
}

Value Kernel::padded(Value size, int64_t padding) {
  Value rows = arith::CeilDivUIOp::create(b, loc, size, constant(padding));
  return mul(rows, constant(padding));
}

Value Kernel::offset(const KernelTensor &tensor, ArrayRef<Value> indices) {
  Value offset;
  SmallVector<unsigned> dims = dimsOf(tensor.map);
  for (auto [dim, stride] : llvm::zip(dims, tensor.strides))
    if (indices[dim]) {
      Value along = mul(indices[dim], valueOf(stride));
      offset = offset ? add(offset, along) : along;
    }
  if (!tensor.strides.empty())
    return offset ? offset : constant(0);
  for (unsigned dim : dims) {
    if (offset && dim == dims.back() && tensor.padding > 1)
      offset = mul(offset, padded(sizes[dim], tensor.padding));
    else if (offset)
      offset = mul(offset, sizes[dim]);
    if (indices[dim])
      offset = offset ? add(offset, indices[dim]) : indices[dim];
  }
  return offset ? offset : constant(0);
}

int64_t Kernel::countAccess(const KernelTensor &tensor) const {
  static constexpr int64_t kAccessBytes = 16;
  int64_t bytes = getElementWidth(tensor.element) / 8 *
                  (isa<ComplexType>(tensor.element) ? 2 : 1);
  SmallVector<unsigned> dims = dimsOf(tensor.map);
  int64_t size = dims.empty() ? 1 : launchSizes[dims.back()];
  if (tensor.padding > 1)
    size = tensor.padding;
  if (size < 0 || (!tensor.strides.empty() && !tensor.strides.back().isOne()))
    return 1;
  int64_t count = std::gcd(size, kAccessBytes / bytes);
  for (unsigned i = 0; i + 1 < tensor.strides.size(); ++i)
    count = std::gcd(count, tensor.strides[i].number);
  return std::gcd(count, tensor.startDivisor);
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

SmallVector<Value> Kernel::loadScalars(const KernelTensor &tensor, Value offset,
                                       unsigned count) {
  Type real = getRealType(tensor.element);
  unsigned scalars = count * (isa<ComplexType>(tensor.element) ? 2 : 1);
  unsigned bytes = real.getIntOrFloatBitWidth() / 8;
  Type type = scalars == 1 ? real : VectorType::get(scalars, real);
  Value all = LLVM::LoadOp::create(b, loc, type, address(tensor, offset),
                                   scalars * bytes);
  if (scalars == 1)
    return {all};
  // LLVM takes loads of vectors apart, and joins them again but in a kernel
  // that it is not to look for vectors in.
  if (refusesVectors)
    all = LLVM::FreezeOp::create(b, loc, all);
  SmallVector<Value> loaded;
  for (unsigned i = 0; i < scalars; ++i)
    loaded.push_back(
        LLVM::ExtractElementOp::create(b, loc, all, laneNumber(i)));
  return loaded;
}

void Kernel::storeScalars(const KernelTensor &tensor, Value offset,
                          ArrayRef<Value> parts) {
  Type real = getRealType(tensor.element);
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

SmallVector<Num> Kernel::load(const KernelTensor &tensor, Value offset,
                              unsigned count) {
  unsigned parts = isa<ComplexType>(tensor.element) ? 2 : 1;
  SmallVector<Value> scalars = loadScalars(tensor, offset, count);
  auto part = [&](unsigned i) { return num.load(scalars[i]).re; };
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
  storeScalars(tensor, offset, parts);
}

Value Kernel::loadWords(const KernelTensor &tensor, Value offset) {
  return LLVM::LoadOp::create(b, loc, VectorType::get(4, b.getI32Type()),
                              address(tensor, offset), /*alignment=*/16);
}

//===----------------------------------------------------------------------===//
// Regions on scalars
//===----------------------------------------------------------------------===//

static bool isInside(Value value, Operation &op) {
  return op.getParentRegion()->isAncestor(value.getParentRegion());
}

const char *refusesInlining(Operation &op) {
  if (op.getNumRegions())
    return "control flow in an op";
  if (!isPure(&op))
    return "an op with side effects";
  bool isClosed = llvm::all_of(op.getOperands(), [&](Value value) {
    return isInside(value, op) || matchPattern(value, m_Constant());
  });
  return isClosed ? nullptr
                  : "an op that reads a scalar from outside of it, other than "
                    "a constant";
}

SmallVector<Value> inlineBlock(OpBuilder &b, Block &block, ValueRange args,
                               ValueRange indices) {
  IRMapping scalars;
  for (auto [argument, value] : llvm::zip_equal(block.getArguments(), args))
    if (value)
      scalars.map(argument, value);
  for (Operation &nested : block) {
    for (Value value : nested.getOperands())
      if (!isInside(value, nested) && !scalars.contains(value))
        scalars.map(value, b.clone(*value.getDefiningOp())->getResult(0));
    if (auto index = dyn_cast<linalg::IndexOp>(nested))
      scalars.map(index.getResult(), arith::IndexCastOp::create(
                                         b, index.getLoc(), b.getIndexType(),
                                         indices[index.getDim()]));
    else if (!nested.hasTrait<OpTrait::IsTerminator>())
      b.clone(nested, scalars);
  }
  SmallVector<Value> values;
  for (Value yielded : block.getTerminator()->getOperands())
    values.push_back(scalars.lookup(yielded));
  return values;
}

} // namespace ssm
