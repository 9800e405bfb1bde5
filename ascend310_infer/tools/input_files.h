// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TOOLS_INPUT_FILES_H_
#define ADABIN_TOOLS_INPUT_FILES_H_

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace adabin::tools {

// The .bin files that --input names, sorted; every size is checked before anything runs or is
// written. Throws Error.
std::vector<std::filesystem::path> FindInputs(const std::string& input, size_t sample_bytes);

// Makes the folder --output. Outputs among the inputs would be read as inputs by the next run.
// Throws Error.
void PrepareOutput(const std::string& input, const std::string& output);

}  // namespace adabin::tools

#endif  // ADABIN_TOOLS_INPUT_FILES_H_
