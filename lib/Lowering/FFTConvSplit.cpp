//===- FFTConvSplit.cpp - The lanes of a work tile from time --------------===//
//
// The first round splits a transform into blocks that nothing relates and that
// take the same twiddle factors. With as many blocks as lanes, a work tile
// holds one channel, a block in each lane:
//
//   for each `lanes` butterflies k of the first round
//     z_j = u_t w^(j n / lanes),  t = k + j n / lanes    a vector of steps each
//     butterfly, twiddles with w^k                       vectors of blocks q
//     transposed in registers                            rows k, lanes q
//   transforms of n / lanes points, product, inverse
//   the same the other way round
//
// A tile of many channels is as many times larger than this one: a long signal
// is then in the caches as a whole, and so is its part of a spectrum in turn.
//
// The factors w^k exp(-2 pi i q k / n) of k = k0 + i are products of those of
// k0, which are the same for a vector, and of i.
//
// Precondition: splitsTime (TimeSplit.h).
//
//===----------------------------------------------------------------------===//
#include "FFTConvEmitter.h"
#include "Tables.h"

#include "ssm/IR/LoopDims.h"
#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace ssm;

/// Lines of the signal are asked for so many steps before they are read, where
/// the caches do not keep it.
static constexpr int64_t kAheadSteps = 256, kCachedBytes = 1 << 20;

/// Factors of i for block q are row q of a constant work tile.
static Value emitNearFactors(OpBuilder &b, Location loc, Type real,
                             int64_t lanes, int64_t points) {
  SmallVector<Attribute> numbers;
  for (int64_t q = 0; q < lanes; ++q)
    for (bool isImaginary : {false, true})
      for (int64_t i = 0; i < lanes; ++i) {
        auto [re, im] = rootOfUnity(i * (1 - 4 * q), 4 * points);
        numbers.push_back(b.getFloatAttr(real, isImaginary ? im : re));
      }
  auto type = RankedTensorType::get({lanes, 2, lanes}, real);
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, numbers));
}

/// Factors of k0 = j lanes for block q are number j lanes + q of two constants.
static SmallVector<Value> emitFarFactors(OpBuilder &b, Location loc, Type real,
                                         int64_t lanes, int64_t points) {
  SmallVector<Attribute> parts[2];
  for (int64_t k = 0; k < points / lanes; k += lanes)
    for (int64_t q = 0; q < lanes; ++q) {
      auto [re, im] = rootOfUnity(k * (1 - 4 * q), 4 * points);
      parts[0].push_back(b.getFloatAttr(real, re));
      parts[1].push_back(b.getFloatAttr(real, im));
    }
  auto type = RankedTensorType::get({points / lanes}, real);
  return llvm::map_to_vector(parts, [&](ArrayRef<Attribute> part) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, part));
  });
}

/// Factor w^k exp(-2 pi i q k / n) is root k (1 - 4 q) of order 4 n.
void FFTConvEmitter::emitSplitTables() {
  int64_t rows = *getConstantIntValue(transform.getSize()),
          points = rows * lanes;
  transform.emitTables();
  nearFactors = emitNearFactors(b, loc, real, lanes, points);
  if (points <= FFTPlan::kConstantPoints) {
    farFactors = emitFarFactors(b, loc, real, lanes, points);
    return;
  }
  RootsOfUnity roots(b, loc, real, b.getIndexAttr(4 * points));
  farFactors = makeTables(b, loc, real, {b.getIndexAttr(rows)}, 2);
  auto index = [&](int64_t i) { return asValue(b, loc, b.getIndexAttr(i)); };
  farFactors = buildFor(
      b, loc, index(0), index(rows / lanes), farFactors,
      [&](Value block, ValueRange tables) {
        Values filled = tables;
        AffineExpr x = b.getAffineSymbolExpr(0);
        for (int64_t q = 0; q < lanes; ++q) {
          int64_t turns = q == 0 ? 1 : 4 * q - 1;
          Num w = roots.lookUp(asValue(
              b, loc, affine(b, loc, x * lanes * turns, OpFoldResult(block))));
          if (q > 0)
            w.im = arith::NegFOp::create(b, loc, w.im);
          Value place = asValue(
              b, loc, affine(b, loc, x * lanes + q, OpFoldResult(block)));
          filled = writeEntry(b, loc, {w.re, w.im}, filled, place);
        }
        return filled;
      });
  markIndependent(farFactors);
}

FFTConvEmitter::SplitFactors FFTConvEmitter::readSplitFactors(Value block) {
  SplitFactors factors;
  AffineMap identity = b.getMultiDimIdentityMap(1);
  for (int64_t q = 0; q < lanes; ++q) {
    OpFoldResult place = affine(b, loc, b.getAffineSymbolExpr(0) * lanes + q,
                                OpFoldResult(block));
    factors.far.push_back(
        readEntry(b, loc, farFactors, asValue(b, loc, place)));
    for (int64_t part = 0; part < 2; ++part)
      factors.near.push_back({readPart(b, loc, nearFactors, b.getIndexAttr(q),
                                       part, b.getIndexAttr(lanes)),
                              identity});
  }
  return factors;
}

