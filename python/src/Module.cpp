//===- Module.cpp - The extension module mlir_ssm._core -------------------===//
//
// What the package needs of the compiler: compile text, run kernels.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "ssm/AOT/CodeCache.h"
#include "ssm/AOT/Compile.h"
#include "ssm/AOT/CompileText.h"
#include "ssm/AOT/HostTensor.h"
#include "ssm/IR/LoopDims.h"
#include "ssm/Import/Passes.h"
#include "ssm/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

using namespace ssm;
using namespace ssm::python;

/// Diagnostics may quote a program that is not UTF-8.
[[noreturn]] static void raise(const std::string &message) {
  nb::object text = nb::steal(PyUnicode_DecodeUTF8(
      message.data(), static_cast<Py_ssize_t>(message.size()), "replace"));
  if (text.is_valid())
    PyErr_SetObject(PyExc_ValueError, text.ptr());
  nb::raise_python_error();
}

/// (code, explanation, signatures as JSON); ValueError with the diagnostics.
static nb::tuple compile(nb::bytes text, const std::string &name,
                         const std::string &entry, const std::string &target,
                         const std::string &strategy, unsigned threads,
                         bool prepare, const std::string &kind) {
  CompileOptions options;
  options.entry = entry;
  options.target = target;
  options.strategy = strategy;
  options.threads = threads;
  options.prepare = prepare;
  OutputKind output = kind == "object"     ? OutputKind::Object
                      : kind == "assembly" ? OutputKind::Assembly
                                           : OutputKind::LLVM;
  const char *data = text.c_str();
  size_t size = text.size();
  auto compileWithoutGIL = [&] {
    nb::gil_scoped_release release;
    return compileText({data, size}, name, options, output);
  };
  auto compiled = compileWithoutGIL();
  if (!compiled)
    raise(llvm::toString(compiled.takeError()));
  return nb::make_tuple(nb::bytes(compiled->code.data(), compiled->code.size()),
                        compiled->explanation, compiled->signatures,
                        compiled->header);
}

/// The program after passes, as `rewriteText`; ValueError with the diagnostics.
static std::string
rewrite(nb::bytes text, const std::string &name,
        llvm::function_ref<void(mlir::PassManager &)> addPasses,
        llvm::function_ref<void(mlir::ModuleOp)> inspect = nullptr) {
  const char *data = text.c_str();
  size_t size = text.size();
  auto rewriteWithoutGIL = [&] {
    nb::gil_scoped_release release;
    auto add = [&](mlir::PassManager &pm) {
      addPasses(pm);
      return mlir::success();
    };
    return rewriteText({data, size}, name, add, inspect);
  };
  auto rewritten = rewriteWithoutGIL();
  if (!rewritten)
    raise(llvm::toString(rewritten.takeError()));
  return *rewritten;
}

/// The program with @entry_vjp, as text; ValueError with the diagnostics.
static std::string addGradient(nb::bytes text, const std::string &name,
                               const std::string &entry) {
  return rewrite(text, name, [&](mlir::PassManager &pm) {
    GradientOptions options;
    options.entry = entry;
    pm.addPass(mlir::createInlinerPass());
    pm.addPass(createGradient(options));
    pm.addPass(mlir::createCanonicalizerPass());
    pm.addPass(mlir::createCSEPass());
  });
}

/// Kernels and convolutions in place of what frontends compute them by.
static void addRaising(mlir::PassManager &pm) {
  pm.addPass(createRaiseKernels());
  pm.addPass(createRaiseConvolutions());
}

