// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_FILES_CHECKSUM_H_
#define ADABIN_FILES_CHECKSUM_H_

#include <cstdint>
#include <string_view>

namespace adabin::files {

// XXH3, 64 bits, seed 0: about as fast as memory can be read.
uint64_t Checksum(std::string_view bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_CHECKSUM_H_
