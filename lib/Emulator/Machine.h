//===- Machine.h - Threads, warps and blocks --------------------*- C++ -*-===//
#ifndef SSM_LIB_EMULATOR_MACHINE_H
#define SSM_LIB_EMULATOR_MACHINE_H

#include "GroupProduct.h"
#include "Matrix.h"
#include "Memory.h"
#include "Retarget.h"
#include "ssm/Emulator/Emulator.h"

#include <memory>
#include <random>

namespace ssm::emulator {

/// A copy to shared memory that has not been waited for.
struct Copy {
  char *to;
  const char *from;
  unsigned bytes, writeSite;
  unsigned group; ///< Groups that the thread had committed before.
};

/// A thread's own stack. Switching saves what the C calling convention does.
struct Fibre {
  enum State { Ready, AtBarrier, InWarp, Done } state = Ready;
  void *stackPointer = nullptr;
  std::unique_ptr<char[]> stack;
  int site = -1;         ///< Where it waits.
  unsigned matrices = 0; ///< Times that it has shown words to its warp.
  unsigned groups = 0;   ///< Of copies, that are committed.
  std::vector<Copy> copies;
  unsigned fences = 0; ///< Of the asynchronous proxy.
  /// Products of warp groups, and their groups that are committed.
  unsigned products = 0, productGroups = 0;
  std::vector<GroupProduct> pending;
  /// Results of the last ones that have been waited for, by number.
  std::map<unsigned, std::array<uint32_t, kGroupSums>> sums;
};

/// Lanes of a warp that meet: the mask that they named says who must come.
struct Meeting {
  uint32_t mask = 0, arrived = 0;
  std::array<uint32_t, 32> values{};
};

struct Warp {
  std::vector<Meeting> meetings;
  /// Values of the lanes of the last meeting of each lane.
  std::vector<std::array<uint32_t, 32>> received;
  unsigned barriers = 0;
  /// What lanes show each other, in turns.
  std::array<std::array<LaneWords, 32>, 2> words{};
};

/// Of a block's shared memory: so that matrices may be permuted by address.
inline constexpr unsigned kSharedAlignment = 1024;

/// A block that is running.
struct Block {
  int64_t index = -1; ///< -1: the place is free.
  unsigned live = 0, barriers = 0;
  std::vector<Fibre> threads;
  std::vector<Warp> warps;
  /// Threads that wait at each barrier.
  std::array<std::vector<unsigned>, 16> waiting;
  std::vector<char> memory;
  std::unique_ptr<Region> shared;
  std::unique_ptr<Coalescer> coalescer;
};

/// Runs the blocks of one launch. Only one machine runs in a thread at a time.
class Machine {
public:
  Machine(const Program &program, const LaunchOptions &options,
          std::vector<Region> &regions, void (*entry)(void *), void *slots);

  llvm::Error run();
  Report &getReport() { return report; }

  // What the kernel calls.
  void access(char *p, unsigned size, unsigned site);
  int readRegister(int which) const;
  char *sharedMemory() { return base(*block); }
  void barrier(unsigned id, unsigned count, unsigned site);
  void warpBarrier(uint32_t mask, unsigned site);
  uint32_t shuffle(unsigned mode, uint32_t mask, uint32_t value, uint32_t b,
                   uint32_t clamp, uint32_t *inRange, unsigned site);
  uint32_t ballot(uint32_t mask, bool vote, unsigned site);
  void yield();
  void mma(MatrixKind kind, uint32_t *words, unsigned site);
  void loadMatrices(unsigned count, bool transposed, char *row, uint32_t *words,
                    unsigned site);
  void copyAsync(char *to, const char *from, unsigned bytes, unsigned readSite,
                 unsigned writeSite);
  void commitCopies();
  void waitForCopies(int left);
  void multiplyGroup(unsigned columns, unsigned flags, uint64_t left,
                     uint64_t right, uint32_t *words, unsigned site);
  void commitProducts();
  void waitForProducts(unsigned left, uint32_t *words, unsigned count);
  void fenceProxy() { ++block->threads[thread].fences; }

  static thread_local Machine *current;

private:
  [[noreturn]] static void runThread();
  void leave(Fibre::State state, int site);
  [[noreturn]] void stop(std::string message);
  const std::array<uint32_t, 32> &meet(uint32_t mask, uint32_t value,
                                       unsigned site);
  llvm::ArrayRef<LaneWords> showWords(const LaneWords &words, unsigned site);
  Region &findRegion(char *p, unsigned size, const Site &what);
  const Moment *noteAccess(char *p, unsigned size, unsigned site);
  void noteFactor(const SharedFactor &factor, unsigned first, unsigned count,
                  unsigned site);
  void noteFactors(const GroupProduct &product);
  void completeProduct(const GroupProduct &product);
  uint32_t resolveSum(uint32_t bits);
  void completeMeetings(Warp &warp, unsigned first);
  void exitThread();

  void start(Block &place);
  bool canRun();
  void runBlock(Block &place);
  void runWarp(Block &place, unsigned warp);
  void retire(Block &place);
  std::string describeDeadlock();
  static char *base(Block &block) {
    return reinterpret_cast<char *>(llvm::alignTo(
        reinterpret_cast<uintptr_t>(block.memory.data()), kSharedAlignment));
  }

  const Program &program;
  const LaunchOptions &options;
  std::vector<Region> &regions;
  void (*entry)(void *);
  void *slots;
  unsigned numThreads;
  std::vector<int64_t> order; ///< Blocks still to start, the next one last.
  std::vector<Block> places;
  Block *block = nullptr;
  unsigned thread = 0;
  void *mainStack = nullptr;
  std::string failure;
  uint64_t idle = 0; ///< Polls since something changed.
  std::mt19937_64 random;
  std::map<std::pair<unsigned, unsigned>, int64_t> races;
  Report report;
};

} // namespace ssm::emulator

#endif // SSM_LIB_EMULATOR_MACHINE_H
