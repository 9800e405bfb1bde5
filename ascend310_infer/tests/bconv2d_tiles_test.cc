// SPDX-License-Identifier: Apache-2.0
//
// Sizes at which the vector kernels change their way: tiles, chunks of a row, sums that are about
// to overflow, borders that leave a pixel nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "check_kernels.h"
#include "kernels/select_kernel.h"

namespace adabin {
namespace {

using test::RandomConv;
using test::Rng;

struct Size {
  int channels, out_channels, height, width, kernel, stride, pad;
};

ConvGeometry Geometry(const Size& size) {
  ConvGeometry g;
  g.in = {size.channels, size.height, size.width};
  g.out.c = size.out_channels;
  g.kernel_h = g.kernel_w = size.kernel;
  g.stride_h = g.stride_w = size.stride;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = size.pad;
  EXPECT_TRUE(test::FitGeometry(&g));
  return g;
}

void CheckAgainstReference(const RandomConv& random) {
  const auto reference = kernels::CreateReferenceBConv2D(random.Params());
  const std::vector<float> expected = test::RunKernel(*reference, random, true);
  for (const kernels::Kernel& kernel : kernels::KernelTable()) {
    if (!kernel.supported()) continue;
    SCOPED_TRACE(kernel.name);
    EXPECT_EQ(test::RunKernel(*kernel.create(random.Params()), random, true), expected);
  }
}

TEST(BConv2DTiles, RowsOfEveryWidthUpToMoreThanAChunk) {
  Rng rng(31);
  for (int width = 1; width <= 40; ++width) {
    SCOPED_TRACE(width);
    CheckAgainstReference(RandomConv(Geometry({64, 64, 2, width, 3, 1, 1}), &rng));
  }
  CheckAgainstReference(RandomConv(Geometry({20, 20, 2, 97, 3, 2, 1}), &rng));
}

TEST(BConv2DTiles, BlocksOfEveryNumberOfVectors) {
  Rng rng(32);
  for (int out = 1; out <= 130; out += out % 16 == 0 ? 1 : 15) {
    SCOPED_TRACE(out);
    CheckAgainstReference(RandomConv(Geometry({32, out, 3, 5, 3, 1, 1}), &rng));
  }
}

TEST(BConv2DTiles, SegmentsOfEveryLength) {
  Rng rng(33);
  for (int channels = 1; channels <= 300; channels += channels < 70 ? 3 : 29) {
    SCOPED_TRACE(channels);
    CheckAgainstReference(RandomConv(Geometry({channels, 64, 3, 4, 3, 1, 1}), &rng));
    CheckAgainstReference(RandomConv(Geometry({channels, 20, 2, 3, 1, 1, 0}), &rng));
  }
}

TEST(BConv2DTiles, LargestCountsOverflowNothing) {
  Rng rng(34);
  for (const int channels : {16, 64, 512, 2000}) {
    SCOPED_TRACE(channels);
    RandomConv random(Geometry({channels, 64, 3, 7, 3, 1, 1}), &rng);
    const int bits = random.geometry.filter_size();
    const size_t words = RowWords(bits);
    std::fill(random.bits.begin(), random.bits.end(), 0u);
    for (size_t row = 0; row < 64; ++row) {
      for (size_t bit = 0; bit < static_cast<size_t>(bits); ++bit) {
        SetBit(random.bits.data() + row * words, bit);
      }
    }
    std::fill(random.x.begin(), random.x.end(), random.threshold + 1);
    CheckAgainstReference(random);
  }
}

TEST(BConv2DTiles, PaddingWiderThanTheMap) {
  Rng rng(35);
  for (const int width : {1, 2, 3}) {
    for (const int pad : {2, 4}) {
      SCOPED_TRACE(std::to_string(width) + " " + std::to_string(pad));
      CheckAgainstReference(RandomConv(Geometry({64, 64, 2, width, 5, 1, pad}), &rng));
    }
  }
}

}  // namespace
}  // namespace adabin
