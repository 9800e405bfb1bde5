// SPDX-License-Identifier: Apache-2.0
//
// Passes against the Reference, which needs none: random chains of what they fold, attach, merge
// and drop, of constants with which no sum is rounded. Every pass alone and all of them leave each
// bit of the outputs as it was.
#include <gtest/gtest.h>

#include <random>

#include "backend/cpu_backend.h"
#include "compare_steps.h"
#include "ops/append.h"
#include "passes/passes.h"

namespace adabin {
namespace {

using graph::Plan;
using graph::Step;
using graph::StepKind;

constexpr int kSize = 6;

class Chain {
 public:
  explicit Chain(unsigned seed) : rng_(seed) {
    ops::SetInput(&plan_, Shape{4, kSize, kSize});
    Affines(1);
    Convolution(StepKind::kConv);
    Affines(3);
    if (OneIn(2)) Add(StepKind::kActivation, [](Step* s) { s->after.act = Activation::kRelu; });
    const int stream = Last();
    if (OneIn(2)) Reshape(plan_.values.back());  // which changes nothing
    Convolution(StepKind::kBinaryConv);
    Affines(2);
    if (OneIn(2)) Add(StepKind::kAdd, [&](Step* s) { s->SetSecond(stream); });
    if (OneIn(2)) Add(StepKind::kActivation, [](Step* s) { s->after.act = Activation::kRelu; });
    Pools();
    const TensorShape map = plan_.values.back();
    Reshape(TensorShape(std::vector{static_cast<int>(map.size())}));
    Affines(2);
    Add(StepKind::kDense, [&](Step* s) {
      s->out_channels = 3;
      s->weights = Weights(3 * map.size(), 2);
      if (OneIn(2)) s->after.shift = Constants(3, 2);
    });
    Affines(3);
    plan_.outputs = {Last()};
    if (OneIn(3)) plan_.outputs.push_back(stream);
  }

  Plan plan_;

 private:
  int Draw(int low, int high) { return std::uniform_int_distribution(low, high)(rng_); }
  bool OneIn(int n) { return Draw(1, n) == 1; }
  int Last() const { return static_cast<int>(plan_.steps.size()); }
  float Fraction(int most) { return 0.5f * static_cast<float>(Draw(-most, most)); }
  std::vector<double> Constants(size_t count, int most) {
    std::vector<double> constants;
    for (size_t i = 0; i < count; ++i) constants.push_back(Fraction(most));
    return constants;
  }

  std::vector<float> Weights(size_t count, int most) {
    std::vector<float> weights(count);
    for (float& weight : weights) weight = Fraction(most);
    return weights;
  }

  template <typename Fill>
  void Add(StepKind kind, const Fill& fill) {
    Step step;
    step.kind = kind;
    step.inputs = {Last()};
    fill(&step);
    ops::Append(&plan_, std::move(step));
  }

  void Affines(int most) {
    for (int count = Draw(0, most); count > 0; --count) {
      const auto channels = static_cast<size_t>(plan_.values.back().map().c);
      Add(StepKind::kAffine, [&](Step* s) {
        if (!OneIn(3)) s->after.scale = Constants(channels, 2);
        if (s->after.scale.empty() || !OneIn(3)) s->after.shift = Constants(channels, 3);
      });
    }
  }

  void Convolution(StepKind kind) {
    Add(kind, [&](Step* s) {
      s->out_channels = 4;
      s->geometry.kernel_h = s->geometry.kernel_w = 3;
      s->geometry.pad_top = s->geometry.pad_bottom = 1;
      s->geometry.pad_left = s->geometry.pad_right = 1;
      if (OneIn(3)) s->after.shift = Constants(4, 2);
      if (kind == StepKind::kConv) {
        s->weights = Weights(4 * 4 * 9, 1);
        return;
      }
      s->high = Fraction(2);
      s->low = Fraction(2);
      s->threshold = Fraction(4);
      std::vector<uint32_t> bits;
      for (int o = 0; o < 4; ++o) {
        s->weight_low.push_back(-0.5f);
        s->weight_high.push_back(0.5f);
        for (size_t word = 0; word < RowWords(4 * 9); ++word) {
          bits.push_back(static_cast<uint32_t>(rng_()) & (word == 0 ? ~0u : 0xfu));
        }
      }
      s->bits = std::move(bits);
    });
  }

  // The second one takes every other pixel of the first.
  void Pools() {
    const StepKind kind = OneIn(2) ? StepKind::kMaxPool : StepKind::kAvgPool;
    Add(kind, [](Step* s) { s->geometry.kernel_h = s->geometry.kernel_w = 2; });
    if (OneIn(4)) return;
    Add(StepKind::kAvgPool, [&](Step* s) {
      s->geometry.stride_h = 2;
      s->geometry.stride_w = OneIn(3) ? 1 : 2;
    });
  }

  void Reshape(const TensorShape& shape) {
    Add(StepKind::kReshape, [&](Step* s) { s->shape = shape; });
  }

  std::mt19937 rng_;
};

TEST(ReferencePasses, NoPassChangesABitWhereNoSumIsRounded) {
  int fewer = 0;
  for (unsigned seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Plan plan = Chain(seed).plan_;
    std::mt19937 rng(seed);
    std::vector<float> input(plan.input.size());
    for (float& x : input) {
      x = 0.25f * static_cast<float>(std::uniform_int_distribution(-4, 4)(rng));
    }
    const auto expected = test::RunReference(plan, input, 1);
    for (const auto pass : {passes::DropReshapes, passes::MergePools, passes::FoldConvolutions,
                            passes::Attach, passes::FoldDense, passes::RoundConstants}) {
      EXPECT_EQ(test::RunReference(pass(plan), input, 1), expected);
    }
    const Plan folded = passes::Simplify(plan);
    fewer += folded.steps.size() < plan.steps.size() ? 1 : 0;
    EXPECT_EQ(test::RunReference(folded, input, 1), expected);
    std::vector<std::vector<float>> outputs;
    backend::CpuBackend(folded, {}).Run(input.data(), 1, &outputs);
    EXPECT_EQ(outputs, expected);
  }
  EXPECT_GT(fewer, 200);
}

}  // namespace
}  // namespace adabin
