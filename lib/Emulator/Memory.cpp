//===- Memory.cpp - Bounds, races and transactions ------------------------===//
//
// Two accesses of one element race unless both are reads, both are atomic, they
// are of one thread, or a barrier is between them: one of the block, or of the
// warp for threads of one warp. Atomics order nothing here, so a kernel that
// passes plain data through a flag is reported; it should pass the data in the
// flag's word.
//
//===----------------------------------------------------------------------===//
#include "Memory.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace llvm;

namespace ssm::emulator {

static constexpr unsigned kWarp = 32, kSector = 32, kBankBytes = 4;

bool Region::isOrdered(const Access &earlier, const Moment &now, bool atomic) {
  if (earlier.site < 0 || (earlier.atomic && atomic))
    return true;
  const Moment &at = earlier.at;
  if (at.block != now.block)
    return false;
  if (at.thread == now.thread || at.barrier != now.barrier)
    return true;
  return at.thread / kWarp == now.thread / kWarp &&
         at.warpBarrier != now.warpBarrier;
}

void Region::access(const char *p, int64_t size, unsigned site,
                    const Site &what, const Moment &now,
                    function_ref<void(unsigned)> race) {
  bool atomic = what.isAtomic();
  Access access{now, static_cast<int>(site), atomic};
  int64_t first = (p - begin) / elementBytes;
  int64_t last = (p - begin + size - 1) / elementBytes;
  for (int64_t i = first; i <= last; ++i) {
    Cell &cell = cells[i];
    if (!isOrdered(cell.write, now, atomic))
      race(cell.write.site);
    if (what.isWrite()) {
      for (const Access &read : cell.reads)
        if (!isOrdered(read, now, atomic))
          race(read.site);
      cell.write = access;
      continue;
    }
    Access &latest = cell.reads[0];
    if (!isOrdered(latest, now, /*atomic=*/false) ||
        (latest.at.block == now.block && latest.at.thread != now.thread))
      cell.reads[1] = latest;
    latest = access;
  }
}

void Coalescer::access(unsigned thread, unsigned site, uint64_t offset,
                       unsigned size, bool shared) {
  if (thread >= times.size())
    times.resize(thread + 1);
  if (times[thread].empty())
    times[thread].resize(numSites);
  uint64_t warpAndSite = uint64_t(thread / kWarp) * numSites + site;
  auto found = pending.try_emplace({warpAndSite, times[thread][site]++}).first;
  Request &request = found->second;
  request.size = size;
  request.shared = shared;
  request.offsets.push_back(offset);
  if (request.offsets.size() < kWarp)
    return;
  count(request);
  pending.erase(found);
}

void Coalescer::count(Request &request) {
  llvm::sort(request.offsets);
  request.offsets.erase(llvm::unique(request.offsets), request.offsets.end());
  int64_t bytes = request.offsets.size() * request.size;
  unsigned unit = request.shared ? kBankBytes : kSector;
  std::vector<uint64_t> units;
  for (uint64_t offset : request.offsets)
    for (uint64_t u = offset / unit; u <= (offset + request.size - 1) / unit;
         ++u)
      if (units.empty() || units.back() != u)
        units.push_back(u);
  Traffic &traffic = request.shared ? shared : global;
  ++traffic.requests;
  traffic.bytes += bytes;
  if (!request.shared) {
    traffic.units += units.size();
    traffic.ideal += divideCeil(bytes, kSector);
    return;
  }
  // Each pass serves one word of every bank.
  unsigned words[kWarp] = {};
  for (uint64_t u : units)
    ++words[u % kWarp];
  traffic.units += *std::max_element(std::begin(words), std::end(words));
  traffic.ideal += divideCeil(bytes, kWarp * kBankBytes);
}

void Coalescer::finish() {
  for (auto &entry : pending)
    count(entry.second);
  pending.clear();
  times.clear();
}

} // namespace ssm::emulator
