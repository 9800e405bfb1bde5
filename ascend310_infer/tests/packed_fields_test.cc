// SPDX-License-Identifier: Apache-2.0
//
// Every field of every step of a packed file, and what is refused in it: the table below is the
// list of checks. A file with a right checksum is not a file that can be trusted.
//
//   field                        checked in
//   kind, input, second          ops::Append
//   kernel, stride, pads, ...    InferWindow, InferFilter, InferPool
//   output channels              InferFilter, Infer of dense.cc
//   arrays                       their sizes with the step, their place in the file by TableReader;
//                                bits that stand for nothing, in CheckBits
//   high, low, weight values     CheckBinaryValues; all other numbers may be any float
//   activation, comparison       CheckActivation, CheckCompare
//   pads of Pad, shape           Infer of pad.cc, of reshape.cc
//   those of other operators     packed_tensor_fields_test.cc
//   counts, outputs, input       ReadPackedFile, SetInput
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "backend/cpu_backend.h"
#include "base/error.h"
#include "change_array.h"
#include "files/packed_file.h"
#include "ops/append.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;
using test::ExpectRefused;

constexpr StepKind kConvs[] = {StepKind::kBinaryConv, StepKind::kConv};
constexpr StepKind kPools[] = {StepKind::kMaxPool, StepKind::kAvgPool, StepKind::kPaddedAverage};
constexpr StepKind kWindows[] = {StepKind::kBinaryConv, StepKind::kConv, StepKind::kMaxPool,
                                 StepKind::kAvgPool, StepKind::kPaddedAverage};

Step* Find(Plan* plan, StepKind kind) {
  for (Step& step : plan->steps) {
    if (step.kind == kind) return &step;
  }
  return nullptr;
}

TEST(PackedFields, UnchangedIsRead) {
  const Plan plan = test::PlanOfEveryKind();
  EXPECT_EQ(plan.steps.size(), size_t{test::kKinds});
  EXPECT_EQ(files::ReadPackedFile(files::WritePackedFile(plan)), plan);
}

// Behind the 64 floats of the mean lie, for a reader of 4096, other memory and the arena's end.
TEST(PackedFields, SecondOperandOfADenseLayerIsRefused) {
  Plan plan;
  ops::SetInput(&plan, Shape{64, 8, 8});
  Step mean;
  mean.kind = StepKind::kMean;
  ops::Append(&plan, mean);
  Step dense;
  dense.kind = StepKind::kDense;
  dense.inputs = {1};
  dense.out_channels = 4096;
  dense.weights = std::vector<float>(4096 * 64, 0.5f);
  ops::Append(&plan, dense);
  plan.outputs = {2};
  const Plan honest = files::ReadPackedFile(files::WritePackedFile(plan));
  plan.steps[1].SetSecond(1);
  const std::string bytes = files::WritePackedFile(plan);
  EXPECT_NE(test::Refusal(bytes).find("Dense: takes no second operand"), std::string::npos);
  // Whoever reads it all the same must not read behind the arena.
  Plan read = honest;
  try {
    read = files::ReadPackedFile(bytes);
  } catch (const Error&) {
  }
  backend::CpuBackend backend(read, {});
  const std::vector<float> input(honest.input.size(), 1.0f);
  std::vector<std::vector<float>> outputs;
  backend.Run(input.data(), 1, &outputs);
  EXPECT_EQ(outputs[0], std::vector<float>(4096, 32.0f));
}

