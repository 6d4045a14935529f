//===- NpyTest.cpp - Every header that NumPy writes, and hostile ones -----===//
#include "ssm/AOT/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace ssm;

/// A file of version 1 with this header and these elements.
static std::string file(StringRef header, StringRef elements) {
  std::string text = "\x93NUMPY";
  text += '\1';
  text += '\0';
  text += static_cast<char>(header.size() & 255);
  text += static_cast<char>(header.size() >> 8);
  return text + header.str() + elements.str();
}

static std::string header(StringRef descr, StringRef shape,
                          StringRef order = "False") {
  return ("{'descr': '" + descr + "', 'fortran_order': " + order +
          ", 'shape': " + shape + ", }\n")
      .str();
}

static std::string errorOf(StringRef bytes) {
  auto tensor = parseNpy(bytes, "x.npy");
  return tensor ? "" : toString(tensor.takeError());
}

TEST(NpyTest, ReadsShapesOfEveryRank) {
  std::string elements(24, '\1');
  for (auto [text, shape] :
       {std::pair<const char *, std::vector<int64_t>>{"(6,)", {6}},
        {"(2, 3)", {2, 3}},
        {"(2,3)", {2, 3}},
        {"(1, 6L, 1)", {1, 6, 1}}}) {
    auto tensor = parseNpy(file(header("<f4", text), elements), "x.npy");
    ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
    EXPECT_EQ(ArrayRef<int64_t>(shape), ArrayRef<int64_t>(tensor->shape));
    EXPECT_EQ(tensor->dtype.code, SSM_F32);
  }
  auto scalar = parseNpy(
      file(header("<f8", "()"), StringRef(elements).take_front(8)), "x.npy");
  ASSERT_TRUE(bool(scalar)) << toString(scalar.takeError());
  EXPECT_TRUE(scalar->shape.empty());
}

TEST(NpyTest, ReadsNoElements) {
  auto tensor =
      parseNpy(file(header("<f4", "(0, 9223372036854775807)"), ""), "x.npy");
  ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
  EXPECT_EQ(tensor->buffer.size(), 0);
}

TEST(NpyTest, ReadsFortranOrderOfOneDimension) {
  EXPECT_EQ(errorOf(file(header("<f4", "(1,)", "True"), "abcd")), "");
}

TEST(NpyTest, ReadsVersion2) {
  std::string text = header("<f4", "(1,)");
  std::string bytes = std::string("\x93NUMPY\2\0", 8);
  bytes += static_cast<char>(text.size());
  bytes += std::string(3, '\0');
  EXPECT_EQ(errorOf(bytes + text + "abcd"), "");
}

TEST(NpyTest, RefusesWhatIsNotAPlainArray) {
  std::string four = "abcd";
  EXPECT_NE(errorOf("").find("starts with '\\x93NUMPY'"), std::string::npos);
  EXPECT_NE(errorOf("PK\3\4").find("starts with"), std::string::npos);
  EXPECT_NE(errorOf(std::string("\x93NUMPY\4\0\1\0 ", 11))
                .find("version must be 1, 2 or 3, but it is 4"),
            std::string::npos);
  EXPECT_NE(errorOf(file(header(">f4", "(1,)"), four)).find("little-endian"),
            std::string::npos);
  EXPECT_NE(errorOf(file(header("<U1", "(1,)"), four))
                .find("dtype '<U1' cannot be read"),
            std::string::npos);
  EXPECT_NE(
      errorOf(file(header("<f4", "(1, 1)", "True"), four)).find("row-major"),
      std::string::npos);
  for (const char *text :
       {"", "{}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr: '<f4'"})
    EXPECT_NE(errorOf(file(text, four)).find("must be a dictionary"),
              std::string::npos)
        << text;
}

TEST(NpyTest, RefusesSizesThatDoNotMatchTheFile) {
  EXPECT_EQ(errorOf(file(header("<f4", "(2,)"), "abcd")),
            "x.npy: error: the shape needs 8 bytes, but the file has 4 after "
            "the header; write it again");
  EXPECT_NE(errorOf(file(header("<f4", "(1,)"), "abcde")).find("needs 4"),
            std::string::npos);
  EXPECT_NE(errorOf(file(header("<c16", "(4294967296, 4294967296)"), ""))
                .find("more than 2^63 - 1"),
            std::string::npos);
}

TEST(NpyTest, EveryPrefixOfAFileIsAnError) {
  std::string whole = file(header("<f4", "(3, 1)"), "abcdefghijkl");
  ASSERT_EQ(errorOf(whole), "");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(errorOf(StringRef(whole).take_front(size)), "") << size;
}

TEST(NpyTest, EveryChangedByteIsReadOrRefused) {
  std::string whole = file(header("<f4", "(3, 1)"), "abcdefghijkl");
  for (size_t i = 0; i < whole.size(); ++i)
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[i] = static_cast<char>(value);
      auto tensor = parseNpy(changed, "x.npy");
      if (tensor)
        EXPECT_LE(tensor->buffer.size(), 12);
      else
        consumeError(tensor.takeError());
    }
}

TEST(NpyTest, WritesWhatItReads) {
  SmallString<128> path;
  ASSERT_FALSE(sys::fs::createTemporaryFile("npy", "npy", path));
  FileRemover remover(path);
  for (const DType &dtype : getDTypes())
    for (std::vector<int64_t> shape :
         {std::vector<int64_t>{}, {0}, {5}, {2, 3, 4}}) {
      auto tensor = HostTensor::allocate(dtype, shape);
      ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
      for (int64_t i = 0; i < tensor->buffer.size(); ++i)
        static_cast<char *>(tensor->buffer.data())[i] = static_cast<char>(i);
      ASSERT_FALSE(errorToBool(writeNpy(path, *tensor)));
      auto back = readNpy(path);
      ASSERT_TRUE(bool(back)) << toString(back.takeError());
      EXPECT_EQ(back->str(), tensor->str());
      EXPECT_EQ(StringRef(static_cast<char *>(back->buffer.data()),
                          back->buffer.size()),
                StringRef(static_cast<char *>(tensor->buffer.data()),
                          tensor->buffer.size()));
    }
}

TEST(NpyTest, FailedWritesLeaveNothing) {
  auto tensor = HostTensor::allocate(getDTypes()[0], {3});
  ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
  std::string message = toString(writeNpy("/no/such/folder/x.npy", *tensor));
  EXPECT_NE(message.find("/no/such/folder/x.npy: error: cannot write the file"),
            std::string::npos)
      << message;
}
