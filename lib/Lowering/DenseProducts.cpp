//===- DenseProducts.cpp - Products of matrices in registers --------------===//
//
// Before: linalg.generic { y[.., r, v] = start + sum of S[.., r, k] V[.., k, v]
//         }
//
// After, for chunks of rows r and for panels of a few vectors of v, in
// parallel:
//
//   panel = V[.., k, v], a copy where its rows of k do not lie in V as such
//   for blocks of rows
//     sums of these vectors for each row, in registers
//     for k
//       sums[r] += S[.., r, k] in every lane * panel[k]
//
// Many rows share panels of two vectors. Of few rows, or of a vector S, panels
// are wider, so that there are as many sums.
//
// Complex numbers are taken apart: the real and the imaginary parts have panels
// and sums of their own, but what is zero or not read (RealProducts.cpp). v is
// the last dimension of the result, V the factor that has it. Each sum has the
// order of k, whatever the number of threads.
//
// Precondition: f32 or f64 (or complex numbers of these), products and sums
// that may be contracted, and a number of columns that is known. Other products
// stay loops.
//
// Reference: Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008).
//
//===----------------------------------------------------------------------===//
#include "MatrixRoles.h"
#include "RealProducts.h"
#include "TileLoop.h"
#include "TurnedProducts.h"

#include "ssm/Analysis/TargetInfo.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Lowering/Passes.h"
#include "ssm/Utils/LoopRanges.h"
#include "ssm/Utils/Num.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace ssm {
#define GEN_PASS_DEF_DENSEPRODUCTS
#include "ssm/Lowering/Passes.h.inc"
} // namespace ssm

using namespace mlir;
using namespace ssm;

/// Rows that share a panel. Packing it costs as much as a few of them.
static constexpr int64_t kChunk = 768;
/// Vectors of a panel's row, of few rows and of more.
static constexpr int64_t kWidePanel = 8, kPanel = 2;

namespace {
/// What a register tile has: its sums, a row of the panel and one element of S
/// fill the vector registers.
struct Registers {
  int64_t bytes, rows;
  explicit Registers(const TargetInfo &info)
      : bytes(info.vectorBytes), rows(info.vectorBytes == 32 ? 6 : 12) {}
};

class ProductEmitter {
public:
  ProductEmitter(OpBuilder &b, Product product, const MatrixRoles &roles,
                 Registers registers);
  Value emit();

private:
  using Values = SmallVector<Value>;

  Value emitTile(const Tile &tile, Value out);
  /// The panel's parts, of the summed dimensions and lanes.
  Values pack(const Tile &tile);
  Value packSquares(Value source, Value panel);
  Value copyPart(Value source, AffineMap map, Value init, unsigned part);
  /// `count` rows from `first` on.
  Value emitRows(Value first, int64_t count, Value out);
  Values startOf(Value first, int64_t count, Value out);
  /// Adds the products at `place` in the first summed dimensions, over the rest
  /// of them.
  Values emitSums(Value first, SmallVector<Value> place, Values sums);
  Values addProducts(Value first, ArrayRef<Value> place, Values sums);
  Value store(ValueRange sums, Value first, int64_t count, Value out);

  Num loadScalar(Value row, ArrayRef<Value> place);
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  /// Where a row of the result's tile begins.
  SmallVector<Value> placeOf(Value row) {
    return roles.row ? Values{row, index(0)} : Values{index(0)};
  }
  Value add(Value x, int64_t y) {
    return y == 0 ? x : arith::AddIOp::create(b, loc, x, index(y));
  }
  Value read(Value tensor, ArrayRef<Value> place) {
    return vector::TransferReadOp::create(b, loc, vectorType(), tensor, place,
                                          std::nullopt, ArrayRef<bool>{true});
  }
  VectorType vectorType() { return VectorType::get({lanes}, real); }
  unsigned numParts() { return isa<ComplexType>(element) ? 2 : 1; }

  OpBuilder &b;
  Product product;
  const MatrixRoles &roles;
  Registers registers;
  Location loc;
  Type element, real;
  SmallVector<OpFoldResult> sizes;
  NumBuilder num;
  // Of the tile.
  Value scalars;        ///< Its slice of S,
  AffineMap scalarsMap; ///< over row and summed dimensions.
  Values panel;
  int64_t lanes = 0;
};
} // namespace

