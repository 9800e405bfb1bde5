// SPDX-License-Identifier: Apache-2.0
//
// The full-precision operators against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isa/isa.h"
#include "kernels/conv2d.h"
#include "kernels/feature_map.h"
#include "kernels/pool.h"
#include "kernels/tensor.h"
#include "random_conv.h"
#include "run_conv.h"

namespace adabin {
namespace {

using test::RandomFloats;
using test::Rng;
using test::RunConv;
using test::Supported;

std::vector<float> ToChw(const Shape& shape, const std::vector<float>& hwc) {
  std::vector<float> chw(hwc.size());
  kernels::HwcToChw(shape, hwc.data(), chw.data());
  return chw;
}

TEST(Conv2D, MatchesLiteralSumForAnyInstructionSetLayoutAndSplit) {
  Rng rng(21);
  for (int i = 0; i < 300; ++i) {
    const ConvGeometry g = test::RandomGeometry(&rng);
    test::RandomConv random(g, &rng);
    random.after.act = Activation::kNone;
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
    kernels::Threshold(random.x.size(), random.x.data(), random.compare, random.threshold,
                       random.high, random.low, random.x.data());
    kernels::Conv2DParams params;
    params.geometry = g;
    params.weights = weights;
    params.after.scale = random.after.scale;
    params.after.shift = random.after.shift;
    const std::vector<float> plain =
        RunConv(*kernels::CreatePlainConv2D(params), g.out, random.x.data(), true);
    for (size_t k = 0; k < plain.size(); ++k) {
      ASSERT_NEAR(plain[k], expected[k], 1e-5 * magnitude[k]);
    }
    const std::vector<float> chw = ToChw(g.in, random.x);
    std::vector<float> fused[2];  // by layout, of the sets with fused multiply-add
    for (const isa::FloatLoops* simd : Supported()) {
      SCOPED_TRACE(simd->name);
      for (const bool nchw : {false, true}) {
        params.reads_nchw = nchw && kernels::FitsRows(params);
        const float* x = params.reads_nchw ? chw.data() : random.x.data();
        const auto conv = kernels::CreateConv2D(params, *simd);
        const std::vector<float> whole = RunConv(*conv, g.out, x, true);
        ASSERT_EQ(RunConv(*conv, g.out, x, false), whole);
        for (size_t k = 0; k < whole.size(); ++k) {
          ASSERT_NEAR(whole[k], expected[k], 1e-5 * magnitude[k]) << "nchw " << nchw;
        }
        if (simd == isa::Table().back()->floats) continue;
        if (fused[nchw].empty()) fused[nchw] = whole;
        ASSERT_EQ(whole, fused[nchw]);
      }
    }
  }
}

TEST(Conv2D, EpilogueMatchesPlain) {
  Rng rng(25);
  for (int i = 0; i < 100; ++i) {
    ConvGeometry g = test::RandomGeometry(&rng);
    g.in.c = g.groups = 1;  // one term per tap: no rounding to differ in
    g.kernel_h = g.kernel_w = g.dilation_h = g.dilation_w = 1;
    g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 0;
    ASSERT_TRUE(test::FitGeometry(&g));
    const test::RandomConv random(g, &rng);
    const std::vector<float> weights = RandomFloats(static_cast<size_t>(g.out.c), &rng);
    kernels::Conv2DParams params;
    params.geometry = g;
    params.weights = weights;
    params.after = random.after;
    const std::vector<float> expected = RunConv(*kernels::CreatePlainConv2D(params), g.out,
                                                random.x.data(), true, random.residual.data());
    for (const isa::FloatLoops* simd : Supported()) {
      ASSERT_EQ(RunConv(*kernels::CreateConv2D(params, *simd), g.out, random.x.data(), true,
                        random.residual.data()),
                expected)
          << simd->name;
    }
  }
}

// A network may hold an infinite weight; zero padding must not make a NaN of it.
TEST(Conv2D, InfiniteWeightMeetsNoPadding) {
  ConvGeometry g;
  g.in = g.out = {1, 2, 2};
  g.kernel_h = g.kernel_w = 3;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  std::vector<float> weights(9, 1.0f);
  weights[0] = std::numeric_limits<float>::infinity();
  kernels::Conv2DParams params;
  params.geometry = g;
  params.weights = weights;
  const std::vector<float> x = {1, 2, 3, 4};
  for (const isa::FloatLoops* simd : Supported()) {
    const std::vector<float> z =
        RunConv(*kernels::CreateConv2D(params, *simd), g.out, x.data(), true);
    EXPECT_EQ(z, (std::vector<float>{10, 10, 10, std::numeric_limits<float>::infinity()}));
  }
}

TEST(Conv2D, AveragesFirst) {
  Rng rng(26);
  for (const int size : {2, 5, 8}) {
    for (const int channels : {3, 16, 70}) {
      ConvGeometry average;
      average.in = {channels, size, size};
      average.out = {channels, (size + 1) / 2, (size + 1) / 2};
      average.kernel_h = average.kernel_w = average.stride_h = average.stride_w = 2;
      average.pad_bottom = average.pad_right = size % 2;
      const std::vector<float> x = RandomFloats(average.in.size(), &rng);
      kernels::Conv2DParams params;
      params.geometry.in = average.out;
      params.geometry.out = {21, average.out.h, average.out.w};
      const std::vector<float> weights = RandomFloats(static_cast<size_t>(21 * channels), &rng);
      params.weights = weights;
      for (const isa::FloatLoops* simd : Supported()) {
        std::vector<float> mean(average.out.size());
        kernels::AvgPoolRows(*simd, average, x.data(), 0, average.out.h, mean.data());
        params.average = nullptr;
        const std::vector<float> expected =
            RunConv(*kernels::CreateConv2D(params, *simd), params.geometry.out, mean.data(), true);
        params.average = &average;
        const auto conv = kernels::CreateConv2D(params, *simd);
        EXPECT_EQ(RunConv(*conv, params.geometry.out, x.data(), true), expected);
        EXPECT_EQ(RunConv(*conv, params.geometry.out, x.data(), false), expected);
      }
    }
  }
}

TEST(Conv2D, DenseLayerMatchesLiteralSum) {
  Rng rng(22);
  for (const int in : {1, 5, 64, 700}) {
    for (const int out : {1, 10, 16, 33, 130}) {
      const auto n = static_cast<size_t>(in);
      const std::vector<float> x = RandomFloats(n, &rng);
      const std::vector<float> w = RandomFloats(n * static_cast<size_t>(out), &rng);
      const std::vector<double> shift(static_cast<size_t>(out), 0.25);
      kernels::Conv2DParams params;
      params.geometry.in = {in, 1, 1};
      params.geometry.out = {out, 1, 1};
      params.weights = w;
      params.after.shift = shift;
      for (const isa::FloatLoops* simd : Supported()) {
        const std::vector<float> y =
            RunConv(*kernels::CreateConv2D(params, *simd), params.geometry.out, x.data(), true);
        for (size_t o = 0; o < y.size(); ++o) {
          double sum = shift[o];
          for (size_t i = 0; i < n; ++i) sum += double{x[i]} * double{w[o * n + i]};
          EXPECT_NEAR(y[o], sum, 1e-5 * (1 + std::sqrt(in)));
        }
      }
    }
  }
}

TEST(Layout, RoundTrip) {
  Rng rng(23);
  const Shape shape{3, 4, 5};
  const std::vector<float> chw = RandomFloats(shape.size(), &rng);
  std::vector<float> hwc(shape.size()), back(shape.size());
  kernels::ChwToHwc(shape, chw.data(), hwc.data());
  EXPECT_EQ(hwc[1], chw[20]);  // second channel of the first pixel
  kernels::HwcToChw(shape, hwc.data(), back.data());
  EXPECT_EQ(back, chw);
}

TEST(Reshape, KeepsNchwOrder) {
  const Shape in{2, 2, 2};
  const std::vector<float> x = {0, 4, 1, 5, 2, 6, 3, 7};  // NHWC of 0..7 in NCHW
  std::vector<float> y(8);
  const TensorShape vector(std::vector{8});
  kernels::CopyInOrder(in, MemoryStrides(in), x.data(), vector, MemoryStrides(vector), y.data());
  EXPECT_EQ(y, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  std::vector<float> back(8);
  kernels::CopyInOrder(vector, MemoryStrides(vector), y.data(), in, MemoryStrides(in), back.data());
  EXPECT_EQ(back, x);
}

TEST(Pad, Channels) {
  const std::vector<float> x = {1, 2};
  const int pads[6] = {1, 1, 0, 1, 1, 0};
  std::vector<float> z(16);
  kernels::PadZeros({2, 1, 1}, {4, 2, 2}, pads, x.data(), z.data());
  EXPECT_EQ(z, (std::vector<float>{0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace adabin
