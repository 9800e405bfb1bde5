// SPDX-License-Identifier: Apache-2.0
#include "input_files.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace adabin::tools {

namespace fs = std::filesystem;

std::vector<fs::path> FindInputs(const std::string& input, size_t sample_bytes) {
  const std::string what = "--input " + Printable(input) + ": ";
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(input, error)) {
    fs::directory_iterator entry(input, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() == ".bin") files.push_back(entry->path());
    }
    if (error) throw Error(what + "cannot be read (" + error.message() + "); make it readable");
    std::sort(files.begin(), files.end());
    if (files.empty()) {
      throw Error(what + "holds no .bin file; preprocess.py writes those of a data set to inputs/");
    }
  } else if (fs::exists(input, error)) {
    files.push_back(input);
  } else {
    throw Error(what +
                "no such file or folder; give a .bin file of float32 NCHW or a folder of them");
  }
  for (const fs::path& file : files) {
    const size_t bytes = adabin::FileSize(file.string());
    if (bytes == 0 || bytes % sample_bytes != 0) {
      throw Error(Printable(file.string()) + ": has " + std::to_string(bytes) +
                  " bytes; one sample is " + std::to_string(sample_bytes) +
                  " bytes of float32 NCHW, give a multiple of it");
    }
  }
  return files;
}

void PrepareOutput(const std::string& input, const std::string& output) {
  std::error_code error;
  fs::create_directories(output, error);
  std::error_code none;  // the reason is that of create_directories
  if (!fs::is_directory(output, none)) {
    throw Error("--output " + Printable(output) + ": cannot be made" +
                (error ? " (" + error.message() + ")" : ", a file has that name") +
                "; give another folder");
  }
  const bool folder = fs::is_directory(input, error);
  const fs::path source = folder ? fs::path(input) : fs::absolute(input, error).parent_path();
  if (fs::equivalent(source, output, error)) {
    throw Error("--output " + Printable(output) + ": is the folder of the input; give another one");
  }
  if (access(output.c_str(), W_OK) != 0) {
    throw Error("--output " + Printable(output) +
                ": is not writable; make it so or give another folder");
  }
}

}  // namespace adabin::tools
