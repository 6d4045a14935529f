//===- MatrixRoles.cpp - The dimensions of a product of matrices ----------===//
#include "MatrixRoles.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Products below which vectors and loops gain nothing.
static constexpr int64_t kLeastProducts = 4096;
/// Rows that are more than a few.
static constexpr int64_t kManyRows = 4;

/// Whether the types are of one precision that vectors compute in, and the
/// sum starts at zero where it is complex.
static bool isComputable(Product product) {
  auto elementOf = [](Mapped value) {
    return getElementTypeOrSelf(value.tensor);
  };
  Type element = elementOf(product.result), real = getRealType(element);
  if (!real.isF32() && !real.isF64())
    return false;
  if (isa<ComplexType>(element) && product.start.tensor)
    return false;
  auto isExact = [&](Operation &op) {
    auto flags = dyn_cast<arith::ArithFastMathInterface>(op);
    // What takes numbers apart has flags, too, and a conversion need not.
    return flags && flags.getFastMathFlagsAttr() &&
           !isa<complex::ReOp, complex::ImOp>(op) &&
           !arith::bitEnumContainsAll(flags.getFastMathFlagsAttr().getValue(),
                                      arith::FastMathFlags::contract);
  };
  linalg::GenericOp op = product.op;
  return getRealType(elementOf(product.left)) == real &&
         getRealType(elementOf(product.right)) == real &&
         llvm::none_of(op.getBlock()->without_terminator(), isExact);
}

std::optional<MatrixRoles> ssm::findMatrixRoles(Product product) {
  if (!isComputable(product))
    return std::nullopt;
  product.left = seeThroughCopies(product.left);
  product.right = seeThroughCopies(product.right);
  // One factor of a complex result has to be complex.
  auto isComplex = [](Mapped value) {
    return isa<ComplexType>(getElementTypeOrSelf(value.tensor));
  };
  if (isComplex(product.left) && isComplex(product.right)) {
    Mapped left = seeThroughCopies(seeThroughComplex(product.left)),
           right = seeThroughCopies(seeThroughComplex(product.right));
    (isComplex(left) ? product.right : product.left) =
        isComplex(left) ? right : left;
  }
  MatrixRoles roles;
  SmallVector<unsigned> kept = dimsOf(product.result.map);
  if (kept.empty())
    return std::nullopt;
  roles.lane = kept.pop_back_val();
  bool isLeft = uses(product.left.map, roles.lane);
  if (isLeft == uses(product.right.map, roles.lane))
    return std::nullopt;
  roles.vectors = isLeft ? product.left : product.right;
  roles.scalars = isLeft ? product.right : product.left;
  SmallVector<int64_t> sizes =
      linalg::GenericOp(product.op).getStaticLoopRanges();
  for (unsigned dim : kept)
    if (uses(roles.scalars.map, dim) && !uses(roles.vectors.map, dim))
      roles.row = dim;
  for (unsigned dim : kept)
    if (dim != roles.row)
      roles.others.push_back(dim);
  int64_t products = 1;
  for (unsigned dim = 0; dim < sizes.size(); ++dim) {
    if (!uses(product.result.map, dim))
      roles.summed.push_back(dim);
    products = ShapedType::isDynamic(sizes[dim])
                   ? std::max(products, kLeastProducts)
                   : products * sizes[dim];
  }
  auto isShort = [&](unsigned dim, int64_t least) {
    return !ShapedType::isDynamic(sizes[dim]) && sizes[dim] < least;
  };
  roles.hasFewRows = !roles.row || isShort(*roles.row, kManyRows);
  if (products < kLeastProducts || ShapedType::isDynamic(sizes[roles.lane]) ||
      isShort(roles.lane, 4))
    return std::nullopt;
  return roles;
}
