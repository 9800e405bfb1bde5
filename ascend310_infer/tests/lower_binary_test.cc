// SPDX-License-Identifier: Apache-2.0
//
// Which layers lowering finds binary, and which binary ones it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "backend/cpu_backend.h"
#include "base/bits.h"
#include "lowered.h"
#include "ops/two_valued.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::StepKind;
using test::Complaint;
using test::LowerBytes;
using test::MindIrBuilder;

// One convolution of a binarized or plain input.
Plan OneConv(const std::vector<float>& weights, bool binary_input, float high = 1, float low = -1) {
  MindIrBuilder b({1, 2, 4, 4});
  const std::string x = binary_input ? b.Binarize(b.Input(), 0, high, low) : b.Input();
  b.Output({b.Conv2D(x, {{1, 2, 1, 2}, weights})});
  return LowerBytes(b.Serialize());
}

TEST(Lower, CountsBinaryLayers) {
  const auto binary = [](const Plan& plan) { return plan.CountKind(StepKind::kBinaryConv); };
  EXPECT_EQ(binary(OneConv({1, 2, 2, 1}, true)), 1);
  EXPECT_EQ(binary(OneConv({3, 3, 3, 3}, true)), 1);  // zero variance
  EXPECT_EQ(binary(OneConv({0.0f, -0.0f, 1, 1}, true)), 1);
  EXPECT_EQ(binary(OneConv({1, 2, 3, 1}, true)), 0);
  EXPECT_EQ(binary(OneConv({1, 2, 2, 1}, false)), 0);
  EXPECT_EQ(binary(OneConv({1, 2, 2, 1}, true, 0.5f, 0.5f)), 1);
  EXPECT_EQ(binary(OneConv({1, 2, 2, 1}, true, -1, 1)), 1);
}

TEST(Lower, BinaryLayerThatIsNotFiniteIsRefused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THROW(OneConv({1, 2, 2, 1}, true, infinity, 1), Error);
  EXPECT_THROW(OneConv({1, 2, 2, 1}, true, 1, nan), Error);
  EXPECT_THROW(OneConv({1, nan, 2, 1}, true), Error);
  EXPECT_THROW(OneConv({1, infinity, infinity, 1}, true), Error);
  EXPECT_THROW(OneConv({1, nan, 2, 1}, false), Error);
}

// One convolution with two weights per channel, or more, behind what `build` makes of the input.
template <typename Build>
std::string BinaryLayerComplaint(bool two_valued, const Build& build) {
  MindIrBuilder b({1, 2, 4, 4});
  const float third = two_valued ? 2.0f : 3.0f;
  b.Output({b.Conv2D(build(&b), {{1, 2, 1, 2}, {1, 2, third, 1}})});
  return Complaint(b);
}

TEST(Lower, BinaryLayerThatCannotBePackedIsRefusedByName) {
  const auto select = [](MindIrBuilder* b, const std::string& condition) {
    const std::string high = b->Scalar(1);
    return b->Node("Select", {condition, high, b->Scalar(-1)});
  };
  const auto compare = [&](const char* op) {
    return [&, op](MindIrBuilder* b) { return select(b, b->Node(op, {b->Input(), b->Scalar(0)})); };
  };
  const auto negated = [&](MindIrBuilder* b) {
    const std::string bit = b->Node("GreaterEqual", {b->Input(), b->Scalar(0)});
    return select(b, b->Node("LogicalNot", {bit}));
  };
  const auto per_channel = [](MindIrBuilder* b) {
    const std::string bit = b->Node("GreaterEqual", {b->Input(), b->Scalar(0)});
    const std::string high = b->Parameter({1, 2, 1, 1}, {1, 2});
    return b->Node("Select", {bit, high, b->Scalar(-1)});
  };
  const auto threshold_per_channel = [&](MindIrBuilder* b) {
    const std::string t = b->Parameter({1, 2, 1, 1}, {0, 0.5f});
    return select(b, b->Node("GreaterEqual", {b->Input(), t}));
  };
  const auto reshaped = [](MindIrBuilder* b) {
    const std::string x = b->Binarize(b->Input(), 0, 1, -1);
    const std::string shape = b->Ints({1, 2, 2, 8});
    return b->Node("Reshape", {x, shape});
  };
  const auto pooled = [](MindIrBuilder* b) {
    const std::string x = b->Binarize(b->Input(), 0, 1, -1);
    const std::string k = b->Ints({2, 2});
    return b->Node("MaxPool", {x, k, k, b->Int(2)});
  };
  const auto refused = [](const std::string& complaint) {
    EXPECT_EQ(complaint.rfind("operator Conv2D (Default/v", 0), 0u) << complaint;
    EXPECT_NE(complaint.find("is binary but cannot be packed"), std::string::npos) << complaint;
  };
  for (const char* op : {"Greater", "LessEqual", "Less", "Equal", "NotEqual"}) {
    refused(BinaryLayerComplaint(true, compare(op)));
  }
  refused(BinaryLayerComplaint(true, negated));
  refused(BinaryLayerComplaint(true, per_channel));
  refused(BinaryLayerComplaint(true, threshold_per_channel));
  refused(BinaryLayerComplaint(true, reshaped));
  refused(BinaryLayerComplaint(true, pooled));
  // With more than two weights per channel the convolution is not binary.
  EXPECT_EQ(BinaryLayerComplaint(false, reshaped), "");
  EXPECT_EQ(BinaryLayerComplaint(false, pooled), "");
  EXPECT_EQ(BinaryLayerComplaint(false, compare("Less")).rfind("operator Less", 0), 0u);
}

