//===- Kernel.cpp - A compiled function on NumPy arrays -------------------===//
#include "Kernel.h"

#include "llvm/Support/JSON.h"
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

using namespace ssm;
using namespace ssm::python;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

namespace {
/// The memory of an array, for as long as this object lives.
class View {
public:
  View() = default;
  View(const View &) = delete;
  View &operator=(const View &) = delete;
  ~View() {
    if (buffer.obj)
      PyBuffer_Release(&buffer);
  }

  /// Views `array`, whose elements are `dtype`. bfloat16, which the buffer
  /// protocol has no letter for, is viewed as integers.
  void open(nb::handle array, const DType &dtype, bool writable);

  Py_buffer buffer = {};

private:
  nb::object integers;
};
} // namespace

static nb::object numpy(const char *name) {
  return nb::module_::import_("numpy").attr(name);
}

static nb::object toNumPyDType(const DType &dtype) {
  if (dtype.code == SSM_BF16)
    return numpy("dtype")(nb::module_::import_("ml_dtypes").attr(dtype.name));
  return numpy("dtype")(dtype.name);
}

void View::open(nb::handle array, const DType &dtype, bool writable) {
  nb::handle viewed = array;
  if (dtype.code == SSM_BF16) {
    integers = array.attr("view")("uint16");
    viewed = integers;
  }
  if (PyObject_GetBuffer(viewed.ptr(), &buffer,
                         writable ? PyBUF_STRIDED : PyBUF_STRIDED_RO))
    throw nb::python_error();
}

std::string Tensor::str() const {
  std::string text = dtype.name;
  text += "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") +
            (size < 0 ? "d" + std::to_string(-1 - size) : std::to_string(size));
  return text + "]";
}

/// E.g. "float32[3, 4]".
static std::string describe(nb::handle array) {
  nb::object dtype = array.attr("dtype"), shape = array.attr("shape");
  std::string text = nb::cast<std::string>(dtype.attr("name")) + "[";
  const char *separator = "";
  for (int64_t size : nb::cast<std::vector<int64_t>>(shape)) {
    text += separator + std::to_string(size);
    separator = ", ";
  }
  return text + "]";
}

/// A tensor in the JSON of a signature.
static std::optional<Tensor> parseTensor(const llvm::json::Value &value) {
  const llvm::json::Object *object = value.getAsObject();
  const auto *shape = object ? object->getArray("shape") : nullptr;
  auto name = object ? object->getString("name") : std::nullopt;
  auto dtype = object ? object->getString("dtype") : std::nullopt;
  if (!shape || !name || !dtype)
    return std::nullopt;
  const auto *found = llvm::find_if(
      getDTypes(), [&](const DType &known) { return known.name == *dtype; });
  if (found == getDTypes().end())
    return std::nullopt;
  Tensor tensor{name->str(), *found, {}, toNumPyDType(*found)};
  for (const llvm::json::Value &dim : *shape) {
    auto size = dim.getAsInteger();
    StringRef symbol = dim.getAsString().value_or("");
    unsigned number;
    if (size && *size >= 0)
      tensor.shape.push_back(*size);
    else if (symbol.consume_front("d") && !symbol.getAsInteger(10, number))
      tensor.shape.push_back(-1 - static_cast<int64_t>(number));
    else
      return std::nullopt;
  }
  return tensor;
}

static std::optional<std::vector<Tensor>>
parseTensors(const llvm::json::Array *array) {
  if (!array)
    return std::nullopt;
  std::vector<Tensor> tensors;
  for (const llvm::json::Value &value : *array) {
    auto tensor = parseTensor(value);
    if (!tensor)
      return std::nullopt;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

Kernel::Kernel(nb::bytes object, const std::string &signature) {
  auto json = llvm::json::parse(signature);
  const auto *fields = json ? json->getAsObject() : nullptr;
  auto ins = parseTensors(fields ? fields->getArray("inputs") : nullptr);
  auto outs = parseTensors(fields ? fields->getArray("outputs") : nullptr);
  auto kernel = fields ? fields->getString("name") : std::nullopt;
  auto bytes = fields ? fields->getInteger("workspace_bytes") : std::nullopt;
  auto threads = fields ? fields->getInteger("threads") : std::nullopt;
  if (!json)
    llvm::consumeError(json.takeError());
  if (!ins || !outs || !kernel || !bytes || !threads)
    throw nb::value_error("the signature of a kernel is malformed");
  name = kernel->str();
  inputs = std::move(*ins);
  outputs = std::move(*outs);
  workspaceBytes = *bytes;
  for (const std::vector<Tensor> &tensors : {inputs, outputs})
    for (const Tensor &tensor : tensors)
      for (int64_t size : tensor.shape)
        numSymbols = std::max<int64_t>(numSymbols, -size);

  auto loaded = LoadedModule::create({object.c_str(), object.size()},
                                     /*openmp=*/*threads > 1);
  if (!loaded)
    throw nb::value_error(llvm::toString(loaded.takeError()).c_str());
  code.emplace(std::move(*loaded));
  auto entry =
      code->lookup<std::remove_pointer_t<decltype(run)>>(name + "_run");
  if (!entry)
    throw nb::value_error(llvm::toString(entry.takeError()).c_str());
  run = *entry;
}

AlignedBuffer Kernel::takeWorkspace() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!workspaces.empty()) {
      AlignedBuffer workspace = std::move(workspaces.back());
      workspaces.pop_back();
      return workspace;
    }
  }
  auto workspace = AlignedBuffer::allocate(workspaceBytes);
  if (!workspace) {
    llvm::consumeError(workspace.takeError());
    throw std::bad_alloc();
  }
  return std::move(*workspace);
}

