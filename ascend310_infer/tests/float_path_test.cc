// SPDX-License-Identifier: Apache-2.0
//
// Whole random residual networks on bits against the engine's float path, which runs each binary
// layer as the float convolution that it stands for. Where no sum is rounded the two are equal
// without tolerance, layer by layer and through the whole network. With extreme parameters each
// layer is fed the same input on both paths: its activation's values are equal without exception,
// its sums but for the rounding of either.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "check_kernels.h"
#include "kernels/select_kernel.h"
#include "lowered.h"
#include "ops/append.h"
#include "random_network.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;
using Maps = std::vector<std::vector<float>>;

constexpr size_t kSamples = 2;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kNetworks = 5;  // per test
#else
constexpr unsigned kNetworks = 30;
#endif

Plan LowerRandom(unsigned seed, test::Numbers numbers) {
  return test::LowerBytes(test::RandomResidualNetwork(seed, numbers));
}

// The same network that gives out every layer's map.
Plan WithAllOutputs(Plan plan) {
  plan.outputs.clear();
  for (size_t i = 1; i < plan.values.size(); ++i) plan.outputs.push_back(static_cast<int>(i));
  return plan;
}

Maps RunPlan(const Plan& plan, const std::vector<float>& input, const std::string& kernel,
             int threads = 1, bool fuse = true) {
  backend::Options options;
  options.kernel = kernel;
  options.threads = threads;
  options.fuse = fuse;
  backend::CpuBackend backend(plan, options);
  Maps outputs;
  backend.Run(input.data(), input.size() / plan.input.size(), &outputs);
  return outputs;
}

std::vector<std::string> Kernels() {
  std::vector<std::string> names;
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (kernel.supported()) names.emplace_back(kernel.name);
  }
  return names;
}

class FloatPath : public testing::TestWithParam<unsigned> {
 protected:
  template <typename Check>
  void ForEachNetwork(test::Numbers numbers, const Check& check) {
    for (unsigned i = 0; i < kNetworks && !HasFailure(); ++i) {
      const unsigned seed = GetParam() * 1000 + i;
      SCOPED_TRACE("network " + std::to_string(seed));
      std::mt19937 rng(seed);
      check(LowerRandom(seed, numbers), &rng);
    }
  }
};

// A zero of either sign is the same number: no layer can tell them apart.
void ExpectEqual(const Maps& got, const Maps& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t v = 0; v < got.size(); ++v) ASSERT_EQ(got[v], expected[v]) << "output " << v;
}

TEST_P(FloatPath, ExactNetworksAreEqualInEveryLayer) {
  int layers = 0;
  int mixed = 0;  // layers whose input has values on both sides of the threshold
  ForEachNetwork(test::Numbers::kExact, [&](const Plan& plan, std::mt19937* rng) {
    std::uniform_int_distribution<int> draw(-8, 8);
    std::vector<float> input(kSamples * plan.input.size());
    for (float& v : input) v = 0.25f * static_cast<float>(draw(*rng));
    const Plan all = WithAllOutputs(plan);
    const Maps expected = RunPlan(all, input, "float", 1, false);
    const Maps result = RunPlan(plan, input, "float");
    for (const std::string& kernel : Kernels()) {
      SCOPED_TRACE(kernel);
      ExpectEqual(RunPlan(all, input, kernel), expected);
      for (const int threads : {1, 2}) ExpectEqual(RunPlan(plan, input, kernel, threads), result);
    }
    for (size_t i = 0; i < plan.outputs.size(); ++i) {
      EXPECT_EQ(result[i], expected[static_cast<size_t>(plan.outputs[i]) - 1]);
    }
    for (const Step& step : plan.steps) {
      if (step.kind != StepKind::kBinaryConv) continue;
      const std::vector<float>& x = expected[static_cast<size_t>(step.input()) - 1];
      const auto ones = std::count_if(x.begin(), x.end(), [&](float v) {
        return ActivationBit(step.compare, v, step.threshold);
      });
      ++layers;
      mixed += ones > 0 && ones < static_cast<int64_t>(x.size());
    }
  });
  EXPECT_GT(mixed, layers / 2) << "of " << layers;
}

// Of one layer a network of its own: the comparison alone, or the convolution and its BatchNorm.
Plan BinarizerAlone(const Step& layer) {
  Plan plan;
  ops::SetInput(&plan, layer.geometry.in);
  Step step;
  step.kind = StepKind::kThreshold;
  step.compare = layer.compare;
  step.threshold = layer.threshold;
  step.high = layer.high;
  step.low = layer.low;
  plan.outputs = {ops::Append(&plan, step)};
  return plan;
}

