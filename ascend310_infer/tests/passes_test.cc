// SPDX-License-Identifier: Apache-2.0
//
// Passes on plans that no exporter writes: long chains, values read by several.
#include "passes/passes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/error.h"
#include "ops/append.h"
#include "passes/fuse.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;

Plan Map(int channels, int size) {
  Plan plan;
  ops::SetInput(&plan, Shape{channels, size, size});
  return plan;
}

int Conv(Plan* plan, int input) {
  Step step;
  step.kind = StepKind::kConv;
  step.inputs = {input};
  step.out_channels = 1;
  step.weights = {2};
  return ops::Append(plan, step);
}

int Affine(Plan* plan, int input, double scale, double shift) {
  Step step;
  step.kind = StepKind::kAffine;
  step.inputs = {input};
  step.after.scale = {scale};
  step.after.shift = {shift};
  return ops::Append(plan, step);
}

int Add(Plan* plan, int first, int second) {
  Step step;
  step.kind = StepKind::kAdd;
  step.inputs = {first, second};
  return ops::Append(plan, step);
}

int Relu(Plan* plan, int input) {
  Step step;
  step.kind = StepKind::kActivation;
  step.inputs = {input};
  step.after.act = Activation::kRelu;
  return ops::Append(plan, step);
}

std::string Kinds(const Plan& plan) {
  std::string text;
  for (const Step& step : plan.steps) text += std::string(graph::StepName(step.kind)) + " ";
  return text;
}

// Each in time proportional to their number: quadratic, this would take minutes.
TEST(Passes, LongChainsAreFolded) {
  constexpr int kSteps = 20000;
  for (const bool behind_a_convolution : {true, false}) {
    Plan plan = Map(1, 1);
    int value = behind_a_convolution ? Conv(&plan, 0) : 0;
    for (int i = 0; i < kSteps; ++i) value = Affine(&plan, value, 1, 1);
    plan.outputs = {value};
    const Plan folded = passes::Simplify(std::move(plan));
    ASSERT_EQ(folded.steps.size(), behind_a_convolution ? 1u : size_t{kSteps});
    if (behind_a_convolution) {
      EXPECT_EQ(folded.steps[0].after.shift[0], kSteps);
    }
  }
}

TEST(Passes, FoldingStopsAtAValueReadByTwo) {
  Plan plan = Map(1, 4);
  const int first = Affine(&plan, Conv(&plan, 0), 3, 1);
  const int second = Affine(&plan, first, 5, 0);
  plan.outputs = {second, first};
  const Plan folded = passes::FoldConvolutions(plan);
  EXPECT_EQ(Kinds(folded), "Conv Affine ");
  EXPECT_EQ(folded.steps[0].after.scale, std::vector<double>{3});
  EXPECT_EQ(folded.outputs, (std::vector<int>{2, 1}));
}

// 0.1 is no float32: of two that are folded as one it must not be rounded before.
TEST(Passes, FactorsAreRoundedWhereNothingIsFoldedWithThem) {
  Plan plan = Map(1, 4);
  const int lone = Affine(&plan, Conv(&plan, 0), 0.1, 0);
  const int two = Affine(&plan, Affine(&plan, Conv(&plan, lone), 0.1, 0), 0.1, 0);
  Step dense;
  dense.kind = StepKind::kDense;
  dense.inputs = {Affine(&plan, 0, 0.1, 0)};
  plan.outputs = {two, dense.input()};
  const auto scale = [&](int value) {
    return passes::RoundLoneAffines(plan).steps[static_cast<size_t>(value) - 1].after.scale[0];
  };
  EXPECT_EQ(scale(lone), 0.1f);
  EXPECT_EQ(scale(two), 0.1);
  EXPECT_EQ(scale(two - 1), 0.1);
  EXPECT_EQ(scale(dense.input()), 0.1f);
  plan.steps.push_back(dense);
  plan.values.push_back(plan.values.back());
  EXPECT_EQ(scale(dense.input()), 0.1);
}

// The sum of two convolutions: the first becomes the second's residual, wherever they lie.
TEST(Passes, AResidualIsAttachedWhereBothExist) {
  Plan plan = Map(1, 4);
  const int sum = Add(&plan, Conv(&plan, 0), Conv(&plan, 0));
  plan.outputs = {Relu(&plan, sum)};
  const Plan attached = passes::Attach(plan);
  EXPECT_EQ(Kinds(attached), "Conv Conv ");
  EXPECT_EQ(attached.steps[1].second(), 1);
  EXPECT_EQ(attached.steps[1].after.act, Activation::kRelu);
  // Not twice, and no sum behind the activation.
  Plan more = Map(1, 4);
  const int again = Add(&more, Add(&more, Conv(&more, 0), 0), 0);
  more.outputs = {Add(&more, Relu(&more, again), 0), Add(&more, Relu(&more, Conv(&more, 0)), 0)};
  EXPECT_EQ(Kinds(passes::Attach(more)), "Conv Add Activation Add Conv Add ");
}

// A kilobyte of a file can list a large map as output a thousand times.
TEST(Passes, OutputsBeyondMeasureAreRefused) {
  Plan plan = Map(1, 1);
  Step pad;
  pad.kind = StepKind::kPad;
  pad.pads[2] = pad.pads[4] = (1 << 13) - 1;
  const int large = ops::Append(&plan, pad);  // 2^26 values
  plan.outputs.assign(4, large);
  EXPECT_EQ(passes::Simplify(plan).outputs.size(), 4u);
  plan.outputs.push_back(0);
  EXPECT_THROW(passes::Simplify(plan), Error);
}

TEST(Passes, InputsBeyondMeasureAreRefused) {
  Plan plan;
  ops::SetInput(&plan, Shape{1, 1 << 13, 1 << 13});  // 2^26 values
  Step input;
  input.kind = StepKind::kInput;
  input.inputs.clear();
  input.shape = plan.values[0];
  for (int i = 0; i < 3; ++i) ops::Append(&plan, input);
  plan.outputs = {0};
  EXPECT_EQ(passes::Simplify(plan).InputCount(), 4u);
  input.shape = TensorShape(std::vector{1});
  ops::Append(&plan, input);
  EXPECT_THROW(passes::Simplify(plan), Error);
}

TEST(Passes, WhatSharesAPassIsDecidedOnce) {
  Plan plan = Map(1, 4);
  const int conv = Conv(&plan, 0);
  Step pool;
  pool.kind = StepKind::kMaxPool;
  pool.inputs = {conv};
  pool.geometry.kernel_h = pool.geometry.kernel_w = 2;
  plan.outputs = {Relu(&plan, Affine(&plan, ops::Append(&plan, pool), 2, 0))};
  const graph::Fusion fusion = passes::Fuse(plan, false);
  EXPECT_EQ(fusion.passes[0].pool, 1);
  EXPECT_EQ(fusion.passes[0].affine, 2);
  EXPECT_EQ(fusion.passes[0].activation, 3);
  EXPECT_EQ(fusion.inside, (std::vector<bool>{false, true, true, true}));
  plan.outputs.push_back(conv);  // then its map is needed
  EXPECT_EQ(passes::Fuse(plan, false).inside, (std::vector<bool>{false, false, true, true}));
}

}  // namespace
}  // namespace adabin
