//===- GroupProduct.cpp - Products of a warp group ------------------------===//
//
// A product reads shared memory at any time until it has been waited for: here
// at the last moment, so that what is stored too early makes a difference.
// Races are found for both moments. It reads by the asynchronous proxy: what
// threads have stored since their last fence of it, it does not see, which
// counts as a race too.
//
// Each thread of the warp group computes its own elements. All lanes of a warp
// would read a unit of 16 bytes; one of them is noted to have done so.
//
//===----------------------------------------------------------------------===//
#include "GroupProduct.h"

#include "Machine.h"

#include "llvm/ADT/bit.h"
#include <cstring>

using namespace llvm;

namespace ssm::emulator {

static constexpr unsigned kWarp = 32, kUnit = 8; ///< Elements of 16 bytes.

//===----------------------------------------------------------------------===//
// Descriptors and names
//===----------------------------------------------------------------------===//

std::optional<SharedFactor>
SharedFactor::read(uint64_t descriptor, char *memory, bool isTransposed) {
  // In units of 16 bytes: bits 0 to 13, 16 to 29, 32 to 45.
  auto bytes = [&](unsigned bit) {
    return static_cast<uint32_t>(descriptor >> bit & 0x3fff) << 4;
  };
  bool isPermuted = descriptor >> 62 == 1, hasOffset = descriptor >> 49 & 7;
  if (!isPermuted || hasOffset)
    return std::nullopt;
  SharedFactor factor;
  factor.isTransposed = isTransposed;
  factor.memory = memory;
  // The low bits of an address, where a block's memory is on this machine.
  uint32_t origin = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(memory));
  factor.start = (bytes(0) - origin) & 0x3ffff;
  factor.panel = bytes(16);
  factor.group = bytes(32);
  return factor;
}

char *SharedFactor::place(unsigned index, unsigned depth) const {
  unsigned row = isTransposed ? depth : index;
  unsigned column = isTransposed ? index : depth;
  uint32_t place = start + row / 8 * group + row % 8 * 128 +
                   column / 64 * panel + column % 64 * 2;
  return memory + (place ^ (place >> 7 & 7) << 4);
}

static constexpr uint32_t kName = 0x7fe00000, kNameMask = 0xffe00000;
static constexpr unsigned kNumbers = 0x7fff;

uint32_t nameSum(unsigned number, unsigned i) {
  return kName | (number & kNumbers) << 6 | i;
}

std::optional<NamedSum> findNamedSum(uint32_t bits) {
  if ((bits & kNameMask) != kName)
    return std::nullopt;
  return NamedSum{bits >> 6 & kNumbers, bits & 63};
}

//===----------------------------------------------------------------------===//
// What a thread does
//===----------------------------------------------------------------------===//

static float fromBF16(uint16_t bits) {
  return bit_cast<float>(uint32_t(bits) << 16);
}

/// Words of four lanes, as in Matrix.cpp.
static GroupProduct::Rows findRows(ArrayRef<LaneWords> lanes, unsigned lane) {
  GroupProduct::Rows rows;
  for (unsigned down = 0; down < 2; ++down)
    for (unsigned k = 0; k < kGroupDepth; ++k) {
      uint32_t word = lanes[lane / 4 * 4 + k % 8 / 2][k / 8 * 2 + down];
      rows[down][k] = fromBF16(word >> k % 2 * 16);
    }
  return rows;
}

/// The lane's units of a factor that has so many indices from `first` on.
void Machine::noteFactor(const SharedFactor &factor, unsigned first,
                         unsigned count, unsigned site) {
  unsigned along = factor.isTransposed ? count : kGroupDepth;
  unsigned units = count * kGroupDepth / kUnit;
  for (unsigned unit = thread % kWarp; unit < units; unit += kWarp) {
    unsigned inRow = unit % (along / kUnit) * kUnit;
    unsigned row = unit / (along / kUnit);
    char *p = factor.isTransposed ? factor.place(first + inRow, row)
                                  : factor.place(first + row, inRow);
    const Moment *writer = noteAccess(p, 2 * kUnit, site);
    if (writer && block->threads[writer->thread].fences == writer->fences)
      ++races[{site, site}];
  }
}

