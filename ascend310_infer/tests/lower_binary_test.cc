// SPDX-License-Identifier: Apache-2.0
//
// Which layers lowering finds binary, and which binary ones it refuses.
#include <gtest/gtest.h>

#include <limits>

#include "backend/cpu_backend.h"
#include "lowered.h"

namespace adabin {
namespace {

using ir::Plan;
using ir::StepKind;
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
    const ir::Step step = LowerBytes(b.Serialize()).steps.at(0);
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
  mindir::PrimitiveProto* pad = b.model.add_primitives();
  pad->set_name("Pad:1000");
  pad->set_op_type("Pad");
  mindir::AttributeProto* paddings = pad->add_attribute();
  paddings->set_name("paddings");
  paddings->set_type(mindir::AttributeProto::TUPLE);
  for (const int64_t size : {0, 0, 1, 1}) {
    mindir::AttributeProto* pair = paddings->add_values();
    pair->set_type(mindir::AttributeProto::TUPLE);
    for (int side = 0; side < 2; ++side) {
      mindir::AttributeProto* item = pair->add_values();
      item->set_type(mindir::AttributeProto::INT64);
      item->add_ints(size);
    }
  }
  mindir::NodeProto* node = b.model.mutable_graph()->add_node();
  node->set_op_type("REF::Pad:1000");
  node->add_input(x);
  node->add_output("padded");
  b.Output({b.Conv2D("padded", {{1, 2, 1, 1}, {1, 2}})});
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

TEST(Lower, FloatConvolutionOfBinaryActivation) {
  const Plan plan = OneConv({1, 2, 3, 1}, true);
  ASSERT_EQ(plan.steps.size(), 2u);
  EXPECT_EQ(plan.steps[0].kind, StepKind::kThreshold);
  EXPECT_EQ(plan.steps[1].kind, StepKind::kConv);
}

}  // namespace
}  // namespace adabin
