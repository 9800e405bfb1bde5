// SPDX-License-Identifier: Apache-2.0
#include "files/checksum.h"

#define XXH_INLINE_ALL  // of xxHash the header alone: nothing to link with
#include <xxhash.h>

namespace adabin::files {

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace adabin::files
