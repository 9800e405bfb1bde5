// SPDX-License-Identifier: Apache-2.0
//
// The convolution by fewer multiplications beside the direct sum.
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

constexpr float kInf = std::numeric_limits<float>::infinity();

// A 7x7 convolution of stride 2 with everything behind it.
struct Stem {
  Stem(int channels, int height, int width, int pad, int out, Rng* rng) {
    geometry.in = {channels, height, width};
    geometry.kernel_h = geometry.kernel_w = 7;
    geometry.stride_h = geometry.stride_w = 2;
    geometry.pad_top = geometry.pad_bottom = geometry.pad_left = geometry.pad_right = pad;
    geometry.out = {out, static_cast<int>(WindowOutput(height, 2 * pad, 7, 2, 1)),
                    static_cast<int>(WindowOutput(width, 2 * pad, 7, 2, 1))};
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
    params.reads_nchw = true;
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
            const int h = 2 * oh - g.pad_top + i / 7 % 7;
            const int w = 2 * ow - g.pad_left + i % 7;
            if (h < 0 || h >= g.in.h || w < 0 || w >= g.in.w) continue;
            sum += double{weights[static_cast<size_t>(o * g.filter_size() + i)]} *
                   double{x[static_cast<size_t>((i / 49 * g.in.h + h) * g.in.w + w)]};
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

// The identity that everything rests on, for each pair of tile and filter in use.
template <int kOutputs, int kTaps>
void ExpectFilters(const isa::ToomCook<kOutputs, kTaps>& table, Rng* rng) {
  constexpr int kProducts = isa::ToomCook<kOutputs, kTaps>::kProducts;
  const std::vector<float> g = RandomFloats(kTaps, rng), d = RandomFloats(kProducts, rng);
  double y[kOutputs] = {};
  for (size_t i = 0; i < kProducts; ++i) {
    double filter = 0, input = 0;
    for (size_t k = 0; k < kTaps; ++k) filter += table.filter[i][k] * double{g[k]};
    for (size_t k = 0; k < kProducts; ++k) input += table.input[i][k] * double{d[k]};
    for (size_t k = 0; k < kOutputs; ++k) y[k] += table.outputs[k][i] * filter * input;
  }
  for (size_t k = 0; k < kOutputs; ++k) {
    double expected = 0;
    for (size_t j = 0; j < kTaps; ++j) expected += double{g[j]} * double{d[k + j]};
    EXPECT_NEAR(y[k], expected, 1e-12);
  }
}

TEST(ToomCook, Filters) {
  Rng rng(31);
  for (int i = 0; i < 20; ++i) {
    ExpectFilters(isa::kEvenRows, &rng);
    ExpectFilters(isa::kOddRows, &rng);
    ExpectFilters(isa::kEvenColumns, &rng);
    ExpectFilters(isa::kOddColumns, &rng);
  }
}

TEST(Winograd, MatchesLiteralSumForAnyInstructionSetAndSplit) {
  Rng rng(32);
  std::uniform_int_distribution<int> channels(1, 4), size(1, 40), pad(0, 3), out(1, 70);
  for (int i = 0; i < 60; ++i) {
    const Stem stem(channels(rng), size(rng) + 6, size(rng) + 6, pad(rng), out(rng), &rng);
    const std::vector<double> expected = stem.LiteralSum();
    const std::vector<float> residual = RandomFloats(stem.geometry.out.size(), &rng);
    std::vector<float> fused;  // of the sets with fused multiply-add
    for (const isa::FloatLoops* simd : Supported()) {
      SCOPED_TRACE(simd->name);
      const auto conv = kernels::CreateWinogradConv2D(stem.Params(false), *simd);
      ASSERT_NE(conv, nullptr);
      const std::vector<float> z = RunConv(*conv, stem.geometry.out, stem.x.data(), true);
      for (size_t k = 0; k < z.size(); ++k) ASSERT_NEAR(z[k], expected[k], 2e-4);
      const auto layer = kernels::CreateWinogradConv2D(stem.Params(true), *simd);
      const auto direct = kernels::CreateRowConv2D(stem.Params(true), *simd);
      const auto run = [&](const kernels::Conv2D& c, bool whole) {
        return RunConv(c, stem.geometry.out, stem.x.data(), whole, residual.data());
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

// Of the size of the direct float sum's error, relative to the largest output: normal inputs,
// pixels, a flat picture, a smooth one, and one where few numbers, up to the largest that pass,
// outweigh all others; these few meet the transforms' roundings and little of the long sum's.
TEST(Winograd, ErrorIsThatOfFloat32) {
  Rng rng(33);
  for (int kind = 0; kind < 5; ++kind) {
    Stem stem(3, 62, 62, 3, 16, &rng);
    float last = 0;
    for (float& v : stem.x) {
      const float normal = v;
      if (kind == 1) v = std::round(127.5f * (1 + std::tanh(v)));
      if (kind == 2) v = 2.1f;
      if (kind == 3) v = last + 0.05f * normal;
      if (kind == 4) v = std::ldexp(normal, static_cast<int>(rng() % 176) - 90);
      last = v;
    }
    const std::vector<double> expected = stem.LiteralSum();
    double largest = 0;
    for (const double v : expected) largest = std::max(largest, std::abs(v));
    for (const isa::FloatLoops* simd : Supported()) {
      const auto errors = [&](const kernels::Conv2D& conv) {
        const std::vector<float> z = RunConv(conv, stem.geometry.out, stem.x.data(), true);
        double squares = 0, most = 0;
        for (size_t k = 0; k < z.size(); ++k) {
          const double error = std::abs(double{z[k]} - expected[k]) / largest;
          squares += error * error;
          most = std::max(most, error);
        }
        return std::pair(std::sqrt(squares / static_cast<double>(z.size())), most);
      };
      const auto [mean, most] = errors(*kernels::CreateWinogradConv2D(stem.Params(false), *simd));
      const auto [direct_mean, direct_most] =
          errors(*kernels::CreateRowConv2D(stem.Params(false), *simd));
      EXPECT_LT(mean, (kind == 4 ? 6 : 3) * direct_mean) << simd->name << " " << kind;
      EXPECT_LT(most, 4 * direct_most) << simd->name << " " << kind;
      EXPECT_LT(most, 2e-6) << simd->name << " " << kind;
    }
  }
}

// Differences of such numbers would be NaN where the direct sum has none: rows that see one are
// summed directly.
TEST(Winograd, LeavesWhatIsNotFiniteToTheDirectSum) {
  Rng rng(34);
  for (const float value : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN(), 3e38f, 4e26f}) {
    Stem stem(3, 31, 31, 3, 20, &rng);
    stem.x[31 * 31 + 20 * 31 + 5] = value;  // row 20: output rows 9 .. 11
    for (const isa::FloatLoops* simd : Supported()) {
      const Shape& out = stem.geometry.out;
      const auto conv = kernels::CreateWinogradConv2D(stem.Params(true), *simd);
      const auto direct = kernels::CreateRowConv2D(stem.Params(true), *simd);
      test::ExpectDirectRows(*conv, *direct, out, stem.x.data(), 8, 12);
    }
  }
}

TEST(Winograd, TakesOnlyWhatItKnows) {
  Rng rng(35);
  Stem stem(3, 31, 31, 3, 20, &rng);
  const isa::FloatLoops& simd = *Supported().front();
  const auto takes = [&](auto change) {
    kernels::Conv2DParams params = stem.Params(true);
    change(&params);
    return kernels::CreateWinogradConv2D(params, simd) != nullptr;
  };
  EXPECT_TRUE(takes([](kernels::Conv2DParams*) {}));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->reads_nchw = false; }));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->geometry.stride_w = 1; }));
  EXPECT_FALSE(takes([](kernels::Conv2DParams* p) { p->geometry.dilation_h = 2; }));
  stem.weights[5] = 1e30f;
  EXPECT_FALSE(takes([](kernels::Conv2DParams*) {}));
  stem.weights[5] = kInf;
  EXPECT_FALSE(takes([](kernels::Conv2DParams*) {}));
}

}  // namespace
}  // namespace adabin
