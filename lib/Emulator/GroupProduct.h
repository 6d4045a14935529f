//===- GroupProduct.h - Products of a warp group ----------------*- C++ -*-===//
//
// wgmma: four warps multiply 64 x 16 by 16 x 64 or 16 x 128 elements of bf16.
// The right factor is in shared memory, the left one too or in registers.
// Shared factors are described by a word of 64 bits.
//
// Reference: PTX ISA 8.5, 9.7.14.5, "Asynchronous wgmma", "Matrix descriptor
// format" and "Canonical layouts".
//
//===----------------------------------------------------------------------===//
#ifndef SSM_LIB_EMULATOR_GROUPPRODUCT_H
#define SSM_LIB_EMULATOR_GROUPPRODUCT_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace ssm::emulator {

inline constexpr unsigned kGroupDepth = 16;
/// Elements of the widest result that a thread has, in rows g and g + 8 of its
/// warp's 16: of each eight columns, four.
inline constexpr unsigned kGroupSums = 64;
/// Words of a left factor that is in registers.
inline constexpr unsigned kGroupLeft = 4;

/// Results that a thread may still name.
inline constexpr unsigned kKeptProducts = 256;

/// How a product has its factors.
enum GroupFlag {
  LeftInRegisters = 1,
  LeftTransposed = 2,
  RightTransposed = 4,
  IsFirst = 8 ///< Its sums begin with it.
};

/// A factor in rows of 128 bytes, whose units of 16 are permuted: unit u of row
/// r, in the order of addresses, is where unit u ^ r % 8 would be.
class SharedFactor {
public:
  /// Nothing, if rows are arranged in another way. `memory` is the block's
  /// shared memory, aligned to 1024 bytes; `isTransposed`: the elements of a
  /// row have neighbouring indices, not neighbouring depths.
  static std::optional<SharedFactor> read(uint64_t descriptor, char *memory,
                                          bool isTransposed);

  /// Of the element of an index (a row of the left factor, a column of the
  /// right one) and a depth.
  char *place(unsigned index, unsigned depth) const;

  bool isTransposed = false;

private:
  char *memory;
  uint32_t start, group, panel; ///< Bytes: eight rows, 64 columns of a row.
};

/// A product that has not been waited for.
struct GroupProduct {
  /// Of the left factor's rows that the thread has.
  using Rows = std::array<std::array<float, kGroupDepth>, 2>;

  std::optional<Rows> rows; ///< If they were in registers.
  std::optional<SharedFactor> left;
  SharedFactor right;
  std::array<uint32_t, kGroupSums> sums; ///< In front of it.
  unsigned columns, number, site;
  unsigned group; ///< Groups that the thread had committed before.
};

/// What a thread has of a result that is under way: a NaN that names it, which
/// a wait replaces. Who does not wait computes with NaN.
uint32_t nameSum(unsigned number, unsigned i);
struct NamedSum {
  unsigned number, i;
};
std::optional<NamedSum> findNamedSum(uint32_t bits);

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_GROUPPRODUCT_H
