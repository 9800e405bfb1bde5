// SPDX-License-Identifier: Apache-2.0
//
// Transposing, joining and cutting tensors of any rank against their definitions on row-major data,
// as passes of their own and where results stay in the memory of their inputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "backend/cpu_backend.h"
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

Floats Transposed(const Floats& x, const Dims& dims, const Dims& axes) {
  const TensorShape in(dims);
  const Strides strides = RowMajor(in);
  Floats z;
  Dims index(dims.size(), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    size_t rest = i, at = 0;
    for (size_t k = axes.size(); k-- > 0;) {
      const auto size = Index(dims[Index(axes[k])]);
      at += rest % size * strides[Index(axes[k])];
      rest /= size;
    }
    z.push_back(x[at]);
  }
  return z;
}

TEST(Transpose, AnyPermutationOfAnyRankAsAnOutputAndAsAnInput) {
  const std::vector<Dims> shapes = {{24},      {4, 6},       {2, 3, 4},
                                    {3, 1, 8}, {2, 3, 2, 2}, {2, 1, 2, 3, 2}};
  for (const Dims& dims : shapes) {
    Dims axes(dims.size());
    std::iota(axes.begin(), axes.end(), 0);
    do {
      Network network({2, 3, 4});
      const int reshaped = network.Reshape(0, dims);
      const int out = network.Transpose(reshaped, axes);
      network.plan.outputs = {out, network.AddOne(out), reshaped};
      Floats x;
      const std::vector<Floats> found = RunEveryWay(network.plan, &x);
      const Floats expected = Transposed(x, dims, axes);
      ASSERT_EQ(found[0], expected);
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(found[1][i], expected[i] + 1.0f);
      ASSERT_EQ(found[2], x);
    } while (std::ranges::next_permutation(axes).found);
  }
}

TEST(Transpose, ThereAndBackIsTheMap) {
  Network network({3, 4, 5});
  const int there = network.Transpose(0, {1, 2, 0});
  network.plan.outputs = {network.AddOne(network.Transpose(there, {2, 0, 1}))};
  Floats x;
  const std::vector<Floats> found = RunEveryWay(network.plan, &x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(found[0][i], x[i] + 1.0f);
}

TEST(Transpose, HeadsOfADetectorAreNotCopied) {
  Network network({8, 3, 5});
  const int boxes = network.Reshape(network.Transpose(0, {1, 2, 0}), {30, 4});
  network.plan.outputs = {network.Axes(StepKind::kConcat, {boxes, boxes}, {0})};
  EXPECT_EQ(network.plan.OutputDims(0), (Dims{60, 4}));
  const std::vector<backend::StepInfo> steps =
      backend::CpuBackend(network.plan, {}).DescribeSteps();
  std::string text;
  for (const backend::StepInfo& step : steps) text += step.description + "\n";
  EXPECT_EQ(text,
            "Input 8x3x5 NCHW -> NHWC\n"
            "Concat 30x4 30x4 -> 60x4\n"
            "Output 60x4\n");
  Floats x;
  const Floats found = RunEveryWay(network.plan, &x)[0];
  const Floats once = Transposed(x, {8, 3, 5}, {1, 2, 0});
  EXPECT_TRUE(std::equal(once.begin(), once.end(), found.begin()));
  EXPECT_TRUE(std::equal(once.begin(), once.end(), found.begin() + 120));
}

// What is written in the place of a value must not lie where another name of it is still read.
TEST(Transpose, AnotherNameOfAValueIsNotOverwritten) {
  Network network({4, 2, 3});
  const int one = network.AddOne(0);
  const int other = network.Reshape(network.Transpose(one, {1, 2, 0}), {6, 4});
  const int two = network.AddOne(one);
  const int three = network.AddOne(two);
  network.plan.outputs = {network.Axes(StepKind::kConcat, {other, other}, {1}), three};
  Floats x;
  const std::vector<Floats> found = RunEveryWay(network.plan, &x);
  const Floats expected = Transposed(x, {4, 2, 3}, {1, 2, 0});
  for (size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(found[0][i / 4 * 8 + i % 4], expected[i] + 1.0f);
    EXPECT_EQ(found[1][i], x[i] + 1.0f + 1.0f + 1.0f);
  }
}

TEST(Concat, AlongAnyAxisOfAnyRank) {
  const std::vector<Dims> shapes = {{24}, {4, 6}, {2, 3, 4}, {24, 1, 1}, {2, 3, 2, 2}};
  for (const Dims& dims : shapes) {
    for (int axis = 0; axis < static_cast<int>(dims.size()); ++axis) {
      Network network({2, 3, 4});
      const int a = network.Reshape(0, dims);
      const int b = network.AddOne(a);
      const int joined = network.Axes(StepKind::kConcat, {a, b, a}, {axis});
      network.plan.outputs = {joined, network.AddOne(joined)};
      Floats x;
      const std::vector<Floats> found = RunEveryWay(network.plan, &x);
      size_t inner = 1;
      for (size_t k = Index(axis); k < dims.size(); ++k) inner *= Index(dims[k]);
      Floats expected;
      for (size_t at = 0; at < x.size(); at += inner) {
        for (const float more : {0.0f, 1.0f, 0.0f}) {
          for (size_t i = 0; i < inner; ++i) expected.push_back(x[at + i] + more);
        }
      }
      ASSERT_EQ(found[0], expected);
    }
  }
}

TEST(Concat, OfMapsAndAVectorOfOnePixel) {
  Network network({5});
  const int map = network.Reshape(0, {5, 1, 1});
  network.plan.outputs = {network.Axes(StepKind::kConcat, {map, 0}, {0})};
  EXPECT_EQ(RunEveryWay(network.plan)[0].size(), 10u);
}

TEST(Slice, OfEveryAxisWithSteps) {
  Network network({4, 5, 6});
  const auto slice = [&](int value, const Dims& first, const Dims& steps, const Dims& dims) {
    Step step;
    step.kind = StepKind::kSlice;
    step.inputs = {value};
    step.first = first;
    step.steps = steps;
    step.shape = TensorShape(dims);
    return network.Add(step);
  };
  network.plan.outputs = {slice(0, {1, 0, 2}, {2, 1, 3}, {2, 5, 2}),
                          slice(network.Reshape(0, {20, 6}), {3, 5}, {4, 1}, {5, 1})};
  Floats x;
  const std::vector<Floats> found = RunEveryWay(network.plan, &x);
  for (size_t i = 0; i < 20; ++i) {
    const size_t c = 1 + i / 10 * 2, h = i / 2 % 5, w = 2 + i % 2 * 3;
    EXPECT_EQ(found[0][i], x[(c * 5 + h) * 6 + w]);
  }
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(found[1][i], x[(3 + 4 * i) * 6 + 5]);
}

}  // namespace
}  // namespace adabin
