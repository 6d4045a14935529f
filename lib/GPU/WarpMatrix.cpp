//===- WarpMatrix.cpp - Matrices for the tensor cores ---------------------===//
//
// ldmatrix loads four matrices of 8 x 8, whose rows the lanes name: lane 8 m +
// r row r of matrix m. The four make a factor of 16 x 16; which is which
// decides whether it is the left or the right one, and whether it is
// transposed.
//
// Reference: PTX ISA 8.5, 9.7.13.4 (mma.m16n8k16), 9.7.13.4.15 (ldmatrix).
//
//===----------------------------------------------------------------------===//
#include "WarpMatrix.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace ssm {

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

SharedTile::SharedTile(OpBuilder &b, Kernel &kernel, StringRef name,
                       int64_t rows, int64_t columns, int64_t alignment)
    : b(b), k(kernel),
      base(kernel.addShared(name, 2 * rows * columns, alignment)),
      units(columns / kUnit) {}

SharedTile SharedTile::reshaped(int64_t columns) const {
  SharedTile other = *this;
  other.units = columns / kUnit;
  return other;
}

Value SharedTile::address(Value row, int64_t below, Value place,
                          int64_t further) {
  Value word =
      k.mul(k.add(k.mul(row, k.constant(units)), place), k.constant(kUnit / 2));
  Value first = LLVM::GEPOp::create(b, k.loc, base.getType(), b.getI32Type(),
                                    base, ArrayRef<LLVM::GEPArg>{word});
  int64_t known = (below * units + further) * kUnit / 2;
  return LLVM::GEPOp::create(
      b, k.loc, base.getType(), b.getI32Type(), first,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(known)});
}

Value SharedTile::placeOf(Value row, Value unit) {
  return arith::XOrIOp::create(
      b, k.loc, unit, arith::RemUIOp::create(b, k.loc, row, k.constant(8)));
}

void SharedTile::storeUnit(Value row, int64_t below, Value unit, Value words) {
  LLVM::StoreOp::create(b, k.loc, words,
                        address(row, below, placeOf(row, unit)),
                        /*alignment=*/16);
}

void SharedTile::copyUnit(Value row, int64_t below, Value unit, Value from) {
  LLVM::CallIntrinsicOp::create(
      b, k.loc, b.getStringAttr("llvm.nvvm.cp.async.cg.shared.global.16"),
      ValueRange{address(row, below, placeOf(row, unit)), from});
}

void SharedTile::waitForCopies(OpBuilder &b, Kernel &kernel) {
  LLVM::CallIntrinsicOp::create(b, kernel.loc,
                                b.getStringAttr("llvm.nvvm.cp.async.wait.all"),
                                ValueRange{});
}

void SharedTile::storePair(Value row, int64_t below, Value unit, Value pair,
                           Value word) {
  Value place = LLVM::GEPOp::create(b, k.loc, base.getType(), b.getI32Type(),
                                    address(row, below, placeOf(row, unit)),
                                    ArrayRef<LLVM::GEPArg>{pair});
  LLVM::StoreOp::create(b, k.loc, word, place, /*alignment=*/4);
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

WarpMatrix::WarpMatrix(OpBuilder &b, Kernel &kernel, bool isHalf)
    : b(b), k(kernel), isHalf(isHalf) {
  enter(k.threadIndex());
}

void WarpMatrix::enter(Value index) {
  thread = index;
  auto divide = [&](Value x, int64_t y) {
    return arith::DivUIOp::create(b, k.loc, x, k.constant(y));
  };
  Value lane = laneIn(kWarp);
  g = divide(lane, 4);
  t = laneIn(4);
  inMatrix = laneIn(8);
  isOdd = divide(laneIn(16), 8);
  isHigh = divide(lane, 16);
}

Value WarpMatrix::laneIn(int64_t count) {
  return arith::RemUIOp::create(b, k.loc, thread, k.constant(count));
}

void WarpMatrix::synchronize() {
  Value all = arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(-1));
  LLVM::CallIntrinsicOp::create(
      b, k.loc, b.getStringAttr("llvm.nvvm.bar.warp.sync"), ValueRange{all});
}

WarpMatrix::Words WarpMatrix::load(Value address, bool transposed) {
  Type word = b.getI32Type();
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               {word, word, word, word});
  StringRef name = transposed
                       ? "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3"
                       : "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p3";
  Value all = LLVM::CallIntrinsicOp::create(
                  b, k.loc, type, b.getStringAttr(name), ValueRange{address})
                  .getResult(0);
  Words words;
  for (int64_t i = 0; i < 4; ++i)
    words[i] = LLVM::ExtractValueOp::create(b, k.loc, all, i);
  return words;
}

