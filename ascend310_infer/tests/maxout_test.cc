// SPDX-License-Identifier: Apache-2.0
//
// Maxout in both forms in which it was ever exported, and what only resembles it.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "lowered.h"

namespace adabin {
namespace {

using test::MindIrBuilder;

// A convolution and what `add` puts behind it.
graph::Plan Lowered(const std::function<std::string(MindIrBuilder*, const std::string&)>& add) {
  std::mt19937 rng(5);
  MindIrBuilder b({1, 3, 8, 8});
  const std::string x = b.Conv2D(b.Input(), {{4, 3, 1, 1}, test::NormalFloats(12, &rng)});
  b.Output({add(&b, x)});
  return test::LowerBytes(b.Serialize());
}

const std::vector<float> kPositive = {1, 2, -3, 0.5};
const std::vector<float> kNegative = {0.25, -1, 0, 4};

TEST(Maxout, BothFormsAreOneStepWithTheConvolution) {
  const graph::Plan now = Lowered(
      [](MindIrBuilder* b, const std::string& x) { return b->Maxout(x, kPositive, kNegative); });
  const graph::Plan earlier = Lowered([](MindIrBuilder* b, const std::string& x) {
    return b->MaxoutOfTwo(x, kPositive, kNegative);
  });
  EXPECT_EQ(now, earlier);
  ASSERT_EQ(now.steps.size(), 1u);
  EXPECT_EQ(now.steps[0].after.act, Activation::kTwoSlope);
  EXPECT_EQ(now.steps[0].after.positive, kPositive);
  EXPECT_EQ(now.steps[0].after.negative, kNegative);
}

TEST(Maxout, ReadByOthersTooItStaysAlone) {
  const graph::Plan plan = Lowered([](MindIrBuilder* b, const std::string& x) {
    const std::string y = b->Maxout(x, kPositive, kNegative);
    return b->Node("Add", {x, y});
  });
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[1].kind, graph::StepKind::kActivation);
}

// Mul(a, Select(GreaterEqual(b, threshold), slopes, slopes))
std::string Product(MindIrBuilder* b, const std::string& factor, const std::string& compared,
                    float threshold) {
  const std::string pos = b->Parameter({1, 4, 1, 1}, kPositive);
  const std::string neg = b->Parameter({1, 4, 1, 1}, kNegative);
  const std::string limit = b->Scalar(threshold);
  const std::string sign = b->Node("GreaterEqual", {compared, limit});
  const std::string slope = b->Node("Select", {sign, pos, neg});
  return b->Node("Mul", {factor, slope});
}

TEST(Maxout, OfAnotherThresholdOrOfAnotherMapIsRefused) {
  EXPECT_NO_THROW(
      Lowered([](MindIrBuilder* b, const std::string& x) { return Product(b, x, x, 0); }));
  EXPECT_THROW(
      Lowered([](MindIrBuilder* b, const std::string& x) { return Product(b, x, x, 0.5f); }),
      Error);
  EXPECT_THROW(Lowered([](MindIrBuilder* b, const std::string& x) {
                 return Product(b, x, b->Node("ReLU", {x}), 0);
               }),
               Error);
}

}  // namespace
}  // namespace adabin
