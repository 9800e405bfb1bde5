// SPDX-License-Identifier: Apache-2.0
//
// The fields of operators on tensors of any rank, and what is refused in them: the list begins in
// packed_fields_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "files/packed_file.h"
#include "ops/append.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;
using test::ExpectRefused;

constexpr int kLarge = (1 << 20) + 1;

TEST(PackedTensorFields, Shapes) {
  const auto shape = [](const std::vector<int>& dims) {
    return [dims](Step* s) { s->shape = TensorShape(dims); };
  };
  ExpectRefused(StepKind::kReshape, "number of elements", shape({5, 2}));
  ExpectRefused(StepKind::kReshape, "number of elements", shape({2, 2, 2, 2, 2, 2, 2}));
  ExpectRefused(StepKind::kReshape, "too small", shape({5, 0}));
  ExpectRefused(StepKind::kReshape, "too small", shape({1, 1, 0, 5}));
  ExpectRefused(StepKind::kReshape, "too large", shape({kLarge, 5}));
  ExpectRefused(StepKind::kReshape, "too large", shape({1 << 20, 1 << 20}));
  ExpectRefused(StepKind::kReshape, "too large", shape(std::vector<int>(7, 1 << 20)));
  ExpectRefused(StepKind::kReshape, "inconsistent", shape({5, -1}));
  ExpectRefused(StepKind::kReshape, "no axis but the batch", shape({}));
}

TEST(PackedTensorFields, Inputs) {
  const auto shape = [](const std::vector<int>& dims) {
    return [dims](Step* s) { s->shape = TensorShape(dims); };
  };
  ExpectRefused(StepKind::kInput, "neither a map nor a vector", shape({5, 2}));
  ExpectRefused(StepKind::kInput, "too small", shape({5, 0, 1}));
  ExpectRefused(StepKind::kInput, "too large", shape({kLarge}));
  ExpectRefused(StepKind::kInput, "no axis but the batch", shape({}));
  Plan plan = test::PlanOfEveryKind();
  plan.steps.push_back(plan.steps[0]);
  EXPECT_NE(test::Refusal(files::WritePackedFile(plan)).find("after a step of another kind"),
            std::string::npos);
}

TEST(PackedTensorFields, RanksThatOperatorsDoNotTake) {
  for (const StepKind kind : {StepKind::kBinaryConv, StepKind::kConv, StepKind::kMaxPool,
                              StepKind::kAvgPool, StepKind::kPad, StepKind::kMean, StepKind::kDense,
                              StepKind::kL2Norm, StepKind::kPaddedAverage}) {
    SCOPED_TRACE(graph::StepName(kind));
    Plan plan = test::PlanOfEveryKind();
    const auto found = std::ranges::find(plan.steps, kind, &Step::kind);
    Step step = *found;
    step.inputs = {1};
    Plan other;
    ops::SetInput(&other, Shape{2, 2, 2});
    Step reshape;
    reshape.kind = StepKind::kReshape;
    reshape.shape = TensorShape(std::vector{2, 4});
    ops::Append(&other, reshape);
    other.steps.push_back(step);
    other.outputs = {2};
    EXPECT_NE(test::Refusal(files::WritePackedFile(other)).find("a map or a vector is needed"),
              std::string::npos);
  }
}

TEST(PackedTensorFields, Axes) {
  const auto axes = [](const std::vector<int>& list) {
    return [list](Step* s) { s->axes = list; };
  };
  constexpr StepKind kTranspose = StepKind::kTranspose;
  ExpectRefused(kTranspose, "no permutation", axes({0, 1, 1}));
  ExpectRefused(kTranspose, "no permutation", axes({0, 1, 3}));
  ExpectRefused(kTranspose, "no permutation", axes({0, 1, 0x7fffffff}));
  ExpectRefused(kTranspose, "where rank 3 is needed", axes({0, 1}));
  ExpectRefused(kTranspose, "where rank 1 is needed", axes({}));
  ExpectRefused(kTranspose, "inconsistent", axes({0, 1, -1}));
  for (const StepKind kind : {StepKind::kConcat, StepKind::kSoftmax}) {
    ExpectRefused(kind, "no such axis", axes({3}));
    ExpectRefused(kind, "no such axis", axes({}));
    ExpectRefused(kind, "no such axis", axes({0, 1}));
    ExpectRefused(kind, "inconsistent", axes({-1}));
  }
}

