// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_BACKEND_H_
#define ADABIN_BACKEND_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

namespace adabin::backend {

struct Options {
  std::string device_type = "CPU";
  int device_id = 0;
  int threads = 1;
  std::string kernel = "auto";
  bool fuse = true;      // false: each step of the plan alone, for comparison
  bool profile = false;  // measure each step; samples of a file then run one after the other
};

// One pass over memory, as `--dump_plan` and `--profile` print it.
struct StepInfo {
  std::string description;
  double milliseconds = 0;  // median over samples, with Options::profile
};

struct ModelInfo {
  size_t input_size = 0;             // floats per sample
  std::vector<size_t> output_sizes;  // floats per sample, for each output
  std::string kernel;                // what runs the binary layers
  int binary_layers = 0;
  int binary_layers_packed = 0;  // of these, run with one-bit arithmetic
  bool float_requested = false;  // the user asked for binary layers in float
};

// A loaded network on one device. main.cc knows nothing else of it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual const ModelInfo& info() const = 0;
  // `input` holds `samples` samples in NCHW; outputs[i] receives output i, NCHW.
  virtual void Run(const float* input, size_t samples,
                   std::vector<std::vector<float>>* outputs) = 0;
  virtual std::vector<StepInfo> DescribeSteps() const { return {}; }
};

// Loads a MindIR or packed file onto the device. Throws Error.
std::unique_ptr<Backend> CreateBackend(const std::string& model_path, const Options& options);

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_BACKEND_H_
