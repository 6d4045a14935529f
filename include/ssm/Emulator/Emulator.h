//===- Emulator.h - Run NVIDIA kernels on the CPU ---------------*- C++ -*-===//
//
// Executes the LLVM IR that the NVPTX backend gets, one fibre per thread, and
// counts what the hardware would do. Nothing here needs a GPU.
//
//===----------------------------------------------------------------------===//
#ifndef SSM_EMULATOR_EMULATOR_H
#define SSM_EMULATOR_EMULATOR_H

#include "llvm/ExecutionEngine/Orc/ThreadSafeModule.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ssm::emulator {

struct LaunchOptions {
  std::string entry;                       ///< Name of the kernel.
  std::array<unsigned, 3> grid{1, 1, 1};   ///< Blocks.
  std::array<unsigned, 3> block{32, 1, 1}; ///< Threads in a block.
  unsigned sharedBytes = 0;                ///< Dynamic shared memory.
  unsigned residentBlocks = 8;             ///< Blocks that run at a time.
  /// Order of blocks, warps and lanes; 0: in order.
  uint64_t seed = 0;
};

/// One argument: the bits of a scalar, or memory that the kernel may access.
struct Argument {
  bool isMemory = false;
  uint64_t bits = 0;    ///< Of a scalar.
  void *data = nullptr; ///< Of memory.
  int64_t bytes = 0;
  unsigned elementBytes = 4; ///< Races are found between whole elements.
};

/// What was counted in one space of memory, in requests of whole warps.
struct Traffic {
  int64_t requests = 0;
  int64_t bytes = 0; ///< Distinct bytes of each request, summed.
  int64_t units = 0; ///< 32-byte sectors, or passes over the banks.
  int64_t ideal = 0; ///< Units that the bytes fill.

  void add(const Traffic &other);
};

/// Two accesses that nothing orders, of which one writes.
struct Race {
  std::string first, second; ///< Where in the source.
  int64_t count = 0;         ///< Elements and times.
};

struct Report {
  Traffic global, shared;
  std::vector<Race> races;
  int64_t barriers = 0; ///< Of whole blocks.
  int64_t shuffles = 0; ///< Of whole warps.
  int64_t polls = 0;    ///< Atomic and volatile loads of threads.
  int64_t sharedBytes = 0;
  /// Instructions that threads executed, by class.
  std::vector<std::pair<std::string, int64_t>> instructions;

  /// Counts another launch too; of shared memory counts the larger.
  void add(const Report &other);
  int64_t numRaces() const;
  llvm::json::Object json() const;
};

/// Runs a kernel. An error names what the kernel did wrong (a deadlock, an
/// access out of bounds) or what cannot be emulated (inline PTX).
llvm::Expected<Report> emulate(llvm::orc::ThreadSafeModule module,
                               const LaunchOptions &options,
                               llvm::ArrayRef<Argument> arguments);

} // namespace ssm::emulator

#endif // SSM_EMULATOR_EMULATOR_H