/// Matrices 0 and 1 are one above the other if rows are first, else side by
/// side. The place of a lane's unit depends on the lowest bits of its row,
/// which are those of its row in a matrix: few values.
WarpMatrix::Words WarpMatrix::load(SharedTile &tile, const Corner &corner,
                                   bool rowsFirst, bool transposed) {
  Value down = rowsFirst ? isOdd : isHigh, right = rowsFirst ? isHigh : isOdd;
  Value low = k.constant(corner.unit % 8);
  if (corner.fromUnit)
    low = k.add(low, corner.fromUnit);
  Value place = arith::XOrIOp::create(
      b, k.loc, low, arith::XOrIOp::create(b, k.loc, right, inMatrix));
  Value row = k.add(inMatrix, k.mul(down, k.constant(8)));
  if (corner.row)
    row = k.add(row, corner.row);
  return load(tile.address(row, corner.below, place, corner.unit / 8 * 8),
              transposed);
}

WarpMatrix::Words WarpMatrix::left(SharedTile &tile, const Corner &corner) {
  return load(tile, corner, /*rowsFirst=*/true, /*transposed=*/false);
}
WarpMatrix::Words WarpMatrix::leftTransposed(SharedTile &tile,
                                             const Corner &corner) {
  return load(tile, corner, /*rowsFirst=*/false, /*transposed=*/true);
}
WarpMatrix::Words WarpMatrix::right(SharedTile &tile, const Corner &corner) {
  return load(tile, corner, /*rowsFirst=*/true, /*transposed=*/true);
}
WarpMatrix::Words WarpMatrix::rightTransposed(SharedTile &tile,
                                              const Corner &corner) {
  return load(tile, corner, /*rowsFirst=*/false, /*transposed=*/false);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

void WarpMatrix::multiplyAdd8(Sums sums, ArrayRef<Value> left,
                              ArrayRef<Value> right, StringRef name) {
  Type f32 = b.getF32Type();
  auto type =
      LLVM::LLVMStructType::getLiteral(b.getContext(), {f32, f32, f32, f32});
  SmallVector<Value> args(left);
  llvm::append_range(args, right);
  if (isHalf)
    for (Value &word : args)
      word = LLVM::BitcastOp::create(b, k.loc,
                                     VectorType::get(2, b.getF16Type()), word);
  llvm::append_range(args, sums);
  Value all =
      LLVM::CallIntrinsicOp::create(b, k.loc, type, b.getStringAttr(name), args)
          .getResult(0);
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = LLVM::ExtractValueOp::create(b, k.loc, all, i);
}

void WarpMatrix::multiplyAdd(Sums sums, const Words &left, const Words &right) {
  StringRef name = isHalf ? "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"
                          : "llvm.nvvm.mma.m16n8k16.row.col.bf16";
  multiplyAdd8(sums.take_front(4), left, {right[0], right[1]}, name);
  multiplyAdd8(sums.drop_front(4), left, {right[2], right[3]}, name);
}

void WarpMatrix::multiplyAddShort(Sums sums, ArrayRef<Value> left,
                                  Value right) {
  multiplyAdd8(sums, left, right, "llvm.nvvm.mma.m16n8k8.row.col.bf16");
}

/// Sums of two products of 16 x 8 are the words of a factor of 16 x 16.
WarpMatrix::Words WarpMatrix::asLeft(ArrayRef<Value> sums) {
  Words words;
  for (auto [i, word] : llvm::enumerate(words))
    word = pack(sums[2 * i], sums[2 * i + 1]);
  return words;
}

/// By two exchanges of halves.
void WarpMatrix::transposeQuad(MutableArrayRef<Value> words) {
  for (int64_t bit : {1, 2}) {
    Value isSet = arith::CmpIOp::create(
        b, k.loc, arith::CmpIPredicate::ne,
        arith::AndIOp::create(b, k.loc, t, k.constant(bit)), k.constant(0));
    auto choose = [&](Value yes, Value no) {
      return arith::SelectOp::create(b, k.loc, isSet, yes, no);
    };
    for (int64_t i = 0; i < 4; ++i) {
      if (i & bit)
        continue;
      Value &low = words[i], &high = words[i | bit];
      Value sent = choose(low, high);
      Value got = k.shuffle(gpu::ShuffleMode::XOR, sent, bit).front();
      low = choose(got, low);
      high = choose(high, got);
    }
  }
}

Value WarpMatrix::pack(Value low, Value high) {
  Value both =
      LLVM::CallIntrinsicOp::create(
          b, k.loc, VectorType::get(2, b.getBF16Type()),
          b.getStringAttr("llvm.nvvm.ff2bf16x2.rn"), ValueRange{high, low})
          .getResult(0);
  return LLVM::BitcastOp::create(b, k.loc, b.getI32Type(), both);
}

std::pair<Value, Value> WarpMatrix::unpack(Value word) {
  auto i32 = [&](int32_t value) {
    return arith::ConstantOp::create(b, k.loc, b.getI32IntegerAttr(value));
  };
  auto asFloat = [&](Value bits) {
    return arith::BitcastOp::create(b, k.loc, b.getF32Type(), bits);
  };
  return {asFloat(arith::ShLIOp::create(b, k.loc, word, i32(16))),
          asFloat(arith::AndIOp::create(b, k.loc, word, i32(-65536)))};
}

} // namespace ssm
