//===- Emulate.cpp - One launch: retarget, compile, run, report -----------===//
#include "Machine.h"
#include "ssm/Emulator/Emulator.h"
#include "ssm/Utils/Targets.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Vectorize/LoadStoreVectorizer.h"
#include <cmath>

using namespace llvm;

namespace ssm::emulator {

//===----------------------------------------------------------------------===//
// What the retargeted kernel calls
//===----------------------------------------------------------------------===//

static void callAccess(char *p, unsigned size, unsigned site) {
  Machine::current->access(p, size, site);
}
static int callRegister(int which) {
  return Machine::current->readRegister(which);
}
static char *callShared() { return Machine::current->sharedMemory(); }
static void callBarrier(unsigned id, unsigned count, unsigned site) {
  Machine::current->barrier(id, count, site);
}
static void callWarpBarrier(uint32_t mask, unsigned site) {
  Machine::current->warpBarrier(mask, site);
}
static uint32_t callShuffle(unsigned mode, uint32_t mask, uint32_t value,
                            uint32_t b, uint32_t clamp, uint32_t *inRange,
                            unsigned site) {
  return Machine::current->shuffle(mode, mask, value, b, clamp, inRange, site);
}
static uint32_t callBallot(uint32_t mask, uint32_t vote, unsigned site) {
  return Machine::current->ballot(mask, vote, site);
}
static void callMma(int kind, uint32_t *words, unsigned site) {
  Machine::current->mma(static_cast<MatrixKind>(kind), words, site);
}
static void callLoadMatrices(unsigned count, bool transposed, char *row,
                             uint32_t *words, unsigned site) {
  Machine::current->loadMatrices(count, transposed, row, words, site);
}
static void callCopy(char *to, const char *from, unsigned bytes,
                     unsigned readSite, unsigned writeSite) {
  Machine::current->copyAsync(to, from, bytes, readSite, writeSite);
}
static void callCommit() { Machine::current->commitCopies(); }
static void callWait(int left) { Machine::current->waitForCopies(left); }
static void callGroupProduct(unsigned columns, unsigned flags, uint64_t left,
                             uint64_t right, uint32_t *words, unsigned site) {
  Machine::current->multiplyGroup(columns, flags, left, right, words, site);
}
static void callGroupCommit() { Machine::current->commitProducts(); }
static void callGroupWait(unsigned left, uint32_t *words, unsigned count) {
  Machine::current->waitForProducts(left, words, count);
}
static void callFenceProxy() { Machine::current->fenceProxy(); }
static void callYield() { Machine::current->yield(); }
static float callRcp(float x) { return 1.0f / x; }
static float callRsqrt(float x) { return 1.0f / std::sqrt(x); }

/// What compiled code calls where the processor cannot round to bf16, and C
/// runtimes may lack. The result is the low half of a register for floats.
static float callRoundToBF16(float x) {
  APFloat rounded(x);
  bool losesInfo = false;
  rounded.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &losesInfo);
  return bit_cast<float>(
      static_cast<uint32_t>(rounded.bitcastToAPInt().getZExtValue()));
}