/// The steps that are row `j` of the butterflies of a block.
Tile FFTConvEmitter::splitSteps(const Tile &tile, Value block, int64_t j) {
  int64_t rows = *getConstantIntValue(transform.getSize());
  Tile steps = tile;
  steps.ranges[time] = {affine(b, loc,
                               b.getAffineSymbolExpr(0) * lanes + j * rows,
                               OpFoldResult(block)),
                        b.getIndexAttr(lanes), b.getIndexAttr(1)};
  steps.kept = {time};
  return steps;
}

namespace {
/// A matrix in a work tile: some rows of one part, or some parts of one row.
struct Square {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  RankedTensorType type;

  Square(OpBuilder &b, Type real, int64_t lanes, OpFoldResult row, int64_t part,
         bool hasRows)
      : offsets({row, b.getIndexAttr(part), b.getIndexAttr(0)}),
        sizes(3, b.getIndexAttr(lanes)), strides(3, b.getIndexAttr(1)),
        type(RankedTensorType::get({lanes, lanes}, real)) {
    sizes[hasRows ? 1 : 0] = b.getIndexAttr(1);
  }
};
} // namespace

Value FFTConvEmitter::turnSquare(Value from, Value to, Value block,
                                 int64_t part, bool toRows) {
  OpFoldResult row =
      affine(b, loc, b.getAffineSymbolExpr(0) * lanes, OpFoldResult(block));
  Square rows(b, real, lanes, row, part, /*hasRows=*/true),
      parts(b, real, lanes, b.getIndexAttr(part), 0, /*hasRows=*/false);
  const Square &source = toRows ? parts : rows, &target = toRows ? rows : parts;
  auto squareOf = [&](Value work, const Square &at) -> Value {
    return tensor::ExtractSliceOp::create(b, loc, at.type, work, at.offsets,
                                          at.sizes, at.strides);
  };
  AffineMap identity = b.getMultiDimIdentityMap(2),
            turned = AffineMap::getPermutationMap(ArrayRef<unsigned>{1, 0},
                                                  b.getContext());
  Value square = buildGeneric(
      b, loc, 2, {{squareOf(from, source), toRows ? turned : identity}},
      {{squareOf(to, target), toRows ? identity : turned}},
      [](OpBuilder &, Location, ValueRange args) {
        return Values{args[0]};
      })[0];
  return tensor::InsertSliceOp::create(b, loc, square, to, target.offsets,
                                       target.sizes, target.strides);
}

/// The butterflies of a block of real steps `z`, with the weights, and the
/// factors of blocks: those of k0 times those of i.
static SmallVector<Value> emitFirst(NumBuilder &num, ValueRange steps,
                                    ArrayRef<SmallVector<Value>> far,
                                    ValueRange near, Value scale) {
  int64_t lanes = steps.size();
  SmallVector<Num> z;
  for (int64_t j = 0; j < lanes; ++j) {
    auto [re, im] = rootOfUnity(j, 4 * lanes);
    Num weight{num.constant(re).re, num.constant(im).re};
    if (j == 0)
      weight.im = Value();
    if (scale)
      weight = num.mul(weight, {scale, Value()});
    z.push_back(num.mul(num.load(steps[j]), weight));
  }
  emitButterfly(num, MutableArrayRef<Num>(z), /*inverse=*/false);
  SmallVector<Value> parts;
  for (int64_t q = 0; q < lanes; ++q) {
    Num w = num.mul({near[2 * q], near[2 * q + 1]}, {far[q][0], far[q][1]});
    Num x = num.mul(z[q], w);
    parts.append({x.re, x.im});
  }
  return parts;
}

/// The inverse: the steps, in `type`.
static SmallVector<Value> emitLast(NumBuilder &num, ValueRange parts,
                                   ArrayRef<SmallVector<Value>> far,
                                   ValueRange near, Type type) {
  int64_t lanes = far.size();
  SmallVector<Num> z;
  for (int64_t q = 0; q < lanes; ++q) {
    Num w = num.mul({near[2 * q], near[2 * q + 1]}, {far[q][0], far[q][1]});
    z.push_back(
        num.mul({parts[2 * q], parts[2 * q + 1]}, {w.re, num.negf(w.im)}));
  }
  emitButterfly(num, MutableArrayRef<Num>(z), /*inverse=*/true);
  SmallVector<Value> steps;
  for (int64_t j = 0; j < lanes; ++j) {
    auto [re, im] = rootOfUnity(j, 4 * lanes);
    Value y = z[j].re;
    if (j > 0)
      y = num.addf(num.mulf(y, num.constant(re).re),
                   num.mulf(z[j].im, num.constant(im).re));
    steps.push_back(num.store({y, Value()}, type));
  }
  return steps;
}

