// SPDX-License-Identifier: Apache-2.0
//
// adabin_infer: raw float32 tensors in, raw float32 tensors and one line of JSON out.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api.h"
#include "base/error.h"
#include "base/file.h"
#include "boxes.h"
#include "command_line.h"
#include "input_files.h"
#include "run_files.h"

namespace {

namespace fs = std::filesystem;
using adabin::Error;
using adabin::tools::Check;
using adabin::tools::Made;
using adabin::tools::Milliseconds;
using adabin::tools::Owned;

constexpr int kMaxThreads = 256;  // of adabin_session_options_set_threads

struct Flags {
  std::string model;
  std::string input;
  std::string output;
  std::string device_type = "CPU";
  int device_id = 0;
  int threads = 0;  // not given
  size_t memory_limit = 0;
  std::string kernel = "auto";
  bool profile = false;
  int warmup = 0;
  int repeat = 1;
  bool list_kernels = false;
  bool list_devices = false;
  bool dump_plan = false;
  bool print_description = false;
  adabin::tools::BoxFlags boxes;
};

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
  for (size_t i = 0; i < adabin_kernel_count(); ++i) {
    std::cout << adabin_kernel_name(i)
              << (adabin_kernel_supported(i) != 0 ? "" : " (not on this CPU)") << ": "
              << adabin_kernel_description(i) << "\n";
  }
  std::cout << "float: binary layers as float convolutions, for comparison\n";
  return adabin::kExitOk;
}

int ListDevices() {
  for (size_t i = 0; i < adabin_device_count(); ++i) {
    std::cout << adabin_device_name(i) << ": " << adabin_device_description(i) << "\n";
  }
  return adabin::kExitOk;
}

// A line per pass over memory, with its time where `session` has measured it.
void PrintSteps(const adabin_model* model, const adabin_session* session) {
  double total = 0;
  for (size_t i = 0; i < adabin_model_step_count(model); ++i) {
    const double milliseconds = adabin_session_step_milliseconds(session, i);
    char prefix[64];
    if (session != nullptr) {
      std::snprintf(prefix, sizeof(prefix), "%3zu %9.4f ms  ", i, milliseconds);
    } else {
      std::snprintf(prefix, sizeof(prefix), "%3zu  ", i);
    }
    std::cout << prefix << adabin_model_step(model, i) << "\n";
    total += milliseconds;
  }
  if (session != nullptr) std::cout << "    " << total << " ms per sample\n";
}

Owned<adabin_model> Load(const Flags& flags) {
  const auto options = Made<adabin_model_options>(adabin_model_options_create);
  Check(adabin_model_options_set_device(options.get(), flags.device_type.c_str(), flags.device_id),
        "--");
  Check(adabin_model_options_set_kernel(options.get(), flags.kernel.c_str()), "--");
  return Made<adabin_model>(adabin_model_load, flags.model.c_str(), options.get());
}

int PrintDescription(const std::string& path, const adabin_model* model) {
  const char* description = adabin_model_description(model);
  if (description == nullptr) {
    throw Error("--print_description: " + adabin::Printable(path) +
                " has none; put the .yaml that export.py writes beside it");
  }
  std::cout << description;
  return adabin::kExitOk;
}

Owned<adabin_session> Open(const Flags& flags, const adabin_model* model) {
  const auto options = Made<adabin_session_options>(adabin_session_options_create);
  int threads = flags.threads;
  if (threads == 0) Check(adabin_default_threads(&threads));
  Check(adabin_session_options_set_threads(options.get(), threads), "--");
  Check(adabin_session_options_set_profile(options.get(), flags.profile ? 1 : 0));
  Check(adabin_session_options_set_memory_limit(options.get(), flags.memory_limit));
  return Made<adabin_session>(adabin_session_create, model, options.get());
}

