// SPDX-License-Identifier: Apache-2.0
//
// Whole random networks, with parameters that no training would give: fused passes by every kernel
// against each step of the plan on its own by the reference kernel. The same operations in the same
// order, so the outputs are equal without tolerance.
#include "backend/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu_backend.h"
#include "kernels/select_kernel.h"
#include "lowered.h"
#include "mindir_builder.h"
#include "random_plan.h"

namespace adabin {
namespace {

using graph::Plan;
using test::RandomPlan;

std::vector<std::vector<float>> RunPlan(const Plan& plan, const std::vector<float>& input,
                                        const backend::Options& options) {
  backend::CpuBackend backend(plan, options);
  std::vector<std::vector<float>> outputs;
  backend.Run(input.data(), input.size() / backend.input_size(), &outputs);
  return outputs;
}

void ExpectEqual(const std::vector<std::vector<float>>& got,
                 const std::vector<std::vector<float>>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t o = 0; o < got.size(); ++o) {
    ASSERT_EQ(got[o].size(), expected[o].size());
    for (size_t i = 0; i < got[o].size(); ++i) {
      const bool both_nan = std::isnan(got[o][i]) && std::isnan(expected[o][i]);
      ASSERT_TRUE(both_nan || got[o][i] == expected[o][i])
          << "output " << o << " element " << i << ": " << got[o][i] << " for " << expected[o][i];
    }
  }
}

class RandomNetworks : public testing::TestWithParam<unsigned> {};

TEST_P(RandomNetworks, FusedIsTheSameAsStepByStep) {
  for (unsigned i = 0; i < 25; ++i) {
    RandomPlan random(GetParam() * 1000 + i);
    const Plan& plan = random.plan_;
    std::vector<float> input = random.Floats(3 * backend::CpuBackend(plan, {}).input_size());
    input[0] = 0.0f;
    backend::Options alone;
    alone.fuse = false;
    alone.kernel = "reference";
    const auto expected = RunPlan(plan, input, alone);
    std::string text;
    for (const backend::StepInfo& step : backend::CpuBackend(plan, {}).DescribeSteps()) {
      text += step.description + "\n";
    }
    SCOPED_TRACE(text);
    for (const kernels::Kernel& kernel : kernels::KernelTable()) {
      if (!kernel.supported()) continue;
      SCOPED_TRACE(kernel.name);
      for (const int threads : {1, 2, 5}) {
        backend::Options options;
        options.kernel = kernel.name;
        options.threads = threads;
        ExpectEqual(RunPlan(plan, input, options), expected);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, testing::Range(1u, 9u));

std::string Steps(const Plan& plan) {
  std::string text;
  for (const backend::StepInfo& step : backend::CpuBackend(plan, {}).DescribeSteps()) {
    text += step.description + "\n";
  }
  return text;
}

TEST(Schedule, SmallNetworkIsFused) {
  const Plan plan = test::LowerBytes(test::SmallNetwork());
  EXPECT_EQ(Steps(plan),
            "Conv 3x3 3x8x8 -> 4x8x8 Maxout -> float, bits\n"
            "BinaryConv 3x3 4x8x8 -> 4x8x8 Maxout +residual -> float in place, bits\n"
            "Subsample /2 and pad 4x8x8 -> 8x4x4\n"
            "BinaryConv 3x3/2 4x8x8 -> 8x4x4 Maxout +residual -> float in place\n"
            "Mean Dense 8x4x4 -> 5x1x1 -> float\n"
            "Output 5x1x1\n");
}

TEST(MemoryPlan, SharesWhatIsNotAliveTogether) {
  using schedule::Buffer;
  const std::vector<Buffer> buffers = {
      {1000, 0, 1},           // read by step 1
      {2000, 1, 3},           // alive with the first
      {500, 2, 4},            // fits where the first was
      {2000, 3, 5, 1},        // in place of the second
      {100, 1, 1, -1, true},  // its own
      {2000, 4, 5},           // the second's memory is still in use
  };
  const schedule::MemoryPlan plan = schedule::PlanMemory(buffers);
  EXPECT_EQ(plan.offsets[0], 0u);
  EXPECT_EQ(plan.offsets[1], 1024u);
  EXPECT_EQ(plan.offsets[2], 0u);
  EXPECT_EQ(plan.offsets[3], 1024u);
  EXPECT_EQ(plan.offsets[5], 1024u + 2048u);
  EXPECT_EQ(plan.offsets[4], 1024u + 4096u);
  EXPECT_EQ(plan.total_bytes, 1024u + 4096u + 128u);
}

}  // namespace
}  // namespace adabin
