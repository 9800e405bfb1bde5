// SPDX-License-Identifier: Apache-2.0
//
// In place of the reader of MindIR, in a build without it (ADABIN_MINDIR=OFF).
#include "base/error.h"
#include "files/mindir_reader.h"

namespace adabin::files {

graph::Graph ReadMindIr(std::string_view, const Consumed&) {
  throw Error(
      "not a packed model, and this build reads no MindIR; write a packed model with adabin_pack "
      "elsewhere, or build with -DADABIN_MINDIR=ON");
}

}  // namespace adabin::files
