//===- Npy.cpp - NumPy's file format --------------------------------------===//
//
// A file is "\x93NUMPY", a version (major, minor), the length of the header
// (2 bytes in version 1, 4 in versions 2 and 3), the header, and the elements.
// The header is a Python dictionary literal:
//
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// bfloat16 has no NumPy code of its own: ml_dtypes saves it as '<V2', two
// opaque bytes, which is how it is read and written here.
//
// Input is hostile: every length is checked against the file before use.
//
// Reference: numpy.lib.format, NEP 1.
//
//===----------------------------------------------------------------------===//
#include "ssm/AOT/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace ssm;

static constexpr char kMagic[] = "\x93NUMPY";
static constexpr size_t kMagicSize = 6, kMaxHeader = 65536, kMaxRank = 64;

namespace {
struct TypeCode {
  const char *descr;
  int code;
};
} // namespace

/// The first entry of each code is the one that is written.
static constexpr TypeCode kTypeCodes[] = {
    {"<f2", SSM_F16},       {"<V2", SSM_BF16},  {"|V2", SSM_BF16},
    {"bfloat16", SSM_BF16}, {"<f4", SSM_F32},   {"<f8", SSM_F64},
    {"<c8", SSM_C64},       {"<c16", SSM_C128}, {"|b1", SSM_BOOL},
    {"|i1", SSM_I8},        {"<i2", SSM_I16},   {"<i4", SSM_I32},
    {"<i8", SSM_I64},
};

namespace {
/// What a header says.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<SmallVector<int64_t, 4>> shape;
};

/// A parser for the literals that headers are made of.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  /// False if the text is not a dictionary of the three known keys.
  bool parse(Header &header);

private:
  bool consume(char c) {
    rest = rest.ltrim(" \t\n\r");
    return rest.consume_front(StringRef(&c, 1));
  }
  std::optional<StringRef> string();
  std::optional<bool> boolean();
  std::optional<SmallVector<int64_t, 4>> shape();

  StringRef rest;
};
} // namespace

std::optional<StringRef> HeaderParser::string() {
  char quote = consume('\'') ? '\'' : consume('"') ? '"' : 0;
  size_t end = quote ? rest.find(quote) : StringRef::npos;
  if (end == StringRef::npos)
    return std::nullopt;
  StringRef text = rest.take_front(end);
  rest = rest.drop_front(end + 1);
  return text;
}

std::optional<bool> HeaderParser::boolean() {
  rest = rest.ltrim(" \t\n\r");
  if (rest.consume_front("False"))
    return false;
  if (rest.consume_front("True"))
    return true;
  return std::nullopt;
}

/// A tuple of sizes: `()`, `(3,)`, `(3, 4)`.
std::optional<SmallVector<int64_t, 4>> HeaderParser::shape() {
  SmallVector<int64_t, 4> sizes;
  if (!consume('('))
    return std::nullopt;
  while (!consume(')')) {
    uint64_t size;
    rest = rest.ltrim(" \t\n\r");
    if (rest.consumeInteger(10, size) || size > INT64_MAX ||
        sizes.size() == kMaxRank)
      return std::nullopt;
    rest.consume_front("L"); // Python 2 wrote long integers.
    sizes.push_back(size);
    if (!consume(',') && !rest.ltrim().starts_with(")"))
      return std::nullopt;
  }
  return sizes;
}

bool HeaderParser::parse(Header &header) {
  if (!consume('{'))
    return false;
  while (!consume('}')) {
    std::optional<StringRef> key = string();
    if (!key || !consume(':'))
      return false;
    bool ok = false;
    if (*key == "descr" && !header.descr) {
      if (std::optional<StringRef> text = string())
        header.descr = text->str();
      ok = header.descr.has_value();
    } else if (*key == "fortran_order" && !header.fortranOrder) {
      ok = (header.fortranOrder = boolean()).has_value();
    } else if (*key == "shape" && !header.shape) {
      ok = (header.shape = shape()).has_value();
    }
    if (!ok || (!consume(',') && !rest.ltrim().starts_with("}")))
      return false;
  }
  return rest.trim(" \t\n\r").empty() && header.descr && header.fortranOrder &&
         header.shape;
}

/// The element type that `descr` names, if it can be read.
static const DType *findDType(StringRef descr) {
  for (const TypeCode &entry : kTypeCodes)
    if (descr == entry.descr)
      for (const DType &dtype : getDTypes())
        if (dtype.code == entry.code)
          return &dtype;
  return nullptr;
}

/// Splits off the text of the header; `bytes` keeps the elements.
static llvm::Expected<StringRef> takeHeader(StringRef &bytes) {
  auto fail = [](const char *message) {
    return llvm::createStringError(message);
  };
  if (!bytes.consume_front(StringRef(kMagic, kMagicSize)))
    return fail("a .npy file starts with '\\x93NUMPY', and this one does not; "
                "write it with numpy.save");
  if (bytes.size() < 2)
    return fail("the file ends inside the header; write it again");
  unsigned major = static_cast<unsigned char>(bytes[0]);
  size_t lengthSize = major == 1 ? 2 : 4;
  if (major < 1 || major > 3)
    return llvm::createStringError(
        "the format version must be 1, 2 or 3, but it is " +
        std::to_string(major) + "; write it with numpy.save");
  bytes = bytes.drop_front(2);
  if (bytes.size() < lengthSize)
    return fail("the file ends inside the header; write it again");
  uint64_t length = lengthSize == 2
                        ? llvm::support::endian::read16le(bytes.data())
                        : llvm::support::endian::read32le(bytes.data());
  bytes = bytes.drop_front(lengthSize);
  if (length > kMaxHeader)
    return llvm::createStringError(
        "the header may have " + std::to_string(kMaxHeader) +
        " bytes, but it claims " + std::to_string(length) +
        "; a plain array needs about 100");
  if (length > bytes.size())
    return fail("the file ends inside the header; write it again");
  StringRef header = bytes.take_front(length);
  bytes = bytes.drop_front(length);
  return header;
}

