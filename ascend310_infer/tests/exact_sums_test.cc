// SPDX-License-Identifier: Apache-2.0
//
// Exact ties. With values such as {-1, +1}, sums are small multiples of a power of two, and lie on
// the next layer's threshold, or on each other, as often as not. Where a float network computes
// such a sum exactly, every kernel has to decide as it does: about the sign of each output, the bit
// of the next layer, and the output itself.
// ADABIN_EXACT_DECISIONS sets the number of decisions per kernel in whole networks.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "check_kernels.h"
#include "graph/plan.h"
#include "kernels/select_kernel.h"
#include "ops/append.h"

namespace adabin {
namespace {

// How BatchNorm and the threshold behind a layer of exact sums are drawn.
enum class Norm {
  kInitial,  // as initialized: g = 1 / sqrt(1 + 1e-5), h = 0, threshold 0
  kDyadic,   // small binary fractions
  kTrained,  // any: sums are exact, what follows is rounded as in a float network
};

int Draw(test::Rng* rng, int low, int high) {
  return std::uniform_int_distribution(low, high)(*rng);
}
float Fraction(test::Rng* rng, int steps, int exponent) {
  return std::ldexp(static_cast<float>(Draw(rng, -steps, steps)), exponent);
}

test::RandomConv ExactConv(const ConvGeometry& g, Norm norm, test::Rng* rng) {
  test::RandomConv random(g, rng);
  const bool signs = Draw(rng, 0, 1) == 0;  // the sets {-1, +1}
  const int a_exponent = signs ? 0 : Draw(rng, -6, 3);
  const int w_exponent = signs ? 0 : Draw(rng, -6, 3);
  random.high = signs ? 1.0f : Fraction(rng, 12, a_exponent);
  random.low = signs ? -1.0f : Fraction(rng, 12, a_exponent);
  for (size_t o = 0; o < random.weight_low.size(); ++o) {
    random.weight_low[o] = signs ? -1.0f : Fraction(rng, 12, w_exponent);
    random.weight_high[o] =
        signs ? 1.0f
              : random.weight_low[o] + std::ldexp(static_cast<float>(Draw(rng, 0, 12)), w_exponent);
  }
  const int unit = a_exponent + w_exponent;
  for (size_t o = 0; o < random.after.scale.size(); ++o) {
    if (norm == Norm::kInitial) {
      random.after.scale[o] = static_cast<float>(1 / std::sqrt(1 + 1e-5));
      random.after.shift[o] = 0;
    } else if (norm == Norm::kDyadic) {
      random.after.scale[o] = std::ldexp(Draw(rng, 0, 1) == 0 ? 1.0 : -1.0, Draw(rng, -3, 3));
      random.after.shift[o] = random.after.scale[o] * Fraction(rng, 40, unit);
    }
  }
  // A residual of the same kind as the sums, for ties behind the addition.
  for (size_t i = 0; i < random.residual.size(); ++i) {
    random.residual[i] = static_cast<float>(random.after.scale[i % random.after.scale.size()]) *
                         Fraction(rng, 20, unit);
  }
  if (norm != Norm::kTrained) random.threshold = 0;
  if (norm == Norm::kDyadic && Draw(rng, 0, 1) == 0) random.threshold = Fraction(rng, 4, unit);
  for (float& v : random.after.positive) v = 1.0f;
  for (float& v : random.after.negative) v = 0.25f;
  return random;
}

// The float network: the sum, which is exact in any order and in float32, then one operation after
// the other in float32.
std::vector<float> FloatNetwork(const test::RandomConv& random, bool with_residual) {
  test::RandomConv plain = random;  // the sum alone
  plain.after.scale.clear();
  plain.after.shift.clear();
  std::vector<double> magnitude;
  const std::vector<double> sums = plain.LiteralConvolution(&magnitude);
  std::vector<float> out;
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto y = static_cast<float>(sums[i]);
    EXPECT_EQ(y, sums[i]) << "not an exact layer";
    const size_t o = i % random.after.scale.size();
    float z = static_cast<float>(random.after.scale[o]) * y;
    z += static_cast<float>(random.after.shift[o]);
    if (with_residual) z += random.residual[i];
    if (random.after.act == Activation::kRelu) z = z < 0 ? 0.0f : z;
    if (random.after.act == Activation::kTwoSlope)
      z *= z > 0 ? random.after.positive[o] : random.after.negative[o];
    out.push_back(z);
  }
  return out;
}

struct Counts {
  int64_t decisions = 0;
  int64_t ties = 0;   // outputs on the threshold
  int64_t wrong = 0;  // bits
};

// Compares one kernel's outputs and bits with the float network's.
void CompareKernel(const kernels::Kernel& kernel, const test::RandomConv& random,
                   bool with_residual, const std::vector<float>& expected, Counts* counts) {
  const auto conv = kernel.create(random.Params());
  const std::vector<float> got = test::RunKernel(*conv, random, with_residual);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const float t = random.threshold;
    counts->ties += expected[i] == t;
    counts->wrong +=
        ActivationBit(random.compare, got[i], t) != ActivationBit(random.compare, expected[i], t);
  }
  counts->decisions += static_cast<int64_t>(got.size());
  ASSERT_EQ(got, expected) << kernel.name;  // a zero of either sign is the same
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kDecisions = 20'000, kInNetworks = 100'000;
#else
constexpr int64_t kDecisions = 100'000, kInNetworks = 1'000'000;
#endif

// Ties are what is looked for, and there have to be some.
void Report(const char* kernel, const Counts& c) {
  std::printf("%s: %lld decisions, %lld on the threshold, %lld wrong\n", kernel,
              static_cast<long long>(c.decisions), static_cast<long long>(c.ties),
              static_cast<long long>(c.wrong));
  EXPECT_EQ(c.wrong, 0) << kernel;
}

void CheckKernels(Norm norm) {
  test::Rng rng(static_cast<unsigned>(norm) + 1);
  std::vector<Counts> counts(kernels::KernelTable().size());
  while (counts.back().decisions < kDecisions && !testing::Test::HasFatalFailure()) {
    // The literal sum is what takes the time: few taps, many outputs.
    const test::RandomConv random = ExactConv(test::RandomGeometry(&rng, 400'000), norm, &rng);
    const bool with_residual = Draw(&rng, 0, 2) == 0 && norm != Norm::kTrained;
    const std::vector<float> expected = FloatNetwork(random, with_residual);
    for (size_t k = 0; k < counts.size(); ++k) {
      const kernels::Kernel& kernel = kernels::KernelTable()[k];
      if (kernel.supported()) CompareKernel(kernel, random, with_residual, expected, &counts[k]);
    }
  }
  for (size_t k = 0; k < counts.size(); ++k) {
    const Counts& c = counts[k];
    if (c.decisions == 0) continue;
    Report(kernels::KernelTable()[k].name, c);
    if (norm != Norm::kTrained) {
      EXPECT_GT(c.ties, c.decisions / 100);
    }
  }
}

TEST(ExactSums, BatchNormAsInitialized) { CheckKernels(Norm::kInitial); }
TEST(ExactSums, DyadicBatchNorm) { CheckKernels(Norm::kDyadic); }
TEST(ExactSums, AnyBatchNorm) { CheckKernels(Norm::kTrained); }

// Three layers, each with its input as the residual, that give out every map.
graph::Plan Network(Norm norm, test::Rng* rng) {
  graph::Plan plan;
  ConvGeometry g;
  const int channels = 8 * Draw(rng, 1, 8);
  g.in = g.out = {channels, Draw(rng, 8, 24), Draw(rng, 8, 24)};
  g.kernel_h = g.kernel_w = channels <= 32 ? 1 + 2 * Draw(rng, 0, 1) : 1;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = g.kernel_h / 2;
  ops::SetInput(&plan, g.in);
  for (int i = 0; i < 3; ++i) {
    const test::RandomConv random = ExactConv(g, norm, rng);
    graph::Step step;
    step.kind = graph::StepKind::kBinaryConv;
    step.inputs = {i};
    step.SetSecond(i == 0 ? -1 : i);
    step.geometry = g;
    step.out_channels = channels;
    step.bits = random.bits;
    step.weight_low = random.weight_low;
    step.weight_high = random.weight_high;
    step.compare = random.compare;
    step.high = random.high;
    step.low = random.low;
    step.after.scale = random.after.scale;
    step.after.shift = random.after.shift;
    plan.outputs.push_back(ops::Append(&plan, step));
  }
  return plan;
}

std::vector<std::vector<float>> RunNetwork(const graph::Plan& plan, const std::vector<float>& input,
                                           const std::string& kernel, int threads) {
  backend::Options options;
  options.kernel = kernel;
  options.threads = threads;
  backend::CpuBackend backend(plan, options);
  std::vector<std::vector<float>> outputs;
  backend.Run(input.data(), input.size() / plan.input.size(), &outputs);
  return outputs;
}

void CheckNetworks(Norm norm) {
  const char* wanted = std::getenv("ADABIN_EXACT_DECISIONS");
  const int64_t decisions = wanted != nullptr ? std::atoll(wanted) / 2 : kInNetworks / 2;
  test::Rng rng(static_cast<unsigned>(norm) + 11);
  std::vector<Counts> counts(kernels::KernelTable().size());
  for (int n = 0; counts.back().decisions < decisions; ++n) {
    const graph::Plan plan = Network(norm, &rng);
    std::vector<float> input(plan.input.size() * 2);
    for (float& v : input) v = Fraction(&rng, 3, 0);
    const auto expected = RunNetwork(plan, input, "float", 1);
    for (size_t k = 0; k < counts.size(); ++k) {
      const kernels::Kernel& kernel = kernels::KernelTable()[k];
      if (!kernel.supported()) continue;
      const auto got = RunNetwork(plan, input, kernel.name, n % 3 + 1);
      for (size_t v = 0; v < got.size(); ++v) {
        for (size_t i = 0; i < got[v].size(); ++i) {
          counts[k].ties += expected[v][i] == 0;
          counts[k].wrong += (got[v][i] >= 0) != (expected[v][i] >= 0);
        }
        counts[k].decisions += static_cast<int64_t>(got[v].size());
        ASSERT_EQ(got[v], expected[v]) << kernel.name << ", network " << n << ", layer " << v;
      }
    }
  }
  for (size_t k = 0; k < counts.size(); ++k) {
    if (counts[k].decisions > 0) Report(kernels::KernelTable()[k].name, counts[k]);
  }
}

TEST(ExactSums, NetworksWithBatchNormAsInitialized) { CheckNetworks(Norm::kInitial); }
TEST(ExactSums, NetworksWithAnyBatchNorm) { CheckNetworks(Norm::kTrained); }

}  // namespace
}  // namespace adabin
