// SPDX-License-Identifier: Apache-2.0
#include "run_files.h"

#include <unistd.h>

#include <iostream>

#include "api.h"
#include "base/error.h"
#include "base/file.h"
#include "base/write_file.h"

namespace adabin::tools {

namespace fs = std::filesystem;

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

namespace {

// Rewrites one line on a terminal; silent elsewhere and for a handful of files.
class Progress {
 public:
  explicit Progress(size_t total) : total_(total), active_(total > 20 && isatty(STDERR_FILENO)) {}
  void Show(size_t done) {
    if (!active_ || (Milliseconds(last_) < 200 && done < total_)) return;
    last_ = std::chrono::steady_clock::now();
    std::cerr << "\r" << done << " / " << total_ << " files" << (done == total_ ? "\n" : "")
              << std::flush;
  }

 private:
  size_t total_;
  bool active_;
  std::chrono::steady_clock::time_point last_;
};

// Runs one file's samples into buffers of its own.
class Runner {
 public:
  Runner(adabin_session* session, size_t outputs) : session_(session), buffers_(outputs) {}

  void Run(const std::vector<float>& input, size_t samples) {
    const adabin_input in = {input.data(), input.size() * sizeof(float)};
    std::vector<adabin_output> out;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      const size_t bytes = samples * adabin_session_output_bytes(session_, i);
      buffers_[i].resize(bytes / sizeof(float));
      out.push_back({buffers_[i].data(), bytes});
    }
    Check(adabin_session_run(session_, samples, &in, 1, out.data(), out.size()));
  }
  const std::vector<std::vector<float>>& outputs() const { return buffers_; }

 private:
  adabin_session* session_;
  std::vector<std::vector<float>> buffers_;
};

}  // namespace

Timing RunFiles(const std::vector<fs::path>& files, const std::string& output,
                const Repetitions& repetitions, adabin_session* session, size_t outputs,
                const Boxes* boxes) {
  Timing timing;
  Progress progress(files.size());
  Runner runner(session, outputs);
  for (size_t i = 0; i < files.size(); ++i) {
    const std::vector<float> input = ReadFloats(files[i].string());
    const size_t samples = input.size() * sizeof(float) / adabin_session_input_bytes(session, 0);
    for (int run = 0; i == 0 && run < repetitions.warmup; ++run) runner.Run(input, samples);
    for (int run = 0; run < repetitions.repeat; ++run) {
      const auto start = std::chrono::steady_clock::now();
      runner.Run(input, samples);
      timing.runs_ms.push_back(Milliseconds(start));
      timing.samples_ms.push_back(timing.runs_ms.back() / static_cast<double>(samples));
    }
    timing.samples += samples;
    for (size_t o = 0; o < outputs; ++o) {
      const std::string name = files[i].stem().string() + "_" + std::to_string(o) + ".bin";
      WriteFile((fs::path(output) / name).string(), runner.outputs()[o].data(),
                runner.outputs()[o].size() * sizeof(float));
    }
    if (boxes != nullptr) {
      const fs::path json = fs::path(output) / (files[i].stem().string() + ".json");
      boxes->Write(json.string(), runner.outputs(), samples, Printable(files[i].string()));
    }
    progress.Show(i + 1);
  }
  return timing;
}

}  // namespace adabin::tools
