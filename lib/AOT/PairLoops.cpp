//===- PairLoops.cpp - Loops over complex numbers and their parts ---------===//
#include "PairLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ssm;

/// Bytes of a cache line, and of the widest register.
static constexpr int64_t kLine = 64;

/// Most numbers for which code is written one place after the other: a block
/// of a line.
static constexpr int64_t kMostNumbers = 64;

/// The body of a loop from 0 by 1 without results, if it has `count` ops.
static SmallVector<Operation *> bodyOf(scf::ForOp loop, size_t count) {
  auto ops = llvm::to_vector(llvm::map_range(
      loop.getBody()->without_terminator(), [](Operation &op) { return &op; }));
  if (ops.size() != count || loop.getNumResults() ||
      getConstantIntValue(loop.getLowerBound()) != 0 ||
      getConstantIntValue(loop.getStep()) != 1)
    return {};
  return ops;
}

/// Whether an access is to the element that the loop has reached.
template <typename Access>
static bool isElement(Access access, scf::ForOp loop) {
  MemRefType type = access.getMemRefType();
  return type.isLastDimUnitStride() && type.getRank() == 1 &&
         access.getIndices()[0] == loop.getInductionVar();
}

PairLoop PairLoop::match(scf::ForOp loop) {
  SmallVector<Operation *> ops = bodyOf(loop, 4);
  auto store = ops.empty() ? nullptr : dyn_cast<memref::StoreOp>(ops[3]);
  auto create =
      store ? store.getValue().getDefiningOp<complex::CreateOp>() : nullptr;
  if (!create)
    return {};
  auto re = create.getReal().getDefiningOp<memref::LoadOp>(),
       im = create.getImaginary().getDefiningOp<memref::LoadOp>();
  if (!re || !im || !isElement(re, loop) || !isElement(im, loop) ||
      !isElement(store, loop))
    return {};
  return {re, im, store};
}

TakeApartLoop TakeApartLoop::match(scf::ForOp loop) {
  SmallVector<Operation *> ops = bodyOf(loop, 5);
  auto load = ops.empty() ? nullptr : dyn_cast<memref::LoadOp>(ops[0]);
  if (!load || !isElement(load, loop))
    return {};
  TakeApartLoop pairs{load, {}, {}};
  for (Operation *op : ops)
    if (auto store = dyn_cast<memref::StoreOp>(op)) {
      if (!isElement(store, loop))
        return {};
      Operation *part = store.getValue().getDefiningOp();
      if (isa_and_nonnull<complex::ReOp>(part) &&
          part->getOperand(0) == load.getResult())
        pairs.re = store;
      else if (isa_and_nonnull<complex::ImOp>(part) &&
               part->getOperand(0) == load.getResult())
        pairs.im = store;
    }
  return pairs.re && pairs.im ? pairs : TakeApartLoop();
}

bool ssm::areFew(scf::ForOp pairs) {
  std::optional<int64_t> count = getConstantIntValue(pairs.getUpperBound());
  return count && *count <= kMostNumbers;
}

namespace {
/// The memory of a view of complex numbers, as parts, of which a cache line has
/// `lanes`.
struct Parts {
  Parts(OpBuilder &b, Location loc, Value view);
  /// Where number i is.
  Value pointerTo(OpBuilder &b, Location loc, Value i) const;

  Type type;
  int64_t bytes, lanes;
  Value begin;
};
} // namespace

Parts::Parts(OpBuilder &b, Location loc, Value view) {
  auto memref = cast<MemRefType>(view.getType());
  type = cast<ComplexType>(memref.getElementType()).getElementType();
  bytes = type.getIntOrFloatBitWidth() / 8;
  lanes = kLine / bytes;
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, view);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(
      b, loc, metadata.getBaseBuffer());
  Value size = arith::ConstantIndexOp::create(b, loc, 2 * bytes);
  Value offset = arith::MulIOp::create(b, loc, metadata.getOffset(), size);
  begin = arith::AddIOp::create(b, loc, base, offset);
}

Value Parts::pointerTo(OpBuilder &b, Location loc, Value i) const {
  Value size = arith::ConstantIndexOp::create(b, loc, 2 * bytes);
  Value place = arith::MulIOp::create(b, loc, i, size);
  place = arith::IndexCastOp::create(
      b, loc, b.getI64Type(), arith::AddIOp::create(b, loc, begin, place));
  return LLVM::IntToPtrOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), place);
}

/// `body` for the first of every `lanes` numbers, in a loop unless they are
/// few.
static void forEachLine(OpBuilder &b, scf::ForOp pairs, int64_t lanes,
                        llvm::function_ref<void(OpBuilder &, Value)> body) {
  Location loc = pairs.getLoc();
  if (!areFew(pairs)) {
    Value step = arith::ConstantIndexOp::create(b, loc, lanes);
    auto lines = scf::ForOp::create(b, loc, pairs.getLowerBound(),
                                    pairs.getUpperBound(), step);
    OpBuilder inner = OpBuilder::atBlockBegin(lines.getBody());
    return body(inner, lines.getInductionVar());
  }
  int64_t count = *getConstantIntValue(pairs.getUpperBound());
  for (int64_t i = 0; i < count; i += lanes)
    body(b, arith::ConstantIndexOp::create(b, loc, i));
}

void ssm::putTogether(PairLoop pairs, scf::ForOp loop, bool nontemporal) {
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  Parts parts(b, loc, pairs.store.getMemRef());
  auto type = VectorType::get({parts.lanes}, parts.type);
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < parts.lanes; ++lane)
    order.append({lane, parts.lanes + lane});
  forEachLine(b, loop, parts.lanes, [&](OpBuilder &b, Value i) {
    Value re = vector::LoadOp::create(b, loc, type, pairs.re.getMemRef(), i);
    Value im = vector::LoadOp::create(b, loc, type, pairs.im.getMemRef(), i);
    Value numbers = vector::ShuffleOp::create(b, loc, re, im, order);
    LLVM::StoreOp::create(b, loc, numbers, parts.pointerTo(b, loc, i),
                          nontemporal ? kLine : parts.bytes,
                          /*isVolatile=*/false, nontemporal);
  });
  loop.erase();
}

void ssm::takeApart(TakeApartLoop pairs, scf::ForOp loop, bool isFenced) {
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  Parts parts(b, loc, pairs.load.getMemRef());
  auto type = VectorType::get({2 * parts.lanes}, parts.type);
  forEachLine(b, loop, parts.lanes, [&](OpBuilder &b, Value i) {
    Value numbers = LLVM::LoadOp::create(
        b, loc, type, parts.pointerTo(b, loc, i), parts.bytes);
    memref::StoreOp stores[] = {pairs.re, pairs.im};
    for (int64_t part = 0; part < 2; ++part) {
      SmallVector<int64_t> order;
      for (int64_t lane = 0; lane < parts.lanes; ++lane)
        order.push_back(2 * lane + part);
      Value vector = vector::ShuffleOp::create(b, loc, numbers, numbers, order);
      if (isFenced)
        vector = LLVM::CallIntrinsicOp::create(
                     b, loc, vector.getType(),
                     b.getStringAttr("llvm.arithmetic.fence"), vector)
                     .getResult(0);
      vector::StoreOp::create(b, loc, vector, stores[part].getMemRef(), i);
    }
  });
  loop.erase();
}
