// SPDX-License-Identifier: Apache-2.0
//
// The packed file but for what its sections mean. Little-endian throughout.
//
//   offset  size
//        0     8  magic "ADABIN\r\n"
//        8     4  version, 4
//       12     4  zero
//       16     8  XXH3 (64 bit, seed 0) of all that follows
//       24     8  file size
//       32     4  number of sections
//       36     4  zero
//       40        of each section: number (Section), zero, 4 bytes each; offset in the file, a
//                 multiple of 64, and size, 8 bytes each
//
// Then come the sections in the order of their numbers, none empty, with zeros between them. The
// last one ends the file.
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
