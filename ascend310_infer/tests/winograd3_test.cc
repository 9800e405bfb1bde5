// SPDX-License-Identifier: Apache-2.0
//
// The 3x3 convolution by fewer multiplications beside the direct sum.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "run_conv.h"

namespace adabin {
namespace {

using test::RandomFloats;
using test::Rng;
using test::RunConv;
using test::Supported;

// A 3x3 convolution of a channels-last map with everything behind it.
struct Head {
  Head(int channels, int height, int width, int pad, int out, Rng* rng) {
    geometry.in = {channels, height, width};
    geometry.kernel_h = geometry.kernel_w = 3;
    geometry.pad_top = geometry.pad_bottom = geometry.pad_left = geometry.pad_right = pad;
    geometry.out = {out, height + 2 * pad - 2, width + 2 * pad - 2};
    const auto count = static_cast<size_t>(out);
    weights = RandomFloats(count * static_cast<size_t>(geometry.filter_size()), rng);
    x = RandomFloats(geometry.in.size(), rng);
    scale.assign(count, 0.75);
    shift.assign(count, -0.5);
    positive = RandomFloats(count, rng);
    negative = RandomFloats(count, rng);
  }
  kernels::Conv2DParams Params(bool whole_layer) const {
    kernels::Conv2DParams params;
    params.geometry = geometry;
    params.weights = weights;
    if (whole_layer) {
      params.after = {scale, shift, Activation::kTwoSlope, positive, negative};
    }
    return params;
  }
  // The convolution alone, in double.
  std::vector<double> LiteralSum() const {
    const ConvGeometry& g = geometry;
    std::vector<double> z;
    for (int oh = 0; oh < g.out.h; ++oh) {
      for (int ow = 0; ow < g.out.w; ++ow) {
        for (int o = 0; o < g.out.c; ++o) {
          double sum = 0;
          for (int i = 0; i < g.filter_size(); ++i) {
            const int h = oh - g.pad_top + i / 3 % 3;
            const int w = ow - g.pad_left + i % 3;
            if (h < 0 || h >= g.in.h || w < 0 || w >= g.in.w) continue;
            sum += double{weights[static_cast<size_t>(o * g.filter_size() + i)]} *
                   double{x[static_cast<size_t>((h * g.in.w + w) * g.in.c + i / 9)]};
          }
          z.push_back(sum);
        }
      }
    }
    return z;
  }

