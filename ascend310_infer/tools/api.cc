// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <new>
#include <stdexcept>

#include "base/error.h"

namespace adabin::tools {

void Check(adabin_status* status, const std::string& flag) {
  if (status == nullptr) return;
  const Owned<adabin_status> owned(status);
  switch (adabin_status_code(status)) {
    case ADABIN_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case ADABIN_INTERNAL:
      throw std::runtime_error(adabin_status_message(status));
    case ADABIN_RESOURCE:  // "threads 256: ..." is about a flag of that name
      throw Error("--" + std::string(adabin_status_message(status)));
    default:
      throw Error(flag + adabin_status_message(status));
  }
}

}  // namespace adabin::tools
