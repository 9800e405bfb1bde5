// SPDX-License-Identifier: Apache-2.0
//
// Maximum poolings between binary layers, computed on bits: against every value, and against the
// same network step by step, which pools floats.
#include "kernels/maximum_bits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "backend/cpu_backend.h"
#include "kernels/select_kernel.h"
#include "ops/append.h"
#include "random_conv.h"
#include "run_conv.h"

namespace adabin {
namespace {

using graph::Step;
using graph::StepKind;
using test::Rng;

int Draw(Rng* rng, int low, int high) { return std::uniform_int_distribution(low, high)(*rng); }

enum class Signs { kRising, kFalling, kMixed, kNeither };

// What lies behind a pooling of so many channels.
Epilogue RandomEpilogue(int channels, Signs signs, Rng* rng) {
  const auto count = static_cast<size_t>(channels);
  std::vector<float> numbers = test::RandomFloats(4 * count, rng);
  Epilogue after;
  for (size_t c = 0; c < count; ++c) {
    const float scale = std::abs(numbers[c]);
    const bool falls =
        signs == Signs::kFalling || (signs != Signs::kRising && Draw(rng, 0, 2) == 0);
    after.scale.push_back(Draw(rng, 0, 15) == 0 ? 0 : falls ? -scale : scale);
    after.shift.push_back(numbers[count + c]);
    after.positive.push_back(std::abs(numbers[2 * count + c]));
    after.negative.push_back(std::abs(numbers[3 * count + c]));
    if (signs == Signs::kNeither) after.negative.back() *= -1;
  }
  after.act =
      signs == Signs::kNeither ? Activation::kTwoSlope : static_cast<Activation>(Draw(rng, 0, 2));
  if (after.act != Activation::kTwoSlope) after.positive = after.negative = {};
  return after;
}

test::RandomConv Conv(int in, int out, int size, Rng* rng) {
  ConvGeometry g;
  g.in = {in, size, size + 2};
  g.out.c = out;
  g.kernel_h = g.kernel_w = 3;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  test::FitGeometry(&g);
  return test::RandomConv(g, rng);
}

TEST(MaximumBits, AreWhetherAnyValueReachesTheThreshold) {
  Rng rng(1);
  for (int n = 0; n < 200; ++n) {
    const auto signs = static_cast<Signs>(Draw(&rng, 0, 2));
    const test::RandomConv conv = Conv(20, 33, 3, &rng);
    const Epilogue after = RandomEpilogue(33, signs, &rng);
    const auto compare = static_cast<Compare>(Draw(&rng, 0, 1));
    const float threshold = static_cast<float>(Draw(&rng, -4, 4)) / 8;
    const auto bits = kernels::FindMaximumBits(conv.Params(), after, compare, threshold);
    ASSERT_TRUE(bits);
    for (size_t c = 0; c < 33; ++c) {
      const float at = bits->thresholds[c];
      const bool inverted = (bits->inverted[c / 8] >> (c % 8) & std::byte{1}) != std::byte{0};
      std::vector<float> values = test::RandomFloats(20, &rng);
      for (const float x : {at, std::nextafter(at, -1e30f), std::nextafter(at, 1e30f), 0.0f}) {
        if (std::abs(x) < 100) values.push_back(x);  // what the layer can yield
      }
      for (const float x : values) {
        float z = x;
        after.Part(c, 1).Apply(&z, nullptr, 1);
        ASSERT_EQ((x >= at) != inverted, ActivationBit(compare, z, threshold)) << x << " " << at;
      }
    }
  }
}

TEST(MaximumBits, AreNotFoundWhereABitChangesTwice) {
  Rng rng(2);
  const test::RandomConv conv = Conv(20, 1, 3, &rng);
  const auto find = [&](float positive, float negative, float threshold) {
    const Epilogue after{{}, {}, Activation::kTwoSlope, {positive}, {negative}};
    return kernels::FindMaximumBits(conv.Params(), after, Compare::kAtLeast, threshold);
  };
  EXPECT_FALSE(find(1, -1, 0.25f));
  EXPECT_FALSE(find(-1, 1, -0.25f));
  EXPECT_TRUE(find(1, -1, -0.25f));  // always
  EXPECT_TRUE(find(-1, -0.5f, 0.25f));
  test::RandomConv extreme = conv;
  extreme.weight_high[0] = 1e38f;
  EXPECT_FALSE(kernels::FindMaximumBits(extreme.Params(), {}, Compare::kAtLeast, 0));
}

int AppendConv(graph::Plan* plan, const test::RandomConv& conv, int input) {
  Step step;
  step.kind = StepKind::kBinaryConv;
  step.inputs = {input};
  step.geometry = conv.geometry;
  step.out_channels = conv.geometry.out.c;
  step.bits = conv.bits;
  step.weight_low = conv.weight_low;
  step.weight_high = conv.weight_high;
  step.compare = conv.compare;
  step.threshold = conv.threshold;
  step.high = conv.high;
  step.low = conv.low;
  step.after = conv.after;
  if (step.after.act != Activation::kTwoSlope) step.after.positive = step.after.negative = {};
  return ops::Append(plan, step);
}

// Binary layer, pooling of any size and padding, BatchNorm, activation, binary layer.
graph::Plan Network(Signs signs, Rng* rng) {
  graph::Plan plan;
  const int channels[] = {3, 16, 17, 40, 64, 100};
  test::RandomConv first = Conv(24, channels[Draw(rng, 0, 5)], Draw(rng, 5, 9), rng);
  if (first.geometry.out.c % 2 == 0 && Draw(rng, 0, 3) == 0) {
    ConvGeometry g = first.geometry;
    g.groups = 2;
    first = test::RandomConv(g, rng);
  }
  ops::SetInput(&plan, first.geometry.in);
  Step pool;
  pool.kind = StepKind::kMaxPool;
  pool.inputs = {AppendConv(&plan, first, 0)};
  ConvGeometry& g = pool.geometry;
  g.kernel_h = Draw(rng, 1, 4);
  g.kernel_w = Draw(rng, 1, 4);
  g.stride_h = Draw(rng, 1, 3);
  g.stride_w = Draw(rng, 1, 3);
  g.dilation_w = g.kernel_w == 2 ? Draw(rng, 1, 2) : 1;
  for (int* pad : {&g.pad_top, &g.pad_bottom}) *pad = Draw(rng, 0, g.kernel_h - 1);
  for (int* pad : {&g.pad_left, &g.pad_right}) {
    *pad = g.dilation_w == 1 ? Draw(rng, 0, g.kernel_w - 1) : 0;
  }
  const int pooled = ops::Append(&plan, pool);
  const Shape map = plan.values.back().map();
  const Epilogue after = RandomEpilogue(map.c, signs, rng);
  Step affine;
  affine.kind = StepKind::kAffine;
  affine.inputs = {pooled};
  affine.after.scale = after.scale;
  affine.after.shift = after.shift;
  int value = ops::Append(&plan, affine);
  if (after.act != Activation::kNone) {
    Step act;
    act.kind = StepKind::kActivation;
    act.inputs = {value};
    act.after.SetActivation(after);
    value = ops::Append(&plan, act);
  }
  test::RandomConv last = Conv(map.c, 6, map.h, rng);
  last.geometry.in = map;
  test::FitGeometry(&last.geometry);
  last.compare = static_cast<Compare>(Draw(rng, 0, 1));
  last.threshold = 0.25f;
  plan.outputs = {AppendConv(&plan, last, value)};
  return plan;
}

std::vector<float> Outputs(const graph::Plan& plan, const std::vector<float>& input,
                           const backend::Options& options, bool* on_bits) {
  backend::CpuBackend backend(plan, options);
  *on_bits = false;
  for (const backend::StepInfo& step : backend.DescribeSteps()) {
    *on_bits = *on_bits || step.description.find(" of bits") != std::string::npos;
  }
  std::vector<std::vector<float>> outputs;
  backend.Run(input.data(), input.size() / backend.input_size(), &outputs);
  return outputs[0];
}

class PoolingOnBits : public testing::TestWithParam<Signs> {};

TEST_P(PoolingOnBits, IsThatOfFloats) {
  Rng rng(7);
  int on_bits = 0;
  constexpr int kNetworks = 60;
  for (int n = 0; n < kNetworks; ++n) {
    const graph::Plan plan = Network(GetParam(), &rng);
    const std::vector<float> input = test::RandomFloats(2 * plan.input.size(), &rng);
    backend::Options options;
    options.kernel = "reference";
    options.fuse = false;
    bool bits = false;
    const std::vector<float> expected = Outputs(plan, input, options, &bits);
    EXPECT_FALSE(bits);
    options.fuse = true;
    for (const kernels::Kernel& kernel : kernels::KernelTable()) {
      if (!kernel.supported()) continue;
      options.kernel = kernel.name;
      options.threads = n % 3 + 1;
      ASSERT_EQ(Outputs(plan, input, options, &bits), expected) << kernel.name << ", network " << n;
    }
    on_bits += bits;
  }
  EXPECT_EQ(on_bits, GetParam() == Signs::kNeither ? 0 : kNetworks);
}

TEST(MaximumBits, OfAPoolingThatNobodyReadsGoNowhere) {
  Rng rng(3);
  graph::Plan plan = Network(Signs::kRising, &rng);
  plan.steps.resize(2);
  plan.values.resize(3);
  const test::RandomConv other = Conv(24, 5, plan.input.h, &rng);
  plan.outputs = {AppendConv(&plan, other, 0)};
  const std::vector<float> input = test::RandomFloats(plan.input.size(), &rng);
  backend::Options options;
  bool bits = true;
  const std::vector<float> z = Outputs(plan, input, options, &bits);
  EXPECT_FALSE(bits);
  options.fuse = false;
  EXPECT_EQ(z, Outputs(plan, input, options, &bits));
}

INSTANTIATE_TEST_SUITE_P(Channels, PoolingOnBits,
                         testing::Values(Signs::kRising, Signs::kFalling, Signs::kMixed,
                                         Signs::kNeither));

}  // namespace
}  // namespace adabin
