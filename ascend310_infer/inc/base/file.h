// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_FILE_H_
#define ADABIN_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace adabin {

// A file mapped into memory for reading: pages come when they are looked at and are the system's to
// drop again. Throws FileError naming the path.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  // The pages that lie whole in `part` of bytes() need not stay in memory; who looks at them again
  // has them read again.
  void Drop(std::string_view part) const;

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

// All of these throw FileError naming the path.
std::string ReadFile(const std::string& path);
std::vector<float> ReadFloats(const std::string& path);
size_t FileSize(const std::string& path);

// Writes under a temporary name beside `path`, then renames: `path` is never half written, whatever
// happens, and a failure leaves it as it was.
void WriteFile(const std::string& path, const void* data, size_t size);

}  // namespace adabin

#endif  // ADABIN_BASE_FILE_H_
