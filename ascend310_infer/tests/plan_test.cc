// SPDX-License-Identifier: Apache-2.0
//
// What a plan refuses, wherever it comes from.
#include "graph/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/bits.h"
#include "base/error.h"
#include "ops/append.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

// The complaint about a binary convolution with `channels` outputs on a map of one pixel, whose
// kernel and padding make each of its 1000 x 1000 outputs see another tap.
std::string ManyBorders(int channels) {
  graph::Step step;
  step.kind = graph::StepKind::kBinaryConv;
  step.out_channels = channels;
  ConvGeometry& g = step.geometry;
  g.kernel_h = g.kernel_w = 1000;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 999;
  const auto out = static_cast<size_t>(channels);
  step.bits = std::vector<uint32_t>(out * RowWords(1000 * 1000));
  step.weight_low.assign(out, 1);
  step.weight_high.assign(out, 1);
  graph::Plan plan;
  ops::SetInput(&plan, Shape{1, 1, 1});
  try {
    ops::Append(&plan, step);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Plan, BoundsBorderClasses) {
  EXPECT_EQ(ManyBorders(16), "");
  EXPECT_NE(ManyBorders(17).find("1000000 kinds of border for 17 channels"), std::string::npos);
}

// What Append says against a convolution of PlanOfEveryKind after a change.
std::string ConvolutionComplaint(graph::StepKind kind,
                                 const std::function<void(graph::Step*)>& change) {
  const graph::Plan every = test::PlanOfEveryKind();
  graph::Step step = *std::ranges::find(every.steps, kind, &graph::Step::kind);
  step.after.scale.assign(8, 0.5);
  step.after.shift.assign(8, 0.25);
  step.after.act = Activation::kTwoSlope;
  step.after.positive.assign(8, 1.5f);
  step.after.negative.assign(8, 0.25f);
  step.inputs = {0, 0};
  change(&step);
  graph::Plan plan;
  ops::SetInput(&plan, Shape{8, 8, 8});
  try {
    ops::Append(&plan, step);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// No file holds it: a pass puts it there.
TEST(Plan, WhatAConvolutionTakesOverIsChecked) {
  using graph::Step;
  for (const graph::StepKind kind : {graph::StepKind::kBinaryConv, graph::StepKind::kConv}) {
    const auto refused = [&](const char* words, const auto& change) {
      const std::string text = ConvolutionComplaint(kind, change);
      EXPECT_NE(text.find(words), std::string::npos) << text;
    };
    EXPECT_EQ(ConvolutionComplaint(kind, [](Step*) {}), "");
    refused("scale has 7", [](Step* s) { s->after.scale.pop_back(); });
    refused("shift has 9", [](Step* s) { s->after.shift.push_back(1); });
    refused("positive slope has 7", [](Step* s) { s->after.positive.pop_back(); });
    refused("negative slope has 0", [](Step* s) { s->after.negative.clear(); });
    refused("positive slope has 8 entries where 0",
            [](Step* s) { s->after.act = Activation::kRelu; });
    refused("unknown activation 3", [](Step* s) { s->after.act = static_cast<Activation>(3); });
    refused("residual's shape differs", [](Step* s) { s->geometry.pad_top = 0; });
    refused("too many operands", [](Step* s) { s->inputs = {0, 0, 0}; });
  }
}

// A message names the operator that a step was.
TEST(Plan, ErrorsNameTheOperator) {
  const std::string text = ConvolutionComplaint(graph::StepKind::kConv, [](graph::Step* s) {
    s->origin = {"Conv2D", "Default/stem"};
    s->after.scale.pop_back();
  });
  EXPECT_EQ(text.rfind("operator Conv2D (Default/stem): scale has 7", 0), 0u) << text;
}

}  // namespace
}  // namespace adabin
