// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_FILES_MINDIR_READER_H_
#define ADABIN_FILES_MINDIR_READER_H_

#include <functional>
#include <string_view>

#include "graph/graph.h"

namespace adabin::files {

// A part of the bytes, the weights of a layer, that the reader does not look at again: its memory
// can go before the next layer's weights come.
using Consumed = std::function<void(std::string_view part)>;

// `bytes` is the content of a MindIR file. Throws Error (without the file's name, which the caller
// adds) for anything that is not one complete float32 network.
graph::Graph ReadMindIr(std::string_view bytes, const Consumed& consumed = nullptr);

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_READER_H_