Plan LayerAlone(Step layer) {
  Plan plan;
  ops::SetInput(&plan, layer.geometry.in);
  layer.inputs = {0};
  layer.after.act = Activation::kNone;
  layer.after.positive.clear();
  layer.after.negative.clear();
  plan.outputs = {ops::Append(&plan, layer)};
  return plan;
}

// How large the numbers are that the layer adds for one output of channel `o`.
double Magnitude(const Step& layer, size_t o) {
  const double low = layer.low;
  const double weight_low = layer.weight_low[o];
  const double one = (std::abs(low) + std::abs(layer.high - low)) *
                     (std::abs(weight_low) + std::abs(layer.weight_high[o] - weight_low));
  return one * layer.geometry.filter_size() *
             (layer.after.scale.empty() ? 1.0 : std::abs(layer.after.scale[o])) +
         (layer.after.shift.empty() ? 0.0 : std::abs(layer.after.shift[o]));
}

void CompareLayer(const Step& layer, const std::vector<float>& x) {
  const ConvGeometry& g = layer.geometry;
  const Maps values = RunPlan(BinarizerAlone(layer), x, "float");
  for (size_t i = 0; i < x.size(); ++i) {
    const bool bit = ActivationBit(layer.compare, x[i], layer.threshold);
    ASSERT_EQ(values[0][i], bit ? layer.high : layer.low) << "element " << i << ", " << x[i];
  }
  const Plan alone = LayerAlone(layer);
  const Maps floats = RunPlan(alone, x, "float");
  const Maps packed = RunPlan(alone, x, "auto");
  // What float32 may lose in a sum of that many terms.
  const double rounding = std::ldexp(g.filter_size() + 8, -24);
  const auto pixels = static_cast<size_t>(g.out.h) * static_cast<size_t>(g.out.w);
  for (size_t i = 0; i < packed[0].size(); ++i) {
    const double magnitude = Magnitude(layer, i / pixels % static_cast<size_t>(g.out.c));
    if (!(magnitude < 1e37)) continue;  // beyond float32
    ASSERT_NEAR(packed[0][i], floats[0][i], rounding * magnitude + 1e-38) << "output " << i;
  }
}

TEST_P(FloatPath, ExtremeNetworksLayerByLayer) {
  ForEachNetwork(test::Numbers::kExtreme, [&](const Plan& plan, std::mt19937* rng) {
    std::normal_distribution<float> draw;
    std::vector<float> input(kSamples * plan.input.size());
    for (float& v : input) v = draw(*rng);
    const Plan all = WithAllOutputs(plan);
    const Maps expected = RunPlan(all, input, "reference", 1, false);
    for (const std::string& kernel : Kernels()) {
      SCOPED_TRACE(kernel);
      const Maps got = RunPlan(all, input, kernel);
      for (size_t v = 0; v < got.size(); ++v) {
        ASSERT_TRUE(test::SameFloats(got[v], expected[v])) << "step " << v;
      }
      const Maps result = RunPlan(plan, input, kernel, 2);
      for (size_t o = 0; o < result.size(); ++o) {
        const auto value = static_cast<size_t>(plan.outputs[o]);
        ASSERT_TRUE(test::SameFloats(result[o], expected[value - 1]));
      }
    }
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const Step& step = plan.steps[i];
      if (step.kind != StepKind::kBinaryConv) continue;
      SCOPED_TRACE("step " + std::to_string(i));
      CompareLayer(step, expected[static_cast<size_t>(step.input()) - 1]);
    }
  });
}

// Nothing is added where there is no shift: 0 would make +0 of -0.
TEST(ZeroPath, KeepsItsSign) {
  for (const int channels : {1, 16, 37}) {
    Plan plan;
    ops::SetInput(&plan, Shape{channels, 1, 2});
    Step pool, slopes;
    pool.kind = StepKind::kMaxPool;
    pool.geometry.kernel_h = pool.geometry.kernel_w = 1;
    slopes.kind = StepKind::kActivation;
    slopes.inputs = {1};
    slopes.after.act = Activation::kTwoSlope;
    slopes.after.positive = slopes.after.negative =
        std::vector<float>(static_cast<size_t>(channels), 2.0f);
    plan.outputs = {ops::Append(&plan, pool), ops::Append(&plan, slopes)};
    const std::vector<float> input(plan.input.size(), -0.0f);
    for (const std::string& kernel : Kernels()) {
      for (const std::vector<float>& output : RunPlan(plan, input, kernel)) {
        for (const float v : output) ASSERT_TRUE(v == 0 && std::signbit(v)) << kernel;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FloatPath, testing::Range(1u, 11u));

}  // namespace
}  // namespace adabin