TEST(PackedFields, Operands) {
  constexpr int kNoValue = test::kKinds + 1;
  for (int kind = 1; kind <= test::kKinds; ++kind) {
    const auto k = static_cast<StepKind>(kind);
    if (k == StepKind::kInput) continue;  // the file holds no operand of it
    const bool takes_two = k == StepKind::kBinaryConv || k == StepKind::kConv ||
                           k == StepKind::kAdd || k == StepKind::kConcat ||
                           k == StepKind::kArithmetic;
    ExpectRefused(k, "a value that does not exist", [](Step* s) { s->inputs[0] = kNoValue; });
    ExpectRefused(k, "inconsistent", [](Step* s) { s->inputs[0] = -1; });
    ExpectRefused(k, "a value that does not exist", [](Step* s) { s->SetSecond(kNoValue); });
    if (!takes_two) ExpectRefused(k, "takes no second operand", [](Step* s) { s->SetSecond(0); });
    ExpectRefused(k, "unknown step kind 22", [](Step* s) {
      *s = {};
      s->kind = static_cast<StepKind>(test::kKinds + 1);
    });
  }
  for (const StepKind kind : kConvs) {
    ExpectRefused(kind, "residual's shape differs", [](Step* s) {
      s->out_channels = 4;
      for (auto* values : {&s->weight_low, &s->weight_high}) {
        if (!values->empty()) values->resize(4);
      }
      const auto halve = [](auto* numbers) { numbers->resize(numbers->size() / 2); };
      test::ChangeArray(&s->bits, halve);
      test::ChangeArray(&s->weights, halve);
      s->SetSecond(0);
    });
  }
  ExpectRefused(StepKind::kAdd, "two summands differ", [](Step* s) { s->SetSecond(-1); });
  Plan plan = test::PlanOfEveryKind();
  Find(&plan, StepKind::kAdd)->SetSecond(0);  // 8 x 8 x 8, as the other
  EXPECT_EQ(test::Refusal(files::WritePackedFile(plan)), "");
  Find(&plan, StepKind::kMaxPool)->inputs = {0};
  Step* avg = Find(&plan, StepKind::kAvgPool);
  avg->kind = StepKind::kAdd;
  avg->SetSecond(0);  // 8 x 4 x 4 and 8 x 8 x 8
  EXPECT_NE(test::Refusal(files::WritePackedFile(plan)).find("two summands differ"),
            std::string::npos);
}

TEST(PackedFields, Windows) {
  constexpr int kLarge = (1 << 20) + 1;
  struct Field {
    int ConvGeometry::* field;
    std::vector<int> bad;
    const char* words;
  };
  const Field fields[] = {
      {&ConvGeometry::kernel_h, {0, 1025, 1 << 30}, "out of range"},
      {&ConvGeometry::kernel_w, {0, 1025, 1 << 30}, "out of range"},
      {&ConvGeometry::stride_h, {0, kLarge}, "out of range"},
      {&ConvGeometry::stride_w, {0, kLarge}, "out of range"},
      {&ConvGeometry::dilation_h, {0, kLarge}, "out of range"},
      {&ConvGeometry::dilation_w, {0, kLarge}, "out of range"},
      {&ConvGeometry::pad_top, {kLarge}, "padding is out of range"},
      {&ConvGeometry::pad_bottom, {kLarge}, "padding is out of range"},
      {&ConvGeometry::pad_left, {kLarge}, "padding is out of range"},
      {&ConvGeometry::pad_right, {kLarge}, "padding is out of range"},
      {&ConvGeometry::kernel_h, {11}, "too small for this layer"},
      {&ConvGeometry::kernel_w, {11}, "too small for this layer"},
      {&ConvGeometry::dilation_h, {10}, "too small for this layer"},
      {&ConvGeometry::dilation_w, {10}, "too small for this layer"},
      {&ConvGeometry::kernel_h, {-1}, "inconsistent"},
      {&ConvGeometry::stride_w, {-1}, "inconsistent"},
      {&ConvGeometry::dilation_h, {-1}, "inconsistent"},
      {&ConvGeometry::pad_left, {-1}, "inconsistent"},
      {&ConvGeometry::groups, {-1}, "inconsistent"},
  };
  for (const StepKind kind : kWindows) {
    for (const Field& field : fields) {
      for (const int bad : field.bad) {
        ExpectRefused(kind, field.words, [&](Step* s) { s->geometry.*field.field = bad; });
      }
    }
    ExpectRefused(kind, "too large",
                  [](Step* s) { s->geometry.pad_top = s->geometry.pad_left = 1 << 20; });
  }
}