/// Checks the header and returns the element type.
static llvm::Expected<const DType *> checkHeader(StringRef text,
                                                 Header &header) {
  if (!HeaderParser(text).parse(header))
    return llvm::createStringError(
        "the header must be a dictionary with 'descr', 'fortran_order' and "
        "'shape', but it is not; write the file with numpy.save");
  if (*header.fortranOrder && header.shape->size() > 1)
    return llvm::createStringError(
        "the array must be row-major, but 'fortran_order' is True; save "
        "numpy.ascontiguousarray(x)");
  if (const DType *dtype = findDType(*header.descr))
    return dtype;
  if (StringRef(*header.descr).starts_with(">"))
    return llvm::createStringError(
        "the array must be little-endian, but its dtype is '" + *header.descr +
        "'; save x.astype(x.dtype.newbyteorder('<'))");
  return llvm::createStringError(
      "the dtype '" + *header.descr +
      "' cannot be read; use float16, bfloat16, float32, float64, complex64, "
      "complex128, bool, int8, int16, int32 or int64");
}

/// Splits off an array, which must be the last one if `isLast`.
static llvm::Expected<HostTensor> parse(StringRef &bytes, bool isLast) {
  llvm::Expected<StringRef> text = takeHeader(bytes);
  if (!text)
    return text.takeError();
  Header header;
  llvm::Expected<const DType *> dtype = checkHeader(*text, header);
  if (!dtype)
    return dtype.takeError();
  std::optional<int64_t> size = getByteSize((*dtype)->bytes, *header.shape);
  uint64_t given = bytes.size();
  if (!size || static_cast<uint64_t>(*size) > given ||
      (isLast && static_cast<uint64_t>(*size) != given))
    return llvm::createStringError(
        "the shape needs " +
        (size ? std::to_string(*size) : "more than 2^63 - 1") +
        " bytes, but the file has " + std::to_string(bytes.size()) +
        " after the header; write it again");
  auto tensor = HostTensor::allocate(**dtype, *header.shape);
  if (tensor && *size)
    std::memcpy(tensor->buffer.data(), bytes.data(), *size);
  bytes = bytes.drop_front(*size);
  return tensor;
}

static llvm::Error named(StringRef name, llvm::Error error) {
  return llvm::createStringError(
      name + ": error: " + llvm::toString(std::move(error)));
}

llvm::Expected<HostTensor> ssm::parseNpy(StringRef bytes, StringRef name) {
  auto tensor = parse(bytes, /*isLast=*/true);
  if (!tensor)
    return named(name, tensor.takeError());
  return tensor;
}

static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readBytes(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return llvm::createStringError(
        path + ": error: cannot read the file: " + file.getError().message() +
        "; check the path");
  return std::move(*file);
}

llvm::Expected<HostTensor> ssm::readNpy(StringRef path) {
  auto file = readBytes(path);
  if (!file)
    return file.takeError();
  return parseNpy((*file)->getBuffer(), path);
}

llvm::Expected<std::vector<HostTensor>> ssm::readNpys(StringRef path) {
  auto file = readBytes(path);
  if (!file)
    return file.takeError();
  std::vector<HostTensor> tensors;
  StringRef rest = (*file)->getBuffer();
  do {
    auto tensor = parse(rest, /*isLast=*/false);
    if (!tensor)
      return named(path, tensor.takeError());
    tensors.push_back(std::move(*tensor));
  } while (!rest.empty());
  return tensors;
}

/// Everything before the elements. The header is padded with spaces so that
/// the elements start at a multiple of 64.
static std::string formatHeader(const HostTensor &tensor) {
  const auto *entry = llvm::find_if(kTypeCodes, [&](const TypeCode &entry) {
    return entry.code == tensor.dtype.code;
  });
  std::string dict = "{'descr': '" + std::string(entry->descr) +
                     "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape)
    dict += std::to_string(size) + ", ";
  if (tensor.shape.size() > 1)
    dict.resize(dict.size() - 2);
  dict += "), }";
  size_t prefix = kMagicSize + 4;
  dict.append(llvm::alignTo(prefix + dict.size() + 1, 64) - prefix -
                  dict.size() - 1,
              ' ');
  dict += '\n';
  char length[2];
  llvm::support::endian::write16le(length, dict.size());
  return std::string(kMagic, kMagicSize) + std::string("\1\0", 2) +
         std::string(length, 2) + dict;
}

llvm::Error ssm::writeNpy(StringRef path, const HostTensor &tensor) {
  return writeNpys(path, &tensor);
}

llvm::Error ssm::writeNpys(StringRef path,
                           ArrayRef<const HostTensor *> tensors) {
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &os) {
    for (const HostTensor *tensor : tensors) {
      os << formatHeader(*tensor);
      os.write(static_cast<const char *>(tensor->buffer.data()),
               tensor->buffer.size());
    }
    return llvm::Error::success();
  });
  if (error)
    return llvm::createStringError(path + ": error: cannot write the file: " +
                                   llvm::toString(std::move(error)) +
                                   "; check the path and the space");
  return error;
}
