// SPDX-License-Identifier: Apache-2.0
//
// adabin_infer: raw float32 tensors in, raw float32 tensors and one line of JSON out.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "backend/model_file.h"
#include "base/command_line.h"
#include "base/default_threads.h"
#include "base/error.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "kernels/select_kernel.h"

namespace {

namespace fs = std::filesystem;
using adabin::Error;
using adabin::Printable;
using Backend = adabin::backend::CpuBackend;

struct Flags {
  Flags() { options.threads = 0; }  // not given

  std::string model;
  std::string input;
  std::string output;
  adabin::backend::Options options;
  std::string device_type = "CPU";
  int device_id = 0;
  int warmup = 0;
  int repeat = 1;
  bool list_kernels = false;
  bool dump_plan = false;
};

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// getrusage would also count a parent that was larger before it started this program.
double PeakMemoryMb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes / 1024;
  }
  return 0;
}

int ListKernels() {
  for (const adabin::kernels::Kernel& kernel : adabin::kernels::KernelTable()) {
    std::cout << kernel.name << (kernel.supported() ? "" : " (not on this CPU)") << ": "
              << kernel.description << "\n";
  }
  std::cout << "float: binary layers as float convolutions, for comparison\n";
  return adabin::kExitOk;
}

// A line per pass over memory, with its time where it was measured.
void PrintSteps(const Backend& backend, bool times) {
  int number = 0;
  double total = 0;
  for (const adabin::backend::StepInfo& step : backend.DescribeSteps()) {
    char prefix[64];
    if (times) {
      std::snprintf(prefix, sizeof(prefix), "%3d %9.4f ms  ", number++, step.milliseconds);
    } else {
      std::snprintf(prefix, sizeof(prefix), "%3d  ", number++);
    }
    std::cout << prefix << step.description << "\n";
    total += step.milliseconds;
  }
  if (times) std::cout << "    " << total << " ms per sample\n";
}

// The input files, sorted; every size is checked before anything runs or is written.
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

// Outputs among the inputs would be read as inputs by the next run.
void PrepareOutput(const Flags& flags) {
  std::error_code error;
  fs::create_directories(flags.output, error);
  std::error_code none;  // the reason is that of create_directories
  if (!fs::is_directory(flags.output, none)) {
    throw Error("--output " + Printable(flags.output) + ": cannot be made" +
                (error ? " (" + error.message() + ")" : ", a file has that name") +
                "; give another folder");
  }
  const bool folder = fs::is_directory(flags.input, error);
  const fs::path input =
      folder ? fs::path(flags.input) : fs::absolute(flags.input, error).parent_path();
  if (fs::equivalent(input, flags.output, error)) {
    throw Error("--output " + Printable(flags.output) +
                ": is the folder of the input; give another one");
  }
  if (access(flags.output.c_str(), W_OK) != 0) {
    throw Error("--output " + Printable(flags.output) +
                ": is not writable; make it so or give another folder");
  }
}

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

struct Timing {
  std::vector<double> runs_ms;
  std::vector<double> samples_ms;  // run time / samples of its file
  size_t samples = 0;
};

Timing RunFiles(const Flags& flags, const std::vector<fs::path>& files, Backend* backend) {
  Timing timing;
  Progress progress(files.size());
  std::vector<std::vector<float>> outputs;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::vector<float> input = adabin::ReadFloats(files[i].string());
    const size_t samples = input.size() / backend->input_size();
    for (int run = 0; i == 0 && run < flags.warmup; ++run) {
      backend->Run(input.data(), samples, &outputs);
    }
    for (int run = 0; run < flags.repeat; ++run) {
      const auto start = std::chrono::steady_clock::now();
      backend->Run(input.data(), samples, &outputs);
      timing.runs_ms.push_back(Milliseconds(start));
      timing.samples_ms.push_back(timing.runs_ms.back() / static_cast<double>(samples));
    }
    timing.samples += samples;
    for (size_t o = 0; o < outputs.size(); ++o) {
      const std::string name = files[i].stem().string() + "_" + std::to_string(o) + ".bin";
      adabin::WriteFile((fs::path(flags.output) / name).string(), outputs[o].data(),
                        outputs[o].size() * sizeof(float));
    }
    progress.Show(i + 1);
  }
  return timing;
}