  ConvGeometry geometry;
  std::vector<float> weights, x, positive, negative;
  std::vector<double> scale, shift;
};

TEST(Winograd3, MatchesLiteralSumForAnyInstructionSetAndSplit) {
  Rng rng(52);
  std::uniform_int_distribution<int> channels(32, 75), size(8, 15), pad(0, 2), out(1, 70);
  for (int i = 0; i < 12; ++i) {
    const int filters = out(rng), pads = pad(rng);
    // now and then more channels than one chain of additions takes
    const Head head(i == 0 ? 300 : channels(rng), size(rng) + 2, size(rng) + 2, pads, filters,
                    &rng);
    const std::vector<double> expected = head.LiteralSum();
    const std::vector<float> residual = RandomFloats(head.geometry.out.size(), &rng);
    std::vector<float> fused;  // of the sets with fused multiply-add
    for (const isa::FloatLoops* simd : Supported()) {
      SCOPED_TRACE(simd->name);
      const auto conv = kernels::CreateWinograd3Conv2D(head.Params(false), *simd);
      ASSERT_NE(conv, nullptr);
      const std::vector<float> z = RunConv(*conv, head.geometry.out, head.x.data(), true);
      for (size_t k = 0; k < z.size(); ++k) ASSERT_NEAR(z[k], expected[k], 2e-4);
      const auto layer = kernels::CreateWinograd3Conv2D(head.Params(true), *simd);
      const auto direct = kernels::CreateRowConv2D(head.Params(true), *simd);
      const auto run = [&](const kernels::Conv2D& c, bool whole) {
        return RunConv(c, head.geometry.out, head.x.data(), whole, residual.data());
      };
      const std::vector<float> whole = run(*layer, true);
      const std::vector<float> beside = run(*direct, true);
      for (size_t k = 0; k < whole.size(); ++k) ASSERT_NEAR(whole[k], beside[k], 1e-3);
      ASSERT_EQ(run(*layer, false), whole);
      if (simd == isa::Table().back()->floats) continue;
      if (fused.empty()) fused = whole;
      ASSERT_EQ(whole, fused);
    }
  }
}

// Numbers whose direct sum is exact: all factors of the transforms are halves, so are these sums.
TEST(Winograd3, SumsOfSmallWholeNumbersAreExact) {
  Rng rng(53);
  Head head(64, 16, 16, 1, 20, &rng);
  for (float& v : head.x) v = std::round(4 * v);
  for (float& v : head.weights) v = std::round(4 * v);
  const std::vector<double> expected = head.LiteralSum();
  for (const isa::FloatLoops* simd : Supported()) {
    const auto conv = kernels::CreateWinograd3Conv2D(head.Params(false), *simd);
    const std::vector<float> z = RunConv(*conv, head.geometry.out, head.x.data(), true);
    for (size_t k = 0; k < z.size(); ++k) ASSERT_EQ(z[k], expected[k]) << simd->name;
  }
}

// Of the size of the direct float sum's error, for normal inputs and for those behind a Maxout.
TEST(Winograd3, ErrorIsThatOfFloat32) {
  Rng rng(54);
  for (int kind = 0; kind < 2; ++kind) {
    Head head(512, 10, 10, 1, 8, &rng);
    for (float& v : head.x) v = kind == 0 ? v : std::max(v, -0.1f * v);
    const std::vector<double> expected = head.LiteralSum();
    double largest = 0;
    for (const double v : expected) largest = std::max(largest, std::abs(v));
    for (const isa::FloatLoops* simd : Supported()) {
      const auto errors = [&](const kernels::Conv2D& conv) {
        const std::vector<float> z = RunConv(conv, head.geometry.out, head.x.data(), true);
        double squares = 0, most = 0;
        for (size_t k = 0; k < z.size(); ++k) {
          const double error = std::abs(double{z[k]} - expected[k]) / largest;
          squares += error * error;
          most = std::max(most, error);
        }
        return std::pair(std::sqrt(squares / static_cast<double>(z.size())), most);
      };
      const auto [mean, most] = errors(*kernels::CreateWinograd3Conv2D(head.Params(false), *simd));
      const auto [direct_mean, direct_most] =
          errors(*kernels::CreateRowConv2D(head.Params(false), *simd));
      EXPECT_LT(mean, 2 * direct_mean) << simd->name << " " << kind;
      EXPECT_LT(most, 2 * direct_most) << simd->name << " " << kind;
      EXPECT_LT(most, 2e-6) << simd->name << " " << kind;
    }
  }
}

// Differences of such numbers would be NaN where the direct sum has none: rows of tiles that see
// one are summed directly.
TEST(Winograd3, LeavesWhatIsNotFiniteToTheDirectSum) {
  Rng rng(55);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const float value : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN(), 3e38f, 4e26f}) {
    Head head(40, 14, 11, 1, 20, &rng);
    head.x[static_cast<size_t>(((7 * 11) + 5) * 40 + 3)] = value;  // row 7: output rows 6 .. 8
    for (const isa::FloatLoops* simd : Supported()) {
      const Shape& out = head.geometry.out;
      const auto conv = kernels::CreateWinograd3Conv2D(head.Params(true), *simd);
      const auto direct = kernels::CreateRowConv2D(head.Params(true), *simd);
      test::ExpectDirectRows(*conv, *direct, out, head.x.data(), 6, 10);
    }
  }
}

TEST(Winograd3, TakesOnlyWhatItKnows) {
  Rng rng(56);
  Head head(32, 10, 10, 1, 20, &rng);
  const isa::FloatLoops& simd = *Supported().front();
  const auto takes = [&](auto change) {
    kernels::Conv2DParams params = head.Params(true);
    change(&params);
    return kernels::CreateWinograd3Conv2D(params, simd) != nullptr;
  };
  EXPECT_TRUE(takes([](kernels::Conv2DParams*) {}));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->reads_nchw = true; }));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->geometry.stride_w = 2; }));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->geometry.dilation_h = 2; }));
  head.weights[5] = 1e30f;
  EXPECT_FALSE(takes([](kernels::Conv2DParams*) {}));
  head.weights[5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(takes([](kernels::Conv2DParams*) {}));
}

}  // namespace
}  // namespace adabin
