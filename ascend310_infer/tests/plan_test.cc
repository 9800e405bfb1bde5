// SPDX-License-Identifier: Apache-2.0
//
// What a plan refuses, wherever it comes from.
#include "ir/plan.h"

#include <gtest/gtest.h>

#include "base/bits.h"
#include "base/error.h"
#include "ops/append.h"

namespace adabin {
namespace {

// The complaint about a binary convolution with `channels` outputs on a map of one pixel, whose
// kernel and padding make each of its 1000 x 1000 outputs see another tap.
std::string ManyBorders(int channels) {
  ir::Step step;
  step.kind = ir::StepKind::kBinaryConv;
  step.out_channels = channels;
  ConvGeometry& g = step.geometry;
  g.kernel_h = g.kernel_w = 1000;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 999;
  const auto out = static_cast<size_t>(channels);
  step.bits.assign(out * RowWords(1000 * 1000), 0);
  step.weight_low.assign(out, 1);
  step.weight_high.assign(out, 1);
  ir::Plan plan;
  ops::SetInput(&plan, Shape{1, 1, 1});
  try {
    ops::Append(&plan, step);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Plan, BoundsBorderClasses) {
  EXPECT_EQ(ManyBorders(16), "");
  EXPECT_NE(ManyBorders(17).find("1000000 kinds of border for 17 channels"), std::string::npos);
}

}  // namespace
}  // namespace adabin
