// SPDX-License-Identifier: Apache-2.0
//
// The device Reference, which is the definition, against the CPU: each kind of step, random plans
// step by step, and whole networks where no sum is rounded, as they were exported on the one side
// and folded and fused on the other.
#include <gtest/gtest.h>

#include <random>

#include "backend/cpu_backend.h"
#include "backend/reference_model.h"
#include "base/error.h"
#include "check_kernels.h"
#include "compare_steps.h"
#include "lowered.h"
#include "ops/operator.h"
#include "packed_bytes.h"
#include "passes/translate.h"
#include "random_network.h"
#include "random_plan.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::StepKind;

TEST(Reference, EveryOperatorThatComputesHasAFormula) {
  for (int number = 1; number <= test::kKinds; ++number) {
    const auto kind = static_cast<StepKind>(number);
    EXPECT_EQ(ops::OperatorOf(kind).formula == nullptr, kind == StepKind::kInput) << number;
  }
}

TEST(Reference, EveryKindOfStepIsWhatTheCpuMakes) {
  for (unsigned seed = 1; seed <= 20 && !HasFailure(); ++seed) {
    test::CompareSteps(test::PlanOfEveryKind(), seed);
  }
}

class Reference : public testing::TestWithParam<unsigned> {};

TEST_P(Reference, RandomStepsAreWhatTheCpuMakes) {
  for (unsigned i = 0; i < 25 && !HasFailure(); ++i) {
    const unsigned seed = GetParam() * 1000 + i;
    test::CompareSteps(test::RandomPlan(seed).plan_, seed);
  }
}

TEST_P(Reference, ExtremeNetworksStepByStep) {
  for (unsigned i = 0; i < 5 && !HasFailure(); ++i) {
    const unsigned seed = GetParam() * 1000 + i;
    const Plan network =
        test::NetworkOf(test::RandomResidualNetwork(seed, test::Numbers::kExtreme));
    test::CompareSteps(network, seed);
    test::CompareSteps(passes::Simplify(network), seed);
  }
}

// The same sums of the same values in the same order, whether weights are floats or bits.
TEST_P(Reference, NetworksAreTheSameBeforeTheirBinaryLayersAreFound) {
  for (unsigned i = 0; i < 10 && !HasFailure(); ++i) {
    const unsigned seed = GetParam() * 1000 + i;
    SCOPED_TRACE("network " + std::to_string(seed));
    const auto numbers = i % 2 == 0 ? test::Numbers::kExact : test::Numbers::kExtreme;
    const Plan exported =
        passes::Translate(files::ReadMindIr(test::RandomResidualNetwork(seed, numbers)));
    const Plan found = passes::RecognizeBinary(exported);
    ASSERT_GT(found.CountKind(StepKind::kBinaryConv), 0);
    ASSERT_EQ(exported.CountKind(StepKind::kBinaryConv), 0);
    std::mt19937 rng(seed);
    const std::vector<float> input = test::NormalFloats(exported.input.size(), &rng);
    const auto expected = test::RunReference(exported, input, 1);
    const auto got = test::RunReference(found, input, 1);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t o = 0; o < got.size(); ++o) {
      EXPECT_TRUE(test::SameFloats(got[o], expected[o])) << "output " << o;
    }
  }
}

// Exact constants have exact decisions: nothing that a pass folds may change a bit.
TEST_P(Reference, ExactNetworksAreEqualBeforeAndAfterThePasses) {
  for (unsigned i = 0; i < 10 && !HasFailure(); ++i) {
    const unsigned seed = GetParam() * 1000 + i;
    SCOPED_TRACE("network " + std::to_string(seed));
    const Plan network = test::NetworkOf(test::RandomResidualNetwork(seed, test::Numbers::kExact));
    const Plan folded = passes::Simplify(network);
    ASSERT_LT(folded.steps.size(), network.steps.size());
    constexpr size_t kSamples = 2;
    std::mt19937 rng(seed);
    std::vector<float> input(kSamples * network.input.size());
    for (float& x : input) {
      x = 0.25f * static_cast<float>(std::uniform_int_distribution(-8, 8)(rng));
    }
    const auto expected = test::RunReference(network, input, kSamples);
    EXPECT_EQ(test::RunReference(folded, input, kSamples), expected);
    for (const char* kernel : {"auto", "float", "reference"}) {
      SCOPED_TRACE(kernel);
      backend::Options options;
      options.kernel = kernel;
      std::vector<std::vector<float>> outputs;
      backend::CpuBackend(folded, options).Run(input.data(), kSamples, &outputs);
      EXPECT_EQ(outputs, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Reference, testing::Range(1u, 9u));

TEST(Reference, ListsTheStepsOfTheNetworkAsItWasExported) {
  const backend::ReferenceModel model(test::NetworkOf(test::SmallNetwork()), {});
  ASSERT_FALSE(model.info().steps.empty());
  EXPECT_EQ(model.info().steps[0], "Conv 3x3 3x8x8 -> 4x8x8");
  EXPECT_EQ(model.info().steps[1], "Affine 4x8x8 -> 4x8x8");
  EXPECT_EQ(model.info().kernel, "float");
  EXPECT_EQ(model.info().binary_layers, 2);
  EXPECT_EQ(model.info().binary_layers_packed, 0);
}

TEST(Reference, TakesNoKernelAndNoMoreMemoryThanIsAllowed) {
  const Plan network = test::NetworkOf(test::SmallNetwork());
  backend::ModelOptions options;
  options.kernel = "portable";
  EXPECT_THROW(backend::ReferenceModel(network, options), Error);
  const backend::ReferenceModel model(network, {});
  backend::SessionOptions session;
  session.memory_limit = model.SessionBytes({}, 5);
  EXPECT_NE(model.NewSession(session), nullptr);
  --session.memory_limit;
  EXPECT_THROW(model.NewSession(session), Error);
}

}  // namespace
}  // namespace adabin