/// Asks for the lines of a later block.
void FFTConvEmitter::askForSteps(const Operand &operand, const Tile &tile,
                                 Value block) {
  auto type = cast<RankedTensorType>(operand.value.getType());
  bool isCached =
      type.hasStaticShape() &&
      type.getNumElements() * type.getElementTypeBitWidth() <= 8 * kCachedBytes;
  if (!looksAhead || isCached)
    return;
  auto layout = StridedLayoutAttr::get(
      b.getContext(), ShapedType::kDynamic,
      SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic));
  Value memory = bufferization::ToBufferOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType(), layout),
      operand.value, /*read_only=*/true);
  for (int64_t j = 0; j < lanes; ++j) {
    Tile steps = splitSteps(tile, block, j);
    Values place;
    for (unsigned dim : dimsOf(operand.map)) {
      OpFoldResult at = steps.ranges[dim].offset;
      if (dim == time)
        at = affine(b, loc, b.getAffineSymbolExpr(0) + kAheadSteps, at);
      place.push_back(asValue(b, loc, at));
    }
    memref::PrefetchOp::create(b, loc, memory, place, /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
  }
}

/// Runs `body` on each block of as many butterflies as lanes.
Value FFTConvEmitter::forEachSplitBlock(
    Value carried, function_ref<Value(Value, Value)> body) {
  int64_t blocks = *getConstantIntValue(transform.getSize()) / lanes;
  return share(buildFor(b, loc, asValue(b, loc, b.getIndexAttr(0)),
                        asValue(b, loc, b.getIndexAttr(blocks)),
                        ValueRange(carried), [&](Value block, ValueRange args) {
                          return Values{body(block, args[0])};
                        }))[0];
}

/// Before and after it is turned, a block has for each part a row of each lane.
Value FFTConvEmitter::makeSplitBlock() {
  return makeWorkTile(b, loc, real, b.getIndexAttr(2), lanes, lanes);
}

SmallVector<Value> FFTConvEmitter::readSplitBlock(Value blocks) {
  Values rows;
  for (int64_t q = 0; q < lanes; ++q)
    for (int64_t part = 0; part < 2; ++part)
      rows.push_back(readPart(b, loc, blocks, b.getIndexAttr(part), q,
                              b.getIndexAttr(lanes)));
  return rows;
}

Value FFTConvEmitter::loadSplit(const Operand &operand, const Tile &tile,
                                Value scale) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  return forEachSplitBlock(transform.makeWork(), [&](Value block, Value work) {
    // 1. Butterflies of vectors of steps.
    askForSteps(operand, tile, block);
    SplitFactors factors = readSplitFactors(block);
    SmallVector<Indexed> ins, outs;
    for (int64_t j = 0; j < lanes; ++j)
      ins.push_back({extractTile(b, loc, operand.value, operand.map,
                                 splitSteps(tile, block, j)),
                     identity});
    ins.append(factors.near);
    Value blocks = makeSplitBlock();
    for (Value row : readSplitBlock(blocks))
      outs.push_back({row, identity});
    Values rows = buildGeneric(
        b, loc, 1, ins, outs,
        [&](OpBuilder &nested, Location at, ValueRange scalars) {
          NumBuilder num(nested, at, real);
          return emitFirst(num, scalars.take_front(lanes), factors.far,
                           scalars.slice(lanes, 2 * lanes), scale);
        });
    for (auto [i, row] : llvm::enumerate(rows))
      blocks = writePart(b, loc, blocks, b.getIndexAttr(i % 2), i / 2,
                         b.getIndexAttr(lanes), row);

    // 2. Rows of a lane for each block.
    for (int64_t part = 0; part < 2; ++part)
      work = turnSquare(blocks, work, block, part, /*toRows=*/true);
    return work;
  });
}

Value FFTConvEmitter::storeSplit(Value work, const Tile &tile, Value part) {
  AffineMap identity = b.getMultiDimIdentityMap(1);
  return forEachSplitBlock(part, [&](Value block, Value written) {
    Value blocks = makeSplitBlock();
    for (int64_t half = 0; half < 2; ++half)
      blocks = turnSquare(work, blocks, block, half, /*toRows=*/false);
    SplitFactors factors = readSplitFactors(block);
    SmallVector<Indexed> ins, outs;
    for (Value row : readSplitBlock(blocks))
      ins.push_back({row, identity});
    ins.append(factors.near);
    SmallVector<Tile> places;
    for (int64_t j = 0; j < lanes; ++j) {
      places.push_back(splitSteps(tile.atOrigin(), block, j));
      outs.push_back(
          {extractTile(b, loc, written, resultMap, places.back()), identity});
    }
    Values steps = buildGeneric(
        b, loc, 1, ins, outs,
        [&](OpBuilder &nested, Location at, ValueRange scalars) {
          NumBuilder num(nested, at, real);
          return emitLast(num, scalars.take_front(2 * lanes), factors.far,
                          scalars.slice(2 * lanes, 2 * lanes),
                          op.getType().getElementType());
        });
    for (auto [row, place] : llvm::zip_equal(steps, places))
      written = insertTile(b, loc, row, written, resultMap, place);
    return written;
  });
}
