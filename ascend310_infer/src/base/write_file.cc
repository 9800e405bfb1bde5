// SPDX-License-Identifier: Apache-2.0
#include "base/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/error.h"

namespace adabin {
namespace {

// The temporary file of the write under way, for a signal handler. One at a time is remembered, as
// the programs write: a second one at once would be left behind by a signal.
char unfinished_name[PATH_MAX + 64];
std::atomic<bool> remembers = false;   // whoever has set it may write the name
std::atomic<bool> unfinished = false;  // the name is complete
static_assert(std::atomic<bool>::is_always_lock_free);

bool Remember(const std::string& name) {
  if (name.size() >= sizeof(unfinished_name) || remembers.exchange(true)) return false;
  std::memcpy(unfinished_name, name.c_str(), name.size() + 1);
  unfinished = true;
  return true;
}

void Forget() {
  unfinished = false;
  remembers = false;
}

[[noreturn]] void Fail(const std::string& path, const std::string& what) {
  throw FileError(Printable(path) + ": " + what);
}

// A new file beside `path`, removed unless it gets that name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : path_(path) {
    // Another one's leftover may have the name.
    for (int number = 0; file_ < 0; ++number) {
      name_ = path + ".tmp." + std::to_string(getpid()) + "." + std::to_string(number);
      remembered_ = Remember(name_);
      file_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_ >= 0) break;
      const int error = errno;
      if (remembered_) Forget();
      if (error != EEXIST || number == 1000)
        FailForReason(error, "give a file in a writable folder");
    }
  }
  ~TemporaryFile() {
    if (file_ >= 0) close(file_);
    if (!named_) unlink(name_.c_str());
    if (remembered_) Forget();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void Write(const void* data, size_t size, bool to_disk) {
    const char* at = static_cast<const char*>(data);
    for (size_t left = size; left > 0;) {
      const ssize_t count = write(file_, at, left);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) FailForSpace();
      at += count;
      left -= static_cast<size_t>(count);
    }
    if (to_disk && fsync(file_) != 0) FailForSpace();
    const int closed = close(file_);
    file_ = -1;
    if (closed != 0) FailForSpace();
  }

  void Replace() {
    if (rename(name_.c_str(), path_.c_str()) != 0) FailForSpace();
    named_ = true;
  }

  // Of two programs that do this at once, one fails.
  void Name() {
    int result = renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {  // not of this file system
      result = link(name_.c_str(), path_.c_str());
      if (result == 0) unlink(name_.c_str());
    }
    if (result != 0 && errno == EEXIST) Fail(path_, "exists; add --force to replace it");
    if (result != 0) FailForSpace();
    named_ = true;
  }

 private:
  [[noreturn]] void FailForReason(int error, const std::string& way_out) const {
    Fail(path_, std::string("cannot be written (") + std::strerror(error) + "); " + way_out);
  }
  [[noreturn]] void FailForSpace() const {
    FailForReason(errno, "free some space or give another place");
  }

  const std::string& path_;
  std::string name_;
  int file_ = -1;
  bool remembered_ = false;
  bool named_ = false;
};

// The file that `path` stands for, itself or by symbolic links: these stay where a file is
// replaced.
std::string TargetOf(const std::string& path) {
  constexpr int kMostLinks = 40;  // as of the system
  std::filesystem::path target = path;
  std::error_code error;
  for (int i = 0; std::filesystem::is_symlink(target, error); ++i) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error || i == kMostLinks) Fail(path, "is a link that leads nowhere; give another name");
    target = target.parent_path() / next;
  }
  // In /proc are links to files that have no name any more.
  struct stat meant = {}, found = {};
  if (target != path && stat(path.c_str(), &meant) == 0 &&
      (lstat(target.c_str(), &found) != 0 || meant.st_dev != found.st_dev ||
       meant.st_ino != found.st_ino)) {
    Fail(path, "is a link to a file without a name; give the name of a file");
  }
  return target.string();
}

// A name that stands for something else than a file would lose its meaning.
void CheckReplaceable(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  Fail(path, S_ISDIR(status.st_mode) ? "is a folder; give the name of a file"
                                     : "is not a regular file; give another name");
}

// The folder's entries, too, are written when the system gets to it. Some file systems have nothing
// to do there, and say so.
void SyncFolderOf(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const int file = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // one may write in a folder that one may not read
  const int result = fsync(file);
  const int error = errno;
  close(file);
  if (result != 0 && error != EINVAL && error != EROFS) {
    Fail(path, std::string("is perhaps not on the disk (") + std::strerror(error) + ")");
  }
}

}  // namespace

void WriteFile(const std::string& path, const void* data, size_t size) {
  CheckReplaceable(path);
  TemporaryFile file(path);
  file.Write(data, size, false);
  file.Replace();
}

void StoreFile(const std::string& path, const void* data, size_t size, bool replace) {
  CheckReplaceable(path);
  const std::string target = replace ? TargetOf(path) : path;
  {
    TemporaryFile file(target);
    file.Write(data, size, true);
    replace ? file.Replace() : file.Name();
  }
  SyncFolderOf(target);
}

void RemoveUnfinishedFile() noexcept {
  if (unfinished) unlink(unfinished_name);
}

}  // namespace adabin