ProductEmitter::ProductEmitter(OpBuilder &b, Product product,
                               const MatrixRoles &roles, Registers registers)
    : b(b), product(product), roles(roles), registers(registers),
      loc(product.op.getLoc()),
      element(getElementTypeOrSelf(product.result.tensor)),
      real(getRealType(element)), sizes(getLoopSizes(b, product.op)),
      num(b, loc, real) {}

Value ProductEmitter::emit() {
  Value out = product.start.tensor;
  AffineMap map = product.result.map;
  if (!out) {
    SmallVector<OpFoldResult> shape;
    for (unsigned dim : dimsOf(map))
      shape.push_back(sizes[dim]);
    out = tensor::EmptyOp::create(b, loc, shape, element);
  }
  int64_t width = (roles.hasFewRows ? kWidePanel / numParts() : kPanel) *
                  registers.bytes * 8 / real.getIntOrFloatBitWidth();
  SmallVector<TileAxis> outer;
  for (unsigned dim : roles.others)
    outer.push_back(unitAxis(b, dim, sizes[dim]));
  Tile whole = wholeTile(b, sizes);
  SmallVector<SmallVector<TileAxis>> chunks = {outer};
  if (roles.row) {
    chunks.clear();
    for (const TileAxis &rows :
         splitLanes(b, loc, *roles.row, sizes[*roles.row], kChunk)) {
      chunks.push_back(outer);
      chunks.back().push_back(rows);
    }
  }
  for (SmallVector<TileAxis> &axes : chunks)
    for (const TileAxis &columns :
         splitLanes(b, loc, roles.lane, sizes[roles.lane], width)) {
      axes.push_back(columns);
      out = forEachTile(b, loc, axes, whole, out,
                        [&](OpBuilder &nested, const Tile &tile,
                            ValueRange outs) -> SmallVector<TileResult> {
                          OpBuilder::InsertionGuard guard(b);
                          b.restoreInsertionPoint(nested.saveInsertionPoint());
                          return {{emitTile(tile, outs[0]), map, tile}};
                        })[0];
      axes.pop_back();
    }
  return out;
}

Value ProductEmitter::emitTile(const Tile &tile, Value out) {
  lanes = *getConstantIntValue(tile.ranges[roles.lane].size);
  panel = pack(tile);
  Tile part = tile;
  part.kept.clear();
  if (roles.row)
    part.kept.push_back(*roles.row);
  llvm::append_range(part.kept, roles.summed);
  scalars = extractTile(b, loc, roles.scalars.tensor, roles.scalars.map, part);
  scalarsMap = part.sliceMap(roles.scalars.map);

  Value done = extractTile(b, loc, out, product.result.map, tile);
  if (!roles.row)
    return emitRows(index(0), 1, done);
  OpFoldResult size = tile.ranges[*roles.row].size;
  int64_t block = registers.rows / numParts();
  AffineExpr s = b.getAffineSymbolExpr(0);
  OpFoldResult full = ssm::affine(b, loc, s.floorDiv(block), size),
               rest = ssm::affine(b, loc, s % block, size);
  auto emitLoop = [&](OpFoldResult begin, OpFoldResult count, int64_t step) {
    done =
        buildFor(b, loc, index(0), asValue(b, loc, count), done,
                 [&](Value i, Value rows) {
                   Value first = asValue(
                       b, loc,
                       ssm::affine(b, loc, s * step + b.getAffineSymbolExpr(1),
                                   {i, begin}));
                   return emitRows(first, step, rows);
                 });
  };
  if (getConstantIntValue(full) != 0)
    emitLoop(b.getIndexAttr(0), full, block);
  OpFoldResult begin = ssm::affine(b, loc, s - s % block, size);
  if (auto known = getConstantIntValue(rest)) {
    if (*known > 0)
      done = emitRows(asValue(b, loc, begin), *known, done);
  } else {
    emitLoop(begin, rest, 1);
  }
  return done;
}

