//===- CombinerRow.cpp - The rows of a scan -------------------------------===//
//
// An element is a tuple, and so is the carry, which is combined with it from
// the left. The combiner is the op's region.
//
// Precondition: along the last dimension; real numbers of 32 or 64
// bits; an identity that is constant.
//
//===----------------------------------------------------------------------===//
#include "Row.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ssm {

const char *refusesCombiner(AssociativeScanOp op) {
  if (op.getIdentity().empty())
    return "it has no identity; give identity(...)";
  for (Value value : op.getIdentity()) {
    Type element = value.getType();
    if (isa<ComplexType>(element) || (element.getIntOrFloatBitWidth() != 32 &&
                                      element.getIntOrFloatBitWidth() != 64))
      return "its elements must be real numbers of 32 or 64 bits";
    if (!matchPattern(value, m_Constant()))
      return "its identity must be constant";
  }
  for (Operation &nested : op.getCombiner().front())
    if (const char *reason = refusesInlining(nested))
      return reason;
  return nullptr;
}

namespace {
class CombinerRow : public Row {
public:
  CombinerRow(OpBuilder &b, Kernel &kernel, AssociativeScanOp op,
              ArrayRef<unsigned> parallel, unsigned items)
      : Row(b, kernel, parallel, op.getDimension(),
            op.getDirection() == Direction::Backward, parallel.size() + 1,
            items),
        op(op) {
    AffineMap map = b.getMultiDimIdentityMap(parallel.size() + 1);
    for (Value input : op.getInputs())
      inputs.push_back(kernel.argument(input, map));
    for (Value result : op.getResults())
      results.push_back(kernel.result(result, map));
  }

  Parts neutral() override {
    Parts identity;
    for (Value constant : op.getIdentity())
      identity.push_back(b.clone(*constant.getDefiningOp())->getResult(0));
    return identity;
  }
  Parts combine(const Parts &before, const Parts &after) override {
    Parts both = before;
    both.append(after);
    return inlineBlock(b, op.getCombiner().front(), both);
  }
  Parts apply(const Parts &element, const Parts &carry) override {
    return combine(carry, element);
  }
  SmallVector<Type> elementTypes() override {
    return SmallVector<Type>(op.getIdentity().getTypes());
  }
  SmallVector<Type> carryTypes() override { return elementTypes(); }
  Parts enter(Value number) override {
    Row::enter(number);
    return neutral();
  }

protected:
  SmallVector<Parts> loadItems(Value time, unsigned count) override;
  void storeItems(Value time, ArrayRef<Parts> carries,
                  ArrayRef<Parts> kept) override;
  bool stores() override { return true; }
  bool isExclusive() override { return op.getExclusive(); }

private:
  AssociativeScanOp op;
  SmallVector<KernelTensor> inputs, results;
};
} // namespace

SmallVector<Parts> CombinerRow::loadItems(Value time, unsigned count) {
  SmallVector<Parts> loaded(count);
  for (const KernelTensor &input : inputs)
    for (auto [item, part] : llvm::zip_equal(
             loaded, k.loadScalars(input, k.offset(input, at(time)), count)))
      item.push_back(part);
  return loaded;
}

void CombinerRow::storeItems(Value time, ArrayRef<Parts> carries,
                             ArrayRef<Parts> kept) {
  for (auto [i, result] : llvm::enumerate(results)) {
    if (!result)
      continue;
    Parts scalars;
    for (const Parts &carry : carries)
      scalars.push_back(carry[i]);
    k.storeScalars(result, k.offset(result, at(time)), scalars);
  }
}

std::unique_ptr<Row> makeCombinerRow(OpBuilder &b, Kernel &kernel,
                                     AssociativeScanOp op, unsigned items) {
  auto parallel = llvm::to_vector(llvm::seq<unsigned>(0, op.getDimension()));
  return std::make_unique<CombinerRow>(b, kernel, op, parallel, items);
}

} // namespace ssm
