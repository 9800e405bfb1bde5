// SPDX-License-Identifier: Apache-2.0
//
// What lowering recognizes, what it leaves as float, what it refuses.
#include <gtest/gtest.h>

#include "backend/cpu_backend.h"
#include "lowered.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::StepKind;
using test::Complaint;
using test::LowerBytes;
using test::MindIrBuilder;

TEST(Lower, SmallNetworkFuses) {
  const Plan plan = LowerBytes(test::SmallNetwork());
  std::string steps;
  for (const graph::Step& step : plan.steps) steps += std::string(graph::StepName(step.kind)) + " ";
  EXPECT_EQ(steps, "Conv BinaryConv AvgPool Pad BinaryConv Mean Dense ");
  for (const graph::Step& step : plan.steps) {
    if (step.kind == StepKind::kBinaryConv) {
      EXPECT_GE(step.second(), 0);
      EXPECT_EQ(step.after.act, Activation::kTwoSlope);
    }
  }
}

TEST(Lower, PlanDoesNotDependOnExportedBatch) {
  EXPECT_EQ(LowerBytes(test::SmallNetwork(1)), LowerBytes(test::SmallNetwork(7)));
}

TEST(Lower, DenseBias) {
  const auto dense = [](const auto& bias) {
    MindIrBuilder b({1, 2});
    const std::string weights = b.Parameter({3, 2}, {1, 2, 3, 4, 5, 6});
    b.Output({b.Node("Dense", {b.Input(), weights, bias(&b)})});
    return b;
  };
  const auto constant = dense([](auto* b) { return b->Parameter({3}, {7, 8, 9}); });
  EXPECT_EQ(LowerBytes(constant.Serialize()).steps[0].after.shift, (std::vector<double>{7, 8, 9}));
  // What stands for None: a constant without a value.
  const auto none = dense([](auto* b) { return b->Node("UpdateState", {b->Input()}); });
  EXPECT_TRUE(LowerBytes(none.Serialize()).steps[0].after.shift.empty());
  const auto computed = dense([](auto* b) { return b->Node("ReLU", {b->Input()}); });
  EXPECT_EQ(Complaint(computed).rfind("operator Dense (", 0), 0u) << Complaint(computed);
  EXPECT_NE(Complaint(computed).find("bias is computed"), std::string::npos);
  const auto number = dense([](auto* b) { return b->Int(3); });
  EXPECT_NE(Complaint(number).find("bias is not"), std::string::npos);
}

