// SPDX-License-Identifier: Apache-2.0
//
// Constants that are no numbers: refused by name, from a MindIR and from a packed file whose
// checksum is right.
#include <gtest/gtest.h>

#include <limits>

#include "change_array.h"
#include "files/packed_file.h"
#include "lowered.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

using graph::Step;
using graph::StepKind;
using test::ExpectRefused;
using test::MindIrBuilder;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kBad[] = {kInf, -kInf, kNaN};

template <typename Build>
void ExpectComplaint(const char* op, const char* words, const Build& build) {
  MindIrBuilder b({1, 2, 4, 4});
  b.Output({build(&b)});
  const std::string complaint = test::Complaint(b);
  EXPECT_EQ(complaint.rfind(std::string("operator ") + op + " (Default/v", 0), 0u) << complaint;
  EXPECT_NE(complaint.find(words), std::string::npos) << complaint;
}

std::string BatchNorm(MindIrBuilder* b, float gamma, float beta, float mean, float variance) {
  std::vector<std::string> inputs = {b->Input()};
  for (const float value : {gamma, beta, mean, variance}) {
    inputs.push_back(b->Parameter({2}, {1, value}));
  }
  inputs.push_back(b->Int(0));
  inputs.push_back(b->Float(1e-5f));
  return b->Node("BatchNorm", inputs);
}

TEST(Finite, BatchNorm) {
  for (const float variance : {-1.0f, -1e-5f, -kInf, kNaN}) {
    ExpectComplaint("BatchNorm", "a variance is negative",
                    [&](auto* b) { return BatchNorm(b, 1, 1, 1, variance); });
  }
  for (const float bad : kBad) {
    ExpectComplaint("BatchNorm", "not finite", [&](auto* b) { return BatchNorm(b, bad, 1, 1, 1); });
    ExpectComplaint("BatchNorm", "not finite", [&](auto* b) { return BatchNorm(b, 1, bad, 1, 1); });
    ExpectComplaint("BatchNorm", "not finite", [&](auto* b) { return BatchNorm(b, 1, 1, bad, 1); });
  }
  // Each of them is a number, what is folded of them is beyond float32.
  ExpectComplaint("BatchNorm", "not finite", [&](auto* b) { return BatchNorm(b, 3e38f, 1, 1, 0); });
  MindIrBuilder b({1, 2, 4, 4});
  b.Output({BatchNorm(&b, 1, 1, 1, 0)});
  EXPECT_EQ(test::LowerBytes(b.Serialize()).steps.size(), 1u);
}

TEST(Finite, OtherConstantsOfAGraph) {
  for (const float bad : kBad) {
    ExpectComplaint("Conv2D", "a weight is not finite",
                    [&](auto* b) { return b->Conv2D(b->Input(), {{1, 2, 1, 2}, {1, bad, 3, 4}}); });
    ExpectComplaint("Add", "not finite", [&](auto* b) {
      return b->Node("Add", {b->Input(), b->Parameter({1, 2, 1, 1}, {bad, 1})});
    });
    ExpectComplaint("PReLU", "a slope is not finite", [&](auto* b) {
      return b->Node("PReLU", {b->Input(), b->Parameter({2}, {bad, 1})});
    });
  }
  ExpectComplaint("RealDiv", "not finite",
                  [](auto* b) { return b->Node("RealDiv", {b->Input(), b->Scalar(0)}); });
  ExpectComplaint("Select", "not a number",
                  [](auto* b) { return b->Binarize(b->Input(), kNaN, 1, -1); });
}

TEST(Finite, PackedFiles) {
  for (const float bad : kBad) {
    ExpectRefused(StepKind::kAffine, "a scale is not finite",
                  [&](Step* s) { s->after.scale[7] = bad; });
    ExpectRefused(StepKind::kAffine, "a shift is not finite",
                  [&](Step* s) { s->after.shift[0] = bad; });
    ExpectRefused(StepKind::kBinaryConv, "a shift is not finite",
                  [&](Step* s) { s->after.shift.assign(8, bad); });
    ExpectRefused(StepKind::kActivation, "a slope is not finite",
                  [&](Step* s) { s->after.positive[7] = bad; });
    ExpectRefused(StepKind::kActivation, "a slope is not finite",
                  [&](Step* s) { s->after.negative[0] = bad; });
    for (const StepKind kind : {StepKind::kConv, StepKind::kDense}) {
      ExpectRefused(kind, "a weight is not finite", [&](Step* s) {
        test::ChangeArray(&s->weights, [&](auto* weights) { weights->back() = bad; });
      });
    }
    ExpectRefused(StepKind::kDense, "a shift is not finite",
                  [&](Step* s) { s->after.shift[4] = bad; });
  }
  for (const StepKind kind : {StepKind::kBinaryConv, StepKind::kThreshold}) {
    ExpectRefused(kind, "its threshold is not a number", [](Step* s) { s->threshold = kNaN; });
  }
}

// A channel that is always on, or always off, is one that training may end with.
TEST(Finite, InfiniteThresholdsAreRead) {
  for (const float threshold : {kInf, -kInf}) {
    graph::Plan plan = test::PlanOfEveryKind();
    for (Step& step : plan.steps) step.threshold = threshold;
    EXPECT_EQ(test::Refusal(files::WritePackedFile(plan)), "");
    MindIrBuilder b({1, 2, 4, 4});
    b.Output({b.Binarize(b.Input(), threshold, 1, -1)});
    EXPECT_EQ(test::LowerBytes(b.Serialize()).steps.size(), 1u);
  }
}

}  // namespace
}  // namespace adabin