/// A StableHLO program with recurrences in place of its linear loops, kernels
/// of its sums of powers and convolutions of its products of spectra, as text;
/// ValueError with the diagnostics.
static std::string importStableHLO(nb::bytes text, const std::string &name) {
  return rewrite(text, name, [&](mlir::PassManager &pm) {
    pm.addPass(createImportStableHLO());
    // Before dimensions of one are folded, for a batch of one, and after that,
    // for what is broadcast.
    addRaising(pm);
    // What is broadcast in a loop body has dimensions of one, between reshapes
    // that ssm-raise-loops does not follow.
    pm.addPass(mlir::createLinalgFoldUnitExtentDimsPass());
    pm.addPass(mlir::createCanonicalizerPass());
    pm.addPass(mlir::createCSEPass());
    pm.addPass(createRaiseLoops());
    addRaising(pm);
    pm.addPass(mlir::createCanonicalizerPass());
    pm.addPass(mlir::createCSEPass());
  });
}

/// An attribute made of dictionaries, arrays, numbers, strings and affine maps;
/// a map is the list of its dimensions.
static llvm::json::Value toJSON(mlir::Attribute attr) {
  if (auto dict = mlir::dyn_cast<mlir::DictionaryAttr>(attr)) {
    llvm::json::Object object;
    for (mlir::NamedAttribute entry : dict)
      object[entry.getName().strref()] = toJSON(entry.getValue());
    return object;
  }
  llvm::json::Array list;
  if (auto array = mlir::dyn_cast<mlir::ArrayAttr>(attr)) {
    for (mlir::Attribute element : array)
      list.push_back(toJSON(element));
    return list;
  }
  if (auto map = mlir::dyn_cast<mlir::AffineMapAttr>(attr)) {
    for (unsigned dim : dimsOf(map.getValue()))
      list.push_back(dim);
    return list;
  }
  if (auto number = mlir::dyn_cast<mlir::IntegerAttr>(attr))
    return number.getInt();
  return mlir::cast<mlir::StringAttr>(attr).getValue();
}

/// The program with @entry_systems, as text, and the attribute `ssm.systems` of
/// that as JSON; ValueError with the diagnostics.
static nb::tuple extractSystems(nb::bytes text, const std::string &name,
                                const std::string &entry) {
  std::string systems;
  auto addPasses = [&](mlir::PassManager &pm) {
    ExtractSystemsOptions options;
    options.entry = entry;
    pm.addPass(mlir::createInlinerPass());
    pm.addPass(createInferTimeInvariance());
    pm.addPass(createExtractSystems(options));
    pm.addPass(mlir::createCanonicalizerPass());
    pm.addPass(mlir::createCSEPass());
  };
  auto inspect = [&](mlir::ModuleOp module) {
    auto func = module.lookupSymbol(entry + "_systems");
    llvm::raw_string_ostream(systems) << toJSON(func->getAttr("ssm.systems"));
  };
  std::string rewritten = rewrite(text, name, addPasses, inspect);
  return nb::make_tuple(rewritten, systems);
}

/// What --ssm-derive-step says of arguments or results: for each a dictionary
/// of numbers, by the names of their attributes.
static mlir::ArrayAttr
getPorts(unsigned count,
         llvm::function_ref<mlir::DictionaryAttr(unsigned)> getAttrs,
         mlir::MLIRContext *context) {
  llvm::SmallVector<mlir::Attribute> ports;
  for (unsigned i = 0; i < count; ++i) {
    llvm::SmallVector<mlir::NamedAttribute> numbers;
    if (mlir::DictionaryAttr attrs = getAttrs(i))
      for (mlir::NamedAttribute attr : attrs)
        if (llvm::is_contained({kArgumentAttrName, kResultAttrName,
                                kStateAttrName, kTimeAttrName},
                               attr.getName().strref()))
          numbers.push_back(attr);
    ports.push_back(mlir::DictionaryAttr::get(context, numbers));
  }
  return mlir::ArrayAttr::get(context, ports);
}

