//===- FFTConstants.cpp - Factors of short transforms, as constants -------===//
//
// The tables of FFTTables.cpp for a size that is known: rounded once as well,
// here instead of at each call, where the first of them wait for each other.
//
// Precondition: hasConstantTables. Longer tables would make large objects.
//
//===----------------------------------------------------------------------===//
#include "FFTEmitter.h"
#include "Tables.h"

#include "ssm/Utils/Butterfly.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ssm;

bool FFTEmitter::hasConstantTables() const {
  return plan && !isWide && plan->size() <= FFTPlan::kConstantPoints;
}

namespace {
/// Complex numbers in two constants.
struct ConstantTable {
  explicit ConstantTable(int64_t count) : re(count), im(count) {}
  void set(int64_t i, std::pair<double, double> number) {
    std::tie(re[i], im[i]) = number;
  }
  SmallVector<Value> emit(OpBuilder &b, Location loc, Type real) const {
    SmallVector<Value> tables;
    for (const std::vector<double> &part : {re, im}) {
      SmallVector<Attribute> numbers;
      for (double number : part)
        numbers.push_back(b.getFloatAttr(real, number));
      auto type = RankedTensorType::get({int64_t(part.size())}, real);
      tables.push_back(arith::ConstantOp::create(
          b, loc, DenseElementsAttr::get(type, numbers)));
    }
    return tables;
  }

  std::vector<double> re, im;
};
} // namespace

void FFTEmitter::emitConstantTables(bool hasWeights) {
  int64_t points = plan->size(), first = 0, tableSize = points;
  if (isWeighted) {
    // w^k exp(-2 pi i q k / points)
    int64_t radix = getBorderRadix();
    ConstantTable border(points);
    for (int64_t k = 0; k < points / radix; ++k)
      for (int64_t q = 0; q < radix; ++q)
        border.set(k * radix + q, rootOfUnity(k * (1 - 4 * q), 4 * points));
    borderTwiddles = border.emit(b, loc, real);
    first = 1;
    tableSize /= radix;
    tablePoints = b.getIndexAttr(tableSize);
  } else if (hasWeights) {
    ConstantTable own(points);
    for (int64_t t = 0; t < points; ++t)
      own.set(t, rootOfUnity(t, 4 * points));
    weights = own.emit(b, loc, real);
  }

  ConstantTable factors(tableSize - leaf);
  for (int64_t level = first; level < plan->numRounds(); ++level) {
    int64_t radix = plan->radixAt(level), block = plan->blockSize(level);
    int64_t place = tableSize - block;
    for (int64_t k = 0; k < block / radix; ++k)
      for (int64_t q = 1; q < radix; ++q)
        factors.set(place++, rootOfUnity(-q * k, block));
  }
  // Without rounds nobody reads them.
  twiddles = tableSize == leaf
                 ? makeTables(b, loc, real, tablePoints, numParts())
                 : factors.emit(b, loc, real);

  for (const Run &run : runs) {
    if (run.radix <= FFTPlan::kMaxUnrolledRadix ||
        llvm::isPowerOf2_64(run.radix))
      continue;
    ConstantTable own(run.radix);
    for (int64_t j = 0; j < run.radix; ++j)
      own.set(j, rootOfUnity(j, run.radix));
    radixRoots.push_back({run.radix, own.emit(b, loc, real)});
  }
}
