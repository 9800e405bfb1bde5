// SPDX-License-Identifier: Apache-2.0
#include "files/packed_file.h"

#include "files/network_table.h"

namespace adabin::files {

std::string WritePackedFile(const ir::Plan& plan) {
  const NetworkBytes network = WriteNetwork(plan);
  return WriteContainer({{Section::kNetwork, network.table}, {Section::kArrays, network.arrays}});
}

ir::Plan ReadPackedFile(std::string_view bytes) {
  Sections sections = ReadContainer(bytes);
  return ReadNetwork(sections[Section::kNetwork], sections[Section::kArrays]);
}

}  // namespace adabin::files