/// The program with @entry_start and @entry_step, as text, and what they take
/// and return as JSON; ValueError with the diagnostics.
static nb::tuple deriveStep(nb::bytes text, const std::string &name,
                            const std::string &entry, int64_t chunk) {
  llvm::json::Object ports;
  auto addPasses = [&](mlir::PassManager &pm) {
    DeriveStepOptions options;
    options.entry = entry;
    options.chunk = chunk;
    pm.addPass(mlir::createInlinerPass());
    pm.addPass(createDeriveStep(options));
  };
  auto inspect = [&](mlir::ModuleOp module) {
    for (llvm::StringRef suffix : {"_start", "_step"}) {
      auto func = module.lookupSymbol<mlir::func::FuncOp>(entry + suffix.str());
      auto getArg = [&](unsigned i) { return func.getArgAttrDict(i); };
      auto getResult = [&](unsigned i) { return func.getResultAttrDict(i); };
      mlir::MLIRContext *context = module.getContext();
      ports[suffix.drop_front()] = llvm::json::Object{
          {"inputs", toJSON(getPorts(func.getNumArguments(), getArg, context))},
          {"outputs",
           toJSON(getPorts(func.getNumResults(), getResult, context))}};
    }
  };
  std::string rewritten = rewrite(text, name, addPasses, inspect);
  std::string json;
  llvm::raw_string_ostream(json) << llvm::json::Value(std::move(ports));
  return nb::make_tuple(rewritten, json);
}

/// The bytes of each.
static std::vector<std::string> toStrings(const std::vector<nb::bytes> &parts) {
  std::vector<std::string> strings;
  for (const nb::bytes &part : parts)
    strings.emplace_back(part.c_str(), part.size());
  return strings;
}

/// What the cache in a folder has for these inputs; None if the folder is "".
static std::optional<std::vector<nb::bytes>>
readCached(const std::string &folder, const std::vector<nb::bytes> &inputs) {
  if (folder.empty())
    return std::nullopt;
  auto parts = CodeCache(folder).read(toStrings(inputs));
  if (!parts)
    return std::nullopt;
  std::vector<nb::bytes> bytes;
  for (const std::string &part : *parts)
    bytes.emplace_back(part.data(), part.size());
  return bytes;
}

static void writeCached(const std::string &folder,
                        const std::vector<nb::bytes> &inputs,
                        const std::vector<nb::bytes> &parts) {
  if (!folder.empty())
    CodeCache(folder).write(toStrings(inputs), toStrings(parts));
}

NB_MODULE(_core, m) {
  // Kernels that the caches of the package, XLA and PyTorch hold on to live as
  // long as the process.
  nb::set_leak_warnings(false);
  m.def("compile", &compile, nb::arg("text"), nb::arg("name"), nb::arg("entry"),
        nb::arg("target"), nb::arg("strategy"), nb::arg("threads"),
        nb::arg("prepare"), nb::arg("kind"));
  m.def("add_gradient", &addGradient, nb::arg("text"), nb::arg("name"),
        nb::arg("entry"));
  m.def("import_stablehlo", &importStableHLO, nb::arg("text"), nb::arg("name"));
  m.def("derive_step", &deriveStep, nb::arg("text"), nb::arg("name"),
        nb::arg("entry"), nb::arg("chunk"));
  m.def("extract_systems", &extractSystems, nb::arg("text"), nb::arg("name"),
        nb::arg("entry"));
  m.def("keep_memory", &keepFreedMemory, nb::arg("limit"));
  m.def("load_openmp", &loadOpenMPRuntime);
  m.def("limit_threads", &limitThreads, nb::arg("threads"));
  m.def("host_target", [] { return llvm::sys::getHostCPUName().str(); });
  m.def("runs_on_host",
        [](const std::string &target) { return runsOnHost(target); });
  m.def("read_cached", &readCached, nb::arg("folder"), nb::arg("inputs"));
  m.def("write_cached", &writeCached, nb::arg("folder"), nb::arg("inputs"),
        nb::arg("parts"));
  nb::class_<Kernel>(m, "Kernel")
      .def(nb::init<nb::bytes, const std::string &>())
      .def("__call__", &Kernel::operator());
#ifdef SSM_HAVE_XLA
  bindXLA(m);
#endif
}
