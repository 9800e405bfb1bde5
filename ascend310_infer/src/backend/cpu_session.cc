// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu_session.h"

#include <algorithm>
#include <chrono>

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

CpuSession::CpuSession(const CpuModel& model, const SessionOptions& options)
    : model_(model),
      pixels_(options.pixels),
      profile_(options.profile),
      memory_(model, options),
      pool_(options.threads),
      inputs_(static_cast<size_t>(pool_.threads()) * model.info().inputs.size()),
      outputs_(static_cast<size_t>(pool_.threads()) * model.info().outputs.size()),
      times_(model.info().steps.size()) {}

void CpuSession::Run(const void* const* inputs, size_t samples, float* const* outputs) {
  memory_.Allocate(samples);
  const size_t alone = memory_.Alone(samples);
  if (alone > 0) {
    pool_.Run(static_cast<int64_t>(alone), [&](int64_t sample, int worker) {
      const auto own = static_cast<size_t>(worker);
      RunAlone(SampleOf(inputs, static_cast<size_t>(sample), own, outputs), memory_.scratch(own));
    });
  }
  for (size_t sample = alone; sample < samples; ++sample) {
    RunTogether(SampleOf(inputs, sample, 0, outputs));
  }
}

CpuSession::Sample CpuSession::SampleOf(const void* const* inputs, size_t sample, size_t arena,
                                        float* const* outputs) {
  const std::vector<TensorInfo>& ins = model_.info().inputs;
  const std::vector<TensorInfo>& outs = model_.info().outputs;
  const float** from = inputs_.data() + arena * ins.size();
  float** to = outputs_.data() + arena * outs.size();
  for (size_t i = 0; i < outs.size(); ++i) to[i] = outputs[i] + sample * outs[i].size;
  Sample result;
  result.frame = {from, memory_.arena(arena), model_.schedule().memory.offsets.data(), to};
  if (pixels_ == nullptr) {
    for (size_t i = 0; i < ins.size(); ++i) {
      from[i] = static_cast<const float*>(inputs[i]) + sample * ins[i].size;
    }
  } else {
    result.pixels = static_cast<const uint8_t*>(inputs[0]) + sample * ins[0].size;
    result.picture = memory_.picture(arena);
    from[0] = result.picture;
  }
  return result;
}

void CpuSession::Normalize(const Sample& sample, int part, int parts) const {
  const Shape& shape = model_.input();
  const auto row = [&](int of) { return static_cast<int>(int64_t{shape.h} * of / parts); };
  pixels_->Normalize(shape, sample.pixels, row(part), row(part + 1), sample.picture);
}

void CpuSession::RunAlone(const Sample& sample, std::byte* scratch) const {
  if (sample.pixels != nullptr) Normalize(sample, 0, 1);
  for (const CpuStepPtr& step : model_.schedule().steps) {
    RunShare(*step, sample.frame, 0, 1, scratch);
  }
}

void CpuSession::RunTogether(const Sample& sample) {
  if (profile_) times_.BeginSample();
  pool_.RunOnAll([&](int worker) {
    std::byte* scratch = memory_.scratch(static_cast<size_t>(worker));
    if (sample.pixels != nullptr) {
      Normalize(sample, worker, pool_.threads());
      pool_.Meet();
    }
    auto before = profile_ ? Clock::now() : Clock::time_point();
    const std::vector<CpuStepPtr>& steps = model_.schedule().steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      RunShare(*steps[i], sample.frame, worker, pool_.threads(), scratch);
      pool_.Meet();
      if (profile_ && worker == 0) {
        const auto now = Clock::now();
        times_.Add(i, std::chrono::duration<double, std::milli>(now - before).count());
        before = now;
      }
    }
  });
}

}  // namespace adabin::backend
