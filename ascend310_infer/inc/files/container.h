// SPDX-License-Identifier: Apache-2.0
//
// The packed file but for what its sections mean. docs/packed_format.md has every byte.
#ifndef ADABIN_FILES_CONTAINER_H_
#define ADABIN_FILES_CONTAINER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace adabin::files {

// Numbers of the file: none is ever used for something else.
enum class Section : uint32_t {
  kNetwork = 1,      // files/network_table.h
  kArrays = 2,       // what the network's table counts
  kDescription = 3,  // the text that export.py writes beside a network
  kNames = 4,        // of inputs and outputs, files/packed_file.cc
};

// In the file's order. Views of the file where it was read.
using Sections = std::map<Section, std::string_view>;

bool IsPackedFile(std::string_view bytes);

// Sections without content are left out.
std::string WriteContainer(const Sections& sections);

// Takes sections that it does not know. Throws Error, without the file's name, where the file is
// not complete or not as it was written.
Sections ReadContainer(std::string_view bytes);

// Throws Error for content that WriteContainer's caller cannot have written.
[[noreturn]] void FailAsInconsistent();

// Writes the checksum of a file that is complete but for it.
void Sign(std::string* bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_CONTAINER_H_
