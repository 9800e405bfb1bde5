// SPDX-License-Identifier: Apache-2.0
//
// The packed model file (.adabin): a network as sections of a container.
#ifndef ADABIN_FILES_PACKED_FILE_H_
#define ADABIN_FILES_PACKED_FILE_H_

#include <string>
#include <string_view>

#include "files/container.h"
#include "ir/plan.h"

namespace adabin::files {

std::string WritePackedFile(const ir::Plan& plan);
// Throws Error (without the file's name) for anything that WritePackedFile did not write.
ir::Plan ReadPackedFile(std::string_view bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_PACKED_FILE_H_
