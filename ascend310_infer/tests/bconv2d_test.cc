// SPDX-License-Identifier: Apache-2.0
//
// The sizes and parameters that hurt: the reference against the float convolution that it stands
// for, and every kernel in the table against the reference, bit for bit.
#include <gtest/gtest.h>

#include <string>

#include "check_kernels.h"
#include "kernels/select_kernel.h"

namespace adabin {
namespace {

using kernels::Kernel;
using kernels::KernelTable;
using test::CheckEveryKernel;
using test::RandomConv;
using test::Rng;

class BConv2DShapes : public testing::TestWithParam<std::tuple<int, int, int, int>> {};

TEST_P(BConv2DShapes, MatchesFloatConvolutionAndReference) {
  const auto [channels, out_channels, kernel, stride] = GetParam();
  Rng rng(static_cast<unsigned>(channels * 1000 + out_channels * 100 + kernel * 10 + stride));
  ConvGeometry g;
  g.in = {channels, 7, 6};
  g.out.c = out_channels;
  g.kernel_h = g.kernel_w = kernel;
  g.stride_h = g.stride_w = stride;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = kernel / 2;
  ASSERT_TRUE(test::FitGeometry(&g));
  CheckEveryKernel(RandomConv(g, &rng));
}

INSTANTIATE_TEST_SUITE_P(SizesThatHurt, BConv2DShapes,
                         testing::Combine(testing::Values(1, 3, 16, 32, 63, 64, 65, 128, 130),
                                          testing::Values(1, 4, 7), testing::Values(1, 3, 5, 6),
                                          testing::Values(1, 2)));

TEST(BConv2D, DepthwiseAndGroups) {
  Rng rng(5);
  for (const int groups : {2, 3, 65}) {
    ConvGeometry g;
    g.in = {groups, 5, 5};
    g.out.c = 2 * groups;
    g.groups = groups;
    g.kernel_h = g.kernel_w = 3;
    g.pad_top = g.pad_left = 1;
    ASSERT_TRUE(test::FitGeometry(&g));
    CheckEveryKernel(RandomConv(g, &rng));
  }
}

TEST(BConv2D, DilationLargerThanImage) {
  Rng rng(6);
  ConvGeometry g;
  g.in = {5, 4, 3};
  g.out.c = 3;
  g.kernel_h = g.kernel_w = 3;
  g.dilation_h = g.dilation_w = 9;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 9;
  ASSERT_TRUE(test::FitGeometry(&g));
  CheckEveryKernel(RandomConv(g, &rng));
}

TEST(BConv2D, MapOfOnePixelAndAsymmetricPadding) {
  Rng rng(7);
  for (const int pad_top : {0, 1, 2}) {
    ConvGeometry g;
    g.in = {65, 1, 1};
    g.out.c = 5;
    g.kernel_h = g.kernel_w = 3;
    g.pad_top = pad_top;
    g.pad_bottom = 3;
    g.pad_left = 2;
    g.pad_right = 1;
    ASSERT_TRUE(test::FitGeometry(&g));
    CheckEveryKernel(RandomConv(g, &rng));
  }
}

TEST(BConv2D, EqualWeightsAndEqualActivations) {
  Rng rng(8);
  ConvGeometry g;
  g.in = {20, 4, 4};
  g.out.c = 6;
  g.kernel_h = g.kernel_w = 3;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  ASSERT_TRUE(test::FitGeometry(&g));
  RandomConv random(g, &rng);
  random.high = random.low = 0.3f;
  CheckEveryKernel(random);
  random.weight_high = random.weight_low;
  std::fill(random.bits.begin(), random.bits.end(), 0u);
  CheckEveryKernel(random);
  random.high = -0.7f;  // alpha < 0
  CheckEveryKernel(random);
}

// As many ones as the numbers hold in which the look-up kernels count, and one more.
TEST(BConv2D, CountsThatFillSixteenBits) {
  Rng rng(10);
  for (const int channels : {65535, 65536}) {
    ConvGeometry g;
    g.in = {channels, 1, 1};
    g.out.c = 17;
    ASSERT_TRUE(test::FitGeometry(&g));
    RandomConv random(g, &rng);
    std::fill(random.x.begin(), random.x.end(), random.threshold + 1);
    for (size_t o = 0; o < 17; ++o) {
      for (size_t i = 0; i < static_cast<size_t>(channels); ++i) {
        SetBit(&random.bits[o * RowWords(channels)], i);
      }
    }
    CheckEveryKernel(random);
  }
}

// Each output sees another tap. What a load costs must not be classes times taps.
TEST(BConv2D, ConstantsOfAMillionBorderClasses) {
  Rng rng(9);
  ConvGeometry g;
  g.in = {1, 1, 1};
  g.out.c = 2;
  g.kernel_h = g.kernel_w = 1000;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 999;
  ASSERT_TRUE(test::FitGeometry(&g));
  RandomConv random(g, &rng);
  random.after.scale.clear();
  random.after.shift.clear();
  const kernels::BConv2DConstants constants = kernels::ComputeConstants(random.Params());
  ASSERT_EQ(constants.classes.count(), 1000000);
  for (const int at : {0, 1, 999, 1000, 123456, 999999}) {
    for (int o = 0; o < 2; ++o) {
      const TapRange rows = constants.classes.rows.sets()[static_cast<size_t>(at / 1000)];
      const TapRange columns = constants.classes.columns.sets()[static_cast<size_t>(at % 1000)];
      ASSERT_EQ(rows.end - rows.begin, 1);
      ASSERT_EQ(columns.end - columns.begin, 1);
      EXPECT_FLOAT_EQ(constants.c[static_cast<size_t>(2 * at + o)],
                      random.low * random.Weight(o, 0, rows.begin, columns.begin));
    }
  }
}

TEST(SelectKernel, KnowsItsTable) {
  EXPECT_STREQ(kernels::SelectKernel("auto").name, KernelTable()[0].name);
  for (const Kernel& kernel : KernelTable()) {
    if (kernel.supported()) {
      EXPECT_STREQ(kernels::SelectKernel(kernel.name).name, kernel.name);
    }
  }
  try {
    kernels::SelectKernel("nonsense");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("portable"), std::string::npos);
  }
}

}  // namespace
}  // namespace adabin
