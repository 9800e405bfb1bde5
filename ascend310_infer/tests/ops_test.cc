// SPDX-License-Identifier: Apache-2.0
//
// The full-precision operators against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/conv2d.h"
#include "ops/dense.h"
#include "ops/feature_map.h"
#include "random_conv.h"

namespace adabin {
namespace {

using test::Rng;

std::vector<float> RandomFloats(size_t count, Rng* rng) {
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& v : out) v = normal(*rng);
  return out;
}

TEST(Conv2D, MatchesLiteralSumForAnyThreads) {
  Rng rng(21);
  ThreadPool pool(3);
  for (int i = 0; i < 150; ++i) {
    const ConvGeometry g = test::RandomGeometry(&rng);
    test::RandomConv random(g, &rng);
    std::vector<float> weights;  // OIHW
    for (int o = 0; o < g.out.c; ++o) {
      for (int c = 0; c < g.group_in(); ++c) {
        for (int kh = 0; kh < g.kernel_h; ++kh) {
          for (int kw = 0; kw < g.kernel_w; ++kw) weights.push_back(random.Weight(o, c, kh, kw));
        }
      }
    }
    std::vector<double> magnitude;
    const std::vector<double> expected = random.LiteralConvolution(&magnitude);
    ops::Threshold(random.x.size(), random.x.data(), random.compare, random.threshold, random.high,
                   random.low, random.x.data());
    ops::Conv2DParams params;
    params.geometry = g;
    params.weights = weights;
    params.scale = random.scale;
    params.shift = random.shift;
    const auto conv = ops::CreateConv2D(params);
    std::vector<float> one(g.out.size()), many(g.out.size());
    conv->Run(random.x.data(), nullptr, one.data(), nullptr);
    conv->Run(random.x.data(), nullptr, many.data(), &pool);
    ASSERT_EQ(one, many);
    for (size_t k = 0; k < one.size(); ++k) {
      ASSERT_NEAR(one[k], expected[k], 1e-5 * magnitude[k]);
    }
  }
}

TEST(Dense, MatchesLiteralSum) {
  Rng rng(22);
  ThreadPool pool(2);
  for (const int in : {1, 5, 64}) {
    for (const int out : {1, 10, 16, 33}) {
      const auto n = static_cast<size_t>(in);
      const std::vector<float> x = RandomFloats(n, &rng);
      const std::vector<float> w = RandomFloats(n * static_cast<size_t>(out), &rng);
      const std::vector<float> shift = RandomFloats(static_cast<size_t>(out), &rng);
      std::vector<float> y(static_cast<size_t>(out)), threaded(static_cast<size_t>(out));
      ops::CreateDense(in, out, w, shift)->Run(x.data(), y.data(), nullptr);
      ops::CreateDense(in, out, w, shift)->Run(x.data(), threaded.data(), &pool);
      EXPECT_EQ(y, threaded);
      for (size_t o = 0; o < y.size(); ++o) {
        double sum = shift[o];
        for (size_t i = 0; i < n; ++i) sum += double{x[i]} * double{w[o * n + i]};
        EXPECT_NEAR(y[o], sum, 1e-5 * (1 + std::sqrt(in)));
      }
    }
  }
}

TEST(Layout, RoundTrip) {
  Rng rng(23);
  const Shape shape{3, 4, 5};
  const std::vector<float> chw = RandomFloats(shape.size(), &rng);
  std::vector<float> hwc(shape.size()), back(shape.size());
  ops::ChwToHwc(shape, chw.data(), hwc.data());
  EXPECT_EQ(hwc[1], chw[20]);  // second channel of the first pixel
  ops::HwcToChw(shape, hwc.data(), back.data());
  EXPECT_EQ(back, chw);
}

TEST(Reshape, KeepsNchwOrder) {
  const Shape in{2, 2, 2};
  const std::vector<float> x = {0, 4, 1, 5, 2, 6, 3, 7};  // NHWC of 0..7 in NCHW
  std::vector<float> y(8);
  ops::Reshape(in, {8, 1, 1}, x.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  std::vector<float> back(8);
  ops::Reshape({8, 1, 1}, in, y.data(), back.data());
  EXPECT_EQ(back, x);
}

TEST(Pool, BordersDoNotCount) {
  ConvGeometry g;
  g.in = {1, 3, 3};
  g.out = {1, 2, 2};
  g.kernel_h = g.kernel_w = 2;
  g.stride_h = g.stride_w = 2;
  g.pad_bottom = g.pad_right = 1;
  const std::vector<float> x = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
  std::vector<float> y(4);
  ops::MaxPool(g, x.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{-1, -3, -7, -9}));
  ops::AvgPool(g, x.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{-3, -4.5, -7.5, -9}));
}

// Three by three around every second pixel, as in the stem of the ImageNet networks.
TEST(Pool, MaximumOfNegativeMapWithBorder) {
  Rng rng(24);
  for (const int size : {1, 2, 5, 6}) {
    ConvGeometry g;
    g.in = {2, size, size};
    g.out = {2, (size + 1) / 2, (size + 1) / 2};
    g.kernel_h = g.kernel_w = 3;
    g.stride_h = g.stride_w = 2;
    g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
    std::vector<float> x = RandomFloats(g.in.size(), &rng);
    for (float& v : x) v -= 9;
    std::vector<float> y(g.out.size());
    ops::MaxPool(g, x.data(), y.data());
    for (int i = 0; i < static_cast<int>(y.size()); ++i) {
      const int c = i % 2, column = i / 2 % g.out.w * 2, row = i / 2 / g.out.w * 2;
      float expected = -std::numeric_limits<float>::infinity();
      for (int h = std::max(row - 1, 0); h < std::min(row + 2, size); ++h) {
        for (int w = std::max(column - 1, 0); w < std::min(column + 2, size); ++w) {
          expected = std::max(expected, x[static_cast<size_t>((h * size + w) * 2 + c)]);
        }
      }
      EXPECT_EQ(y[static_cast<size_t>(i)], expected);
    }
  }
}

TEST(Mean, OverPixels) {
  const std::vector<float> x = {1, 10, 2, 20, 3, 30, 6, 60};
  std::vector<float> y(2);
  ops::MeanOverPixels({2, 2, 2}, x.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{3, 30}));
}

TEST(Pad, Channels) {
  const std::vector<float> x = {1, 2};
  const int pads[6] = {1, 1, 0, 1, 1, 0};
  std::vector<float> z(16);
  ops::PadZeros({2, 1, 1}, {4, 2, 2}, pads, x.data(), z.data());
  EXPECT_EQ(z, (std::vector<float>{0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Epilogue, MatchesMaxoutDefinition) {
  const std::vector<float> positive = {1.5f, -0.5f, 1.0f};
  const std::vector<float> negative = {0.25f, 0.5f, -0.9f};
  for (const float v : {-2.0f, -0.0f, 0.0f, 3.0f}) {
    std::vector<float> z(3, v);
    kernels::Epilogue{kernels::Activation::kTwoSlope, positive.data(), negative.data()}.Apply(
        z.data(), nullptr, 3);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(z[c], positive[c] * std::max(v, 0.0f) + negative[c] * std::min(v, 0.0f));
    }
  }
  float nan = std::numeric_limits<float>::quiet_NaN();
  kernels::Epilogue{kernels::Activation::kRelu, nullptr, nullptr}.Apply(&nan, nullptr, 1);
  EXPECT_TRUE(std::isnan(nan));
}

}  // namespace
}  // namespace adabin
