//===- Stages.cpp - Functions of several kernels --------------------------===//
//
//   x = B u            matrix_product
//   s = scan(a, x)     row_scan, look_back, ...
//   y = C s + D u      matrix_product
//
// Stages run one after the other: see StageCut.cpp. Each is a function of its
// own while it is lowered. What it stores is in the workspace unless the
// function returns it; there rows begin at lines of 128 bytes.
//
//===----------------------------------------------------------------------===//
#include "Clear.h"
#include "Elementwise.h"
#include "LowerToGPU.h"
#include "MatrixProduct.h"
#include "ReduceRows.h"
#include "StageCut.h"
#include "StepLoop.h"

#include "ssm/AOT/SizeClasses.h"
#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace ssm;

static constexpr int64_t kLineBytes = 128;

namespace {
class StageLowering {
public:
  StageLowering(OpBuilder &b, gpu::GPUModuleOp parent, func::FuncOp whole,
                StringRef chip)
      : b(b), parent(parent), whole(whole), chip(chip), classes(whole),
        stages(whole) {}

  std::optional<Launch> lower();

private:
  LogicalResult refuse(Location loc, const Twine &why);

  // Sizes.
  LogicalResult numberSizes();
  std::optional<int64_t> sizeOf(Value tensor, unsigned dim);
  SmallVector<int64_t> sizesOf(Value tensor);
  std::optional<SmallVector<int64_t>> findLoops(const Stage &stage);
  TensorSpec describe(Value value, const Twine &name);

  // A stage as a function, and its kernel.
  Value clone(Value value, const Stage &stage, func::FuncOp function,
              IRMapping &mapping, SmallVectorImpl<Value> &leaves);
  func::FuncOp build(const Stage &stage, SmallVectorImpl<Value> &leaves);
  void allocate(Value value);
  std::optional<TensorPlace> placeOf(Value value);
  std::optional<Launch> emit(const KernelFrame &frame, const Stage &stage);
  std::optional<Launch> emitProduct(const KernelFrame &frame);
  std::optional<Launch> emitRows(const KernelFrame &frame);
  std::optional<Launch> emitLoop(const KernelFrame &frame);
  LogicalResult lowerAssembly(Value value, const Stage &stage);
  LogicalResult lowerStage(const Stage &stage);
  LogicalResult lowerStage(const Stage &stage, ArrayRef<TensorPlace> results);
  void append(Launch stage);

  OpBuilder &b;
  gpu::GPUModuleOp parent;
  func::FuncOp whole;
  StringRef chip;
  SizeClasses classes;
  DenseMap<unsigned, int> symbols;
  StageCut stages;
  DenseMap<Value, TensorPlace> places;
  Launch launch;
  unsigned number = 0;
};
} // namespace

LogicalResult StageLowering::refuse(Location loc, const Twine &why) {
  return emitError(loc) << "'" << whole.getName()
                        << "' has no sequence of GPU kernels: " << why;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// In the order in which arguments have them.
LogicalResult StageLowering::numberSizes() {
  for (BlockArgument arg : whole.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type || arg.use_empty())
      return refuse(arg.getLoc(), "it has an argument that is no tensor, or "
                                  "that nothing reads");
    for (unsigned dim = 0; dim < type.getRank(); ++dim) {
      unsigned id = classes.classOf(arg, dim);
      if (!classes.constantOf(id))
        symbols.try_emplace(id, symbols.size());
    }
  }
  return success();
}

/// As a launch has it.
std::optional<int64_t> StageLowering::sizeOf(Value tensor, unsigned dim) {
  unsigned id = classes.classOf(tensor, dim);
  if (auto size = classes.constantOf(id))
    return size;
  auto found = symbols.find(id);
  return found == symbols.end() ? std::nullopt
                                : std::optional<int64_t>(-1 - found->second);
}

/// Of a tensor all sizes of which are known.
SmallVector<int64_t> StageLowering::sizesOf(Value tensor) {
  SmallVector<int64_t> sizes;
  for (unsigned dim = 0;
       dim < cast<RankedTensorType>(tensor.getType()).getRank(); ++dim)
    sizes.push_back(*sizeOf(tensor, dim));
  return sizes;
}

