// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isa/isa.h"
#include "random_conv.h"
#include "run_conv.h"

namespace adabin {
namespace {

using test::RandomFloats;
using test::Rng;
using test::Supported;

TEST(Pool, BordersDoNotCount) {
  ConvGeometry g;
  g.in = {1, 3, 3};
  g.out = {1, 2, 2};
  g.kernel_h = g.kernel_w = 2;
  g.stride_h = g.stride_w = 2;
  g.pad_bottom = g.pad_right = 1;
  const std::vector<float> x = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
  std::vector<float> y(4);
  for (const isa::FloatLoops* simd : Supported()) {
    kernels::MaxPoolRows(*simd, g, x.data(), 0, 2, y.data());
    EXPECT_EQ(y, (std::vector<float>{-1, -3, -7, -9}));
    kernels::AvgPoolRows(*simd, g, x.data(), 0, 2, y.data());
    EXPECT_EQ(y, (std::vector<float>{-3, -4.5, -7.5, -9}));
  }
}

// Three by three around every second pixel, as in the stem of the ImageNet networks.
TEST(Pool, MaximumOfNegativeMapWithBorder) {
  Rng rng(24);
  for (const int size : {1, 2, 5, 6}) {
    for (const int channels : {2, 16, 37}) {
      ConvGeometry g;
      g.in = {channels, size, size};
      g.out = {channels, (size + 1) / 2, (size + 1) / 2};
      g.kernel_h = g.kernel_w = 3;
      g.stride_h = g.stride_w = 2;
      g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
      std::vector<float> x = RandomFloats(g.in.size(), &rng);
      for (float& v : x) v -= 9;
      std::vector<float> y(g.out.size());
      for (const isa::FloatLoops* simd : Supported()) {
        kernels::MaxPoolRows(*simd, g, x.data(), 0, g.out.h, y.data());
        for (int i = 0; i < static_cast<int>(y.size()); ++i) {
          const int c = i % channels;
          const int column = i / channels % g.out.w * 2;
          const int row = i / channels / g.out.w * 2;
          float expected = -std::numeric_limits<float>::infinity();
          for (int h = std::max(row - 1, 0); h < std::min(row + 2, size); ++h) {
            for (int w = std::max(column - 1, 0); w < std::min(column + 2, size); ++w) {
              expected = std::max(expected, x[static_cast<size_t>((h * size + w) * channels + c)]);
            }
          }
          ASSERT_EQ(y[static_cast<size_t>(i)], expected);
        }
      }
    }
  }
}

// Wherever in the window it lies, so that columns and rows can be taken one after the other.
TEST(Pool, MaximumPassesNanOn) {
  ConvGeometry g;
  g.in = {17, 2, 2};
  g.out = {17, 1, 1};
  g.kernel_h = g.kernel_w = 2;
  for (size_t at = 0; at < 4; ++at) {
    std::vector<float> x(g.in.size(), 1.0f), y(17);
    for (size_t c = 0; c < 17; ++c) x[at * 17 + c] = std::numeric_limits<float>::quiet_NaN();
    for (const isa::FloatLoops* simd : Supported()) {
      kernels::MaxPoolRows(*simd, g, x.data(), 0, 1, y.data());
      for (const float v : y) EXPECT_TRUE(std::isnan(v)) << simd->name;
      const float* rows[] = {x.data(), x.data() + 17, x.data() + 34, x.data() + 51};
      simd->maximum_of_rows(rows, 4, 17, y.data());
      for (const float v : y) EXPECT_TRUE(std::isnan(v)) << simd->name;
    }
  }
}

// With padding that counts, whatever of the window lies beyond it, and with a given divisor.
TEST(Pool, WhatAnAverageDividesBy) {
  ConvGeometry g;
  g.in = {1, 2, 2};
  g.out = {1, 2, 2};
  g.kernel_h = g.kernel_w = 2;
  g.stride_h = g.stride_w = 2;
  g.pad_top = g.pad_left = 1;
  g.pad_bottom = g.pad_right = 1;
  const std::vector<float> x = {-1, -2, -3, -4};
  std::vector<float> y(4);
  const auto average = [&](const PoolDivisor& divisor) {
    for (const isa::FloatLoops* simd : Supported()) {
      kernels::AvgPoolRows(*simd, g, x.data(), 0, 2, y.data(), divisor);
    }
    return y;
  };
  EXPECT_EQ(average({}), (std::vector<float>{-1, -2, -3, -4}));
  EXPECT_EQ(average({1, 1, 1, 1, 0}), (std::vector<float>{-0.25, -0.5, -0.75, -1}));
  EXPECT_EQ(average({1, 0, 1, 1, 0}), (std::vector<float>{-0.25, -0.5, -1.5, -2}));
  EXPECT_EQ(average({1, 1, 1, 1, 8}), (std::vector<float>{-0.125, -0.25, -0.375, -0.5}));
}

TEST(Pool, Dilated) {
  ConvGeometry g;
  g.in = {1, 3, 4};
  g.out = {1, 1, 2};
  g.kernel_h = g.kernel_w = 2;
  g.dilation_h = g.dilation_w = 2;
  const std::vector<float> x = {5, 1, 9, 2, 99, 99, 99, 99, 3, 8, 4, 7};
  std::vector<float> y(2);
  for (const isa::FloatLoops* simd : Supported()) {
    kernels::MaxPoolRows(*simd, g, x.data(), 0, 1, y.data());
    EXPECT_EQ(y, (std::vector<float>{9, 8}));
  }
}

}  // namespace
}  // namespace adabin
