// SPDX-License-Identifier: Apache-2.0
//
// Arrays that lie in the content of a file, and how long it is kept for them.
#include "base/shared_array.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "backend/backend.h"
#include "files/packed_file.h"
#include "ops/append.h"
#include "packed_bytes.h"
#include "passes/passes.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;

TEST(SharedArray, CopiesShareTheirMemoryAndEqualByContent) {
  const SharedArray<float> one = {1, 2};
  SharedArray<float> other = one;
  EXPECT_EQ(other.data(), one.data());
  EXPECT_EQ(other, (SharedArray<float>{1, 2}));
  EXPECT_NE(other, (SharedArray<float>{1, 3}));
  EXPECT_NE(other, (SharedArray<float>{1}));
  const SharedArray<float> taken = std::move(other);
  EXPECT_EQ(taken.data(), one.data());
  EXPECT_TRUE(other.empty());  // NOLINT(bugprone-use-after-move)
  other = one;
  other = {};
  EXPECT_EQ(other, SharedArray<float>());
  EXPECT_EQ(taken[1], 2);
}

bool LiesIn(const std::string& bytes, const void* at) {
  const auto* byte = static_cast<const char*>(at);
  return byte >= bytes.data() && byte < bytes.data() + bytes.size();
}

// Whether the weights of all layers do.
bool WeightsLieIn(const std::string& bytes, const Plan& plan) {
  for (const Step& step : plan.steps) {
    if (!step.bits.empty() && !LiesIn(bytes, step.bits.data())) return false;
    if (!step.weights.empty() && !LiesIn(bytes, step.weights.data())) return false;
  }
  return true;
}

Plan DenseNetwork(double scale) {
  Plan plan;
  ops::SetInput(&plan, TensorShape(std::vector{3}));
  Step dense;
  dense.kind = StepKind::kDense;
  dense.out_channels = 2;
  dense.weights = {1, 2, 3, 4, 5, 6};
  const int value = ops::Append(&plan, dense);
  Step affine;
  affine.kind = StepKind::kAffine;
  affine.inputs = {value};
  affine.after.scale = {1, scale};
  affine.after.shift = {0.5, -0.5};
  plan.outputs = {ops::Append(&plan, affine)};
  return plan;
}

TEST(SharedArray, WeightsStayInTheFileUntilTheyAreLaidOut) {
  const auto bytes =
      std::make_shared<const std::string>(files::WritePackedFile(test::PlanOfEveryKind()));
  Plan plan = files::ReadPackedFile(*bytes, nullptr, {bytes, false});
  EXPECT_TRUE(WeightsLieIn(*bytes, plan));
  plan = passes::Simplify(std::move(plan));
  EXPECT_TRUE(WeightsLieIn(*bytes, plan));
  EXPECT_GT(bytes.use_count(), 1);
  const auto model = backend::CreateModel(std::move(plan), {});
  EXPECT_EQ(bytes.use_count(), 1);
}

TEST(SharedArray, WithoutAnOwnerOrWhereNoNumberMayBeginWeightsAreCopied) {
  const Plan plan = DenseNetwork(1);
  auto bytes = std::make_shared<std::string>(files::WritePackedFile(plan));
  Plan read = files::ReadPackedFile(*bytes);
  EXPECT_FALSE(WeightsLieIn(*bytes, read));
  // Nothing there that a float could begin at.
  const auto odd = std::make_shared<std::string>("x" + *bytes);
  const auto behind = std::string_view(*odd).substr(1);
  const Plan moved = files::ReadPackedFile(behind, nullptr, {odd, true});
  EXPECT_FALSE(WeightsLieIn(*odd, moved));
  bytes->assign(bytes->size(), 'x');
  EXPECT_EQ(read, plan);
  EXPECT_EQ(moved, plan);
}

// In the memory of a file that is read for this alone, and never in anyone else's.
TEST(SharedArray, FactorsAreFoldedIntoWeightsWhereTheyMayBeChanged) {
  for (const bool writable : {true, false}) {
    const auto bytes = std::make_shared<std::string>(files::WritePackedFile(DenseNetwork(2)));
    const std::string before = *bytes;
    const Plan plan = passes::Simplify(files::ReadPackedFile(*bytes, nullptr, {bytes, writable}));
    ASSERT_EQ(plan.steps.size(), 1u);
    EXPECT_EQ(WeightsLieIn(*bytes, plan), writable);
    EXPECT_EQ(*bytes == before, !writable);
    EXPECT_EQ(plan.steps[0].weights, (SharedArray<float>{1, 2, 3, 8, 10, 12}));
    EXPECT_EQ(plan.steps[0].after.shift, (std::vector<double>{0.5, -0.5}));
  }
}

TEST(SharedArray, WhoSharesNumbersDoesNotSeeThemChange) {
  SharedArray<float> one = {1, 2};
  one.SetChecked();
  SharedArray<float> other = one;
  EXPECT_TRUE(other.checked());
  other.Edit()[0] = 5;
  EXPECT_EQ(one, (SharedArray<float>{1, 2}));
  EXPECT_EQ(other, (SharedArray<float>{5, 2}));
  EXPECT_TRUE(one.checked());
  EXPECT_FALSE(other.checked());
  const float* at = other.data();
  other.Edit()[1] = 6;
  EXPECT_EQ(other.data(), at);
  other = one;
  one = {};
  at = other.data();
  other.Edit()[1] = 7;  // alone again
  EXPECT_EQ(other.data(), at);
}

}  // namespace
}  // namespace adabin