static orc::SymbolMap makeSymbols(orc::LLJIT &jit) {
  orc::SymbolMap symbols;
  auto add = [&](StringRef name, auto *function) {
    symbols[jit.mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(function),
                                          JITSymbolFlags::Exported |
                                              JITSymbolFlags::Callable};
  };
  add("ssm_emu_access", &callAccess);
  add("ssm_emu_register", &callRegister);
  add("ssm_emu_shared", &callShared);
  add("ssm_emu_barrier", &callBarrier);
  add("ssm_emu_warp_barrier", &callWarpBarrier);
  add("ssm_emu_shuffle", &callShuffle);
  add("ssm_emu_ballot", &callBallot);
  add("ssm_emu_mma", &callMma);
  add("ssm_emu_ldmatrix", &callLoadMatrices);
  add("ssm_emu_copy", &callCopy);
  add("ssm_emu_commit", &callCommit);
  add("ssm_emu_wait", &callWait);
  add("ssm_emu_group_product", &callGroupProduct);
  add("ssm_emu_group_commit", &callGroupCommit);
  add("ssm_emu_group_wait", &callGroupWait);
  add("ssm_emu_fence_proxy", &callFenceProxy);
  add("ssm_emu_yield", &callYield);
  add("ssm_emu_rcp", &callRcp);
  add("ssm_emu_rsqrt", &callRsqrt);
  add("__truncsfbf2", &callRoundToBF16);
  return symbols;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static Error checkLaunch(const LaunchOptions &options) {
  uint64_t threads = 1, blocks = 1;
  for (unsigned axis = 0; axis < 3; ++axis) {
    threads *= options.block[axis];
    blocks *= options.grid[axis];
    if (threads > 1024 || blocks > (uint64_t(1) << 31))
      break;
  }
  if (threads < 1 || threads > 1024)
    return createStringError(
        "a block must have 1 to 1024 threads, but it has " + Twine(threads) +
        "; change --block");
  if (blocks < 1 || blocks > (uint64_t(1) << 31))
    return createStringError(
        "the grid must have 1 to 2^31 blocks; change --grid");
  if (options.sharedBytes > 227 << 10)
    return createStringError("no chip gives a block more than 232448 bytes of "
                             "shared memory, but --shared asks for " +
                             Twine(options.sharedBytes));
  return Error::success();
}

static Expected<std::unique_ptr<orc::LLJIT>> makeJIT() {
  registerTargets();
  auto builder = orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setCodeGenOptLevel(CodeGenOptLevel::Less);
  return orc::LLJITBuilder()
      .setJITTargetMachineBuilder(std::move(*builder))
      .create();
}

/// Joins neighbouring accesses as the NVPTX backend does, which is what decides
/// how many there are.
static Error joinAccesses(Module &module) {
  registerTargets();
  Triple triple("nvptx64-nvidia-cuda");
  std::string problem;
  const Target *target = TargetRegistry::lookupTarget(triple, problem);
  if (!target)
    return createStringError(problem);
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, "sm_80", "", TargetOptions(), std::nullopt));
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  PassBuilder builder(machine.get());
  LoopAnalysisManager lam;
  FunctionAnalysisManager fam;
  CGSCCAnalysisManager cgam;
  ModuleAnalysisManager mam;
  builder.registerModuleAnalyses(mam);
  builder.registerCGSCCAnalyses(cgam);
  builder.registerFunctionAnalyses(fam);
  builder.registerLoopAnalyses(lam);
  builder.crossRegisterProxies(lam, fam, cgam, mam);
  for (Function &function : module)
    if (!function.isDeclaration())
      LoadStoreVectorizerPass().run(function, fam);
  return Error::success();
}

/// The bits of scalars and the addresses of memory, 8 bytes each.
static Expected<std::vector<uint64_t>> makeSlots(const Program &program,
                                                 const LaunchOptions &options,
                                                 ArrayRef<Argument> arguments) {
  if (arguments.size() != program.parameters.size())
    return createStringError(
        "'" + options.entry + "' takes " + Twine(program.parameters.size()) +
        " arguments, but " + Twine(arguments.size()) + " were given");
  std::vector<uint64_t> slots;
  for (auto [i, argument] : enumerate(arguments)) {
    bool isPointer = program.parameters[i]->isPointerTy();
    if (isPointer != argument.isMemory)
      return createStringError("argument " + Twine(i) + " of '" +
                               options.entry + "' must be " +
                               (isPointer ? "an array" : "a scalar"));
    slots.push_back(isPointer ? reinterpret_cast<uint64_t>(argument.data)
                              : argument.bits);
  }
  return slots;
}