/// Those of the anchor, or of the value, and one more where none is time.
std::optional<SmallVector<int64_t>>
StageLowering::findLoops(const Stage &stage) {
  SmallVector<int64_t> loops;
  auto fill = [&](Value tensor, AffineMap map) {
    for (auto [i, dim] : llvm::enumerate(dimsOf(map))) {
      auto size = sizeOf(tensor, i);
      if (!size)
        return false;
      loops[dim] = *size;
    }
    return true;
  };
  if (auto recurrence = dyn_cast_or_null<LinearRecurrenceOp>(stage.anchor)) {
    SmallVector<AffineMap> maps = recurrence.getIndexingMapsArray();
    loops.resize(maps[0].getNumDims());
    SmallVector<Value> values(recurrence->getOperands());
    llvm::append_range(values, recurrence->getResults());
    for (auto [value, map] : llvm::zip_equal(values, maps))
      if (!fill(value, map))
        return std::nullopt;
    return loops;
  }
  if (auto product = findProduct(stage.anchor)) {
    loops.resize(product->result.map.getNumDims());
    for (const Mapped &value : {product->left, product->right, product->result})
      if (!fill(value.tensor, value.map))
        return std::nullopt;
    return loops;
  }
  if (auto loop = findStepLoop(stage.anchor)) {
    loops.resize(loop->stateMap().getNumDims());
    for (unsigned number = 0; number < loop->op.getNumResults(); ++number) {
      Mapped result = loop->result(number);
      if (!fill(result.tensor, result.map))
        return std::nullopt;
    }
    loops[0] = loop->op.getStaticTripCount()->getSExtValue();
    return loops;
  }
  if (stage.anchor) {
    auto reduction = cast<linalg::GenericOp>(stage.anchor);
    loops.assign(reduction.getNumLoops() + 1, 1);
    for (auto [value, map] : llvm::zip_equal(reduction->getOperands(),
                                             reduction.getIndexingMapsArray()))
      if (!fill(value, map))
        return std::nullopt;
    return loops;
  }
  Value value = stage.results.front();
  unsigned rank = cast<RankedTensorType>(value.getType()).getRank();
  loops.assign(rank + 1, 1);
  return fill(value, b.getMultiDimIdentityMap(rank)) ? std::optional(loops)
                                                     : std::nullopt;
}

TensorSpec StageLowering::describe(Value value, const Twine &name) {
  TensorSpec spec{name.str(), getElementTypeOrSelf(value.getType()), {}};
  for (int64_t size : sizesOf(value))
    spec.shape.push_back(size < 0 ? DimSpec{0, static_cast<int>(-1 - size)}
                                  : DimSpec{size, -1});
  return spec;
}

//===----------------------------------------------------------------------===//
// A stage as a function
//===----------------------------------------------------------------------===//

/// The value in the stage's function. What is in memory is an argument of it;
/// tensors that an op only takes the shape of are empty.
Value StageLowering::clone(Value value, const Stage &stage,
                           func::FuncOp function, IRMapping &mapping,
                           SmallVectorImpl<Value> &leaves) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  bool isTensor = isa<RankedTensorType>(value.getType());
  if (isTensor && stages.isLeaf(value, stage)) {
    leaves.push_back(value);
    Value arg =
        function.getBody().front().addArgument(value.getType(), value.getLoc());
    mapping.map(value, arg);
    return arg;
  }
  Operation *op = value.getDefiningOp();
  SmallVector<Value> read = findRead(op);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  SmallVector<Value> needed(op->getOperands());
  llvm::append_range(needed, captured);
  for (Value operand : needed) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || llvm::is_contained(read, operand) || findProduct(op)) {
      clone(operand, stage, function, mapping, leaves);
      continue;
    }
    Value one = arith::ConstantIndexOp::create(b, value.getLoc(), 1);
    SmallVector<Value> sizes(type.getNumDynamicDims(), one);
    mapping.map(operand,
                tensor::EmptyOp::create(b, value.getLoc(), type, sizes));
  }
  return b.clone(*op, mapping)
      ->getResult(cast<OpResult>(value).getResultNumber());
}

