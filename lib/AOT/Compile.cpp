//===- Compile.cpp - From a program to machine code -----------------------===//
#include "ssm/AOT/Compile.h"

#include "BFloatBits.h"
#include "CapturedPointers.h"
#include "CarriedArrays.h"
#include "LaneShifts.h"
#include "LoadOrder.h"
#include "MemoryOperands.h"
#include "SinkVectors.h"
#include "Target.h"
#include "VectorMath.h"
#include "ssm/Pipelines/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"

using namespace mlir;

namespace ssm {

LogicalResult selectEntry(ModuleOp module, StringRef entry) {
  std::string names;
  func::FuncOp first;
  bool found = false;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!func.isPublic() || func.isExternal())
      continue;
    found |= func.getName() == entry;
    first = first ? first : func;
    names += (names.empty() ? "'" : ", '") + func.getName().str() + "'";
  }
  if (names.empty())
    return module.emitError(
        "a program must define a public func.func, but this one has none");
  if (!entry.empty() && !found)
    return first.emitError("the entry must be a public function of the "
                           "program, but '")
           << entry << "' is not; there are " << names;
  for (auto func : module.getOps<func::FuncOp>())
    if (!entry.empty() && !func.isExternal() && func.getName() != entry)
      func.setPrivate();
  return success();
}

LogicalResult compileToLLVM(ModuleOp module, const CompileOptions &options) {
  if (failed(selectEntry(module, options.entry)))
    return failure();
  PassManager pm(module.getContext());
  // The parser verified the program. Whoever debugs a pass runs it in ssm-opt.
  pm.enableVerifier(false);
  CPUOptions cpu;
  cpu.target = options.target;
  cpu.threads = options.threads;
  cpu.strategy = options.strategy;
  cpu.rates = options.rates;
  cpu.prepare = options.prepare;
  buildCPUPipeline(pm, cpu);
  return pm.run(module);
}

std::vector<std::pair<std::string, Signature>> getKernels(ModuleOp module) {
  std::vector<std::pair<std::string, Signature>> kernels;
  for (auto func : module.getOps<LLVM::LLVMFuncOp>())
    if (auto signature = Signature::get(func))
      kernels.emplace_back(func.getName().str(), std::move(*signature));
  return kernels;
}

/// The default pipeline of -O3.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager lam;
  llvm::FunctionAnalysisManager fam;
  llvm::CGSCCAnalysisManager cgam;
  llvm::ModuleAnalysisManager mam;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = true;
  // What pays to be unrolled is unrolled where it is emitted; here it would
  // unfold every nest over a small state, for seven times the compile time.
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  fam.registerPass(
      [&] { return llvm::TargetLibraryAnalysis(getLibraryInfo(machine)); });
  builder.registerModuleAnalyses(mam);
  builder.registerCGSCCAnalyses(cgam);
  builder.registerFunctionAnalyses(fam);
  builder.registerLoopAnalyses(lam);
  builder.crossRegisterProxies(lam, fam, cgam, mam);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, mam);
}

namespace {
/// Collects errors. Without it, LLVM prints them and ends the process.
struct ErrorCollector : llvm::DiagnosticHandler {
  explicit ErrorCollector(std::string &errors) : errors(errors) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream os(errors);
    llvm::DiagnosticPrinterRawOStream printer(os);
    os << (errors.empty() ? "" : "; ");
    info.print(printer);
    return true;
  }

  std::string &errors;
};
} // namespace

CompiledModule::CompiledModule()
    : errors(std::make_unique<std::string>()),
      context(std::make_unique<llvm::LLVMContext>()) {
  context->setDiagnosticHandler(std::make_unique<ErrorCollector>(*errors));
}
CompiledModule::CompiledModule(CompiledModule &&) = default;
CompiledModule::~CompiledModule() = default;

llvm::Error CompiledModule::takeErrors() {
  if (errors->empty())
    return llvm::Error::success();
  return llvm::createStringError(std::exchange(*errors, ""));
}

llvm::Expected<CompiledModule> CompiledModule::create(ModuleOp source,
                                                      StringRef target) {
  CompiledModule result;
  auto machine = createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  result.machine = std::move(*machine);
  registerBuiltinDialectTranslation(*source.getContext());
  registerLLVMDialectTranslation(*source.getContext());
  registerOpenMPDialectTranslation(*source.getContext());
  result.module = translateModuleToLLVMIR(source, *result.context, "ssm");
  if (!result.module)
    return llvm::createStringError("the program could not be translated to "
                                   "LLVM IR; see the messages before");
  result.module->setTargetTriple(result.machine->getTargetTriple());
  result.module->setDataLayout(result.machine->createDataLayout());
  setFunctionAttributes(*result.module, *result.machine);
  separateCapturedPointers(*result.module);
  splitCarriedArrays(*result.module);
  optimize(*result.module, *result.machine);
  sinkVectors(*result.module);
  reloadOperands(*result.module, *result.machine);
  orderLoads(*result.module, *result.machine);
  walkPointers(*result.module, *result.machine);
  shiftLanes(*result.module, *result.machine);
  moveBFloatBits(*result.module);
  if (llvm::Error error = result.takeErrors())
    return error;
  return result;
}

llvm::Error CompiledModule::emit(OutputKind kind, llvm::raw_pwrite_stream &os) {
  if (kind == OutputKind::LLVM) {
    module->print(os, nullptr);
    return llvm::Error::success();
  }
  llvm::legacy::PassManager pm;
  pm.add(new llvm::TargetLibraryInfoWrapperPass(getLibraryInfo(*machine)));
  auto type = kind == OutputKind::Object ? llvm::CodeGenFileType::ObjectFile
                                         : llvm::CodeGenFileType::AssemblyFile;
  if (machine->addPassesToEmitFile(pm, os, nullptr, type))
    return llvm::createStringError(
        "this target cannot emit files of that kind; use --emit=llvm");
  pm.run(*module);
  return takeErrors();
}

} // namespace ssm
