// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_FILES_MINDIR_READER_H_
#define ADABIN_FILES_MINDIR_READER_H_

#include <string_view>

#include "ir/graph.h"

namespace adabin::files {

// `bytes` is the content of a MindIR file. Throws Error (without the file's name, which the caller
// adds) for anything that is not one complete float32 network with one input.
ir::Graph ReadMindIr(std::string_view bytes);

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_READER_H_
