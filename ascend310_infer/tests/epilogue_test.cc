// SPDX-License-Identifier: Apache-2.0
#include "base/epilogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "isa/isa.h"
#include "run_conv.h"

namespace adabin {
namespace {

using test::Supported;

TEST(Epilogue, MatchesMaxoutDefinition) {
  const std::vector<float> positive = {1.5f, -0.5f, 1.0f};
  const std::vector<float> negative = {0.25f, 0.5f, -0.9f};
  for (const float v : {-2.0f, -0.0f, 0.0f, 3.0f}) {
    std::vector<float> z(3, v);
    Epilogue{Activation::kTwoSlope, positive.data(), negative.data()}.Apply(z.data(), nullptr, 3);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(z[c], positive[c] * std::max(v, 0.0f) + negative[c] * std::min(v, 0.0f));
    }
  }
}

// As MindSpore's: a ReLU ends NaN and the sign of zero, a slope keeps both.
TEST(Epilogue, NaN) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> slopes(17, 0.5f);
  const std::vector<float> ones(32, 1.0f), nothing(32, -0.0f), padded(32, 0.5f);
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
      Epilogue{act, slopes.data(), slopes.data()}.Apply(z.data(), nullptr, 17);
      for (const float v : z) expect(v);
      for (const isa::FloatLoops* simd : Supported()) {
        SCOPED_TRACE(simd->name);
        isa::FinishTile tile;
        tile.sums = x.data();
        tile.sum_vector_step = isa::kLanes;
        tile.pixels = 1;
        tile.vectors = 2;
        tile.channels = 17;
        tile.a = ones.data();
        tile.c = nothing.data();
        tile.act = act;
        tile.positive = tile.negative = padded.data();
        tile.z = z.data();
        std::fill(z.begin(), z.end(), 7.0f);
        simd->finish(tile);
        for (const float v : z) expect(v);
      }
    }
  }
}

}  // namespace
}  // namespace adabin
