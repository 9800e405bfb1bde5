// SPDX-License-Identifier: Apache-2.0
#ifndef ADABIN_BACKEND_CPU_BACKEND_H_
#define ADABIN_BACKEND_CPU_BACKEND_H_

#include <string>
#include <utility>
#include <vector>

#include "backend/cpu_model.h"
#include "backend/cpu_session.h"

namespace adabin::backend {

struct Options {
  int threads = 1;
  std::string kernel = "auto";
  bool fuse = true;
  bool profile = false;
};

// One pass over memory.
struct StepInfo {
  std::string description;
  double milliseconds = 0;  // with Options::profile
};

// A plan's model and one session of it: what tests of everything below the C API run.
class CpuBackend {
 public:
  CpuBackend(graph::Plan plan, const Options& options)
      : model_(std::move(plan), {"CPU", 0, options.kernel, options.fuse}),
        session_(model_, {options.threads, options.profile, 0, nullptr}) {}

  const ModelInfo& info() const { return model_.info(); }
  // Values of one sample of all inputs.
  size_t input_size() const {
    size_t size = 0;
    for (const TensorInfo& tensor : info().inputs) size += tensor.size;
    return size;
  }

  // `input` holds `samples` samples in NCHW, of a network of several inputs all of the first, then
  // all of the next; outputs[i] receives output i, row by row, a map in NCHW.
  void Run(const float* input, size_t samples, std::vector<std::vector<float>>* outputs) {
    std::vector<const void*> inputs;
    for (const TensorInfo& tensor : info().inputs) {
      inputs.push_back(input);
      input += samples * tensor.size;
    }
    outputs->resize(info().outputs.size());
    std::vector<float*> pointers;
    for (size_t i = 0; i < outputs->size(); ++i) {
      (*outputs)[i].resize(samples * info().outputs[i].size);
      pointers.push_back((*outputs)[i].data());
    }
    session_.Run(inputs.data(), samples, pointers.data());
  }

  std::vector<StepInfo> DescribeSteps() const {
    std::vector<StepInfo> steps;
    for (const std::string& text : info().steps) {
      steps.push_back({text, session_.StepMilliseconds(steps.size())});
    }
    return steps;
  }

 private:
  CpuModel model_;
  CpuSession session_;
};

}  // namespace adabin::backend

#endif  // ADABIN_BACKEND_CPU_BACKEND_H_
