//===- GradientOfTensors.cpp - Rules of slices and reshapes ---------------===//
//
//   y = x[slice]                    dx = zeros with dy in the slice
//   y = z with x in the slice       dx = dy[slice],  dz = dy with zeros in it
//   y = x in another shape          dx = dy in the shape of x
//
//===----------------------------------------------------------------------===//
#include "Gradient.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ssm;

LogicalResult ssm::differentiate(OpBuilder &b, tensor::ExtractSliceOp op,
                                 Cotangents &cotangents) {
  Location loc = op.getLoc();
  Value grad = tensor::InsertSliceOp::create(
      b, loc, cotangents.get(op.getResult()), zerosLike(b, op.getSource()),
      op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides());
  cotangents.add(b, op.getSource(), grad);
  return success();
}

LogicalResult ssm::differentiate(OpBuilder &b, tensor::InsertSliceOp op,
                                 Cotangents &cotangents) {
  Location loc = op.getLoc();
  Value grad = cotangents.get(op.getResult());
  if (cotangents.isVaried(op.getSource()))
    cotangents.add(b, op.getSource(),
                   tensor::ExtractSliceOp::create(
                       b, loc, op.getSourceType(), grad, op.getMixedOffsets(),
                       op.getMixedSizes(), op.getMixedStrides()));
  if (cotangents.isVaried(op.getDest()))
    cotangents.add(b, op.getDest(),
                   tensor::InsertSliceOp::create(
                       b, loc, zerosLike(b, op.getSource()), grad,
                       op.getMixedOffsets(), op.getMixedSizes(),
                       op.getMixedStrides()));
  return success();
}

LogicalResult ssm::differentiate(OpBuilder &b, tensor::ExpandShapeOp op,
                                 Cotangents &cotangents) {
  Value grad = tensor::CollapseShapeOp::create(b, op.getLoc(), op.getSrcType(),
                                               cotangents.get(op.getResult()),
                                               op.getReassociation());
  cotangents.add(b, op.getSrc(), grad);
  return success();
}

LogicalResult ssm::differentiate(OpBuilder &b, tensor::CollapseShapeOp op,
                                 Cotangents &cotangents) {
  Value grad = tensor::ExpandShapeOp::create(
      b, op.getLoc(), op.getSrcType(), cotangents.get(op.getResult()),
      op.getReassociationIndices(),
      tensor::getMixedSizes(b, op.getLoc(), op.getSrc()));
  cotangents.add(b, op.getSrc(), grad);
  return success();
}
