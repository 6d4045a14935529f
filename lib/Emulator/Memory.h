//===- Memory.h - Bounds, races and transactions ----------------*- C++ -*-===//
#ifndef SSM_LIB_EMULATOR_MEMORY_H
#define SSM_LIB_EMULATOR_MEMORY_H

#include "Retarget.h"
#include "ssm/Emulator/Emulator.h"

#include "llvm/ADT/DenseMap.h"
#include <map>

namespace ssm::emulator {

/// Who accesses memory, and when: what barriers have ordered it after.
struct Moment {
  int64_t block = 0;
  unsigned thread = 0;
  unsigned barrier = 0;     ///< Barriers that the block has passed.
  unsigned warpBarrier = 0; ///< Barriers that the warp has passed.
  unsigned fences =
      0; ///< Of the asynchronous proxy, that the thread has passed.
};

/// A piece of memory with the last accesses to each of its elements.
class Region {
public:
  Region(void *data, int64_t bytes, unsigned elementBytes, bool shared)
      : begin(static_cast<char *>(data)), bytes(bytes),
        elementBytes(elementBytes), shared(shared),
        cells((bytes + elementBytes - 1) / elementBytes) {}

  bool contains(const char *p, int64_t size) const {
    return p >= begin && size <= bytes && p - begin <= bytes - size;
  }
  bool isShared() const { return shared; }
  const char *data() const { return begin; }

  /// Records an access; calls `race(site)` with the site of each earlier one
  /// that nothing orders with it.
  void access(const char *p, int64_t size, unsigned site, const Site &what,
              const Moment &now, llvm::function_ref<void(unsigned)> race);

  /// Who wrote the element last; null: no one.
  const Moment *findWriter(const char *p) const {
    const Access &write = cells[(p - begin) / elementBytes].write;
    return write.site < 0 ? nullptr : &write.at;
  }

private:
  struct Access {
    Moment at;
    int site = -1;
    bool atomic = false;
  };
  /// The last write and two reads, by different threads if there were two.
  struct Cell {
    Access write, reads[2];
  };
  static bool isOrdered(const Access &earlier, const Moment &now, bool atomic);

  char *begin;
  int64_t bytes;
  unsigned elementBytes;
  bool shared;
  std::vector<Cell> cells;
};

/// Puts the accesses of a warp's lanes together and counts what they cost.
/// Lanes meet where they execute an instruction for the same time.
class Coalescer {
public:
  explicit Coalescer(size_t numSites) : numSites(numSites) {}

  /// One lane's access; `offset` from memory aligned as the hardware's is.
  void access(unsigned thread, unsigned site, uint64_t offset, unsigned size,
              bool shared);
  /// Requests that some lanes did not take part in.
  void finish();

  Traffic global, shared;

private:
  struct Request {
    std::vector<uint64_t> offsets;
    unsigned size = 0;
    bool shared = false;
  };
  void count(Request &request);

  size_t numSites;
  std::vector<std::vector<unsigned>> times; ///< Of each thread and site.
  std::map<std::pair<uint64_t, unsigned>, Request> pending;
};

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_MEMORY_H
