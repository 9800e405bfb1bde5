// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/error.h"

namespace adabin {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void Fail(const std::string& path, const std::string& what) {
  throw FileError(Printable(path) + ": " + what);
}

// `what` with the reason that the system gives.
std::string Reason(const std::string& what) { return what + " (" + std::strerror(errno) + ")"; }

File OpenForReading(const std::string& path, size_t* size) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) Fail(path, "is a folder; give a file");
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) Fail(path, Reason("cannot be read") + "; give an existing file that you may read");
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) Fail(path, "is not a regular file; give one");
  *size = bytes;
  return file;
}

void ReadAll(const std::string& path, std::FILE* file, void* data, size_t size) {
  if (size > 0 && std::fread(data, 1, size, file) != size)
    Fail(path, "cannot be read to its end; copy it again");
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const File file = OpenForReading(path, &size_);
  if (size_ == 0) return;  // nothing to map
  data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fileno(file.get()), 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    Fail(path, Reason("cannot be mapped") + "; copy it to a local disk");
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

void MappedFile::Drop(std::string_view part) const {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(part.data() - bytes().data());
  const size_t first = (begin + page - 1) / page * page;
  const size_t end = (begin + part.size()) / page * page;
  if (first < end) madvise(static_cast<char*>(data_) + first, end - first, MADV_DONTNEED);
}

std::string ReadFile(const std::string& path) {
  size_t size = 0;
  const File file = OpenForReading(path, &size);
  std::string bytes(size, '\0');
  ReadAll(path, file.get(), bytes.data(), size);
  return bytes;
}

std::vector<float> ReadFloats(const std::string& path) {
  size_t size = 0;
  const File file = OpenForReading(path, &size);
  if (size % sizeof(float) != 0)
    Fail(path, "is not a whole number of float32 values; give raw float32");
  std::vector<float> data(size / sizeof(float));
  ReadAll(path, file.get(), data.data(), size);
  return data;
}

size_t FileSize(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) Fail(path, "cannot be read (" + error.message() + "); give an existing file");
  return bytes;
}

void WriteFile(const std::string& path, const void* data, size_t size) {
  const std::string temporary = path + ".tmp." + std::to_string(getpid());
  File file(std::fopen(temporary.c_str(), "wbx"));
  if (!file) Fail(path, Reason("cannot be written") + "; give a file in a writable folder");
  const bool written = size == 0 || std::fwrite(data, 1, size, file.get()) == size;
  // Closing flushes: on a full disk this is where the write fails.
  const bool closed = std::fclose(file.release()) == 0;
  if (!written || !closed || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string reason = Reason("cannot be written");
    std::remove(temporary.c_str());
    Fail(path, reason + "; free some space or give another place");
  }
}

}  // namespace adabin