SmallVector<Value> ProductEmitter::pack(const Tile &tile) {
  Tile part = tile;
  part.kept = roles.summed;
  part.kept.push_back(roles.lane);
  AffineMap map = part.sliceMap(roles.vectors.map);
  Value source =
      extractTile(b, loc, roles.vectors.tensor, roles.vectors.map, part);
  bool isReal = !isa<ComplexType>(getElementTypeOrSelf(source));
  if (isReal && map.isIdentity())
    return {source};
  SmallVector<OpFoldResult> shape = part.keptSizes();
  Value empty = tensor::EmptyOp::create(b, loc, shape, real);
  if (isReal && shape.size() == 2)
    return {packSquares(source, empty)};
  Values parts;
  for (unsigned i = 0; i < (isReal ? 1 : 2); ++i)
    parts.push_back(copyPart(source, map, empty, i));
  return parts;
}

/// The real (0) or the imaginary part (1) of `source` by `map`.
Value ProductEmitter::copyPart(Value source, AffineMap map, Value init,
                               unsigned part) {
  auto body = [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
    Num x = NumBuilder(nested, bodyLoc, real).load(args[0]);
    return Values{part ? x.im : x.re};
  };
  unsigned rank = map.getNumDims();
  return buildGeneric(b, loc, rank, {{source, map}},
                      {{init, b.getMultiDimIdentityMap(rank)}}, body)[0];
}

/// The transpose, by squares that fit the registers and what they leave.
Value ProductEmitter::packSquares(Value source, Value panel) {
  int64_t square = registers.bytes * 8 / real.getIntOrFloatBitWidth();
  AffineExpr s = b.getAffineSymbolExpr(0);
  OpFoldResult depth = sizes[roles.summed[0]];
  OpFoldResult full = ssm::affine(b, loc, s.floorDiv(square), depth),
               begin = ssm::affine(b, loc, s - s % square, depth),
               rest = ssm::affine(b, loc, s % square, depth);
  auto swap =
      AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0}, b.getContext());
  OpFoldResult one = b.getIndexAttr(1);
  auto copy = [&](OpFoldResult k, OpFoldResult count, int64_t lane,
                  int64_t width, Value whole) {
    OpFoldResult at = b.getIndexAttr(lane), size = b.getIndexAttr(width);
    Value from = tensor::ExtractSliceOp::create(b, loc, source, ArrayRef{at, k},
                                                ArrayRef{size, count},
                                                ArrayRef{one, one});
    Value to = tensor::ExtractSliceOp::create(b, loc, whole, ArrayRef{k, at},
                                              ArrayRef{count, size},
                                              ArrayRef{one, one});
    return tensor::InsertSliceOp::create(
               b, loc, copyPart(from, swap, to, 0), whole, ArrayRef{k, at},
               ArrayRef{count, size}, ArrayRef{one, one})
        .getResult();
  };
  int64_t lane = 0;
  if (getConstantIntValue(full) != 0)
    for (; lane + square <= lanes; lane += square)
      panel = buildFor(b, loc, index(0), asValue(b, loc, full), panel,
                       [&](Value i, Value whole) -> Value {
                         OpFoldResult k = ssm::affine(b, loc, s * square, {i});
                         return copy(k, b.getIndexAttr(square), lane, square,
                                     whole);
                       });
  if (lane > 0 && getConstantIntValue(rest) != 0)
    panel = copy(begin, rest, 0, lane, panel);
  if (lane < lanes)
    panel = copy(b.getIndexAttr(0), depth, lane, lanes - lane, panel);
  return panel;
}

Value ProductEmitter::emitRows(Value first, int64_t count, Value out) {
  Values sums = emitSums(first, {}, startOf(first, count, out));
  return store(sums, first, count, out);
}

SmallVector<Value> ProductEmitter::startOf(Value first, int64_t count,
                                           Value out) {
  if (!product.start.tensor) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType()));
    return Values(count * numParts(), zero);
  }
  Values sums;
  for (int64_t i = 0; i < count; ++i)
    sums.push_back(read(out, placeOf(add(first, i))));
  return sums;
}

SmallVector<Value>
ProductEmitter::emitSums(Value first, SmallVector<Value> place, Values sums) {
  if (place.size() == roles.summed.size())
    return addProducts(first, place, sums);
  Value end = asValue(b, loc, sizes[roles.summed[place.size()]]);
  return buildFor(b, loc, index(0), end, sums,
                  [&](Value k, ValueRange carried) {
                    SmallVector<Value> inner = place;
                    inner.push_back(k);
                    return emitSums(first, inner, Values(carried));
                  });
}

