//===- TileOperand.cpp - Operands of a part of a tile ---------------------===//
//
// A tile of a recurrence is made once, with what its operands have in common
// over time; parts of it, by channels, states or steps, are copies of it.
//
//===----------------------------------------------------------------------===//

#include "RecurrenceTile.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

template <typename Change>
void RecurrenceTile::changeOperands(ArrayRef<TileOperand *> own,
                                    Change change) {
  for (TileOperand *operand : {&signal, &input, &output, &init})
    change(*operand);
  for (TileOperand *operand : own)
    change(*operand);
  for (TileOperand &operand : consumerInputs)
    change(operand);
}

void RecurrenceTile::narrowOperand(OpBuilder &b, TileOperand &operand,
                                   unsigned dim, const LoopRange &range,
                                   bool keep) {
  if (!operand)
    return;
  for (TileOperand &input : operand.inputs)
    narrowOperand(b, input, dim, range, keep);
  Tile part = operand.tile.atOrigin();
  part.ranges[dim] = range;
  operand.tile = operand.tile.narrow(b, loc, dim, range);
  if (!keep)
    for (Tile *place : {&part, &operand.tile})
      llvm::erase(place->kept, dim);
  if (!llvm::is_contained(operand.fixed.dims, dim))
    return;
  for (Value &value : operand.fixed.parts)
    value = extractTile(b, loc, value, mapOf(operand.fixed.dims), part);
  if (!keep)
    llvm::erase(operand.fixed.dims, dim);
}

void RecurrenceTile::narrowTo(OpBuilder &b, unsigned dim,
                              const LoopRange &range,
                              ArrayRef<TileOperand *> own) {
  changeOperands(own, [&](TileOperand &operand) {
    narrowOperand(b, operand, dim, range, /*keep=*/true);
  });
  tile = tile.narrow(b, loc, dim, range);
}

void RecurrenceTile::fixTo(OpBuilder &b, unsigned dim, OpFoldResult index,
                           ArrayRef<TileOperand *> own) {
  LoopRange range{index, b.getIndexAttr(1), b.getIndexAttr(1)};
  changeOperands(own, [&](TileOperand &operand) {
    narrowOperand(b, operand, dim, range, /*keep=*/false);
  });
  tile = tile.narrow(b, loc, dim, range);
  llvm::erase(tile.kept, dim);
}

/// Whether a tile can hold the elements as numbers of its states.
static bool areNumbers(Type element, Type real) {
  auto type = dyn_cast<FloatType>(getRealType(element));
  return type && type.getWidth() <= real.getIntOrFloatBitWidth();
}

void RecurrenceTile::fixOperandAt(OpBuilder &b, TileOperand &operand,
                                  const Step &step, unsigned dim) {
  if (!operand || !operand.varies)
    return;
  if (uses(operand.map, dim)) {
    for (TileOperand &input : operand.inputs)
      fixOperandAt(b, input, step, dim);
    return;
  }
  Type element = getElementTypeOrSelf(operand.source);
  if (!areNumbers(element, real))
    return;
  operand.fixed = computeSlice(b, operand, step, real);
  operand.varies = operand.isShared = false;
  operand.producer = nullptr;
  operand.inputs.clear();
}

void RecurrenceTile::fixAt(OpBuilder &b, const Step &step, unsigned dim,
                           ArrayRef<TileOperand *> own) {
  changeOperands(
      own, [&](TileOperand &operand) { fixOperandAt(b, operand, step, dim); });
}
