// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu_model.h"

#include <utility>

#include "backend/cpu_session.h"
#include "backend/tensor_info.h"
#include "kernels/select_kernel.h"

namespace adabin::backend {

CpuModel::CpuModel(graph::Plan plan, const ModelOptions& options)
    : plan_(std::move(plan)), schedule_(MakeSchedule(plan_, {options.kernel, options.fuse})) {
  // The steps hold their weights in the order in which they use them: one copy is enough.
  for (graph::Step& step : plan_.steps) {
    step.bits = {};
    step.weights = {};
  }
  info_.kernel = options.kernel == "float" ? "float" : kernels::SelectKernel(options.kernel).name;
  info_.binary_layers = plan_.CountKind(graph::StepKind::kBinaryConv);
  for (const schedule::CpuStepPtr& step : schedule_.steps) {
    info_.binary_layers_packed += step->packed ? 1 : 0;
    info_.steps.push_back(step->description);
  }
  for (size_t i = 0, inputs = plan_.InputCount(); i < inputs; ++i) {
    info_.inputs.push_back(DescribeInput(plan_, i));
  }
  for (size_t i = 0; i < plan_.outputs.size(); ++i) {
    info_.outputs.push_back(DescribeOutput(plan_, i));
  }
}

size_t CpuModel::SessionBytes(const SessionOptions& options, size_t samples) const {
  return SessionMemory(*this, options).Bytes(samples);
}

std::unique_ptr<Session> CpuModel::NewSession(const SessionOptions& options) const {
  return std::make_unique<CpuSession>(*this, options);
}

}  // namespace adabin::backend
