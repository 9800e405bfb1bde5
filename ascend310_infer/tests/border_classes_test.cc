// SPDX-License-Identifier: Apache-2.0
#include "base/border_classes.h"

#include <gtest/gtest.h>

#include "random_conv.h"

namespace adabin {
namespace {

// Counts valid taps by trying each.
int CountTaps(const ConvGeometry& g, int oh, int ow) {
  int taps = 0;
  for (int kh = 0; kh < g.kernel_h; ++kh) {
    for (int kw = 0; kw < g.kernel_w; ++kw) {
      const int ih = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
      const int iw = ow * g.stride_w - g.pad_left + kw * g.dilation_w;
      taps += ih >= 0 && ih < g.in.h && iw >= 0 && iw < g.in.w;
    }
  }
  return taps;
}

TEST(ValidTaps, EveryTapTried) {
  for (int origin = -30; origin <= 12; ++origin) {
    for (int kernel = 1; kernel <= 6; ++kernel) {
      for (int dilation = 1; dilation <= 12; ++dilation) {
        for (int in = 1; in <= 9; ++in) {
          const TapRange taps = ValidTaps(origin, kernel, dilation, in);
          for (int k = 0; k < kernel; ++k) {
            const int at = origin + k * dilation;
            ASSERT_EQ(k >= taps.begin && k < taps.end, at >= 0 && at < in)
                << origin << " " << kernel << " " << dilation << " " << in;
          }
        }
      }
    }
  }
}

TEST(BorderClasses, CoverEveryPixel) {
  test::Rng rng(11);
  for (int i = 0; i < 300; ++i) {
    const ConvGeometry g = test::RandomGeometry(&rng);
    const BorderClasses classes = FindBorderClasses(g);
    for (int oh = 0; oh < g.out.h; ++oh) {
      for (int ow = 0; ow < g.out.w; ++ow) {
        const auto cls = static_cast<size_t>(classes.ClassOf(oh, ow));
        ASSERT_LT(cls, static_cast<size_t>(classes.count()));
        const TapRange rows = classes.rows.sets()[cls / classes.columns.sets().size()];
        const TapRange columns = classes.columns.sets()[cls % classes.columns.sets().size()];
        ASSERT_EQ((rows.end - rows.begin) * (columns.end - columns.begin), CountTaps(g, oh, ow));
      }
    }
  }
}

// Nor is there more of it than the kernel has taps, whatever the map's size.
TEST(BorderClasses, AMapOfAnySizeTakesAsMuchMemory) {
  for (const int size : {16, 1 << 20}) {
    const BorderAxis axis(size, 1, 3, 5, 1, size - 2);
    EXPECT_EQ(axis.runs().size(), 7u) << size;
    EXPECT_EQ(axis.TapsAt(size / 2), (TapRange{0, 5}));
    EXPECT_EQ(axis.TapsAt(0), (TapRange{3, 5}));
    EXPECT_EQ(axis.TapsAt(size - 1), (TapRange{0, 2}));
  }
}

TEST(BorderClasses, NineForTheUsualLayerAndFourForStrideTwo) {
  ConvGeometry g;
  g.in = {16, 32, 32};
  g.out.c = 16;
  g.kernel_h = g.kernel_w = 3;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  ASSERT_TRUE(test::FitGeometry(&g));
  EXPECT_EQ(FindBorderClasses(g).count(), 9);
  g.stride_h = g.stride_w = 2;
  ASSERT_TRUE(test::FitGeometry(&g));
  EXPECT_EQ(FindBorderClasses(g).count(), 4);
  g.in.h = g.in.w = 1;
  ASSERT_TRUE(test::FitGeometry(&g));
  EXPECT_EQ(FindBorderClasses(g).count(), 1);
}

}  // namespace
}  // namespace adabin
