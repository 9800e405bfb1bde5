// SPDX-License-Identifier: Apache-2.0
//
// From MindIR to steps on tensors of any rank.
#include <gtest/gtest.h>

#include <random>

#include "lowered.h"
#include "mindir_builder.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;
using test::Complaint;
using test::LowerBytes;
using test::MindIrBuilder;

using Dims = std::vector<int>;

std::vector<StepKind> Kinds(const Plan& plan) {
  std::vector<StepKind> kinds;
  for (const Step& step : plan.steps) kinds.push_back(step.kind);
  return kinds;
}

// One head of a detector: (N, boxes * length, H, W) -> (N, H * W * boxes, length).
std::string ByBox(MindIrBuilder* b, const std::string& x, int64_t length) {
  const std::string moved = b->Node("Transpose", {x, b->Ints({0, 2, 3, 1})});
  return b->Node("Reshape", {moved, b->Ints({2, -1, length})});
}

TEST(LowerTensor, HeadsOfADetector) {
  MindIrBuilder b({2, 12, 3, 5});
  const std::string first = ByBox(&b, b.Input(), 4);
  const std::string second = ByBox(&b, b.Node("ReLU", {b.Input()}), 4);
  const std::string both = b.Node("MakeTuple", {first, second});
  b.Output({b.Node("Concat", {both, b.Int(1)}), first, b.Node("Concat", {both, b.Int(-1)})});
  const Plan plan = LowerBytes(b.Serialize());
  ASSERT_EQ(plan.outputs.size(), 3u);
  EXPECT_EQ(plan.OutputDims(0), (Dims{90, 4}));
  EXPECT_EQ(plan.OutputDims(1), (Dims{45, 4}));
  EXPECT_EQ(plan.OutputDims(2), (Dims{45, 8}));
  EXPECT_EQ(plan.CountKind(StepKind::kTranspose), 2);
  EXPECT_EQ(plan.CountKind(StepKind::kConcat), 2);
}

std::string L2Norm(MindIrBuilder* b, const std::string& x, const std::string& axis, int64_t keep) {
  const std::string square = b->Node("Mul", {x, x});
  const std::string sum = b->Node("ReduceSum", {square, axis, b->Int(keep)});
  const std::string root = b->Node("Sqrt", {b->Node("Add", {sum, b->Scalar(0.5f)})});
  return b->Node("RealDiv", {x, root});
}

TEST(LowerTensor, L2NormAndItsScale) {
  MindIrBuilder b({1, 3, 4, 4});
  const std::string norm = L2Norm(&b, b.Input(), b.Int(1), 1);
  b.Output({b.Node("Mul", {norm, b.Parameter({1, 3, 1, 1}, {2, 3, 4})})});
  const Plan plan = LowerBytes(b.Serialize());
  EXPECT_EQ(Kinds(plan), (std::vector{StepKind::kL2Norm, StepKind::kAffine}));
  EXPECT_EQ(plan.steps[0].epsilon, 0.5f);
  EXPECT_EQ(plan.steps[1].after.scale, (std::vector<double>{2, 3, 4}));
}

TEST(LowerTensor, WhatIsNotTheNormOverChannelsIsNoL2Norm) {
  MindIrBuilder rows({1, 3, 4, 4});
  rows.Output({L2Norm(&rows, rows.Input(), rows.Int(2), 1)});
  EXPECT_NE(Complaint(rows).find("ReduceSum"), std::string::npos);
  MindIrBuilder dropped({1, 3, 4, 4});
  dropped.Output({L2Norm(&dropped, dropped.Input(), dropped.Int(1), 0)});
  EXPECT_NE(Complaint(dropped).find("ReduceSum"), std::string::npos);
  MindIrBuilder other({1, 3, 4, 4});
  const std::string y = other.Node("ReLU", {other.Input()});
  const std::string square = other.Node("Mul", {y, y});
  const std::string sum = other.Node("ReduceSum", {square, other.Int(1), other.Int(1)});
  const std::string root = other.Node("Sqrt", {other.Node("Add", {sum, other.Scalar(1)})});
  other.Output({other.Node("RealDiv", {other.Input(), root})});
  EXPECT_NE(Complaint(other).find("ReduceSum"), std::string::npos);
}

TEST(LowerTensor, ConstantsAreFoldedIntoTheConvolutionBeforeThem) {
  std::mt19937 rng(2);
  MindIrBuilder b({1, 2, 4, 4});
  const MindIrBuilder::Conv conv{{3, 2, 1, 1}, test::NormalFloats(6, &rng)};
  const std::string y = b.Conv2D(b.Input(), conv);
  const std::string scaled = b.Node("Mul", {b.Parameter({3, 1, 1}, {1, 2, 4}), y});
  const std::string moved = b.Node("Sub", {scaled, b.Scalar(3)});
  b.Output({b.Node("RealDiv", {moved, b.Scalar(2)})});
  const Plan plan = LowerBytes(b.Serialize());
  ASSERT_EQ(Kinds(plan), std::vector{StepKind::kConv});
  EXPECT_EQ(plan.steps[0].after.scale, (std::vector<double>{0.5, 1, 2}));
  EXPECT_EQ(plan.steps[0].after.shift, (std::vector<double>{-1.5, -1.5, -1.5}));
}

