//===- Matrix.h - Matrices in the registers of a warp -----------*- C++ -*-===//
//
// Fragments are those of PTX: with g = lane / 4 and t = lane % 4, a word of 16
// bits twice has row g and columns 2t, 2t + 1 of an 8 x 8 matrix, or row g and
// column t of words of 32 bits.
//
// Reference: PTX ISA 8.5, 9.7.13.4, "Matrix Fragments for mma".
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_EMULATOR_MATRIX_H
#define SSM_LIB_EMULATOR_MATRIX_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <array>
#include <cstdint>
#include <optional>

namespace ssm::emulator {

/// The products D = A B + C that there are: types of A and B, which have 16
/// columns and rows of bf16, or eight, and eight of TF32. D and C are 16 x 8 in
/// f32.
enum class MatrixKind { F16, BF16, BF16Half, TF32 };

/// By the name after "llvm.nvvm.".
std::optional<MatrixKind> getMatrixKind(llvm::StringRef name);

/// Words of a lane: four of A, two of B, four of C. D replaces the first four.
/// With half of the columns the second half of A and B is left out; where the
/// i-th word of those that there are is.
inline constexpr unsigned kMatrixWords = 10;
using LaneWords = std::array<uint32_t, kMatrixWords>;

unsigned placeOfWord(MatrixKind kind, unsigned i);

/// The lane's four elements of D. Products are exact and summed in f32, in the
/// order of A's columns.
std::array<float, 4> multiply(MatrixKind kind, llvm::ArrayRef<LaneWords> lanes,
                              unsigned lane);

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_MATRIX_H