void Machine::noteFactors(const GroupProduct &product) {
  if (product.left)
    noteFactor(*product.left, thread / kWarp % 4 * 16, 16, product.site);
  noteFactor(product.right, 0, product.columns, product.site);
}

void Machine::multiplyGroup(unsigned columns, unsigned flags, uint64_t left,
                            uint64_t right, uint32_t *words, unsigned site) {
  Fibre &fibre = block->threads[thread];
  auto describe = [&](uint64_t descriptor, bool isTransposed) {
    auto factor = SharedFactor::read(descriptor, sharedMemory(), isTransposed);
    if (!factor)
      stop("a product of a warp group reads rows that are not permuted by 128 "
           "bytes, at " +
           program.sites[site].where);
    return *factor;
  };
  GroupProduct product;
  LaneWords mine{};
  std::copy_n(words + kGroupSums, kGroupLeft, mine.begin());
  ArrayRef<LaneWords> lanes = showWords(mine, site);
  if (flags & LeftInRegisters)
    product.rows = findRows(lanes, thread % kWarp);
  else
    product.left = describe(left, flags & LeftTransposed);
  product.right = describe(right, flags & RightTransposed);
  product.sums.fill(0);
  if (!(flags & IsFirst))
    std::copy_n(words, kGroupSums, product.sums.begin());
  product.columns = columns;
  product.number = fibre.products++;
  product.site = site;
  product.group = fibre.productGroups;
  noteFactors(product);
  for (unsigned i = 0; i < columns / 2; ++i)
    words[i] = nameSum(product.number, i);
  fibre.pending.push_back(product);
}

void Machine::commitProducts() { ++block->threads[thread].productGroups; }

/// The value that a name stands for, if it is there.
uint32_t Machine::resolveSum(uint32_t bits) {
  auto name = findNamedSum(bits);
  if (!name)
    return bits;
  const Fibre &fibre = block->threads[thread];
  auto found = fibre.sums.find(name->number);
  return found == fibre.sums.end() ? bits : found->second[name->i];
}

void Machine::completeProduct(const GroupProduct &product) {
  noteFactors(product);
  unsigned firstRow = thread / kWarp % 4 * 16 + thread % kWarp / 4;
  auto at = [](const SharedFactor &factor, unsigned index, unsigned depth) {
    uint16_t bits;
    std::memcpy(&bits, factor.place(index, depth), sizeof(bits));
    return fromBF16(bits);
  };
  std::array<uint32_t, kGroupSums> results{};
  for (unsigned i = 0; i < product.columns / 2; ++i) {
    unsigned down = i / 2 % 2, column = i / 4 * 8 + thread % 4 * 2 + i % 2;
    float sum = bit_cast<float>(resolveSum(product.sums[i]));
    for (unsigned k = 0; k < kGroupDepth; ++k)
      sum += (product.rows ? (*product.rows)[down][k]
                           : at(*product.left, firstRow + 8 * down, k)) *
             at(product.right, column, k);
    results[i] = bit_cast<uint32_t>(sum);
  }
  auto &sums = block->threads[thread].sums;
  sums[product.number & kNumbers] = results;
  sums.erase((product.number - kKeptProducts) & kNumbers);
}

/// All but the last `left` groups are complete: what `words` name is there.
void Machine::waitForProducts(unsigned left, uint32_t *words, unsigned count) {
  Fibre &fibre = block->threads[thread];
  auto isPending = [&](const GroupProduct &product) {
    return product.group + left >= fibre.productGroups;
  };
  for (const GroupProduct &product : fibre.pending)
    if (!isPending(product))
      completeProduct(product);
  erase_if(fibre.pending, [&](const GroupProduct &p) { return !isPending(p); });
  for (unsigned i = 0; i < count; ++i)
    words[i] = resolveSum(words[i]);
}

} // namespace ssm::emulator