static Expected<std::vector<Region>> findRegions(const Program &program,
                                                 orc::LLJIT &jit,
                                                 ArrayRef<Argument> arguments) {
  std::vector<Region> regions;
  for (const Argument &argument : arguments)
    if (argument.isMemory)
      regions.emplace_back(argument.data, argument.bytes, argument.elementBytes,
                           /*shared=*/false);
  for (const auto &[name, bytes] : program.globals) {
    auto address = jit.lookup(name);
    if (!address)
      return address.takeError();
    regions.emplace_back(address->toPtr<char *>(), bytes, /*elementBytes=*/4,
                         /*shared=*/false);
  }
  return regions;
}

Expected<Report> emulate(orc::ThreadSafeModule module,
                         const LaunchOptions &options,
                         ArrayRef<Argument> arguments) {
  if (Error error = checkLaunch(options))
    return error;
  auto jit = makeJIT();
  if (!jit)
    return jit.takeError();
  auto program = module.withModuleDo([&](Module &m) -> Expected<Program> {
    if (Error error = joinAccesses(m))
      return error;
    auto result = retarget(m, options.entry, (*jit)->getDataLayout(),
                           (*jit)->getTargetTriple());
    std::string problem;
    raw_string_ostream os(problem);
    if (result && verifyModule(m, &os))
      return createStringError("the kernel cannot be emulated: " + problem);
    return result;
  });
  if (!program)
    return program.takeError();
  auto slots = makeSlots(*program, options, arguments);
  if (!slots)
    return slots.takeError();
  if (Error error = (*jit)->getMainJITDylib().define(
          orc::absoluteSymbols(makeSymbols(**jit))))
    return error;
  if (Error error = (*jit)->addIRModule(std::move(module)))
    return error;
  auto entry = (*jit)->lookup(kEntryName);
  if (!entry)
    return entry.takeError();
  auto counters = (*jit)->lookup(kCountersName);
  if (!counters)
    return counters.takeError();
  auto regions = findRegions(*program, **jit, arguments);
  if (!regions)
    return regions.takeError();

  Machine machine(*program, options, *regions, entry->toPtr<void (*)(void *)>(),
                  slots->data());
  if (Error error = machine.run())
    return error;
  Report report = machine.getReport();
  auto *times = counters->toPtr<int64_t *>();
  for (auto [i, name] : enumerate(instructionClasses())) {
    int64_t count = 0;
    for (auto [block, mix] : enumerate(program->blocks))
      count += times[block] * mix[i];
    report.instructions.emplace_back(name.str(), count);
  }
  return report;
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

void Traffic::add(const Traffic &other) {
  requests += other.requests;
  bytes += other.bytes;
  units += other.units;
  ideal += other.ideal;
}

void Report::add(const Report &other) {
  global.add(other.global);
  shared.add(other.shared);
  append_range(races, other.races);
  barriers += other.barriers;
  shuffles += other.shuffles;
  polls += other.polls;
  sharedBytes = std::max(sharedBytes, other.sharedBytes);
  for (auto [mine, theirs] : zip_equal(instructions, other.instructions))
    mine.second += theirs.second;
}

int64_t Report::numRaces() const {
  int64_t sum = 0;
  for (const Race &race : races)
    sum += race.count;
  return sum;
}

static json::Object toJSON(const Traffic &traffic, StringRef unit) {
  return json::Object{{"requests", traffic.requests},
                      {"bytes", traffic.bytes},
                      {unit.str(), traffic.units},
                      {("ideal_" + unit).str(), traffic.ideal}};
}

json::Object Report::json() const {
  json::Array list;
  for (const Race &race : races)
    list.push_back(json::Object{
        {"first", race.first}, {"second", race.second}, {"count", race.count}});
  json::Object mix;
  for (const auto &[name, count] : instructions)
    mix[name] = count;
  return json::Object{{"global", toJSON(global, "sectors")},
                      {"shared", toJSON(shared, "wavefronts")},
                      {"shared_bytes", sharedBytes},
                      {"races", numRaces()},
                      {"race_list", std::move(list)},
                      {"barriers", barriers},
                      {"shuffles", shuffles},
                      {"polls", polls},
                      {"instructions", std::move(mix)}};
}

} // namespace ssm::emulator