int Infer(Flags flags) {
  if (flags.list_kernels) return ListKernels();
  for (const auto& [flag, value] :
       {std::pair("--model", &flags.model), std::pair("--input", &flags.input),
        std::pair("--output", &flags.output)}) {
    if (flags.dump_plan && value != &flags.model) continue;
    if (value->empty()) throw Error(std::string(flag) + ": is needed; see adabin_infer -h");
  }
  if (flags.options.threads == 0) flags.options.threads = adabin::DefaultThreads();
  const auto start = std::chrono::steady_clock::now();
  adabin::backend::CheckDevice(flags.device_type, flags.device_id);
  const auto backend =
      std::make_unique<Backend>(adabin::backend::LoadPlan(flags.model), flags.options);
  const double load_ms = Milliseconds(start);
  const adabin::backend::ModelInfo& info = backend->info();
  if (flags.dump_plan) {
    PrintSteps(*backend, false);
    return adabin::kExitOk;
  }
  const std::vector<fs::path> files =
      FindInputs(flags.input, backend->input_size() * sizeof(float));
  PrepareOutput(flags);
  const Timing timing = RunFiles(flags, files, backend.get());

  if (flags.options.profile) PrintSteps(*backend, true);
  nlohmann::ordered_json json;
  json["model"] = flags.model;
  json["device"] = flags.device_type;
  json["kernel"] = info.kernel;
  json["threads"] = flags.options.threads;
  json["files"] = files.size();
  json["samples"] = timing.samples;
  json["binary_layers"] = info.binary_layers;
  json["binary_layers_packed"] = info.binary_layers_packed;
  json["load_ms"] = load_ms;
  json["latency_ms_median"] = Median(timing.runs_ms);
  json["latency_ms_min"] = *std::min_element(timing.runs_ms.begin(), timing.runs_ms.end());
  json["sample_ms_median"] = Median(timing.samples_ms);
  json["sample_ms_min"] = *std::min_element(timing.samples_ms.begin(), timing.samples_ms.end());
  json["peak_memory_mb"] = PeakMemoryMb();
  json["model_bytes"] = adabin::FileSize(flags.model);
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  // Lowering refuses what it cannot pack; this holds the backend to running all the rest on bits.
  if (info.kernel != "float" && info.binary_layers_packed != info.binary_layers) {
    std::cerr << "adabin_infer: only " << info.binary_layers_packed << " of " << info.binary_layers
              << " binary layers ran packed" << std::endl;
    return adabin::kExitFailure;
  }
  return adabin::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Runs an AdaBin network with its binary layers in one-bit arithmetic.",
               "adabin_infer");
  app.add_option("--model", flags.model,
                 "network: .mindir from export.py or .adabin from adabin_pack");
  app.add_option("--input", flags.input,
                 "a .bin file or a folder of them: float32 NCHW, one sample or a batch per file");
  app.add_option(
      "--output", flags.output,
      "folder for <stem>_<output index>.bin, which are replaced; nothing else is touched");
  app.add_option("--device_type", flags.device_type, "CPU or Ascend")->capture_default_str();
  app.add_option("--device_id", flags.device_id, "which device of that type")
      ->capture_default_str();
  app.add_option(
         "--threads", flags.options.threads,
         "CPU threads; the result does not depend on it. Without this flag: the environment "
         "variable ADABIN_CPU_THREADS, else OMP_NUM_THREADS, else the processors that this "
         "process may use, by its affinity and by its container's CPU quota rounded up")
      ->check(CLI::Range(1, adabin::kMaxThreads));
  app.add_option("--warmup", flags.warmup, "untimed runs of the first file")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--repeat", flags.repeat, "timed runs of each file")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--kernel", flags.options.kernel,
                 "kernel for the binary layers, auto, or float (see --list_kernels)")
      ->capture_default_str();
  app.add_flag("--list_kernels", flags.list_kernels, "print the kernels and end");
  app.add_flag("--dump_plan", flags.dump_plan,
               "print the network as it would run, a line per pass over memory, and end");
  app.add_flag("--profile", flags.options.profile,
               "print the same with the median time of each; samples run one after the other");
  app.footer(
      "The last line on standard output is JSON. latency_ms_* is the time of one run over one "
      "whole "
      "file, sample_ms_* the same divided by the file's samples.");
  return adabin::RunProgram(&app, argc, argv, [&] { return Infer(flags); });
}
