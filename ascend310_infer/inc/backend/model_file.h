// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_MODEL_FILE_H_
#define ADABIN_BACKEND_MODEL_FILE_H_

#include <string>
#include <string_view>

#include "files/mindir_reader.h"
#include "graph/plan.h"

namespace adabin::backend {

// Reads a MindIR or packed file, told apart by content: the network as exported, with its binary
// layers found. `description`, unless null, becomes that of a packed file, or empty. Throws Error
// naming the file, FileError where it cannot be read. Of a packed file, whose weights the plan
// shares, the content is kept as long as these.
graph::Plan LoadNetwork(const std::string& path, std::string* description = nullptr);

// The same of its content, which has to stay as long as the plan or a copy of a step of it. Throws
// Error.
graph::Plan ReadNetwork(std::string_view bytes, std::string* description = nullptr);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_MODEL_FILE_H_
