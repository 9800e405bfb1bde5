// SPDX-License-Identifier: Apache-2.0
#include "backend/reference_model.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "backend/session_memory.h"
#include "backend/step_times.h"
#include "backend/tensor_info.h"
#include "base/error.h"
#include "graph/plan_readers.h"
#include "ops/operator.h"
#include "passes/passes.h"
#include "schedule/step_text.h"

namespace adabin::backend {
namespace {

using graph::Plan;
using graph::Step;
using Clock = std::chrono::steady_clock;

// "BinaryConv 3x3 4x8x8 -> 8x8x8"
std::string Describe(const Plan& plan, size_t i) {
  const Step& step = plan.steps[i];
  std::string text = graph::StepName(step.kind);
  if (step.geometry.out.c > 0) text.append(" ").append(schedule::Text(step.geometry));
  for (const int value : step.inputs) {
    text.append(" ").append(schedule::Text(plan.values[static_cast<size_t>(value)]));
  }
  return text.append(schedule::Text(step.after.act))
      .append(" -> ")
      .append(schedule::Text(plan.values[i + 1]));
}

// Of a packed file they may be the caller's bytes.
Plan WithItsOwnWeights(Plan plan) {
  for (Step& step : plan.steps) {
    step.bits.Edit();
    step.weights.Edit();
  }
  return plan;
}

// A value's memory is another one's once its last reader has run.
schedule::MemoryPlan PlanValues(const Plan& plan, size_t first_step) {
  const graph::PlanReaders readers(plan);
  std::vector<schedule::Buffer> buffers;
  for (size_t i = first_step; i < plan.steps.size(); ++i) {
    schedule::Buffer buffer;
    buffer.bytes = plan.values[i + 1].size() * sizeof(float);
    buffer.born = buffer.last_use = static_cast<int>(i);
    for (const int reader : readers.Of(static_cast<int>(i) + 1)) {
      const int time = reader < 0 ? static_cast<int>(plan.steps.size()) : reader;
      buffer.last_use = std::max(buffer.last_use, time);
    }
    buffers.push_back(buffer);
  }
  return schedule::PlanMemory(std::move(buffers));
}

class ReferenceSession : public Session {
 public:
  ReferenceSession(const ReferenceModel& model, const SessionOptions& options)
      : model_(model),
        pixels_(options.pixels),
        profile_(options.profile),
        values_(model.plan().values.size()),
        times_(model.info().steps.size()) {}

  void Run(const void* const* inputs, size_t samples, float* const* outputs) override {
    Allocate();
    const std::vector<TensorInfo>& results = model_.info().outputs;
    for (size_t sample = 0; sample < samples; ++sample) {
      TakeInputs(inputs, sample);
      RunSample();
      for (size_t i = 0; i < results.size(); ++i) {
        const float* value = values_[static_cast<size_t>(model_.plan().outputs[i])];
        std::copy_n(value, results[i].size, outputs[i] + sample * results[i].size);
      }
    }
  }
  double StepMilliseconds(size_t step) const override { return times_.Median(step); }
  int threads() const override { return 1; }

 private:
  void Allocate() {
    if (arena_ != nullptr) return;
    if (pixels_ != nullptr) picture_.resize(model_.plan().input.size());
    arena_ = schedule::AllocateAligned(model_.memory().total_bytes + schedule::kAlignment);
    for (size_t i = model_.first_step(); i < model_.plan().steps.size(); ++i) {
      values_[i + 1] = At(i);
    }
  }

  float* At(size_t step) const {
    const size_t offset = model_.memory().offsets[step - model_.first_step()];
    return reinterpret_cast<float*>(arena_.get() + offset);
  }

  void TakeInputs(const void* const* inputs, size_t sample) {
    const std::vector<TensorInfo>& infos = model_.info().inputs;
    if (pixels_ != nullptr) {
      const Shape& shape = model_.plan().input;
      const uint8_t* picture = static_cast<const uint8_t*>(inputs[0]) + sample * shape.size();
      pixels_->Normalize(shape, picture, 0, shape.h, picture_.data());
      values_[0] = picture_.data();
      return;
    }
    for (size_t i = 0; i < infos.size(); ++i) {
      values_[i] = static_cast<const float*>(inputs[i]) + sample * infos[i].size;
    }
  }

  void RunSample() {
    const Plan& plan = model_.plan();
    if (profile_) times_.BeginSample();
    for (size_t i = model_.first_step(); i < plan.steps.size(); ++i) {
      const auto before = Clock::now();
      operands_.clear();
      for (const int input : plan.steps[i].inputs) {
        const auto value = static_cast<size_t>(input);
        operands_.push_back({plan.values[value], {values_[value], plan.values[value].size()}});
      }
      const TensorShape& shape = plan.values[i + 1];
      ops::OperatorOf(plan.steps[i].kind)
          .formula({plan.steps[i], operands_, shape, {At(i), shape.size()}});
      const std::chrono::duration<double, std::milli> time = Clock::now() - before;
      if (profile_) times_.Add(i - model_.first_step(), time.count());
    }
  }

  const ReferenceModel& model_;
  const std::shared_ptr<const PixelTable> pixels_;
  const bool profile_;
  schedule::AlignedBuffer arena_;
  std::vector<float> picture_;          // an input that comes as pixels
  std::vector<const float*> values_;    // where each lies
  std::vector<ops::Operand> operands_;  // of the step that runs
  StepTimes times_;
};

}  // namespace

ReferenceModel::ReferenceModel(Plan plan, const ModelOptions& options)
    : plan_(WithItsOwnWeights(std::move(plan))) {
  if (options.kernel != "auto" && options.kernel != "float") {
    throw Error("kernel " + Printable(options.kernel) +
                ": device_type Reference runs binary layers as float convolutions; leave it out");
  }
  passes::CheckSides(plan_);
  info_.kernel = "float";
  info_.binary_layers = plan_.CountKind(graph::StepKind::kBinaryConv);
  for (size_t i = 0, inputs = plan_.InputCount(); i < inputs; ++i) {
    info_.inputs.push_back(DescribeInput(plan_, i));
  }
  for (size_t i = 0; i < plan_.outputs.size(); ++i) {
    info_.outputs.push_back(DescribeOutput(plan_, i));
  }
  for (size_t i = first_step(); i < plan_.steps.size(); ++i) {
    info_.steps.push_back(Describe(plan_, i));
  }
  memory_ = PlanValues(plan_, first_step());
}

size_t ReferenceModel::SessionBytes(const SessionOptions& options, size_t /*samples*/) const {
  const size_t picture = options.pixels == nullptr ? 0 : plan_.input.size() * sizeof(float);
  const size_t bytes =
      schedule::AllocatedBytes(memory_.total_bytes + schedule::kAlignment) + picture;
  const size_t limit = options.memory_limit;
  if (bytes > (limit == 0 ? kMostOfOneSample : limit)) {
    throw Error("memory_limit" + (limit == 0 ? "" : " " + std::to_string(limit)) +
                ": one sample needs " + std::to_string(bytes) +
                " bytes; allow as many if you trust the network");
  }
  return bytes;
}

std::unique_ptr<Session> ReferenceModel::NewSession(const SessionOptions& options) const {
  SessionBytes(options, 1);
  return std::make_unique<ReferenceSession>(*this, options);
}

}  // namespace adabin::backend
