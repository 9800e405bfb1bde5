// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BASE_FILE_H_
#define ADABIN_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace adabin {

// All of these throw Error naming the path.
std::string ReadFile(const std::string& path);
std::vector<float> ReadFloats(const std::string& path);
size_t FileSize(const std::string& path);

// Writes under a temporary name beside `path`, then renames: `path` is never half written, whatever
// happens, and a failure leaves it as it was.
void WriteFile(const std::string& path, const void* data, size_t size);

}  // namespace adabin

#endif  // ADABIN_BASE_FILE_H_
