//===- CombinerRow.cpp - The rows of a scan -------------------------------===//
//
// An element is a tuple, and so is the carry, which is combined with it from
// the left. The combiner is the op's region.
//
// Precondition: real numbers of 32 or 64 bits; an identity that is constant.
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
              ArrayRef<unsigned> parallel, const GPUScanPlan &plan)
      : Row(b, kernel, parallel, op.getDimension(),
            op.getDirection() == Direction::Backward, parallel.size() + 1,
            plan),
        op(op) {
    AffineMap map = b.getMultiDimIdentityMap(parallel.size() + 1);
    for (Value input : op.getInputs())
      inputs.push_back(kernel.argument(input, map));
    for (Value result : op.getResults())
      results.push_back(kernel.result(result, map));
  }

  Parts neutral() override {
    Parts identity;
    for (unsigned i = 0; i < width; ++i)
      for (Value constant : op.getIdentity())
        identity.push_back(b.clone(*constant.getDefiningOp())->getResult(0));
    return identity;
  }
  Parts combine(const Parts &before, const Parts &after,
                const Parts &common) override {
    Parts combined;
    size_t parts = before.size() / width;
    for (unsigned i = 0; i < width; ++i) {
      Parts both(ArrayRef(before).slice(i * parts, parts));
      both.append(Parts(ArrayRef(after).slice(i * parts, parts)));
      combined.append(inlineBlock(b, op.getCombiner().front(), both));
    }
    return combined;
  }
  Parts apply(const Parts &element, const Parts &carry,
              const Parts &common) override {
    return combine(carry, element, common);
  }
  SmallVector<Type> elementTypes() override {
    SmallVector<Type> types;
    for (unsigned i = 0; i < width; ++i)
      types.append(op.getIdentity().getTypes().begin(),
                   op.getIdentity().getTypes().end());
    return types;
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
  Value placeOfRow() override { return k.offset(inputs[0], row); }
  bool stores() override { return true; }
  bool isExclusive() override { return op.getExclusive(); }

private:
  AssociativeScanOp op;
  SmallVector<KernelTensor> inputs, results;
};
} // namespace

/// One access has all elements, or the tuple of each.
SmallVector<Parts> CombinerRow::loadItems(Value place, unsigned count) {
  SmallVector<Parts> loaded(count, Parts(width * inputs.size()));
  unsigned accesses = isContiguous() ? 1 : count;
  for (unsigned access = 0; access < accesses; ++access)
    for (auto [i, input] : llvm::enumerate(inputs)) {
      Value offset = k.offset(input, at(k.add(place, k.constant(access))));
      Parts all = k.loadScalars(input, offset, count * width / accesses);
      for (auto [j, part] : llvm::enumerate(all))
        loaded[access + j / width][j % width * inputs.size() + i] = part;
    }
  return loaded;
}

void CombinerRow::storeItems(Value place, ArrayRef<Parts> carries,
                             ArrayRef<Parts> kept) {
  unsigned accesses = isContiguous() ? 1 : carries.size();
  for (unsigned access = 0; access < accesses; ++access)
    for (auto [i, result] : llvm::enumerate(results)) {
      if (!result)
        continue;
      Parts scalars;
      for (const Parts &carry :
           carries.slice(access, carries.size() / accesses))
        for (unsigned j = 0; j < width; ++j)
          scalars.push_back(carry[j * results.size() + i]);
      Value offset = k.offset(result, at(k.add(place, k.constant(access))));
      k.storeScalars(result, offset, scalars);
    }
}

std::unique_ptr<Row> makeCombinerRow(OpBuilder &b, Kernel &kernel,
                                     AssociativeScanOp op,
                                     const GPUScanPlan &plan) {
  unsigned rank = cast<RankedTensorType>(op.getInputs()[0].getType()).getRank();
  SmallVector<unsigned> parallel;
  for (unsigned dim = 0; dim < rank; ++dim)
    if (dim != op.getDimension())
      parallel.push_back(dim);
  return std::make_unique<CombinerRow>(b, kernel, op, parallel, plan);
}

} // namespace ssm