TEST(Lower, BothOrdersOfTheComparison) {
  for (const bool falling : {false, true}) {
    MindIrBuilder b({1, 2, 4, 4});
    const std::string x =
        falling ? b.BinarizeFalling(b.Input(), 0.5f, 2, -1) : b.Binarize(b.Input(), 0.5f, 2, -1);
    b.Output({b.Conv2D(x, {{1, 2, 1, 1}, {1, 2}})});
    const graph::Step step = LowerBytes(b.Serialize()).steps.at(0);
    EXPECT_EQ(step.kind, StepKind::kBinaryConv);
    EXPECT_EQ(step.compare, falling ? Compare::kNotAtMost : Compare::kAtLeast);
    EXPECT_EQ(step.threshold, 0.5f);
    EXPECT_EQ(step.high, 2);
    EXPECT_EQ(step.low, -1);
  }
}

// A layer could have these zeros for its own padding: it is binary.
TEST(Lower, PaddedBinaryActivationIsRefused) {
  MindIrBuilder b({1, 2, 4, 4});
  const std::string x = b.Binarize(b.Input(), 0, 1, -1);
  const std::string padded = b.Pad(x, {0, 0, 1, 1});
  b.Output({b.Conv2D(padded, {{1, 2, 1, 1}, {1, 2}})});
  EXPECT_NE(Complaint(b).find("is binary but cannot be packed"), std::string::npos);
}

TEST(Lower, JoinedBinaryActivationsAreBinaryIfAllAre) {
  for (const bool both : {true, false}) {
    for (const bool swapped : {false, true}) {
      MindIrBuilder b({1, 2, 4, 4});
      const std::string bits = b.Binarize(b.Input(), 0, 1, -1);
      const std::string other =
          both ? b.Binarize(b.Input(), 0.5f, 1, -1) : b.Node("ReLU", {b.Input()});
      const std::string tuple =
          b.Node("MakeTuple", {swapped ? other : bits, swapped ? bits : other});
      const std::string joined = b.Node("Concat", {tuple, b.Int(1)});
      b.Output({b.Conv2D(joined, {{1, 4, 1, 1}, {1, 2, 1, 2}})});
      if (both) {
        EXPECT_NE(Complaint(b).find("is binary but cannot be packed"), std::string::npos)
            << Complaint(b);
      } else {
        EXPECT_EQ(LowerBytes(b.Serialize()).steps.back().kind, StepKind::kConv);
      }
    }
  }
}

// A convolution takes its weights out of the graph, but not from another one.
TEST(Lower, TwoConvolutionsOfTheSameWeights) {
  for (const bool binary : {false, true}) {
    MindIrBuilder b({1, 2, 4, 4});
    const std::string x = binary ? b.Binarize(b.Input(), 0, 1, -1) : b.Input();
    const std::string first = b.Conv2D(x, {{2, 2, 1, 1}, {1, 2, 2, 1}});
    test::MindIrNode second = b.model.nodes.back();
    second.outputs = {"second"};
    b.model.nodes.push_back(second);
    b.Output({first, "second"});
    const Plan plan = LowerBytes(b.Serialize());
    ASSERT_EQ(plan.steps.size(), 2u);
    EXPECT_EQ(plan.steps[0], plan.steps[1]);
    EXPECT_EQ(plan.steps[0].kind, binary ? StepKind::kBinaryConv : StepKind::kConv);
  }
}

TEST(Lower, BitsOfTwoValuedWeights) {
  std::mt19937 rng(5);
  for (const size_t channels : {2, 3, 31, 32, 40, 64}) {
    for (const size_t taps : {1, 2, 9}) {
      std::vector<float> weights(channels * taps);
      for (float& weight : weights) weight = rng() % 2 == 0 ? -0.5f : 2.0f;
      weights[0] = -0.5f;
      weights[1] = 2;
      std::vector<uint32_t> bits(RowWords(static_cast<int>(weights.size())));
      std::vector<uint32_t> expected = bits;
      for (size_t c = 0; c < channels; ++c) {
        for (size_t t = 0; t < taps; ++t) {
          if (weights[c * taps + t] > 0) SetBit(expected.data(), t * channels + c);
        }
      }
      const ops::TwoValues two = ops::PackTwoValued(weights, channels, taps, bits.data());
      EXPECT_TRUE(two.found);
      EXPECT_EQ(bits, expected);
      for (const float third : {0.0f, NAN, INFINITY}) {
        if (weights.size() == 2) continue;
        weights.back() = third;
        EXPECT_FALSE(ops::PackTwoValued(weights, channels, taps, bits.data()).found);
      }
    }
  }
}

