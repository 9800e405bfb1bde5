// SPDX-License-Identifier: Apache-2.0
//
// The network as two sections of a packed file, its table and its arrays, as it was exported, with
// its binary layers found (passes::Recognized): what is folded and fused is so at load, from either
// file. docs/packed_format.md has every field.
#ifndef ADABIN_FILES_NETWORK_TABLE_H_
#define ADABIN_FILES_NETWORK_TABLE_H_

#include <string>
#include <string_view>

#include "graph/plan.h"

namespace adabin::files {

struct NetworkBytes {
  std::string table;
  std::string arrays;
};

NetworkBytes WriteNetwork(const graph::Plan& plan);
// Throws Error for anything that WriteNetwork did not write. The plan shares its large arrays with
// `memory`, which keeps what `arrays` are part of, or has copies of them if that has no owner.
graph::Plan ReadNetwork(std::string_view table, std::string_view arrays, const Memory& memory = {});

}  // namespace adabin::files

#endif  // ADABIN_FILES_NETWORK_TABLE_H_
