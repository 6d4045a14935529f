//===- Link.cpp - Object files to shared libraries ------------------------===//
#include "ssm/AOT/Compile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace llvm;

namespace ssm {

/// A compiler that can drive the linker, newest first.
static Expected<std::string> findLinker() {
  for (const char *name : {"clang-22", "clang", "cc", "gcc"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return createStringError("linking a shared library needs clang or another C "
                           "compiler, but none was found; install clang-22 or "
                           "use --emit=obj");
}

static Error runLinker(StringRef linker, StringRef object, StringRef output,
                       bool openmp) {
  SmallVector<StringRef> args = {linker, "-shared", "-o",
                                 output, object,    "-lm"};
  std::string rpath = "-Wl,-rpath," + sys::path::parent_path(SSM_LIBOMP).str();
  if (openmp)
    args.append({SSM_LIBOMP, rpath});
  SmallString<128> log;
  if (std::error_code code =
          sys::fs::createTemporaryFile("ssm-link", "txt", log))
    return createStringError("cannot make a temporary file: " + code.message());
  FileRemover remover(log);
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log),
                                          StringRef(log)};
  std::string message;
  if (!sys::ExecuteAndWait(linker, args, std::nullopt, redirects, 0, 0,
                           &message))
    return Error::success();
  if (auto text = MemoryBuffer::getFile(log))
    message += (*text)->getBuffer().trim();
  return createStringError(
      "the linker " + linker +
      " failed; try --emit=obj and link by hand: " + message);
}

Error linkSharedLibrary(StringRef object, StringRef output, bool openmp) {
  auto linker = findLinker();
  if (!linker)
    return linker.takeError();
  SmallString<128> objectPath, libraryPath;
  if (sys::fs::createTemporaryFile("ssm", "o", objectPath))
    return createStringError("cannot make a temporary file; check TMPDIR");
  FileRemover removeObject(objectPath);
  // Beside the output, so that the rename is atomic.
  if (std::error_code code =
          sys::fs::createUniqueFile(output + ".%%%%%%.tmp", libraryPath))
    return createStringError(output + ": error: cannot write the file: " +
                             code.message() + "; check the path");
  FileRemover removeLibrary(libraryPath);
  std::error_code code;
  raw_fd_ostream os(objectPath, code);
  os << object;
  os.close();
  if (code || os.has_error())
    return createStringError("cannot write a temporary file; check the space");
  if (Error error = runLinker(*linker, objectPath, libraryPath, openmp))
    return error;
  if (std::error_code code = sys::fs::rename(libraryPath, output))
    return createStringError(output + ": error: cannot write the file: " +
                             code.message() + "; check the path");
  removeLibrary.releaseFile();
  return Error::success();
}

} // namespace ssm
