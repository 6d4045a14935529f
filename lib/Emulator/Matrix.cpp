//===- Matrix.cpp - Matrices in the registers of a warp -------------------===//
#include "Matrix.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/bit.h"

using namespace llvm;

namespace ssm::emulator {

std::optional<MatrixKind> getMatrixKind(StringRef name) {
  return StringSwitch<std::optional<MatrixKind>>(name)
      .Case("mma.m16n8k16.row.col.f32.f32", MatrixKind::F16)
      .Case("mma.m16n8k16.row.col.bf16", MatrixKind::BF16)
      .Case("mma.m16n8k8.row.col.bf16", MatrixKind::BF16Half)
      .Case("mma.m16n8k8.row.col.tf32", MatrixKind::TF32)
      .Default(std::nullopt);
}

unsigned placeOfWord(MatrixKind kind, unsigned i) {
  if (kind != MatrixKind::BF16Half)
    return i;
  static constexpr unsigned kPlaces[] = {0, 1, 4, 6, 7, 8, 9};
  return kPlaces[i];
}

static float fromHalf(uint16_t bits) {
  APFloat value(APFloat::IEEEhalf(), APInt(16, bits));
  bool lossy;
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lossy);
  return value.convertToFloat();
}

/// Element `column` of the row that four lanes have in a word each.
static float getElement(MatrixKind kind, ArrayRef<LaneWords> lanes,
                        unsigned row, unsigned column, unsigned firstWord) {
  // Two words have the columns of the first half, and those of the second; A
  // has the rows from 8 on between them.
  unsigned half = kind == MatrixKind::TF32 ? 4 : 8;
  unsigned words = firstWord == 0 ? 2 : 1;
  unsigned word = firstWord + column / half * words + row / 8;
  unsigned inHalf = column % half;
  unsigned lane = row % 8 * 4 + (half == 4 ? inHalf : inHalf / 2);
  uint32_t bits = lanes[lane][word];
  if (kind == MatrixKind::TF32)
    return bit_cast<float>(bits & ~uint32_t(0x1fff));
  uint16_t element = inHalf % 2 ? bits >> 16 : bits;
  return kind == MatrixKind::F16 ? fromHalf(element)
                                 : bit_cast<float>(uint32_t(element) << 16);
}

std::array<float, 4> multiply(MatrixKind kind, ArrayRef<LaneWords> lanes,
                              unsigned lane) {
  std::array<float, 4> d;
  bool isShort = kind == MatrixKind::TF32 || kind == MatrixKind::BF16Half;
  unsigned depth = isShort ? 8 : 16;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    d[i] = bit_cast<float>(lanes[lane][6 + i]);
    for (unsigned k = 0; k < depth; ++k)
      d[i] += getElement(kind, lanes, row, k, 0) *
              getElement(kind, lanes, column, k, 4);
  }
  return d;
}

} // namespace ssm::emulator
