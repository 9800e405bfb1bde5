// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu_backend.h"

#include <algorithm>
#include <utility>

#include "kernels/select_kernel.h"
#include "ops/feature_map.h"

namespace adabin::backend {

CpuBackend::CpuBackend(ir::Plan plan, const Options& options)
    : plan_(std::move(plan)), pool_(options.threads) {
  info_.float_requested = options.kernel == "float";
  info_.kernel = info_.float_requested ? "float" : kernels::SelectKernel(options.kernel).name;
  info_.binary_layers = plan_.CountKind(ir::StepKind::kBinaryConv);
  info_.input_size = plan_.input.size();
  for (const int output : plan_.outputs) {
    info_.output_sizes.push_back(plan_.values[static_cast<size_t>(output)].size());
  }
  size_t workspace = 0;
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    const ir::Step& step = plan_.steps[i];
    steps_.push_back(CreateCpuStep(step, plan_.values[static_cast<size_t>(step.input)],
                                   plan_.values[i + 1], info_.kernel));
    workspace = std::max(workspace, steps_.back()->workspace_bytes());
    info_.binary_layers_packed += steps_.back()->packed() ? 1 : 0;
  }
  memory_ = PlanMemory(plan_, workspace);
  arenas_.resize(static_cast<size_t>(pool_.threads()));
  arenas_[0] = AllocateAligned(memory_.total_bytes);
}

void CpuBackend::Run(const float* input, size_t samples, std::vector<std::vector<float>>* outputs) {
  outputs->resize(info_.output_sizes.size());
  for (size_t i = 0; i < outputs->size(); ++i) {
    (*outputs)[i].resize(samples * info_.output_sizes[i]);
  }
  if (samples < static_cast<size_t>(pool_.threads())) {
    for (size_t s = 0; s < samples; ++s) RunSample(input, s, arenas_[0].get(), &pool_, outputs);
    return;
  }
  for (AlignedBuffer& arena : arenas_) {
    if (!arena) arena = AllocateAligned(memory_.total_bytes);
  }
  pool_.Run(static_cast<int64_t>(samples), [&](int64_t sample, int worker) {
    RunSample(input, static_cast<size_t>(sample), arenas_[static_cast<size_t>(worker)].get(),
              nullptr, outputs);
  });
}

void CpuBackend::RunSample(const float* input, size_t sample, std::byte* arena, ThreadPool* pool,
                           std::vector<std::vector<float>>* outputs) const {
  const auto value = [&](int v) {
    return reinterpret_cast<float*>(arena + memory_.offsets[static_cast<size_t>(v)]);
  };
  ops::ChwToHwc(plan_.input, input + sample * info_.input_size, value(0));
  for (size_t i = 0; i < steps_.size(); ++i) {
    const ir::Step& step = plan_.steps[i];
    const float* second = step.second < 0 ? nullptr : value(step.second);
    steps_[i]->Run(value(step.input), second, value(static_cast<int>(i) + 1),
                   arena + memory_.workspace_offset, pool);
  }
  for (size_t i = 0; i < plan_.outputs.size(); ++i) {
    const int v = plan_.outputs[i];
    ops::HwcToChw(plan_.values[static_cast<size_t>(v)], value(v),
                  (*outputs)[i].data() + sample * info_.output_sizes[i]);
  }
}

}  // namespace adabin::backend