TEST(PackedFields, Convolutions) {
  for (const StepKind kind : kConvs) {
    for (const int groups : {0, 3, 9, 1 << 30}) {
      ExpectRefused(kind, "channels and groups do not fit",
                    [&](Step* s) { s->geometry.groups = groups; });
    }
    for (const int channels : {0, (1 << 20) + 1, std::numeric_limits<int>::max()}) {
      ExpectRefused(kind, "channels and groups do not fit",
                    [&](Step* s) { s->out_channels = channels; });
    }
    for (const int channels : {7, 9, 1 << 12}) {
      ExpectRefused(kind, " entries where ", [&](Step* s) { s->out_channels = channels; });
    }
    ExpectRefused(kind, "too many weights", [](Step* s) {
      s->out_channels = 1 << 10;
      s->geometry.kernel_h = s->geometry.kernel_w = 1 << 9;
      s->geometry.pad_top = s->geometry.pad_left = 1 << 9;
    });
    ExpectRefused(kind, "inconsistent", [](Step* s) { s->out_channels = -1; });
  }
  ExpectRefused(StepKind::kConv, "weights has 577", [](Step* s) {
    test::ChangeArray(&s->weights, [](auto* weights) { weights->push_back(0); });
  });
  ExpectRefused(StepKind::kConv, "weights has 0", [](Step* s) { s->weights = {}; });
}

TEST(PackedFields, BinaryConvolutions) {
  constexpr StepKind kKind = StepKind::kBinaryConv;
  const float inf = std::numeric_limits<float>::infinity();
  ExpectRefused(kKind, "bits has 23",
                [](Step* s) { test::ChangeArray(&s->bits, [](auto* bits) { bits->pop_back(); }); });
  ExpectRefused(kKind, "low weight has 7", [](Step* s) { s->weight_low.pop_back(); });
  ExpectRefused(kKind, "high weight has 9", [](Step* s) { s->weight_high.push_back(1); });
  ExpectRefused(kKind, "unknown comparison 2",
                [](Step* s) { s->compare = static_cast<Compare>(2); });
  ExpectRefused(kKind, "shift has 7", [](Step* s) { s->after.shift.assign(7, 1); });
  // 72 bits in three words: the 24 behind them stand for nothing.
  for (const uint32_t tail : {0x100u, 0x80000000u}) {
    for (const size_t word : {2, 23}) {
      ExpectRefused(kKind, "bits behind the last weight", [&](Step* s) {
        test::ChangeArray(&s->bits, [&](auto* bits) { (*bits)[word] |= tail; });
      });
    }
  }
  for (const float bad : {inf, -inf, std::numeric_limits<float>::quiet_NaN()}) {
    ExpectRefused(kKind, "not finite", [&](Step* s) { s->high = bad; });
    ExpectRefused(kKind, "not finite", [&](Step* s) { s->low = bad; });
    ExpectRefused(kKind, "not finite", [&](Step* s) { s->weight_low[7] = bad; });
    ExpectRefused(kKind, "not finite", [&](Step* s) { s->weight_high[0] = bad; });
  }
}

TEST(PackedFields, Poolings) {
  constexpr const char* kWords = "window lies outside";
  for (const StepKind kind : kPools) {
    ExpectRefused(kind, "has groups", [](Step* s) { s->geometry.groups = 2; });
    ExpectRefused(kind, "has groups", [](Step* s) { s->geometry.groups = 0; });
    // The map falls between two taps.
    ExpectRefused(kind, kWords, [](Step* s) {
      s->geometry.dilation_h = s->geometry.in.h + 1;
      s->geometry.pad_top = s->geometry.pad_bottom = 1;
    });
    ExpectRefused(kind, kWords, [](Step* s) {
      s->geometry.dilation_w = s->geometry.in.w + 1;
      s->geometry.pad_left = s->geometry.pad_right = 1;
    });
    ExpectRefused(kind, kWords, [](Step* s) { s->geometry.pad_top = 2; });
    ExpectRefused(kind, kWords, [](Step* s) { s->geometry.pad_left = 2; });
    ExpectRefused(kind, kWords, [](Step* s) { s->geometry.pad_bottom = 3; });
    ExpectRefused(kind, kWords, [](Step* s) { s->geometry.pad_right = 3; });
  }
}

