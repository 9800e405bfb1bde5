// SPDX-License-Identifier: Apache-2.0
//
// The packed model file (.adabin): a network as sections of a container.
#ifndef ADABIN_FILES_PACKED_FILE_H_
#define ADABIN_FILES_PACKED_FILE_H_

#include <string>
#include <string_view>

#include "files/container.h"
#include "graph/plan.h"

namespace adabin::files {

// `description` is the text that export.py writes beside a network, or empty.
std::string WritePackedFile(const graph::Plan& plan, std::string_view description = {});
// Gives the description, too, unless it is null. Throws Error (without the file's name) for
// anything that WritePackedFile did not write. The plan shares its large arrays with `memory`,
// which keeps `bytes`, or has copies of them if that has no owner.
graph::Plan ReadPackedFile(std::string_view bytes, std::string* description = nullptr,
                           const Memory& memory = {});

}  // namespace adabin::files

#endif  // ADABIN_FILES_PACKED_FILE_H_
