// SPDX-License-Identifier: Apache-2.0
//
// Operators that compute, on tensors of any rank, against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tensor_network.h"

namespace adabin {
namespace {

using graph::Step;
using graph::StepKind;
using test::Dims;
using test::Floats;
using test::Index;
using test::Network;
using test::RunEveryWay;

TEST(L2Norm, EachPixelHasLengthOneButForTheScale) {
  for (const int channels : {1, 15, 16, 40}) {
    Network network({channels, 3, 4});
    Step step;
    step.kind = StepKind::kL2Norm;
    step.epsilon = 0.25f;
    const int norm = network.Add(step);
    step = {};
    step.kind = StepKind::kAffine;
    step.inputs = {norm};
    for (int c = 0; c < channels; ++c) step.after.scale.push_back(0.5 * c);
    network.plan.outputs = {network.Add(step)};
    Floats x;
    const Floats found = RunEveryWay(network.plan, &x)[0];
    for (size_t p = 0; p < 12; ++p) {
      double sum = 0.25;
      for (size_t c = 0; c < Index(channels); ++c) sum += double{x[c * 12 + p]} * x[c * 12 + p];
      for (size_t c = 0; c < Index(channels); ++c) {
        const double expected = x[c * 12 + p] / std::sqrt(sum) * 0.5 * static_cast<double>(c);
        ASSERT_NEAR(found[c * 12 + p], expected, 1e-5 * (1 + expected));
      }
    }
  }
}

TEST(Softmax, SumsToOneAlongItsAxis) {
  for (const Dims& dims : {Dims{24}, Dims{4, 6}, Dims{2, 3, 4}, Dims{2, 3, 2, 2}}) {
    for (int axis = 0; axis < static_cast<int>(dims.size()); ++axis) {
      Network network({2, 3, 4});
      network.plan.outputs = {network.Axes(StepKind::kSoftmax, {network.Reshape(0, dims)}, {axis})};
      Floats x;
      const Floats found = RunEveryWay(network.plan, &x)[0];
      const size_t stride = RowMajor(TensorShape(dims))[Index(axis)];
      const auto count = Index(dims[Index(axis)]);
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t first = i - i / stride % count * stride;
        double sum = 0;
        for (size_t k = 0; k < count; ++k) sum += std::exp(double{x[first + k * stride]});
        ASSERT_NEAR(found[i], std::exp(double{x[i]}) / sum, 1e-6);
      }
    }
  }
}

TEST(Softmax, OfLargeValuesIsFinite) {
  Network network({2});
  Step step;
  step.kind = StepKind::kAffine;
  step.after.scale = {1e4, -1e6};
  network.plan.outputs = {network.Axes(StepKind::kSoftmax, {network.Add(step)}, {0})};
  EXPECT_EQ(RunEveryWay(network.plan)[0], (Floats{1, 0}));
}

TEST(Pointwise, EveryFunctionOnAnyRank) {
  const std::function<double(double)> functions[] = {
      [](double x) { return 1 / (1 + std::exp(-x)); },
      [](double x) { return std::clamp(x, 0.0, 6.0); },
      [](double x) { return std::clamp(x + 3, 0.0, 6.0) / 6; },
      [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; },
      [](double x) { return std::tanh(x); },
      [](double x) { return std::exp(x); },
      [](double x) { return std::sqrt(x); },
      [](double x) { return -x; },
      [](double x) { return std::abs(x); },
  };
  for (const Dims& dims : {Dims{40, 3, 4}, Dims{480}, Dims{20, 24}, Dims{2, 3, 4, 20}}) {
    for (int number = 0; number < 9; ++number) {
      Network network({40, 3, 4});
      Step step;
      step.kind = StepKind::kAffine;
      step.inputs = {network.Reshape(0, dims)};
      const auto channels = Index(network.plan.values.back().pixels().c);
      step.after.scale.assign(channels, 4);
      step.after.shift.assign(channels, number == 6 ? 0 : -9);
      network.plan.outputs = {network.Function(StepKind::kPointwise, {network.Add(step)}, number)};
      Floats x;
      const Floats found = RunEveryWay(network.plan, &x)[0];
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = functions[number](4.0 * x[i] - (number == 6 ? 0 : 9));
        ASSERT_NEAR(found[i], expected, 1e-5 * (1 + std::abs(expected))) << "function " << number;
      }
    }
  }
}

TEST(Arithmetic, EqualShapesAndARepeatedOperand) {
  const std::function<float(float, float)> functions[] = {
      std::plus<float>(),
      std::minus<float>(),
      std::multiplies<float>(),
      std::divides<float>(),
      [](float a, float b) { return std::max(a, b); },
      [](float a, float b) { return std::min(a, b); }};
  for (int number = 0; number < 6; ++number) {
    for (const bool swapped : {false, true}) {
      Network network({4, 2, 3});
      Step mean;
      mean.kind = StepKind::kMean;
      const int of_each = network.Reshape(network.Add(mean), {4, 1, 1});
      const int other = network.AddOne(0);
      const auto pair = [&](int a, int b) {
        return swapped ? std::vector<int>{b, a} : std::vector<int>{a, b};
      };
      network.plan.outputs = {network.Function(StepKind::kArithmetic, pair(0, other), number),
                              network.Function(StepKind::kArithmetic, pair(0, of_each), number)};
      Floats x;
      const std::vector<Floats> found = RunEveryWay(network.plan, &x);
      const auto of = [&](float a, float b) {
        return swapped ? functions[number](b, a) : functions[number](a, b);
      };
      for (size_t i = 0; i < 24; ++i) {
        ASSERT_EQ(found[0][i], of(x[i], x[i] + 1.0f));
        const float average = std::accumulate(x.begin() + static_cast<long>(i / 6 * 6),
                                              x.begin() + static_cast<long>(i / 6 * 6 + 6), 0.0f) /
                              6;
        ASSERT_NEAR(found[1][i], of(x[i], average), 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace adabin