// mean -> reshape -> BatchNorm -> reshape -> dense -> bias, as MindSpore exports the networks'
// ends.
TEST(Lower, BatchNormAroundADenseLayerBecomesItsWeights) {
  std::mt19937 rng(8);
  MindIrBuilder b({1, 6, 3, 3});
  std::string x = b.Node("ReduceMean", {b.Input(), b.Ints({2, 3}), b.Int(0)});
  x = b.Node("Reshape", {x, b.Ints({1, 6, 1, 1})});
  x = b.BatchNorm(x, 6, &rng);
  x = b.Node("Reshape", {x, b.Ints({1, 6})});
  const std::string weights = b.Parameter({5, 6}, test::NormalFloats(30, &rng));
  const std::string y = b.Node("MatMul", {x, weights, b.Int(0), b.Int(1)});
  b.Output({b.Node("BiasAdd", {y, b.Parameter({5}, test::NormalFloats(5, &rng)), b.Int(0)})});
  const std::string bytes = b.Serialize();
  const Plan folded = LowerBytes(bytes);
  ASSERT_EQ(folded.steps.size(), 2u);
  EXPECT_EQ(folded.steps[0].kind, StepKind::kMean);
  EXPECT_EQ(folded.steps[1].kind, StepKind::kDense);
  // With every value also an output, nothing may be folded.
  b.Output({x, y});
  const Plan separate = LowerBytes(b.Serialize());
  EXPECT_EQ(separate.CountKind(StepKind::kAffine), 2);
  const std::vector<float> input = test::NormalFloats(folded.input.size(), &rng);
  std::vector<std::vector<float>> one, all;
  backend::CpuBackend(folded, {}).Run(input.data(), 1, &one);
  backend::CpuBackend(separate, {}).Run(input.data(), 1, &all);
  ASSERT_EQ(one[0].size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(one[0][i], all[0][i], 1e-5);
}

TEST(Lower, DenseLayerReadsAFlattenedMapAsItLies) {
  std::mt19937 rng(9);
  MindIrBuilder b({1, 3, 4, 5});
  const std::string x = b.Node("Flatten", {b.Node("ReLU", {b.Input()})});
  const std::string weights = b.Parameter({7, 60}, test::NormalFloats(420, &rng));
  b.Output({b.Node("Dense", {x, weights, b.Parameter({7}, test::NormalFloats(7, &rng))})});
  const Plan plan = LowerBytes(b.Serialize());
  ASSERT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(plan.steps[1].kind, StepKind::kConv);
  EXPECT_EQ(plan.steps[1].geometry.out, (Shape{7, 1, 1}));
  const std::vector<float> input = test::NormalFloats(plan.input.size(), &rng);
  std::vector<std::vector<float>> outputs;
  backend::CpuBackend(plan, {}).Run(input.data(), 1, &outputs);
  for (size_t o = 0; o < 7; ++o) {
    double sum = plan.steps[1].after.shift[o];
    for (size_t i = 0; i < 60; ++i) {
      sum += double{plan.steps[1].weights[o * 60 + i]} * std::max(input[i], 0.0f);
    }
    EXPECT_NEAR(outputs[0][o], sum, 1e-5);
  }
}

TEST(Lower, BinarizedMapUsedTwice) {
  std::mt19937 rng(3);
  MindIrBuilder b({1, 2, 4, 4});
  const std::string x = b.Binarize(b.Input(), 0, 1, -1);
  const MindIrBuilder::Conv conv{{2, 2, 1, 1}, test::TwoValuedWeights({2, 2, 1, 1}, &rng)};
  b.Output({b.Node("Add", {b.Conv2D(x, conv), x})});
  const Plan plan = LowerBytes(b.Serialize());
  EXPECT_EQ(plan.CountKind(StepKind::kBinaryConv), 1);
  EXPECT_EQ(plan.CountKind(StepKind::kThreshold), 1);
}

TEST(Lower, ConvolutionReadByTwoIsNotFused) {
  std::mt19937 rng(4);
  MindIrBuilder b({1, 2, 4, 4});
  const MindIrBuilder::Conv conv{{2, 2, 1, 1}, test::TwoValuedWeights({2, 2, 1, 1}, &rng)};
  const std::string y = b.Conv2D(b.Binarize(b.Input(), 0, 1, -1), conv);
  b.Output({b.BatchNorm(y, 2, &rng), y});
  const Plan plan = LowerBytes(b.Serialize());
  EXPECT_EQ(plan.CountKind(StepKind::kBinaryConv), 1);
  EXPECT_EQ(plan.CountKind(StepKind::kAffine), 1);
  EXPECT_EQ(plan.outputs.size(), 2u);
}

TEST(Lower, TwoConvolutionsIntoOneSum) {
  std::mt19937 rng(5);
  MindIrBuilder b({1, 2, 4, 4});
  const MindIrBuilder::Conv conv{{2, 2, 1, 1}, test::NormalFloats(4, &rng)};
  b.Output({b.Node("Add", {b.Conv2D(b.Input(), conv), b.Conv2D(b.Input(), conv)})});
  const Plan plan = LowerBytes(b.Serialize());
  ASSERT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(plan.steps[1].second(), 1);
}

TEST(Lower, SamePaddingPutsTheOddOneLast) {
  std::mt19937 rng(6);
  MindIrBuilder b({1, 1, 5, 6});
  MindIrBuilder::Conv conv{{1, 1, 3, 3}, test::NormalFloats(9, &rng), 2};
  conv.pad_mode = "same";
  b.Output({b.Conv2D(b.Input(), conv)});
  const ConvGeometry g = LowerBytes(b.Serialize()).steps[0].geometry;
  EXPECT_EQ((std::vector<int>{g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}),
            (std::vector<int>{1, 1, 0, 1}));
  EXPECT_EQ(g.out, (Shape{1, 3, 3}));
}

// The stem of the ImageNet networks: a maximum around every pixel, then every second of them.
TEST(Lower, SubsampledPoolIsOneStep) {
  for (const int64_t size : {1, 2, 7, 8}) {
    for (const bool maximum : {true, false}) {
      const auto pool = [&](MindIrBuilder* b) {
        return maximum ? b->MaxPool(b->Input(), 3, 1, "SAME") : b->AvgPool(b->Input(), 3, 1, 1);
      };
      const auto subsample = [&](MindIrBuilder* b, const std::string& x) {
        return maximum ? b->MaxPool(x, 1, 2, "VALID") : b->AvgPool(x, 1, 2, 2);
      };
      MindIrBuilder b({1, 2, size, size + 1});
      b.Output({subsample(&b, pool(&b))});
      const Plan fused = LowerBytes(b.Serialize());
      ASSERT_EQ(fused.steps.size(), 1u);
      EXPECT_EQ(fused.steps[0].geometry.stride_h, 2);
      MindIrBuilder c({1, 2, size, size + 1});
      const std::string inner = pool(&c);
      c.Output({subsample(&c, inner), inner});  // read by two: both maps are needed
      const Plan separate = LowerBytes(c.Serialize());
      ASSERT_EQ(separate.steps.size(), 2u);
      std::mt19937 rng(7);
      std::vector<float> x = test::NormalFloats(fused.input.size(), &rng);
      for (float& v : x) v -= 9;  // padding with zeros would show
      std::vector<std::vector<float>> one, two;
      backend::CpuBackend(fused, {}).Run(x.data(), 1, &one);
      backend::CpuBackend(separate, {}).Run(x.data(), 1, &two);
      EXPECT_EQ(one[0], two[0]);
    }
  }
}

TEST(Lower, PoolsThatAreNotSubsampledStayApart) {
  MindIrBuilder b({1, 2, 8, 8});
  b.Output({b.MaxPool(b.MaxPool(b.Input(), 3, 2, "SAME"), 1, 2, "VALID")});
  EXPECT_EQ(LowerBytes(b.Serialize()).steps.size(), 2u);
  MindIrBuilder c({1, 2, 8, 8});
  c.Output({c.MaxPool(c.MaxPool(c.Input(), 3, 1, "SAME"), 2, 2, "VALID")});
  EXPECT_EQ(LowerBytes(c.Serialize()).steps.size(), 2u);
}

TEST(Lower, UnusedOperatorIsIgnored) {
  MindIrBuilder b({1, 2, 4, 4});
  b.Node("Sigmoid", {b.Input()});
  b.Output({b.Node("ReLU", {b.Input()})});
  EXPECT_EQ(LowerBytes(b.Serialize()).steps.size(), 1u);
}

TEST(Lower, Refusals) {
  const auto complaint = [](const auto& build) {
    MindIrBuilder b({2, 2, 4, 4});
    b.Output({build(&b)});
    return Complaint(b);
  };
  const auto expect = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect(complaint([](auto* b) { return b->Node("Sin", {b->Input()}); }), "Sin");
  expect(complaint([](auto* b) { return b->Node("Reshape", {b->Input(), b->Ints({1, 64})}); }),
         "mixes samples");
  expect(complaint([](auto* b) { return b->Node("Reshape", {b->Input(), b->Ints({2, 31})}); }),
         "elements");
  expect(complaint(
             [](auto* b) { return b->Node("ReduceMean", {b->Input(), b->Ints({1}), b->Int(0)}); }),
         "ReduceMean");
  expect(complaint([](auto* b) { return b->AvgPool(b->Input(), 5, 1, 2); }), "too small");
  expect(complaint([](auto* b) { return b->Conv2D(b->Input(), {{1, 3, 1, 1}, {1, 2, 3}}); }),
         "do not fit");
  expect(complaint([](auto* b) { return b->Node("Select", {b->Input(), b->Input(), b->Input()}); }),
         "Select");
  expect(complaint([](auto* b) {
           return b->Node("Add", {b->Input(), b->Parameter({2, 2}, {1, 2, 3, 4})});
         }),
         "operator Add (Default/v");
  expect(complaint([](auto* b) { return b->Node("ReLU", {b->Parameter({1}, {1})}); }),
         "operator ReLU (Default/v");
  expect(complaint([](auto* b) { return b->Parameter({1}, {1}); }), "output");
}

}  // namespace
}  // namespace adabin
