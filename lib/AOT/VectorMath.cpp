//===- VectorMath.cpp - Vector versions of libm functions -----------------===//
//
// LLVM knows glibc's vector functions for SSE and AVX2 only; here is the whole
// table, with AVX-512. A function's name says everything about it: _ZGV, the
// instruction set (b, d, e), N for unmasked, the lanes, a v per argument, and
// the scalar function. Errors are below 4 units in the last place.
//
// Reference: x86-64 psABI, "Vector Function ABI"; glibc's libmvec (2.35).
//
//===----------------------------------------------------------------------===//
#include "VectorMath.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"

using namespace llvm;

namespace {
struct MathFunction {
  const char *name;
  unsigned arguments;
  bool hasIntrinsic;
};

struct InstructionSet {
  char letter;
  unsigned bytes;
  const char *feature;
};
} // namespace

static constexpr MathFunction kFunctions[] = {
    {"acos", 1, true},   {"acosh", 1, false}, {"asin", 1, true},
    {"asinh", 1, false}, {"atan", 1, true},   {"atan2", 2, true},
    {"atanh", 1, false}, {"cbrt", 1, false},  {"cos", 1, true},
    {"cosh", 1, true},   {"erf", 1, false},   {"erfc", 1, false},
    {"exp", 1, true},    {"exp10", 1, true},  {"exp2", 1, true},
    {"expm1", 1, false}, {"hypot", 2, false}, {"log", 1, true},
    {"log10", 1, true},  {"log1p", 1, false}, {"log2", 1, true},
    {"pow", 2, true},    {"sin", 1, true},    {"sinh", 1, true},
    {"tan", 1, true},    {"tanh", 1, true},
};

static constexpr InstructionSet kInstructionSets[] = {
    {'b', 16, "+sse4.2"}, {'d', 32, "+avx2"}, {'e', 64, "+avx512f"}};

namespace {
/// The functions of one instruction set; owns their names.
class VectorFunctions {
public:
  explicit VectorFunctions(const InstructionSet &set) {
    for (const MathFunction &function : kFunctions)
      for (bool isDouble : {false, true})
        add(function, set, isDouble);
  }

  ArrayRef<VecDesc> get() const { return table; }

private:
  StringRef intern(const Twine &name) {
    return names.insert(name.str()).first->first();
  }
  void add(const MathFunction &function, const InstructionSet &set,
           bool isDouble);

  StringSet<> names;
  std::vector<VecDesc> table;
};
} // namespace

/// Adds one function, for calls and for LLVM's intrinsic.
void VectorFunctions::add(const MathFunction &function,
                          const InstructionSet &set, bool isDouble) {
  unsigned lanes = set.bytes / (isDouble ? 8 : 4);
  std::string suffix =
      "N" + utostr(lanes) + std::string(function.arguments, 'v');
  std::string scalar = std::string(function.name) + (isDouble ? "" : "f");
  StringRef vector =
      intern(Twine("_ZGV") + Twine(set.letter) + suffix + "_" + scalar);
  StringRef prefix = intern(Twine("_ZGV_LLVM_") + suffix);
  ElementCount count = ElementCount::getFixed(lanes);
  table.emplace_back(intern(scalar), vector, count, /*Masked=*/false, prefix,
                     std::nullopt);
  if (function.hasIntrinsic)
    table.emplace_back(
        intern(Twine("llvm.") + function.name + (isDouble ? ".f64" : ".f32")),
        vector, count, /*Masked=*/false, prefix, std::nullopt);
}

TargetLibraryInfoImpl ssm::getLibraryInfo(const TargetMachine &machine) {
  static const VectorFunctions tables[] = {
      VectorFunctions(kInstructionSets[0]),
      VectorFunctions(kInstructionSets[1]),
      VectorFunctions(kInstructionSets[2])};
  const Triple &triple = machine.getTargetTriple();
  TargetLibraryInfoImpl info(triple);
  if (triple.getArch() == Triple::x86_64 && triple.isOSLinux() &&
      triple.isGNUEnvironment())
    for (auto [set, functions] : zip(kInstructionSets, tables))
      if (machine.getMCSubtargetInfo()->checkFeatures(set.feature))
        info.addVectorizableFunctions(functions.get());
  return info;
}
