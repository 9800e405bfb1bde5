// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_TOOLS_RUN_FILES_H_
#define ADABIN_TOOLS_RUN_FILES_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "adabin.h"
#include "boxes.h"

namespace adabin::tools {

double Milliseconds(std::chrono::steady_clock::time_point since);

struct Timing {
  std::vector<double> runs_ms;
  std::vector<double> samples_ms;  // run time / samples of its file
  size_t samples = 0;
};

struct Repetitions {
  int warmup = 0;  // untimed, of the first file
  int repeat = 1;
};

// Runs each file's samples and writes <stem>_<output index>.bin into the folder `output`, and
// <stem>.json where `boxes` is not null. Throws Error.
Timing RunFiles(const std::vector<std::filesystem::path>& files, const std::string& output,
                const Repetitions& repetitions, adabin_session* session, size_t outputs,
                const Boxes* boxes);

}  // namespace adabin::tools

#endif  // ADABIN_TOOLS_RUN_FILES_H_
