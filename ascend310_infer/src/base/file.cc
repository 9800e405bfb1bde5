// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/touch_pages.h"

namespace adabin {
namespace {

[[noreturn]] void Fail(const std::string& path, const std::string& what) {
  throw FileError(Printable(path) + ": " + what);
}

// A regular file that is open, and has a size.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : path_(path) {
    // A pipe that no one writes to would hold a blocking open for ever.
    file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status = {};
    if (file_ < 0 || fstat(file_, &status) != 0) {
      const std::string reason = std::strerror(errno);
      Close();
      Fail(path_, "cannot be read (" + reason + "); give an existing file that you may read");
    }
    if (!S_ISREG(status.st_mode)) {
      Close();
      Fail(path_, S_ISDIR(status.st_mode) ? "is a folder; give a file"
                                          : "is not a regular file; give one");
    }
    size_ = static_cast<size_t>(status.st_size);
  }
  ~OpenFile() { Close(); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  size_t size() const { return size_; }

  void ReadAll(void* data) const { Read(data, size_); }
  // The next `size` bytes.
  void Read(void* data, size_t size) const {
    constexpr size_t kMost = size_t{1} << 30;  // that the system reads at once
    char* at = static_cast<char*>(data);
    for (size_t left = size; left > 0;) {
      const ssize_t count = read(file_, at, std::min(left, kMost));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) Fail(path_, std::string("cannot be read (") + std::strerror(errno) + ")");
      if (count == 0) Fail(path_, "became shorter while it was read; copy it again");
      at += count;
      left -= static_cast<size_t>(count);
    }
  }

 private:
  void Close() {
    if (file_ >= 0) close(file_);
    file_ = -1;
  }

  const std::string& path_;
  int file_ = -1;
  size_t size_ = 0;
};

}  // namespace

FileContent::FileContent(const std::string& path, size_t most) {
  const OpenFile file(path);
  size_ = file.size();
  if (size_ > most) {
    Fail(path, "has " + std::to_string(size_) + " bytes; at most " + std::to_string(most) +
                   " are read, give another file");
  }
  if (size_ == 0) return;
  // Pages of its own, which can be given back one by one; as large ones as fit, where the system
  // has them, for small ones take longer to get than to fill.
  const size_t align = size_ >= kLargePage ? kLargePage : 1;
  mapped_ = size_ + align - 1;
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  const size_t before = (align - reinterpret_cast<uintptr_t>(mapping_) % align) % align;
  data_ = static_cast<char*>(mapping_) + before;
  if (align > 1) WantLargePages(data_, size_ / align * align);
  try {
    // Page by page: what the system has cleared is still in the cache.
    for (size_t at = 0; at < size_; at += kLargePage) {
      const size_t part = std::min(kLargePage, size_ - at);
      TouchPages(data_ + at, part);
      file.Read(data_ + at, part);
    }
    // None is to come back where a part of one was dropped.
    if (align > 1) NoMoreLargePages(data_, size_ / align * align);
  } catch (...) {
    munmap(mapping_, mapped_);
    throw;
  }
}

FileContent::~FileContent() {
  if (mapped_ > 0) munmap(mapping_, mapped_);
}

void FileContent::Drop(std::string_view part) const {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(part.data() - bytes().data());
  const size_t first = (begin + page - 1) / page * page;
  const size_t end = (begin + part.size()) / page * page;
  if (first < end) madvise(data_ + first, end - first, MADV_DONTNEED);
}

std::string ReadFile(const std::string& path) {
  const OpenFile file(path);
  std::string bytes(file.size(), '\0');
  file.ReadAll(bytes.data());
  return bytes;
}

std::vector<float> ReadFloats(const std::string& path) {
  const OpenFile file(path);
  if (file.size() % sizeof(float) != 0) {
    Fail(path, "is not a whole number of float32 values; give raw float32");
  }
  std::vector<float> data(file.size() / sizeof(float));
  file.ReadAll(data.data());
  return data;
}

size_t FileSize(const std::string& path) { return OpenFile(path).size(); }

}  // namespace adabin
