//===- ProductResults.cpp - What a product's kernel stores ----------------===//
#include "ProductResults.h"

#include "ssm/IR/LoopDims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ssm {

std::optional<ProductShape> ProductShape::find(const Product &product) {
  ProductShape shape{product.left, product.right, 0, 0, {}, {}};
  SmallVector<unsigned> dims = dimsOf(product.result.map);
  if (dims.empty())
    return std::nullopt;
  shape.column = dims.back();
  if (!uses(shape.right.map, shape.column))
    std::swap(shape.left, shape.right);
  if (uses(shape.left.map, shape.column))
    return std::nullopt;
  auto isRow = [&](unsigned dim) {
    return uses(product.result.map, dim) && !uses(shape.right.map, dim);
  };
  auto rows = llvm::filter_to_vector(dims, isRow);
  if (rows.empty())
    return std::nullopt;
  unsigned last = dimsOf(shape.left.map).back();
  shape.row = isRow(last) ? last : rows.back();
  for (unsigned dim : dims)
    if (dim != shape.row && dim != shape.column)
      shape.outer.push_back(dim);
  for (const Mapped &factor : {shape.left, shape.right})
    for (unsigned dim : dimsOf(factor.map))
      if (!uses(product.result.map, dim) && !llvm::is_contained(shape.sum, dim))
        shape.sum.push_back(dim);
  return shape;
}

ProductTile takeTile(OpBuilder &b, Kernel &k, const ProductShape &shape,
                     int64_t rows, int64_t columns) {
  ProductTile tile;
  tile.indices.resize(shape.left.map.getNumDims());
  tile.grid = {{{}, 1}};
  Value number = k.blockIndex();
  auto take = [&](unsigned dim, int64_t edge) {
    Value tiles =
        arith::CeilDivUIOp::create(b, k.loc, k.size(dim), k.constant(edge));
    Value first = k.mul(arith::RemUIOp::create(b, k.loc, number, tiles),
                        k.constant(edge));
    number = arith::DivUIOp::create(b, k.loc, number, tiles);
    tile.grid.push_back({{k.launchSize(dim)}, edge});
    return first;
  };
  tile.column = take(shape.column, columns);
  tile.row = take(shape.row, rows);
  for (unsigned dim : shape.outer)
    tile.grid[0].elements.push_back(k.launchSize(dim));
  k.split(number, shape.outer, tile.indices);
  tile.total = k.constant(1);
  for (unsigned dim : shape.sum)
    tile.total = k.mul(tile.total, k.size(dim));
  return tile;
}

ProductResults::ProductResults(OpBuilder &b, Kernel &kernel,
                               const Product &product,
                               const ProductShape &shape,
                               ArrayRef<Mapped> results, int64_t own)
    : b(b), k(kernel), product(product), shape(shape), results(results),
      own(own), run(findRun()) {}

/// All tensors behind the product that have columns last have accesses of so
/// many.
int64_t ProductResults::findRun() {
  int64_t count = own;
  auto visit = [&](const KernelTensor &tensor) {
    SmallVector<unsigned> dims = dimsOf(tensor.map);
    if (!dims.empty() && dims.back() == shape.column)
      count = std::gcd(count, k.countAccess(tensor));
  };
  auto visitRead = [&](Mapped value) {
    if (isa<BlockArgument>(value.tensor))
      visit(k.argument(value.tensor, value.map));
  };
  for (const Mapped &result : results) {
    visit(k.result(result.tensor, result.map));
    walkProducers(result, visitRead);
  }
  if (product.start.tensor)
    walkProducers(product.start, visitRead);
  return count;
}

void ProductResults::begin(ArrayRef<Value> at,
                           std::function<Value(int64_t)> column) {
  indices.assign(at.begin(), at.end());
  columnOf = std::move(column);
  point.emplace(b, k, shape.row, shape.column, own, run,
                [this](int64_t i) { return this->at(i); });
}

Value ProductResults::compare(Value x, Value y) {
  return arith::CmpIOp::create(b, k.loc, arith::CmpIPredicate::ult, x, y);
}

/// Columns of a run beyond the last one repeat that.
SmallVector<Value> ProductResults::at(int64_t i) {
  SmallVector<Value> where = indices;
  Value runs = arith::CeilDivUIOp::create(b, k.loc, k.size(shape.column),
                                          k.constant(run));
  Value last = k.mul(arith::SubIOp::create(b, k.loc, runs, k.constant(1)),
                     k.constant(run));
  where[shape.column] =
      k.add(arith::MinUIOp::create(b, k.loc, columnOf(i / run * run), last),
            k.constant(i % run));
  return where;
}

void ProductResults::storeRow(Value row, ArrayRef<Num> sums) {
  Value last =
      arith::SubIOp::create(b, k.loc, k.size(shape.row), k.constant(1));
  Value inside = compare(row, k.size(shape.row));
  row = arith::MinUIOp::create(b, k.loc, row, last);
  point->enter(row);
  for (auto [j, sum] : llvm::enumerate(sums))
    point->define(product.result,
                  product.start.tensor
                      ? k.num.add(sum, point->read(product.start, j))
                      : sum,
                  j);
  for (const Mapped &result : results) {
    KernelTensor tensor = k.result(result.tensor, result.map);
    int64_t group = point->countNeighbours(tensor);
    SmallVector<Num> values;
    for (int64_t j = 0; j < own; ++j)
      values.push_back(point->read(result, j));
    for (int64_t j = 0; j < own; j += group) {
      Value exists = compare(columnOf(j), k.size(shape.column));
      SmallVector<Value> where = at(j);
      where[shape.row] = row;
      k.when(arith::AndIOp::create(b, k.loc, inside, exists), [&] {
        k.store(tensor, k.offset(tensor, where),
                ArrayRef(values).slice(j, group));
      });
    }
  }
}

} // namespace ssm
