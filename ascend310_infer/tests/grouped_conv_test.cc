// SPDX-License-Identifier: Apache-2.0
//
// Convolutions of several groups: float ones beside the plain loop, binary ones beside the
// reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "check_kernels.h"
#include "kernels/conv2d.h"
#include "kernels/select_kernel.h"
#include "run_conv.h"
#include "schedule/memory_plan.h"

namespace adabin {
namespace {

using test::RandomConv;
using test::RandomFloats;
using test::Rng;
using test::RunConv;
using test::Supported;

struct Size {
  int group_in, group_out, groups, height, width, kernel, stride, dilation, pad;
};

ConvGeometry Geometry(const Size& size) {
  ConvGeometry g;
  g.groups = size.groups;
  g.in = {size.group_in * size.groups, size.height, size.width};
  g.out.c = size.group_out * size.groups;
  g.kernel_h = g.kernel_w = size.kernel;
  g.stride_h = g.stride_w = size.stride;
  g.dilation_h = g.dilation_w = size.dilation;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = size.pad;
  EXPECT_TRUE(test::FitGeometry(&g));
  return g;
}

// Outputs within rounding of the plain loop's, the same on every instruction set that fuses
// multiply-add, in whatever parts they are computed; and their bits.
void CheckFloat(const ConvGeometry& g, Rng* rng) {
  const RandomConv random(g, rng);
  const std::vector<float> weights =
      RandomFloats(static_cast<size_t>(g.out.c) * static_cast<size_t>(g.filter_size()), rng);
  kernels::Conv2DParams params;
  params.geometry = g;
  params.weights = weights;
  params.after = random.after;
  const float* x = random.x.data();
  const float* residual = random.residual.data();
  const std::vector<float> plain =
      RunConv(*kernels::CreatePlainConv2D(params), g.out, x, true, residual);
  std::vector<float> fused;
  for (const isa::FloatLoops* simd : Supported()) {
    SCOPED_TRACE(simd->name);
    const auto conv = kernels::CreateConv2D(params, *simd);
    const std::vector<float> z = RunConv(*conv, g.out, x, true, residual);
    ASSERT_EQ(RunConv(*conv, g.out, x, false, residual), z);
    for (size_t i = 0; i < z.size(); ++i) {
      ASSERT_NEAR(z[i], plain[i], 2e-5 * (1 + g.filter_size())) << i;
    }
    for (const bool with_floats : {false, true}) {
      std::vector<float> again(z.size());
      const auto scratch = schedule::AllocateAligned(conv->scratch_bytes());
      Target target;
      target.layout = LayoutBits(g.out, {1, 0, 2, 0});
      std::vector<std::byte> bits(target.layout.bytes()), expected = bits;
      target.residual = residual;
      target.z = with_floats ? again.data() : nullptr;
      target.bits = bits.data();
      target.threshold = 0.25f;
      conv->Start(scratch.get());
      conv->Run(x, {0, g.out.h, 0, conv->blocks()}, target, scratch.get());
      PackBits(z.data(), target.compare, target.threshold, target.layout, expected.data(), 0,
               g.out.h);
      ASSERT_EQ(bits, expected);
      if (with_floats) {
        ASSERT_EQ(again, z);
      }
    }
    if (simd == isa::Table().back()->floats) continue;
    if (fused.empty()) fused = z;
    ASSERT_EQ(z, fused);
  }
}

TEST(GroupedConv, DepthwiseIsThePlainLoop) {
  Rng rng(41);
  for (const int channels : {8, 16, 37, 64, 80}) {
    for (const int kernel : {1, 3, 5}) {
      for (const int stride : {1, 2}) {
        for (const int dilation : {1, 2}) {
          SCOPED_TRACE(testing::Message() << channels << " channels, " << kernel << "x" << kernel
                                          << " /" << stride << " dilation " << dilation);
          const int pad = kernel / 2 * dilation;
          CheckFloat(Geometry({1, 1, channels, 6, 33, kernel, stride, dilation, pad}), &rng);
        }
      }
    }
  }
  CheckFloat(Geometry({1, 1, 16, 2, 3, 3, 1, 4, 4}), &rng);  // the map lies between two taps
}

TEST(GroupedConv, GroupsAreThePlainLoop) {
  Rng rng(42);
  for (const Size& size : std::vector<Size>{{8, 16, 2, 5, 7, 3, 1, 1, 1},
                                            {3, 5, 4, 6, 9, 3, 2, 1, 1},
                                            {16, 64, 3, 4, 6, 1, 1, 1, 0},
                                            {4, 4, 8, 7, 7, 3, 1, 2, 2},
                                            {1, 2, 20, 5, 5, 3, 1, 1, 1},
                                            {7, 1, 2, 5, 5, 5, 1, 1, 0}}) {
    SCOPED_TRACE(size.group_in);
    CheckFloat(Geometry(size), &rng);
  }
}

TEST(GroupedConv, WhatIsNoNumberStaysInItsGroup) {
  const ConvGeometry g = Geometry({4, 16, 2, 2, 2, 1, 1, 1, 0});
  const std::vector<float> weights(4 * 32, 1.0f);
  std::vector<float> x(g.in.size(), 1.0f);
  x[0] = std::numeric_limits<float>::quiet_NaN();
  kernels::Conv2DParams params;
  params.geometry = g;
  params.weights = weights;
  for (const isa::FloatLoops* simd : Supported()) {
    const auto z = RunConv(*kernels::CreateConv2D(params, *simd), g.out, x.data(), true);
    for (size_t i = 0; i < z.size(); ++i) EXPECT_EQ(std::isnan(z[i]), i < 16) << i;
  }
}

TEST(GroupedConv, BinaryGroupsAreTheReference) {
  Rng rng(43);
  for (const int group_in : {4, 8, 20, 32, 40}) {
    for (const int group_out : {8, 16, 21, 64}) {
      for (const int stride : {1, 2}) {
        SCOPED_TRACE(testing::Message() << group_in << " -> " << group_out << " /" << stride);
        test::CheckEveryKernel(
            RandomConv(Geometry({group_in, group_out, 3, 4, 7, 3, stride, 1, 1}), &rng));
      }
    }
  }
  RandomConv exact(Geometry({16, 16, 2, 4, 5, 3, 1, 1, 1}), &rng);
  exact.high = 1;
  exact.low = -1;
  exact.weight_low.assign(32, -1);
  exact.weight_high.assign(32, 1);
  test::CheckEveryKernel(exact);  // one group's constants alone could be folded
}

}  // namespace
}  // namespace adabin