int Infer(const Flags& flags) {
  if (flags.list_kernels) return ListKernels();
  if (flags.list_devices) return ListDevices();
  for (const auto& [flag, value] :
       {std::pair("--model", &flags.model), std::pair("--input", &flags.input),
        std::pair("--output", &flags.output)}) {
    if ((flags.dump_plan || flags.print_description) && value != &flags.model) continue;
    if (value->empty()) throw Error(std::string(flag) + ": is needed; see adabin_infer -h");
  }
  flags.boxes.Check();
  const auto start = std::chrono::steady_clock::now();
  const auto model = Load(flags);
  if (flags.print_description) return PrintDescription(flags.model, model.get());
  const auto session = Open(flags, model.get());
  const double load_ms = Milliseconds(start);
  // Now: by the end of a long run, someone may have removed the file.
  const size_t model_bytes = adabin::FileSize(flags.model);
  if (flags.dump_plan) {
    PrintSteps(model.get(), nullptr);
    return adabin::kExitOk;
  }
  if (const size_t inputs = adabin_model_input_count(model.get()); inputs != 1) {
    throw Error("--input: the network has " + std::to_string(inputs) +
                " inputs, a .bin file holds one; run it by the C API or adabin.engine in Python");
  }
  std::optional<adabin::tools::Boxes> boxes;
  if (flags.boxes.wanted()) boxes.emplace(model.get(), flags.boxes);
  const size_t sample_bytes = adabin_session_input_bytes(session.get(), 0);
  const auto files = adabin::tools::FindInputs(flags.input, sample_bytes);
  if (boxes.has_value()) {
    size_t samples = 0;
    for (const fs::path& file : files) samples += adabin::FileSize(file.string()) / sample_bytes;
    boxes->CheckCount(samples);
  }
  adabin::tools::PrepareOutput(flags.input, flags.output);
  const adabin::tools::Timing timing = adabin::tools::RunFiles(
      files, flags.output, {flags.warmup, flags.repeat}, session.get(),
      adabin_model_output_count(model.get()), boxes.has_value() ? &*boxes : nullptr);

  if (flags.profile) PrintSteps(model.get(), session.get());
  const std::string kernel = adabin_model_kernel(model.get());
  const int layers = adabin_model_binary_layers(model.get());
  const int packed = adabin_model_packed_layers(model.get());
  nlohmann::ordered_json json;
  json["model"] = flags.model;
  json["device"] = flags.device_type;
  json["kernel"] = kernel;
  json["threads"] = adabin_session_threads(session.get());
  json["files"] = files.size();
  json["samples"] = timing.samples;
  json["binary_layers"] = layers;
  json["binary_layers_packed"] = packed;
  json["load_ms"] = load_ms;
  json["latency_ms_median"] = Median(timing.runs_ms);
  json["latency_ms_min"] = *std::min_element(timing.runs_ms.begin(), timing.runs_ms.end());
  json["sample_ms_median"] = Median(timing.samples_ms);
  json["sample_ms_min"] = *std::min_element(timing.samples_ms.begin(), timing.samples_ms.end());
  json["peak_memory_mb"] = PeakMemoryMb();
  json["model_bytes"] = model_bytes;
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  // Lowering refuses what it cannot pack; this holds the engine to running all the rest on bits.
  if (kernel != "float" && packed != layers) {
    std::cerr << "adabin_infer: only " << packed << " of " << layers << " binary layers ran packed"
              << std::endl;
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
  app.add_option("--device_type", flags.device_type, "what runs it (see --list_devices)")
      ->capture_default_str();
  app.add_option("--device_id", flags.device_id, "which device of that type")
      ->capture_default_str();
  app.add_option(
         "--threads", flags.threads,
         "CPU threads; the result does not depend on it. Without this flag: the environment "
         "variable ADABIN_CPU_THREADS, else OMP_NUM_THREADS, else the processors that this "
         "process may use, by its affinity and by its container's CPU quota rounded up")
      ->check(CLI::Range(1, kMaxThreads));
  app.add_option("--warmup", flags.warmup, "untimed runs of the first file")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--repeat", flags.repeat, "timed runs of each file")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--kernel", flags.kernel,
                 "kernel for the binary layers, auto, or float (see --list_kernels)")
      ->capture_default_str();
  flags.boxes.AddTo(&app);
  app.add_flag("--list_kernels", flags.list_kernels, "print the kernels and end");
  app.add_flag("--list_devices", flags.list_devices, "print the kinds of devices and end");
  app.add_option("--memory_limit", flags.memory_limit,
                 "bytes that the maps of the network and what threads need besides may take; 0: a "
                 "sample 1 GiB, all threads together 4 GiB")
      ->capture_default_str();
  app.add_flag("--print_description", flags.print_description,
               "print what export.py says of the network, as the file or the .yaml beside it holds "
               "it, and end");
  app.add_flag("--dump_plan", flags.dump_plan,
               "print the network as it would run, a line per pass over memory, and end");
  app.add_flag("--profile", flags.profile,
               "print the same with the median time of each; samples run one after the other");
  app.footer(
      "The last line on standard output is JSON. latency_ms_* is the time of one run over one "
      "whole "
      "file, sample_ms_* the same divided by the file's samples.");
  return adabin::RunProgram(&app, argc, argv, [&] { return Infer(flags); });
}