// A sum with a smaller map is no residual.
TEST(LowerTensor, AConvolutionAndASmallerMap) {
  MindIrBuilder b({1, 2, 4, 4});
  const MindIrBuilder::Conv conv{{2, 2, 1, 1}, {1, 0, 0, 1}};
  const std::string mean = b.Node("ReduceMean", {b.Input(), b.Ints({2, 3}), b.Int(1)});
  b.Output({b.Node("Add", {b.Conv2D(b.Input(), conv), mean})});
  EXPECT_EQ(Kinds(LowerBytes(b.Serialize())),
            (std::vector{StepKind::kAvgPool, StepKind::kConv, StepKind::kArithmetic}));
}

TEST(LowerTensor, LeakyReluRunsWithTheConvolution) {
  std::mt19937 rng(2);
  MindIrBuilder b({1, 2, 4, 4});
  const MindIrBuilder::Conv conv{{3, 2, 1, 1}, test::NormalFloats(6, &rng)};
  const std::string y = b.Conv2D(b.Input(), conv);
  b.Output({b.Node("Maximum", {b.Node("Mul", {b.Scalar(0.25f), y}), y})});
  const Plan plan = LowerBytes(b.Serialize());
  ASSERT_EQ(Kinds(plan), std::vector{StepKind::kConv});
  EXPECT_EQ(plan.steps[0].after.act, Activation::kTwoSlope);
  EXPECT_EQ(plan.steps[0].after.negative, (std::vector<float>{0.25f, 0.25f, 0.25f}));
}

TEST(LowerTensor, ASlopeAboveOneIsNoLeakyRelu) {
  MindIrBuilder b({1, 2, 4, 4});
  b.Output({b.Node("Maximum", {b.Node("Mul", {b.Scalar(2), b.Input()}), b.Input()})});
  EXPECT_EQ(Kinds(LowerBytes(b.Serialize())),
            (std::vector{StepKind::kAffine, StepKind::kArithmetic}));
}

TEST(LowerTensor, PartsOfASplit) {
  MindIrBuilder b({1, 6, 4, 4});
  const std::string split = b.Node("Split", {b.Input(), b.Int(1), b.Int(3)});
  b.Output({b.Node("TupleGetItem", {split, b.Int(2)}), b.Node("TupleGetItem", {split, b.Int(0)})});
  const Plan plan = LowerBytes(b.Serialize());
  EXPECT_EQ(Kinds(plan), (std::vector{StepKind::kSlice, StepKind::kSlice}));
  EXPECT_EQ(plan.OutputDims(0), (Dims{2, 4, 4}));
  EXPECT_EQ(plan.steps[0].first, (Dims{4, 0, 0}));
  MindIrBuilder beyond({1, 6, 4, 4});
  const std::string parts = beyond.Node("Split", {beyond.Input(), beyond.Int(1), beyond.Int(3)});
  beyond.Output({beyond.Node("TupleGetItem", {parts, beyond.Int(3)})});
  EXPECT_NE(Complaint(beyond).find("Split"), std::string::npos);
}

TEST(LowerTensor, Refusals) {
  const auto complaint = [](const auto& build) {
    MindIrBuilder b({2, 4, 3, 3});
    b.Output({build(&b, b.Input())});
    return Complaint(b);
  };
  const auto expect = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  };
  expect(
      complaint([](auto* b, auto x) { return b->Node("Transpose", {x, b->Ints({1, 0, 2, 3})}); }),
      "moves the batch");
  expect(complaint([](auto* b, auto x) { return b->Node("Transpose", {x, b->Ints({0, 1, 2})}); }),
         "rank");
  expect(complaint([](auto* b, auto x) {
           return b->Node("Concat", {b->Node("MakeTuple", {x, x}), b->Int(0)});
         }),
         "along the batch");
  expect(complaint([](auto* b, auto x) {
           return b->Node("Concat", {b->Node("MakeTuple", {x, x}), b->Int(4)});
         }),
         "axis 4");
  expect(complaint([](auto* b, auto) {
           return b->Node("Concat", {b->Node("MakeTuple", {}), b->Int(1)});
         }),
         "joins nothing");
  expect(complaint([](auto* b, auto x) { return b->Node("ReLU", {b->Node("MakeTuple", {x, x})}); }),
         "reads a tuple");
  expect(complaint([](auto* b, auto x) {
           return b->Node("Reshape", {x, b->Ints({2, 1, 1, 1, 1, 1, 1, 36, 1})});
         }),
         "to rank 9");
  expect(complaint([](auto* b, auto x) {
           const std::string y = b->Node("Reshape", {x, b->Ints({2, 9, 4})});
           return b->MaxPool(y, 2, 2, "VALID");
         }),
         "where a map or a vector is needed");
  expect(
      complaint([](auto* b, auto x) { return b->Node("Add", {x, b->Parameter({3}, {1, 2, 3})}); }),
      "along the columns");
  expect(complaint([](auto* b, auto x) {
           const std::string y = b->Node("ReduceMean", {x, b->Ints({2, 3}), b->Int(0)});
           return b->Node("Mul", {x, y});
         }),
         "different rank");
}

}  // namespace
}  // namespace adabin