TEST(PackedFields, OtherSteps) {
  ExpectRefused(StepKind::kAffine, "scale has 7", [](Step* s) { s->after.scale.pop_back(); });
  ExpectRefused(StepKind::kAffine, "shift has 9", [](Step* s) { s->after.shift.push_back(1); });
  ExpectRefused(StepKind::kActivation, "positive slope has 7",
                [](Step* s) { s->after.positive.pop_back(); });
  ExpectRefused(StepKind::kActivation, "negative slope has 9",
                [](Step* s) { s->after.negative.push_back(1); });
  ExpectRefused(StepKind::kActivation, "unknown activation 255",
                [](Step* s) { s->after.act = static_cast<Activation>(255); });
  for (int i = 0; i < 6; ++i) {
    ExpectRefused(StepKind::kPad, "inconsistent", [&](Step* s) { s->pads[i] = -1; });
    ExpectRefused(StepKind::kPad, "out of range", [&](Step* s) { s->pads[i] = (1 << 20) + 1; });
    ExpectRefused(StepKind::kPad, "too large", [&](Step* s) { s->pads[i] = 1 << 20; });
  }
  ExpectRefused(StepKind::kPad, "too large", [](Step* s) { s->pads[2] = s->pads[4] = 1 << 19; });
  for (const int out : {0, (1 << 20) + 1}) {
    ExpectRefused(StepKind::kDense, out == 0 ? "too small" : "too large",
                  [&](Step* s) { s->out_channels = out; });
  }
  ExpectRefused(StepKind::kDense, "weights has 50 entries where 60",
                [](Step* s) { s->out_channels = 6; });
  ExpectRefused(StepKind::kDense, "weights has 51", [](Step* s) {
    test::ChangeArray(&s->weights, [](auto* weights) { weights->push_back(1); });
  });
  ExpectRefused(StepKind::kDense, "shift has 4", [](Step* s) { s->after.shift.pop_back(); });
  ExpectRefused(StepKind::kDense, "not flat", [](Step* s) { s->inputs[0] = 1; });
  ExpectRefused(StepKind::kReshape, "number of elements",
                [](Step* s) { s->shape = Shape{1, 6, 1}; });
  ExpectRefused(StepKind::kReshape, "too small", [](Step* s) { s->shape = Shape{0, 5, 1}; });
  ExpectRefused(StepKind::kReshape, "too large", [](Step* s) { s->shape = Shape{1 << 21, 5, 1}; });
  ExpectRefused(StepKind::kReshape, "too large",
                [](Step* s) { s->shape = Shape{1 << 20, 1 << 20, 1}; });
  ExpectRefused(StepKind::kReshape, "inconsistent", [](Step* s) { s->shape = Shape{1, 5, -1}; });
  ExpectRefused(StepKind::kThreshold, "unknown comparison 2",
                [](Step* s) { s->compare = static_cast<Compare>(2); });
}

TEST(PackedFields, InputAndOutputs) {
  const auto refused = [](const auto& change) {
    Plan plan = test::PlanOfEveryKind();
    change(&plan);
    return !test::Refusal(files::WritePackedFile(plan)).empty();
  };
  for (const int bad : {0, -1, (1 << 20) + 1}) {
    EXPECT_TRUE(refused([&](Plan* p) { p->input.c = bad; }));
    EXPECT_TRUE(refused([&](Plan* p) { p->input.h = bad; }));
    EXPECT_TRUE(refused([&](Plan* p) { p->input.w = bad; }));
  }
  EXPECT_TRUE(refused([](Plan* p) { p->input = {1 << 10, 1 << 10, 1 << 10}; }));
  EXPECT_TRUE(refused([](Plan* p) { p->outputs = {}; }));
  EXPECT_TRUE(refused([](Plan* p) { p->outputs = {test::kKinds + 1}; }));
  EXPECT_TRUE(refused([](Plan* p) { p->outputs = {12, -1}; }));
  EXPECT_FALSE(refused([](Plan* p) { p->outputs = {12, 0, 12}; }));
}

}  // namespace
}  // namespace adabin
