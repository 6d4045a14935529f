//===- Machine.cpp - Threads, warps and blocks ----------------------------===//
//
// Each thread is a fibre that runs until it must wait for others: at a barrier,
// in a shuffle, or at an atomic access, where any other thread may come first.
// The scheduler takes a warp and runs its lanes one after the other. Nothing
// that can run and no block to start is a deadlock; so are polls without end
// while nothing else happens.
//
//===----------------------------------------------------------------------===//
#include "Machine.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstdlib>
#include <numeric>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

using namespace llvm;

static constexpr unsigned kWarp = 32;
static constexpr size_t kStackBytes = 64 << 10;
/// Polls of each thread, with no store of any, that count as no progress.
static constexpr uint64_t kPatience = 1 << 10;

#if defined(__x86_64__)
/// Saves the callee-saved registers and *save = sp; then sp = load.
extern "C" void ssm_emu_switch(void **save, void *load);
asm(R"(
.text
.globl ssm_emu_switch
.hidden ssm_emu_switch
ssm_emu_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

/// A stack that ssm_emu_switch enters at `function`.
static void *makeStack(char *stack, void (*function)()) {
  auto top = reinterpret_cast<uintptr_t>(stack) + kStackBytes;
  auto *sp = reinterpret_cast<void **>(top & ~uintptr_t(63));
  *--sp = nullptr;
  *--sp = reinterpret_cast<void *>(function);
  for (int i = 0; i < 6; ++i)
    *--sp = nullptr;
  return sp;
}
#else
static void ssm_emu_switch(void **save, void *load) {
  ucontext_t here;
  *save = &here;
  swapcontext(&here, static_cast<ucontext_t *>(load));
}

static void *makeStack(char *stack, void (*function)()) {
  auto *context = new (stack) ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack + sizeof(ucontext_t);
  context->uc_stack.ss_size = kStackBytes - sizeof(ucontext_t);
  context->uc_link = nullptr;
  makecontext(context, function, 0);
  return context;
}
#endif

namespace ssm::emulator {

thread_local Machine *Machine::current = nullptr;

static unsigned product(const std::array<unsigned, 3> &sizes) {
  return sizes[0] * sizes[1] * sizes[2];
}

Machine::Machine(const Program &program, const LaunchOptions &options,
                 std::vector<Region> &regions, void (*entry)(void *),
                 void *slots)
    : program(program), options(options), regions(regions), entry(entry),
      slots(slots), numThreads(product(options.block)), random(options.seed) {
  int64_t numBlocks =
      int64_t(options.grid[0]) * options.grid[1] * options.grid[2];
  order.resize(numBlocks);
  std::iota(order.rbegin(), order.rend(), 0);
  if (options.seed)
    std::shuffle(order.begin(), order.end(), random);
  places.resize(std::min<int64_t>(numBlocks, options.residentBlocks));
  report.sharedBytes = program.sharedBytes + options.sharedBytes;
}

//===----------------------------------------------------------------------===//
// What threads do
//===----------------------------------------------------------------------===//

void Machine::leave(Fibre::State state, int site) {
  Fibre &fibre = block->threads[thread];
  fibre.state = state;
  fibre.site = site;
  ssm_emu_switch(&fibre.stackPointer, mainStack);
}

void Machine::yield() { leave(Fibre::Ready, -1); }

void Machine::stop(std::string message) {
  failure = std::move(message);
  while (true)
    yield();
}

void Machine::runThread() {
  current->entry(current->slots);
  current->exitThread();
  std::abort(); // a thread that is done is not resumed
}

void Machine::exitThread() {
  idle = 0;
  --block->live;
  block->threads[thread].state = Fibre::Done;
  unsigned first = thread / kWarp * kWarp;
  completeMeetings(block->warps[thread / kWarp], first);
  leave(Fibre::Done, -1);
}

int Machine::readRegister(int which) const {
  auto position = [](int64_t index, const std::array<unsigned, 3> &sizes,
                     int axis) {
    for (int i = 0; i < axis; ++i)
      index /= sizes[i];
    return static_cast<int>(index % sizes[axis]);
  };
  if (which < 3)
    return position(thread, options.block, which);
  if (which < 6)
    return options.block[which - 3];
  if (which < 9)
    return position(block->index, options.grid, which - 6);
  if (which < 12)
    return options.grid[which - 9];
  return which == 12 ? thread % kWarp : which == 13 ? thread / kWarp : kWarp;
}

/// The memory that an access is to; stops the machine if there is none.
Region &Machine::findRegion(char *p, unsigned size, const Site &what) {
  Region *region = block->shared->contains(p, size) ? &*block->shared : nullptr;
  for (Region &global : regions)
    if (!region && global.contains(p, size))
      region = &global;
  auto refuse = [&](const std::string &how) {
    stop(how + ": " + std::to_string(size) + " bytes by thread " +
         std::to_string(thread) + " of block " + std::to_string(block->index) +
         " at " + what.where);
  };
  if (!region)
    refuse("access out of bounds");
  if (reinterpret_cast<uintptr_t>(p) % PowerOf2Ceil(size))
    refuse("misaligned access");
  return *region;
}

/// Finds races with earlier accesses; who wrote there last, of this block.
const Moment *Machine::noteAccess(char *p, unsigned size, unsigned site) {
  const Site &what = program.sites[site];
  Moment now{block->index, thread, block->barriers,
             block->warps[thread / kWarp].barriers,
             block->threads[thread].fences};
  Region &region = findRegion(p, size, what);
  region.access(p, size, site, what, now,
                [&](unsigned earlier) { ++races[{earlier, site}]; });
  const Moment *writer = region.findWriter(p);
  return writer && writer->block == block->index ? writer : nullptr;
}

void Machine::access(char *p, unsigned size, unsigned site) {
  const Site &what = program.sites[site];
  char *stack = block->threads[thread].stack.get();
  if (p >= stack && p < stack + kStackBytes)
    return; // the thread's own
  Region &region = findRegion(p, size, what);
  if (what.kind == Site::AtomicLoad) {
    ++report.polls;
    if (++idle > kPatience * numThreads * places.size())
      stop("deadlock: threads poll and nothing changes, at " + what.where);
  } else if (what.isWrite()) {
    idle = 0;
  }
  // Others see a relaxed write late: with a seed, after some turns of theirs.
  if (what.isAtomic())
    do
      yield();
    while (options.seed && what.isWrite() && random() % 8 != 0);
  uint64_t offset = reinterpret_cast<uintptr_t>(p);
  if (region.isShared())
    offset = p - region.data();
  block->coalescer->access(thread, site, offset, size, region.isShared());
  noteAccess(p, size, site);
}

void Machine::barrier(unsigned id, unsigned count, unsigned site) {
  if (id >= block->waiting.size())
    stop("barrier " + std::to_string(id) +
         " does not exist; there are 16, at " + program.sites[site].where);
  std::vector<unsigned> &waiting = block->waiting[id];
  waiting.push_back(thread);
  if (waiting.size() < (count ? count : numThreads))
    return leave(Fibre::AtBarrier, site);
  for (unsigned other : waiting)
    block->threads[other].state = Fibre::Ready;
  waiting.clear();
  ++block->barriers;
  ++report.barriers;
  yield();
}

/// Frees the lanes of each meeting that all living lanes of its mask reached.
void Machine::completeMeetings(Warp &warp, unsigned first) {
  uint32_t live = 0;
  for (unsigned lane = 0; lane < kWarp && first + lane < numThreads; ++lane)
    if (block->threads[first + lane].state != Fibre::Done)
      live |= 1u << lane;
  llvm::erase_if(warp.meetings, [&](Meeting &meeting) {
    if (!meeting.arrived || meeting.arrived != (meeting.mask & live))
      return false;
    for (unsigned lane = 0; lane < kWarp; ++lane)
      if (meeting.arrived >> lane & 1) {
        warp.received[lane] = meeting.values;
        block->threads[first + lane].state = Fibre::Ready;
      }
    return true;
  });
}

const std::array<uint32_t, 32> &Machine::meet(uint32_t mask, uint32_t value,
                                              unsigned site) {
  unsigned lane = thread % kWarp, first = thread - lane;
  Warp &warp = block->warps[thread / kWarp];
  if (!(mask >> lane & 1))
    stop("lane " + std::to_string(lane) +
         " is not in the mask that it names, at " + program.sites[site].where);
  auto same = [&](const Meeting &m) { return m.mask == mask; };
  auto meeting = llvm::find_if(warp.meetings, same);
  if (meeting == warp.meetings.end())
    meeting = warp.meetings.insert(meeting, Meeting{mask, 0, {}});
  meeting->arrived |= 1u << lane;
  meeting->values[lane] = value;
  block->threads[thread].state = Fibre::InWarp;
  completeMeetings(warp, first);
  leave(block->threads[thread].state, site);
  return warp.received[lane];
}

uint32_t Machine::shuffle(unsigned mode, uint32_t mask, uint32_t value,
                          uint32_t b, uint32_t clamp, uint32_t *inRange,
                          unsigned site) {
  int lane = thread % kWarp;
  int segment = clamp >> 8 & 31, bound = clamp & 31;
  int limit = (lane & segment) | (bound & ~segment);
  int low = lane & segment, from = 0;
  int offset = b & 31;
  switch (mode) {
  case 0: // up
    from = lane - offset;
    *inRange = from >= limit;
    break;
  case 1: // down
    from = lane + offset;
    *inRange = from <= limit;
    break;
  case 2: // butterfly
    from = lane ^ offset;
    *inRange = from <= limit;
    break;
  default: // index
    from = low | (offset & ~segment);
    *inRange = from <= limit;
    break;
  }
  if (!*inRange)
    from = lane;
  report.shuffles += lane == 0;
  if (!(mask >> from & 1))
    stop("a shuffle reads lane " + std::to_string(from) +
         ", which is not in its mask, at " + program.sites[site].where);
  return meet(mask, value, site)[from];
}

uint32_t Machine::ballot(uint32_t mask, bool vote, unsigned site) {
  const auto &votes = meet(mask, vote, site);
  uint32_t bits = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    bits |= (mask >> lane & votes[lane] & 1u) << lane;
  return bits;
}

void Machine::warpBarrier(uint32_t mask, unsigned site) {
  unsigned before = block->warps[thread / kWarp].barriers;
  meet(mask, 0, site);
  // The first lane that goes on has passed it for all.
  if (block->warps[thread / kWarp].barriers == before)
    ++block->warps[thread / kWarp].barriers;
}

//===----------------------------------------------------------------------===//
// What the scheduler does
//===----------------------------------------------------------------------===//

void Machine::start(Block &place) {
  place.index = order.back();
  order.pop_back();
  place.live = numThreads;
  place.threads.resize(numThreads);
  for (Fibre &fibre : place.threads) {
    if (!fibre.stack)
      fibre.stack = std::unique_ptr<char[]>(new char[kStackBytes]);
    fibre.stackPointer = makeStack(fibre.stack.get(), runThread);
    fibre.state = Fibre::Ready;
    fibre.matrices = fibre.groups = 0;
    fibre.copies.clear();
    fibre.fences = fibre.products = fibre.productGroups = 0;
    fibre.pending.clear();
    fibre.sums.clear();
  }
  place.warps.assign(divideCeil(numThreads, kWarp), Warp());
  for (Warp &warp : place.warps)
    warp.received.resize(kWarp);
  // What a kernel reads before it writes is NaN.
  place.memory.assign(report.sharedBytes + kSharedAlignment, char(0xff));
  place.shared = std::make_unique<Region>(base(place), report.sharedBytes,
                                          /*elementBytes=*/2, /*shared=*/true);
  place.coalescer = std::make_unique<Coalescer>(program.sites.size());
}

/// Runs each lane until it waits.
void Machine::runWarp(Block &place, unsigned warp) {
  block = &place;
  unsigned lanes = std::min(kWarp, numThreads - warp * kWarp);
  unsigned rotation = options.seed ? random() % lanes : 0;
  for (unsigned i = 0; i < lanes && failure.empty(); ++i) {
    thread = warp * kWarp + (i + rotation) % lanes;
    if (place.threads[thread].state == Fibre::Ready)
      ssm_emu_switch(&mainStack, place.threads[thread].stackPointer);
  }
}

void Machine::retire(Block &place) {
  place.coalescer->finish();
  auto add = [](Traffic &sum, const Traffic &more) {
    sum.requests += more.requests;
    sum.bytes += more.bytes;
    sum.units += more.units;
    sum.ideal += more.ideal;
  };
  add(report.global, place.coalescer->global);
  add(report.shared, place.coalescer->shared);
  place.index = -1;
}

std::string Machine::describeDeadlock() {
  for (Block &place : places) {
    if (place.index < 0)
      continue;
    std::map<std::pair<int, int>, unsigned> waiting;
    unsigned done = 0;
    for (Fibre &fibre : place.threads)
      if (fibre.state == Fibre::Done)
        ++done;
      else
        ++waiting[{fibre.state, fibre.site}];
    std::string text = "deadlock in block " + std::to_string(place.index);
    for (auto [where, count] : waiting)
      text += "; " + std::to_string(count) + " of " +
              std::to_string(numThreads) + " threads wait " +
              (where.first == Fibre::AtBarrier ? "at a barrier, "
                                               : "for lanes of their warp, ") +
              program.sites[where.second].where;
    return text + "; " + std::to_string(done) + " have ended";
  }
  return "";
}

bool Machine::canRun() {
  return llvm::any_of(places, [](const Block &place) {
    return place.index >= 0 &&
           llvm::any_of(place.threads, [](const Fibre &fibre) {
             return fibre.state == Fibre::Ready;
           });
  });
}

/// Gives each warp of a block a turn; with a seed, leaves some out.
void Machine::runBlock(Block &place) {
  size_t rotation = options.seed ? random() : 0;
  for (size_t w = 0; w < place.warps.size() && failure.empty(); ++w)
    if (!options.seed || random() % 4 != 0)
      runWarp(place, (w + rotation) % place.warps.size());
  if (!place.live)
    retire(place);
}

Error Machine::run() {
  current = this;
  auto isBusy = [&] {
    for (Block &place : places)
      if (place.index < 0 && !order.empty())
        start(place);
    return llvm::any_of(places, [](Block &p) { return p.index >= 0; });
  };
  while (failure.empty() && isBusy()) {
    if (!canRun())
      failure = describeDeadlock();
    for (size_t i = 0; i < places.size() && failure.empty(); ++i) {
      Block &place =
          options.seed ? places[random() % places.size()] : places[i];
      if (place.index >= 0)
        runBlock(place);
    }
  }
  current = nullptr;
  if (!failure.empty())
    return createStringError(failure);
  for (auto [sites, count] : races)
    report.races.push_back({program.sites[sites.first].where,
                            program.sites[sites.second].where, count});
  return Error::success();
}

} // namespace ssm::emulator