// A dense layer of `x`, two-valued or not.
std::string Dense(MindIrBuilder* b, const std::string& x, int64_t in, bool two_valued) {
  std::vector<float> weights(static_cast<size_t>(3 * in), 0.5f);
  for (size_t i = 0; i < weights.size(); i += 2) weights[i] = -0.25f;
  if (!two_valued) weights.back() = 7;
  const std::string bias = b->Parameter({3}, {1, 2, 3});
  return b->Node("Dense", {x, b->Parameter({3, in}, weights), bias});
}

TEST(Lower, BinaryDenseLayerOfAVectorAndOfAMap) {
  for (const bool map : {true, false}) {
    MindIrBuilder b(map ? std::vector<int64_t>{1, 5, 2, 3} : std::vector<int64_t>{1, 30});
    std::string x = b.BinarizeFalling(b.Input(), 0.25f, 2, -1);
    if (map) x = b.Node("Flatten", {x});
    b.Output({Dense(&b, x, 30, true)});
    const Plan plan = LowerBytes(b.Serialize());
    ASSERT_EQ(plan.steps.size(), 1u);
    const graph::Step& step = plan.steps[0];
    EXPECT_EQ(step.kind, StepKind::kBinaryConv);
    EXPECT_EQ(step.geometry.in, (map ? Shape{5, 2, 3} : Shape{30, 1, 1}));
    EXPECT_EQ(step.geometry.kernel_h, map ? 2 : 1);
    EXPECT_EQ(step.after.shift, (std::vector<double>{1, 2, 3}));
    EXPECT_EQ(plan.OutputDims(0), std::vector<int>{3});
    std::vector<float> input(30);
    for (size_t i = 0; i < 30; ++i) input[i] = static_cast<float>(i % 7) / 8;
    std::vector<std::vector<float>> packed, as_float;
    backend::CpuBackend(plan, {}).Run(input.data(), 1, &packed);
    backend::CpuBackend(plan, {.kernel = "float"}).Run(input.data(), 1, &as_float);
    for (size_t o = 0; o < 3; ++o) {
      float sum = static_cast<float>(o + 1);  // exact
      for (size_t i = 0; i < 30; ++i) {
        sum += ((o * 30 + i) % 2 == 0 ? -0.25f : 0.5f) * (0.25f >= input[i] ? -1.0f : 2.0f);
      }
      EXPECT_EQ(packed[0][o], sum);
      EXPECT_EQ(as_float[0][o], sum);
    }
  }
}

TEST(Lower, BinaryDenseLayerThatCannotBePackedIsRefused) {
  const auto complaint = [](bool two_valued, const auto& build) {
    MindIrBuilder b({1, 2, 4, 4});
    b.Output({Dense(&b, build(&b), 32, two_valued)});
    return Complaint(b);
  };
  const auto reordered = [](MindIrBuilder* b) {
    const std::string x = b->Binarize(b->Input(), 0, 1, -1);
    return b->Node("Flatten", {b->Node("Transpose", {x, b->Ints({0, 2, 3, 1})})});
  };
  const auto less = [](MindIrBuilder* b) {
    const std::string bit = b->Node("Less", {b->Input(), b->Scalar(0)});
    const std::string high = b->Scalar(1);
    return b->Node("Flatten", {b->Node("Select", {bit, high, b->Scalar(-1)})});
  };
  for (const std::string& text : {complaint(true, reordered), complaint(true, less)}) {
    EXPECT_EQ(text.rfind("operator Dense (Default/v", 0), 0u) << text;
    EXPECT_NE(text.find("nothing but a Flatten"), std::string::npos) << text;
  }
  EXPECT_EQ(complaint(false, reordered), "");
}

// What reads the binarized values besides still has them.
TEST(Lower, BinaryDenseLayerBesideAnotherReader) {
  MindIrBuilder b({1, 8});
  const std::string x = b.Binarize(b.Input(), 0, 1, -1);
  b.Output({Dense(&b, x, 8, true), Dense(&b, x, 8, false)});
  const Plan plan = LowerBytes(b.Serialize());
  EXPECT_EQ(plan.CountKind(StepKind::kBinaryConv), 1);
  EXPECT_EQ(plan.CountKind(StepKind::kThreshold), 1);
  EXPECT_EQ(plan.CountKind(StepKind::kDense), 1);
}

TEST(Lower, FloatConvolutionOfBinaryActivation) {
  const Plan plan = OneConv({1, 2, 3, 1}, true);
  ASSERT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(plan.steps[0].kind, StepKind::kThreshold);
  EXPECT_EQ(plan.steps[1].kind, StepKind::kConv);
}

}  // namespace
}  // namespace adabin
