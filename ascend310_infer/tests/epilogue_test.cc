// SPDX-License-Identifier: Apache-2.0
#include "base/epilogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "isa/isa.h"
#include "kernels/channel_constants.h"
#include "run_conv.h"

namespace adabin {
namespace {

using test::Supported;

TEST(Epilogue, MatchesMaxoutDefinition) {
  const std::vector<float> positive = {1.5f, -0.5f, 1.0f};
  const std::vector<float> negative = {0.25f, 0.5f, -0.9f};
  for (const float v : {-2.0f, -0.0f, 0.0f, 3.0f}) {
    std::vector<float> z(3, v);
    Epilogue{{}, {}, Activation::kTwoSlope, positive, negative}.Apply(z.data(), nullptr, 3);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(z[c], positive[c] * std::max(v, 0.0f) + negative[c] * std::min(v, 0.0f));
    }
  }
}

// As MindSpore's: a ReLU ends NaN and the sign of zero, a slope keeps both.
TEST(Epilogue, NaN) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> slopes(17, 0.5f);
  const std::vector<float> nothing(32, -0.0f), padded(32, 0.5f);
  for (const float value : {kNaN, -kNaN, -0.0f}) {
    for (const Activation act : {Activation::kRelu, Activation::kTwoSlope}) {
      const bool slope = act == Activation::kTwoSlope;
      const auto expect = [&](float z) {
        if (slope) {
          EXPECT_TRUE(std::isnan(value) ? std::isnan(z) : std::signbit(z) && z == 0);
        } else {
          EXPECT_EQ(std::bit_cast<uint32_t>(z), 0u);
        }
      };
      const std::vector<float> x(17, value);
      std::vector<float> z = x;
      Epilogue{{}, {}, act, slopes, slopes}.Apply(z.data(), nullptr, 17);
      for (const float v : z) expect(v);
      for (const isa::FloatLoops* simd : Supported()) {
        SCOPED_TRACE(simd->name);
        isa::FinishTile tile;
        tile.sums = x.data();
        tile.sum_vector_step = isa::kLanes;
        tile.pixels = 1;
        tile.vectors = 2;
        tile.channels = 17;
        tile.shift = nothing.data();
        tile.act = act;
        tile.positive = tile.negative = padded.data();
        tile.to.z = z.data();
        std::fill(z.begin(), z.end(), 7.0f);
        simd->finish(tile);
        for (const float v : z) expect(v);
      }
    }
  }
}

// A ReLU takes three bytes of a file: of a thousand behind each other on a wide map, ones and zeros
// for each channel would take gigabytes.
TEST(Epilogue, WhatIsNotThereTakesNoMemory) {
  isa::FinishTile tile;
  kernels::ChannelConstants({{}, {}, Activation::kRelu, {}, {}}, 1000).Place(16, &tile);
  EXPECT_EQ(tile.act, Activation::kRelu);
  for (const float* values : {tile.scale, tile.shift, tile.positive, tile.negative}) {
    EXPECT_EQ(values, nullptr);
  }
  const kernels::ChannelConstants own({{2, 3, 4}, {}, Activation::kNone, {}, {}}, 3);
  own.Place(0, &tile);
  EXPECT_EQ(tile.scale[2], 4.0f);
  EXPECT_EQ(tile.scale[15], 0.0f);  // vectors read it
  EXPECT_EQ(tile.shift, nullptr);
}

// Scale and shift that are not there are 1 and 0: what a layer without BatchNorm computes.
TEST(Epilogue, EveryInstructionSetAppliesWhatThereIs) {
  test::Rng rng(1);
  const int channels = 37;
  const Shape map{channels, 1, 5};
  std::vector<double> scale, shift;
  for (const float v : test::RandomFloats(static_cast<size_t>(2 * channels), &rng)) {
    (scale.size() < static_cast<size_t>(channels) ? scale : shift).push_back(v);
  }
  const std::vector<float> x = test::RandomFloats(map.size(), &rng);
  const std::vector<float> slopes = test::RandomFloats(static_cast<size_t>(channels), &rng);
  for (const int parts : {0, 1, 2, 3}) {
    Epilogue after{{}, {}, Activation::kTwoSlope, slopes, slopes};
    if ((parts & 1) != 0) after.scale = scale;
    if ((parts & 2) != 0) after.shift = shift;
    std::vector<float> expected = x;
    for (size_t i = 0; i < x.size(); i += static_cast<size_t>(channels)) {
      after.Apply(expected.data() + i, nullptr, channels);
    }
    for (const isa::FloatLoops* simd : Supported()) {
      std::vector<float> z(x.size());
      Target target;
      target.z = z.data();
      kernels::FinishRow(*simd, kernels::ChannelConstants(after, channels), map, 0, x.data(),
                         target);
      EXPECT_EQ(z, expected) << simd->name << " " << parts;
    }
  }
}

TEST(Epilogue, PartIsOfItsChannels) {
  const Epilogue all{{1, 2, 3, 4}, {}, Activation::kTwoSlope, {5, 6, 7, 8}, {9, 10, 11, 12}};
  EXPECT_EQ(all.Part(1, 2), (Epilogue{{2, 3}, {}, Activation::kTwoSlope, {6, 7}, {10, 11}}));
}

}  // namespace
}  // namespace adabin