TEST(PackedTensorFields, Joined) {
  constexpr StepKind kKind = StepKind::kConcat;
  ExpectRefused(kKind, "differ in more than the joined axis", [](Step* s) { s->inputs = {14, 1}; });
  ExpectRefused(kKind, "a value that does not exist", [](Step* s) { s->inputs = {14, 14, 15}; });
  ExpectRefused(kKind, "inconsistent", [](Step* s) { s->inputs = {14, 14, -1}; });
  Plan plan;
  ops::SetInput(&plan, TensorShape(std::vector{1 << 10, 1 << 8, 1 << 8}));
  Step step;
  step.kind = kKind;
  step.axes = {0};
  step.inputs = {0, 0};
  plan.steps = {step};
  plan.outputs = {1};
  EXPECT_NE(test::Refusal(files::WritePackedFile(plan)).find("too large"), std::string::npos);
}

// The writer shares the reader's checks of how long lists are.
TEST(PackedTensorFields, LongLists) {
  const auto write = [](StepKind kind, const auto& change) {
    Plan plan = test::PlanOfEveryKind();
    change(&*std::ranges::find(plan.steps, kind, &Step::kind));
    return files::WritePackedFile(plan);
  };
  EXPECT_THROW(write(StepKind::kTranspose, [](Step* s) { s->axes.resize(8, 0); }), Error);
  EXPECT_THROW(write(StepKind::kSlice, [](Step* s) { s->steps.resize(8, 1); }), Error);
  EXPECT_THROW(write(StepKind::kConcat, [](Step* s) { s->inputs.resize(2000, 13); }), Error);
}

TEST(PackedTensorFields, Functions) {
  ExpectRefused(StepKind::kPointwise, "unknown function 9", [](Step* s) { s->function = 9; });
  ExpectRefused(StepKind::kArithmetic, "unknown function 6", [](Step* s) { s->function = 6; });
  ExpectRefused(StepKind::kArithmetic, "unknown function 255", [](Step* s) { s->function = 255; });
  ExpectRefused(StepKind::kArithmetic, "two are needed", [](Step* s) { s->SetSecond(-1); });
  ExpectRefused(StepKind::kArithmetic, "do not fit each other", [](Step* s) { s->SetSecond(1); });
}

TEST(PackedTensorFields, Slices) {
  constexpr StepKind kKind = StepKind::kSlice;
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->first[2] = 4; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->first[0] = 1; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->first[1] = 0x7fffffff; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->steps[2] = 3; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->steps[0] = 0; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->steps[0] = 0x7fffffff; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->shape = Shape{1, 1, 6}; });
  ExpectRefused(kKind, "beyond its input", [](Step* s) { s->shape = Shape{2, 1, 4}; });
  ExpectRefused(kKind, "too small", [](Step* s) { s->shape = Shape{1, 0, 4}; });
  ExpectRefused(kKind, "too large", [](Step* s) { s->shape = Shape{1, 1, kLarge}; });
  ExpectRefused(kKind, "another rank", [](Step* s) { s->shape = TensorShape(std::vector{1, 4}); });
  ExpectRefused(kKind, "another rank", [](Step* s) { s->steps = {1, 1}; });
  ExpectRefused(kKind, "is needed", [](Step* s) { s->first = {0, 1}; });
}

TEST(PackedTensorFields, Divisors) {
  for (int PoolDivisor::* counted :
       {&PoolDivisor::top, &PoolDivisor::bottom, &PoolDivisor::left, &PoolDivisor::right}) {
    ExpectRefused(StepKind::kPaddedAverage, "counts more padding",
                  [=](Step* s) { s->divisor.*counted = 3; });
    ExpectRefused(StepKind::kPaddedAverage, "inconsistent",
                  [=](Step* s) { s->divisor.*counted = -1; });
  }
  ExpectRefused(StepKind::kPaddedAverage, "what it divides by is out of range",
                [](Step* s) { s->divisor.fixed = 0x7fffffff; });
}

}  // namespace
}  // namespace adabin
