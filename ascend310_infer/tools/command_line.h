// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TOOLS_COMMAND_LINE_H_
#define ADABIN_TOOLS_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace adabin {

// Exit statuses of all programs.
constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;   // a defect, or a layer that should run packed did not
constexpr int kExitBadInput = 2;  // a flag or file that cannot be used

// Parses the flags and runs `body`, whose result is the exit status. Whatever goes wrong ends as
// one line on standard error, a standard output that cannot be written too. A signal that ends the
// program leaves no temporary file behind.
int RunProgram(CLI::App* app, int argc, char** argv, const std::function<int()>& body);

}  // namespace adabin

#endif  // ADABIN_TOOLS_COMMAND_LINE_H_