func::FuncOp StageLowering::build(const Stage &stage,
                                  SmallVectorImpl<Value> &leaves) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(whole);
  auto function = func::FuncOp::create(b, whole.getLoc(), whole.getName(),
                                       b.getFunctionType({}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  SmallVector<Value> returned;
  for (Value result : stage.results)
    returned.push_back(clone(result, stage, function, mapping, leaves));
  func::ReturnOp::create(b, whole.getLoc(), returned);
  function.setType(b.getFunctionType(
      function.getBody().front().getArgumentTypes(), TypeRange(returned)));
  return function;
}

/// A place for what a stage stores.
void StageLowering::allocate(Value value) {
  Block &body = whole.getBody().front();
  auto returned = body.getTerminator()->getOperands();
  auto found = llvm::find(returned, value);
  if (found != returned.end()) {
    unsigned number = whole.getNumArguments() + (found - returned.begin());
    places[value] = {number};
    return;
  }
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType();
  int64_t bytes =
      getElementWidth(element) / 8 * (isa<ComplexType>(element) ? 2 : 1);
  int64_t line = kLineBytes / bytes;
  bool isPadded = !StageCut::hasParts(value);
  WorkspaceRegion region{{{{}, 1}, {{}, line}}, kLineBytes};
  for (auto [dim, size] : llvm::enumerate(sizesOf(value))) {
    bool isLast = dim + 1 == static_cast<size_t>(type.getRank());
    region.grid[isLast || !isPadded].elements.push_back(size);
  }
  places[value] = {std::nullopt, static_cast<unsigned>(launch.regions.size()),
                   isPadded ? line : 1};
  launch.regions.push_back(std::move(region));
}

/// Where a stage has the value from; nothing, after an error, if it is of a
/// kind that no place is.
std::optional<TensorPlace> StageLowering::placeOf(Value value) {
  if (auto found = places.find(value); found != places.end())
    return found->second;
  Operation *view = value.getDefiningOp();
  Value of = view->getOperand(0);
  auto place = placeOf(of);
  if (place)
    place = placeView(view, *place, sizesOf(of), sizesOf(value));
  if (!place)
    (void)refuse(view->getLoc(),
                 "it joins dimensions of a slice, which are not beside each "
                 "other; compile it for the CPU, without a target");
  return place;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

std::optional<Launch> StageLowering::emitProduct(const KernelFrame &frame) {
  func::FuncOp function = frame.function;
  Block &body = function.getBody().front();
  std::optional<Product> product;
  for (Operation &op : body)
    if (auto found = findProduct(&op))
      product = found;
  Location loc = product->op.getLoc();
  const char *reason = refusesMatrixProduct(*product);
  if (!reason && product->start.tensor)
    reason = walkProducers(product->start, [](Mapped) {});
  SmallVector<Mapped> results;
  for (Value value : body.getTerminator()->getOperands()) {
    results.push_back({value, *findResultMap(value, product->result)});
    if (!reason)
      reason = walkProducers(results.back(), [](Mapped) {});
  }
  if (reason) {
    (void)refuse(loc, reason);
    return std::nullopt;
  }
  return emitMatrixProduct(b, frame, *product, results, chip);
}

std::optional<Launch> StageLowering::emitRows(const KernelFrame &frame) {
  func::FuncOp function = frame.function;
  Block &body = function.getBody().front();
  auto reduction = *llvm::find_if(body.getOps<linalg::GenericOp>(),
                                  [](auto op) { return isRowReduction(op); });
  SmallVector<Mapped> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back({value, *findRowMap(value, reduction)});
  return emitRowReduction(b, frame, reduction, results);
}

std::optional<Launch> StageLowering::emitLoop(const KernelFrame &frame) {
  func::FuncOp function = frame.function;
  Block &body = function.getBody().front();
  StepLoop loop = *findStepLoop(*body.getOps<scf::ForOp>().begin());
  SmallVector<Mapped> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(*findResult(value, loop));
  return emitStepLoop(b, frame, loop, results);
}

std::optional<Launch> StageLowering::emit(const KernelFrame &frame,
                                          const Stage &stage) {
  if (isa_and_nonnull<LinearRecurrenceOp>(stage.anchor))
    return lowerRecurrence(b, frame, chip);
  if (findProduct(stage.anchor))
    return emitProduct(frame);
  if (stage.anchor)
    return isRowReduction(stage.anchor) ? emitRows(frame) : emitLoop(frame);
  func::FuncOp function = frame.function;
  Value value = function.getBody().front().getTerminator()->getOperand(0);
  const char *reason = walkProducers(
      {value, b.getMultiDimIdentityMap(
                  cast<RankedTensorType>(value.getType()).getRank())},
      [](Mapped) {});
  if (!reason)
    return emitElementwise(b, frame, value);
  (void)refuse(value.getLoc(), Twine("it has ") + reason);
  return std::nullopt;
}

/// The next kernel, and what it keeps in the workspace as regions.
void StageLowering::append(Launch stage) {
  auto &kernels = launch.then;
  if (!launch.kernel.empty())
    launch.kernel += ", ";
  launch.kernel += stage.kernel;
  if (!stage.reason.empty())
    launch.reason = stage.reason;
  if (stage.workspaceBytes)
    launch.regions.push_back({{}, stage.workspaceBytes});
  if (int64_t bytes = stage.workspaceBytesPerBlock)
    launch.regions.push_back(
        {stage.grid, static_cast<int64_t>(llvm::alignTo(bytes, 16))});
  stage.workspaceBytesPerBlock = 0;
  kernels.push_back(std::move(stage));
}

/// The tensor, and then its parts, each as a stage of its own.
LogicalResult StageLowering::lowerAssembly(Value value, const Stage &stage) {
  Assembly assembly(value);
  SmallVector<int64_t> sizes = sizesOf(value);
  auto lowerPart = [&](Value part, const TensorPlace &place) {
    Stage own{nullptr, {}, stage.last, stage.op};
    own.results.insert(part);
    return lowerStage(own, place);
  };
  const TensorPlace &place = places.at(value);
  if (assembly.base && failed(lowerPart(assembly.base, place)))
    return failure();
  for (tensor::InsertSliceOp part : assembly.parts)
    if (failed(lowerPart(part.getSource(),
                         placeSlice(part.getStaticOffsets(),
                                    part.getStaticStrides(),
                                    part.getDroppedDims(), place, sizes))))
      return failure();
  return success();
}

LogicalResult StageLowering::lowerStage(const Stage &stage) {
  for (Value result : stage.results)
    for (unsigned dim = 0;
         dim < cast<RankedTensorType>(result.getType()).getRank(); ++dim)
      if (!sizeOf(result, dim))
        return refuse(whole.getLoc(), "a size is none of an argument's");
  Value first = stage.results.front();
  if (isView(first.getDefiningOp())) {
    // The copy is not there yet.
    auto from = placeOf(first);
    if (!from)
      return failure();
    allocate(first);
    TensorPlace to = std::exchange(places[first], *from);
    LogicalResult lowered = lowerStage(stage, to);
    places[first] = to;
    return lowered;
  }
  SmallVector<TensorPlace> results;
  for (Value result : stage.results) {
    allocate(result);
    results.push_back(places.at(result));
  }
  return isAssembly(first.getDefiningOp()) ? lowerAssembly(first, stage)
                                           : lowerStage(stage, results);
}

/// As one kernel, which stores its results there.
LogicalResult StageLowering::lowerStage(const Stage &stage,
                                        ArrayRef<TensorPlace> results) {
  SmallVector<Value> leaves;
  func::FuncOp function = build(stage, leaves);
  auto loops = findLoops(stage);
  if (!loops)
    return refuse(whole.getLoc(), "a size is none of an argument's");
  StageFrame stageFrame{whole,  static_cast<unsigned>(symbols.size()),
                        {},     SmallVector<TensorPlace>(results),
                        *loops, {}};
  for (Value leaf : leaves) {
    auto place = placeOf(leaf);
    if (!place)
      return failure();
    stageFrame.arguments.push_back(*place);
  }
  stageFrame.regions.assign(launch.regions.begin(), launch.regions.end());
  auto nextFrame = [&] {
    return KernelFrame{parent, function, findPart(parent, whole, number),
                       &stageFrame};
  };
  KernelFrame frame = nextFrame();
  auto emitted = emit(frame, stage);
  if (!emitted) {
    function.erase();
    return failure();
  }
  emitted->entry = whole.getName().str() + frame.part;
  if (emitted->zeroesWorkspace) {
    KernelFrame clears = nextFrame();
    Launch cleared = emitClear(b, clears, whole.getLoc(), *emitted);
    cleared.entry = whole.getName().str() + clears.part;
    append(std::move(cleared));
  }
  append(std::move(*emitted));
  function.erase();
  return success();
}

std::optional<Launch> StageLowering::lower() {
  if (failed(numberSizes()))
    return std::nullopt;
  if (const char *reason = stages.cut()) {
    (void)refuse(whole.getBody().front().getTerminator()->getLoc(), reason);
    return std::nullopt;
  }
  // Kernels take a workspace, also where sizes of zero leave it empty.
  launch.regions.push_back({{}, kLineBytes});
  for (BlockArgument arg : whole.getArguments())
    places[arg] = {arg.getArgNumber()};
  for (const Stage &stage : stages.all())
    if (failed(lowerStage(stage)))
      return std::nullopt;
  for (BlockArgument arg : whole.getArguments())
    launch.signature.inputs.push_back(
        describe(arg, "a" + Twine(arg.getArgNumber())));
  for (auto [i, value] :
       llvm::enumerate(whole.getBody().front().getTerminator()->getOperands()))
    launch.signature.outputs.push_back(describe(value, "r" + Twine(i)));
  // The first kernel has the function's name.
  auto first = parent.lookupSymbol<gpu::GPUFuncOp>(launch.then.front().entry);
  first.setName(whole.getName());
  static_cast<KernelLaunch &>(launch) = std::move(launch.then.front());
  launch.then.erase(launch.then.begin());
  launch.entry = whole.getName().str();
  return std::move(launch);
}

std::optional<Launch> ssm::lowerStages(OpBuilder &b, gpu::GPUModuleOp parent,
                                       func::FuncOp function, StringRef chip) {
  return StageLowering(b, parent, function, chip).lower();
}
