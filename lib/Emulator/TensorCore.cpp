//===- TensorCore.cpp - Products of matrices, and how they are fed --------===//
//
// A warp's lanes meet and show each other their words. They read them after the
// meeting, when some lane may already be at the next one: words of odd and even
// meetings have separate places.
//
// A copy to shared memory may happen at any time until the thread has waited
// for it. Its bytes arrive at the last moment, so that a reader that does not
// wait finds what was there before; races are found for both moments.
//
//===----------------------------------------------------------------------===//
#include "Machine.h"

#include <cstring>

using namespace llvm;

namespace ssm::emulator {

static constexpr unsigned kWarp = 32;

ArrayRef<LaneWords> Machine::showWords(const LaneWords &words, unsigned site) {
  Fibre &fibre = block->threads[thread];
  Warp &warp = block->warps[thread / kWarp];
  auto &all = warp.words[fibre.matrices++ % 2];
  all[thread % kWarp] = words;
  meet(~uint32_t(0), 0, site);
  return all;
}

void Machine::mma(MatrixKind kind, uint32_t *words, unsigned site) {
  LaneWords mine;
  std::copy_n(words, mine.size(), mine.begin());
  ArrayRef<LaneWords> all = showWords(mine, site);
  std::array<float, 4> d = multiply(kind, all, thread % kWarp);
  std::memcpy(words, d.data(), sizeof(d));
}

/// Lane 8 m + r has the address of row r of matrix m.
void Machine::loadMatrices(unsigned count, bool transposed, char *row,
                           uint32_t *words, unsigned site) {
  unsigned lane = thread % kWarp;
  if (lane < 8 * count)
    access(row, 16, site);
  LaneWords mine{};
  std::memcpy(mine.data(), &row, sizeof(row));
  ArrayRef<LaneWords> all = showWords(mine, site);
  auto rowOf = [&](unsigned matrix, unsigned r) {
    const char *p;
    std::memcpy(&p, all[8 * matrix + r].data(), sizeof(p));
    return p;
  };
  unsigned g = lane / 4, t = lane % 4;
  for (unsigned m = 0; m < count; ++m) {
    uint16_t pair[2];
    for (unsigned i = 0; i < 2; ++i)
      std::memcpy(&pair[i],
                  transposed ? rowOf(m, 2 * t + i) + 2 * g
                             : rowOf(m, g) + 2 * (2 * t + i),
                  2);
    words[m] = pair[0] | uint32_t(pair[1]) << 16;
  }
}

void Machine::copyAsync(char *to, const char *from, unsigned bytes,
                        unsigned readSite, unsigned writeSite) {
  access(const_cast<char *>(from), bytes, readSite);
  access(to, bytes, writeSite);
  Fibre &fibre = block->threads[thread];
  fibre.copies.push_back({to, from, bytes, writeSite, fibre.groups});
}

void Machine::commitCopies() { ++block->threads[thread].groups; }

/// All but the last `left` groups are complete; those of none too, if negative.
void Machine::waitForCopies(int left) {
  Fibre &fibre = block->threads[thread];
  erase_if(fibre.copies, [&](const Copy &copy) {
    if (left >= 0 && copy.group + left >= fibre.groups)
      return false;
    std::memcpy(copy.to, copy.from, copy.bytes);
    noteAccess(copy.to, copy.bytes, copy.writeSite);
    return true;
  });
}

} // namespace ssm::emulator
