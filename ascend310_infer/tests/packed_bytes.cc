// SPDX-License-Identifier: Apache-2.0
#include "packed_bytes.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "files/packed_file.h"
#include "mindir_builder.h"
#include "ops/append.h"

namespace adabin::test {

using graph::Step;
using graph::StepKind;

std::string Refusal(const std::string& bytes) {
  try {
    files::ReadPackedFile(bytes);
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos);
    return text;
  }
  return "";
}

void ExpectRefused(graph::StepKind kind, const std::string& words,
                   const std::function<void(graph::Step*)>& change) {
  SCOPED_TRACE(std::string(graph::StepName(kind)) + ": " + words);
  graph::Plan plan = PlanOfEveryKind();
  for (graph::Step& step : plan.steps) {
    if (step.kind != kind) continue;
    change(&step);
    break;
  }
  EXPECT_NE(Refusal(files::WritePackedFile(plan)).find(words), std::string::npos)
      << Refusal(files::WritePackedFile(plan));
}

graph::Plan PlanOfEveryKind() {
  constexpr int kChannels = 8;
  std::mt19937 rng(3);
  graph::Plan plan;
  ops::SetInput(&plan, Shape{kChannels, 8, 8});
  const auto append = [&](StepKind kind, const auto& fill) {
    Step step;
    step.kind = kind;
    step.inputs = {static_cast<int>(plan.values.size()) - 1};
    fill(&step);
    ops::Append(&plan, step);
  };
  const auto conv = [](Step* s) {
    s->out_channels = kChannels;
    ConvGeometry& g = s->geometry;
    g.kernel_h = g.kernel_w = 3;
    g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  };
  const auto slopes = [](Step* s) {
    s->after.act = Activation::kTwoSlope;
    s->after.positive.assign(kChannels, 1.5f);
    s->after.negative.assign(kChannels, 0.25f);
  };
  const auto affine = [](Step* s) {
    s->after.scale.assign(kChannels, 0.5);
    s->after.shift.assign(kChannels, 0.25);
  };
  const auto pool = [](Step* s) {
    ConvGeometry& g = s->geometry;
    g.kernel_h = g.kernel_w = g.stride_h = g.stride_w = 2;
  };
  append(StepKind::kInput, [](Step* s) {
    s->inputs.clear();
    s->shape = Shape{kChannels, 8, 8};
  });
  append(StepKind::kBinaryConv, [&](Step* s) {
    conv(s);
    s->high = 1;
    s->low = -1;
    s->weight_low.assign(kChannels, -0.5f);
    s->weight_high.assign(kChannels, 0.75f);
    s->bits = std::vector<uint32_t>(kChannels * RowWords(9 * kChannels), 0x55u);
  });
  append(StepKind::kConv, [&](Step* s) {
    conv(s);
    s->weights = NormalFloats(9 * kChannels * kChannels, &rng);
  });
  append(StepKind::kAffine, affine);
  append(StepKind::kActivation, slopes);
  append(StepKind::kAdd, [](Step* s) { s->SetSecond(0); });
  append(StepKind::kMaxPool, pool);
  append(StepKind::kAvgPool, pool);
  append(StepKind::kPad, [](Step* s) { s->pads[0] = s->pads[1] = 1; });
  append(StepKind::kThreshold, [](Step* s) { s->high = 1; });
  append(StepKind::kMean, [](Step*) {});
  append(StepKind::kDense, [&](Step* s) {
    s->out_channels = 5;
    s->weights = NormalFloats(5 * (kChannels + 2), &rng);
    s->after.shift.assign(5, 0.5);
  });
  append(StepKind::kReshape, [](Step* s) { s->shape = Shape{1, 5, 1}; });
  append(StepKind::kTranspose, [](Step* s) { s->axes = {0, 2, 1}; });
  append(StepKind::kConcat, [](Step* s) {
    s->axes = {2};
    s->inputs.push_back(s->input());
  });
  append(StepKind::kL2Norm, [](Step* s) { s->epsilon = 0.5f; });
  append(StepKind::kSoftmax, [](Step* s) { s->axes = {2}; });
  append(StepKind::kPointwise, [](Step* s) { s->function = 3; });
  append(StepKind::kArithmetic, [](Step* s) {
    s->SetSecond(s->input() - 1);
    s->function = 2;
  });
  append(StepKind::kSlice, [](Step* s) {
    s->first = {0, 0, 1};
    s->steps = {1, 1, 2};
    s->shape = Shape{1, 1, 4};
  });
  append(StepKind::kPaddedAverage, [&](Step* s) {
    s->inputs = {2};
    pool(s);
    s->geometry.pad_top = s->geometry.pad_bottom = 1;
    s->divisor = {1, 0, 0, 0, 3};
  });
  plan.outputs = {static_cast<int>(plan.steps.size())};
  return plan;
}

}  // namespace adabin::test