Num ProductEmitter::loadScalar(Value row, ArrayRef<Value> place) {
  Values all, at;
  if (roles.row)
    all.push_back(row);
  llvm::append_range(all, place);
  for (unsigned dim : dimsOf(scalarsMap))
    at.push_back(all[dim]);
  Num x = num.load(tensor::ExtractOp::create(b, loc, scalars, at));
  auto splat = [&](Value part) -> Value {
    return part ? vector::BroadcastOp::create(b, loc, vectorType(), part)
                : Value();
  };
  return {splat(x.re), splat(x.im)};
}

SmallVector<Value>
ProductEmitter::addProducts(Value first, ArrayRef<Value> place, Values sums) {
  SmallVector<Value> at(place);
  at.push_back(index(0));
  Num v = {read(panel[0], at), panel.size() > 1 ? read(panel[1], at) : Value()};
  unsigned parts = numParts();
  auto addTo = [&](Value &sum, Value x, Value y) {
    if (x && y)
      sum = num.addf(num.mulf(x, y), sum);
  };
  for (int64_t i = 0; i < int64_t(sums.size() / parts); ++i) {
    Num s = loadScalar(add(first, i), place);
    Value &re = sums[i * parts];
    addTo(re, s.re, v.re);
    if (s.im && v.im)
      re = num.subf(re, num.mulf(s.im, v.im));
    if (parts == 1)
      continue;
    Value &im = sums[i * parts + 1];
    addTo(im, s.re, v.im);
    addTo(im, s.im, v.re);
  }
  return sums;
}

Value ProductEmitter::store(ValueRange sums, Value first, int64_t count,
                            Value out) {
  auto write = [&](Value vector, Value tensor, Value row) {
    return vector::TransferWriteOp::create(b, loc, vector, tensor, placeOf(row),
                                           ArrayRef<bool>{true})
        .getResult();
  };
  unsigned parts = numParts();
  if (parts == 1) {
    for (int64_t i = 0; i < count; ++i)
      out = write(sums[i], out, add(first, i));
    return out;
  }
  // Vectors have no complex elements.
  unsigned rank = roles.row ? 2 : 1;
  SmallVector<OpFoldResult> shape = {b.getIndexAttr(count),
                                     b.getIndexAttr(lanes)},
                            place = {first, b.getIndexAttr(0)},
                            ones(rank, b.getIndexAttr(1));
  if (!roles.row) {
    shape.erase(shape.begin());
    place.erase(place.begin());
  }
  Value planes[2];
  for (unsigned part = 0; part < 2; ++part) {
    planes[part] = tensor::EmptyOp::create(b, loc, shape, real);
    for (int64_t i = 0; i < count; ++i)
      planes[part] = write(sums[2 * i + part], planes[part], index(i));
  }
  Value rows = tensor::ExtractSliceOp::create(b, loc, out, place, shape, ones);
  AffineMap all = b.getMultiDimIdentityMap(rank);
  auto body = [&](OpBuilder &nested, Location bodyLoc, ValueRange args) {
    return Values{
        complex::CreateOp::create(nested, bodyLoc, element, args[0], args[1])};
  };
  rows = buildGeneric(b, loc, rank, {{planes[0], all}, {planes[1], all}},
                      {{rows, all}}, body)[0];
  return tensor::InsertSliceOp::create(b, loc, rows, out, place, shape, ones);
}

namespace {
struct DenseProducts : ::ssm::impl::DenseProductsBase<DenseProducts> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateRealProductsPatterns(patterns);
    populateTurnedProductsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    Registers registers(TargetInfo::forName(target));
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    // A product is looked at when those before it, whose results may be its
    // factors, have been replaced.
    for (linalg::GenericOp op : ops) {
      std::optional<Product> product = findProduct(op);
      if (!product)
        continue;
      std::optional<MatrixRoles> roles = findMatrixRoles(*product);
      if (!roles)
        continue;
      rewriter.setInsertionPoint(op);
      Value result =
          ProductEmitter(rewriter, *product, *roles, registers).emit();
      rewriter.replaceOp(op, result);
    }
  }
};
} // namespace
