// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu_backend.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kernels/select_kernel.h"

namespace adabin::backend {
namespace {

using Clock = std::chrono::steady_clock;
using schedule::CpuStep;
using schedule::CpuStepPtr;
using schedule::Frame;

// The share of worker `part` of `parts` in a step, as at most three rectangles of rows and blocks.
// Rows first, where they divide well: neighbors in memory are then written by one thread. A small
// map of many channels goes by blocks, each thread reading its own share of the weights.
void RunShare(const CpuStep& step, const Frame& frame, int part, int parts, std::byte* scratch) {
  const int rows = step.rows();
  const int blocks = step.blocks();
  if (parts == 1) return step.Run(frame, {0, rows, 0, blocks}, scratch);
  const bool by_rows = rows % parts == 0 || rows >= 16 * parts || blocks == 1;
  const bool by_blocks = !by_rows && blocks % parts == 0;
  const int64_t units = by_rows ? rows : by_blocks ? blocks : int64_t{rows} * blocks;
  auto begin = static_cast<int>(units * part / parts);
  const auto end = static_cast<int>(units * (part + 1) / parts);
  if (begin == end) return;
  if (by_rows) return step.Run(frame, {begin, end, 0, blocks}, scratch);
  if (by_blocks) return step.Run(frame, {0, rows, begin, end}, scratch);
  // Block after block, each with all rows.
  while (begin < end) {
    const int block = begin / rows;
    const int row = begin % rows;
    if (row == 0 && end - begin >= rows) {
      const int last = end / rows;
      step.Run(frame, {0, rows, block, last}, scratch);
      begin = last * rows;
    } else {
      const int stop = std::min(rows, row + end - begin);
      step.Run(frame, {row, stop, block, block + 1}, scratch);
      begin += stop - row;
    }
  }
}

}  // namespace

CpuBackend::CpuBackend(ir::Plan plan, const Options& options)
    : plan_(std::move(plan)),
      profile_(options.profile),
      schedule_(MakeSchedule(plan_, {options.kernel, options.fuse})),
      pool_(options.threads) {
  // The steps hold their weights in the order in which they use them: one copy is enough.
  for (ir::Step& step : plan_.steps) {
    std::vector<uint32_t>().swap(step.bits);
    std::vector<float>().swap(step.weights);
  }
  info_.float_requested = options.kernel == "float";
  info_.kernel = info_.float_requested ? "float" : kernels::SelectKernel(options.kernel).name;
  info_.binary_layers = plan_.CountKind(ir::StepKind::kBinaryConv);
  for (const CpuStepPtr& step : schedule_.steps) info_.binary_layers_packed += step->packed ? 1 : 0;
  info_.input_size = plan_.input.size();
  for (const int output : plan_.outputs) {
    info_.output_sizes.push_back(plan_.values[static_cast<size_t>(output)].size());
  }
  for (int i = 0; i < pool_.threads(); ++i) {
    arenas_.push_back(
        schedule::AllocateAligned(schedule_.memory.total_bytes + schedule::kAlignment));
    scratch_.push_back(schedule::AllocateAligned(schedule_.scratch_bytes + schedule::kAlignment));
  }
  pointers_.resize(static_cast<size_t>(pool_.threads()) * plan_.outputs.size());
  step_times_.resize(schedule_.steps.size());
}

void CpuBackend::Run(const float* input, size_t samples, std::vector<std::vector<float>>* outputs) {
  outputs->resize(info_.output_sizes.size());
  for (size_t i = 0; i < outputs->size(); ++i) {
    (*outputs)[i].resize(samples * info_.output_sizes[i]);
  }
  const auto threads = static_cast<size_t>(pool_.threads());
  const size_t alone = profile_ || threads == 1 ? 0 : samples / threads * threads;
  const auto pointers = [&](int worker) {
    return pointers_.data() + static_cast<size_t>(worker) * plan_.outputs.size();
  };
  if (alone > 0) {
    pool_.Run(static_cast<int64_t>(alone), [&](int64_t sample, int worker) {
      RunAlone(FrameOf(input, static_cast<size_t>(sample), worker, outputs, pointers(worker)),
               scratch_[static_cast<size_t>(worker)].get());
    });
  }
  for (size_t sample = alone; sample < samples; ++sample) {
    RunTogether(FrameOf(input, sample, 0, outputs, pointers(0)));
  }
}

schedule::Frame CpuBackend::FrameOf(const float* input, size_t sample, int arena,
                                    std::vector<std::vector<float>>* outputs,
                                    float** pointers) const {
  for (size_t i = 0; i < outputs->size(); ++i) {
    pointers[i] = (*outputs)[i].data() + sample * info_.output_sizes[i];
  }
  return {input + sample * info_.input_size, arenas_[static_cast<size_t>(arena)].get(),
          schedule_.memory.offsets.data(), pointers};
}

void CpuBackend::RunAlone(const Frame& frame, std::byte* scratch) {
  for (const CpuStepPtr& step : schedule_.steps) RunShare(*step, frame, 0, 1, scratch);
}

void CpuBackend::RunTogether(const Frame& frame) {
  pool_.RunOnAll([&](int worker) {
    std::byte* scratch = scratch_[static_cast<size_t>(worker)].get();
    auto before = profile_ ? Clock::now() : Clock::time_point();
    for (size_t i = 0; i < schedule_.steps.size(); ++i) {
      RunShare(*schedule_.steps[i], frame, worker, pool_.threads(), scratch);
      pool_.Meet();
      if (profile_ && worker == 0) {
        const auto now = Clock::now();
        step_times_[i].push_back(std::chrono::duration<double, std::milli>(now - before).count());
        before = now;
      }
    }
  });
}

std::vector<StepInfo> CpuBackend::DescribeSteps() const {
  std::vector<StepInfo> steps;
  for (size_t i = 0; i < schedule_.steps.size(); ++i) {
    std::vector<double> times = step_times_[i];
    std::sort(times.begin(), times.end());
    steps.push_back({schedule_.steps[i]->description, times.empty() ? 0 : times[times.size() / 2]});
  }
  return steps;
}

}  // namespace adabin::backend
