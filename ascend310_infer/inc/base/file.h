// SPDX-License-Identifier: Apache-2.0
//
// Files as they are read: regular ones alone, for a pipe may never end and a device has no size.
// All of these throw FileError naming the path.
#ifndef ADABIN_BASE_FILE_H_
#define ADABIN_BASE_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adabin {

// All of a file, as it was when it was read. A mapping would be no faster for a file that is read
// from its beginning to its end, and would end the program where someone else makes the file
// shorter meanwhile.
class FileContent {
 public:
  // Refuses a file of more than `most` bytes.
  FileContent(const std::string& path, size_t most);
  ~FileContent();
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  // The pages that lie whole in `part` of bytes() go; no one may look at it again.
  void Drop(std::string_view part) const;

 private:
  void* mapping_ = nullptr;
  size_t mapped_ = 0;  // bytes
  char* data_ = nullptr;
  size_t size_ = 0;
};

std::string ReadFile(const std::string& path);
std::vector<float> ReadFloats(const std::string& path);
size_t FileSize(const std::string& path);

}  // namespace adabin

#endif  // ADABIN_BASE_FILE_H_