void Kernel::giveBack(AlignedBuffer workspace) {
  std::lock_guard<std::mutex> lock(mutex);
  workspaces.push_back(std::move(workspace));
}

/// Binds the symbols of an input; false if a size is wrong.
static bool bindSizes(const Tensor &tensor, const Py_buffer &buffer,
                      SmallVector<int64_t> &symbols) {
  if (buffer.ndim != static_cast<int>(tensor.shape.size()))
    return false;
  for (int i = 0; i < buffer.ndim; ++i) {
    int64_t want = tensor.shape[i];
    if (want < 0 && symbols[-1 - want] < 0)
      symbols[-1 - want] = buffer.shape[i];
    if (buffer.shape[i] != (want < 0 ? symbols[-1 - want] : want))
      return false;
  }
  return true;
}

static std::string listSymbols(ArrayRef<int64_t> symbols) {
  std::string text;
  for (auto [i, size] : llvm::enumerate(symbols))
    if (size >= 0)
      text += (text.empty() ? " with d" : ", d") + std::to_string(i) + " = " +
              std::to_string(size);
  return text;
}

static bool isAligned(const void *data, const DType &dtype) {
  return reinterpret_cast<uintptr_t>(data) % dtype.alignment == 0;
}

/// Views an input, or a copy of it if its layout is not the kernel's.
static void openInput(View &view, nb::handle array, const Tensor &tensor,
                      SmallVector<int64_t> &symbols) {
  auto refuse = [&] {
    return "input '" + tensor.name + "' must be " + tensor.str() +
           listSymbols(symbols) + ", but it is " + describe(array);
  };
  nb::object dtype = array.attr("dtype");
  if (!dtype.is(tensor.numpyDType) && !dtype.equal(tensor.numpyDType))
    throw nb::type_error(refuse().c_str());
  view.open(array, tensor.dtype, /*writable=*/false);
  if (!bindSizes(tensor, view.buffer, symbols))
    throw nb::value_error(refuse().c_str());
  if (PyBuffer_IsContiguous(&view.buffer, 'C') &&
      isAligned(view.buffer.buf, tensor.dtype))
    return;
  PyBuffer_Release(&view.buffer);
  nb::object copy = array.attr("copy")("C");
  view.open(copy, tensor.dtype, /*writable=*/false);
}

int Kernel::invoke(const ssm_tensor *ins, const ssm_tensor *outs) {
  AlignedBuffer workspace = takeWorkspace();
  int status = run(ins, outs, workspace.data(), nullptr);
  giveBack(std::move(workspace));
  return status;
}

/// Like numpy.empty, but large results are aligned to cache lines, which can be
/// written past the caches; NumPy aligns to 16 bytes.
static nb::object makeResult(const Tensor &tensor, ArrayRef<int64_t> symbols) {
  static nb::handle empty = numpy("empty").release();
  static nb::handle ndarray = numpy("ndarray").release();
  static nb::handle byte = numpy("uint8").release();
  constexpr int64_t kLine = 64, kLarge = 1 << 16;
  auto sizes = llvm::map_to_vector(tensor.shape, [&](int64_t size) {
    return size < 0 ? symbols[-1 - size] : size;
  });
  nb::object shape =
      nb::steal(PyTuple_New(static_cast<Py_ssize_t>(sizes.size())));
  for (auto [k, size] : llvm::enumerate(sizes))
    PyTuple_SET_ITEM(shape.ptr(), k, PyLong_FromLongLong(size));
  std::optional<int64_t> bytes = getByteSize(tensor.dtype.bytes, sizes);
  if (!bytes || *bytes < kLarge || llvm::AddOverflow(*bytes, kLine, *bytes))
    return empty(shape, tensor.numpyDType);
  nb::object room = empty(*bytes, byte);
  auto start = nb::cast<uint64_t>(room.attr("ctypes").attr("data"));
  return ndarray(shape, tensor.numpyDType, room, -start % kLine);
}

nb::object Kernel::operator()(nb::args arrays) {
  if (arrays.size() != inputs.size())
    throw nb::type_error(("'" + name + "' takes " +
                          std::to_string(inputs.size()) + " inputs, but " +
                          std::to_string(arrays.size()) + " were given")
                             .c_str());
  size_t numInputs = inputs.size(), numOutputs = outputs.size();
  SmallVector<int64_t> symbols(numSymbols, -1);
  std::vector<View> views(numInputs + numOutputs);
  SmallVector<ssm_tensor> tensors(numInputs + numOutputs);
  auto describeView = [&](size_t i, const DType &dtype) {
    const Py_buffer &buffer = views[i].buffer;
    tensors[i] = {buffer.buf, dtype.code, buffer.ndim,
                  reinterpret_cast<const int64_t *>(buffer.shape), nullptr};
  };
  for (size_t i = 0; i < numInputs; ++i) {
    openInput(views[i], arrays[i], inputs[i], symbols);
    describeView(i, inputs[i].dtype);
  }
  nb::object results =
      nb::steal(PyTuple_New(static_cast<Py_ssize_t>(numOutputs)));
  for (size_t i = 0; i < numOutputs; ++i) {
    const Tensor &tensor = outputs[i];
    nb::object array = makeResult(tensor, symbols);
    View &view = views[numInputs + i];
    view.open(array, tensor.dtype, /*writable=*/true);
    describeView(numInputs + i, tensor.dtype);
    PyTuple_SET_ITEM(results.ptr(), i, array.release().ptr());
  }

  int status;
  {
    nb::gil_scoped_release release;
    status = invoke(tensors.data(), tensors.data() + numInputs);
  }
  if (status)
    throw nb::value_error(
        ("'" + name + "' refused its arguments: " + ssm_status_string(status))
            .c_str());
  return results;
}
