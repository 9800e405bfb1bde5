// SPDX-License-Identifier: Apache-2.0
#include "random_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/memory_plan.h"
#include "kernels/bits.h"

namespace adabin::test {
namespace {

int Draw(Rng* rng, int low, int high) { return std::uniform_int_distribution(low, high)(*rng); }
float Uniform(Rng* rng, float low, float high) {
  return std::uniform_real_distribution(low, high)(*rng);
}

std::vector<float> Uniforms(Rng* rng, size_t count, float low, float high) {
  std::vector<float> out(count);
  for (float& v : out) v = Uniform(rng, low, high);
  return out;
}

}  // namespace

bool FitGeometry(ConvGeometry* g) {
  g->out.h = static_cast<int>(
      WindowOutput(g->in.h, g->pad_top + g->pad_bottom, g->kernel_h, g->stride_h, g->dilation_h));
  g->out.w = static_cast<int>(
      WindowOutput(g->in.w, g->pad_left + g->pad_right, g->kernel_w, g->stride_w, g->dilation_w));
  return g->out.h > 0 && g->out.w > 0;
}

RandomConv::RandomConv(const ConvGeometry& g, Rng* rng) : geometry(g) {
  const auto channels = static_cast<size_t>(g.out.c);
  compare = static_cast<kernels::Compare>(Draw(rng, 0, 1));
  threshold = Uniform(rng, -0.3f, 0.3f);
  high = Uniform(rng, -1.5f, 1.5f);  // below `low` half the time: a negative alpha
  low = Draw(rng, 0, 9) == 0 ? high : Uniform(rng, -1.5f, 1.5f);
  const size_t row_words = kernels::RowWords(g.filter_size());
  bits.assign(channels * row_words, 0);
  for (size_t o = 0; o < channels; ++o) {
    weight_low.push_back(Uniform(rng, -0.4f, 0.3f));
    const bool equal = Draw(rng, 0, 9) == 0;  // a filter without variance
    weight_high.push_back(weight_low[o] + (equal ? 0.0f : Uniform(rng, 0.01f, 0.5f)));
    for (int i = 0; !equal && i < g.filter_size(); ++i) {
      if (Draw(rng, 0, 1) == 1) kernels::SetBit(&bits[o * row_words], static_cast<size_t>(i));
    }
  }
  for (std::vector<double>* values : {&scale, &shift}) {
    const std::vector<float> drawn = Uniforms(rng, channels, -2.0f, 2.0f);
    values->assign(drawn.begin(), drawn.end());
  }
  act = static_cast<kernels::Activation>(Draw(rng, 0, 2));
  positive = Uniforms(rng, channels, -0.5f, 1.5f);
  negative = Uniforms(rng, channels, -0.9f, 0.9f);
  x = Uniforms(rng, g.in.size(), -1.0f, 1.0f);
  for (float& v : x) {
    if (Draw(rng, 0, 15) == 0) v = threshold;  // exactly on the threshold
  }
  residual = Uniforms(rng, g.out.size(), -2.0f, 2.0f);
}

kernels::BConv2DParams RandomConv::Params() const {
  kernels::BConv2DParams params;
  params.geometry = geometry;
  params.high = high;
  params.low = low;
  params.bits = bits;
  params.weight_low = weight_low;
  params.weight_high = weight_high;
  params.scale = scale;
  params.shift = shift;
  params.act = act;
  params.positive = positive;
  params.negative = negative;
  return params;
}

float RandomConv::Weight(int o, int c, int kh, int kw) const {
  const ConvGeometry& g = geometry;
  const auto channel = static_cast<size_t>(o);
  const uint32_t* row = bits.data() + channel * kernels::RowWords(g.filter_size());
  const auto bit = static_cast<size_t>((kh * g.kernel_w + kw) * g.group_in() + c);
  return kernels::GetBit(row, bit) ? weight_high[channel] : weight_low[channel];
}

std::vector<double> RandomConv::LiteralConvolution(std::vector<double>* magnitude) const {
  const ConvGeometry& g = geometry;
  std::vector<double> out;
  magnitude->clear();
  for (int oh = 0; oh < g.out.h; ++oh) {
    for (int ow = 0; ow < g.out.w; ++ow) {
      for (int o = 0; o < g.out.c; ++o) {
        double sum = 0;
        double size = 0;
        for (int c = 0; c < g.group_in(); ++c) {
          for (int kh = 0; kh < g.kernel_h; ++kh) {
            for (int kw = 0; kw < g.kernel_w; ++kw) {
              const int ih = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
              const int iw = ow * g.stride_w - g.pad_left + kw * g.dilation_w;
              if (ih < 0 || ih >= g.in.h || iw < 0 || iw >= g.in.w) continue;
              const int channel = o / g.group_out() * g.group_in() + c;
              const float value = x[static_cast<size_t>((ih * g.in.w + iw) * g.in.c + channel)];
              const bool bit = kernels::ActivationBit(compare, value, threshold);
              const double term = double{bit ? high : low} * double{Weight(o, c, kh, kw)};
              sum += term;
              size += std::abs(term);
            }
          }
        }
        const auto i = static_cast<size_t>(o);
        out.push_back(sum * scale[i] + shift[i]);
        magnitude->push_back(size * std::abs(double{scale[i]}) + std::abs(double{shift[i]}) + 1);
      }
    }
  }
  return out;
}

std::vector<float> RunKernel(const kernels::BConv2D& conv, const RandomConv& random,
                             bool with_residual, std::vector<uint8_t>* bits) {
  const ConvGeometry& g = random.geometry;
  constexpr size_t kGuard = 16;
  constexpr float kSentinel = -12345.0f;
  const kernels::BitLayout layout = kernels::LayoutBits(g.in, conv.padding());
  std::vector<std::byte> packed(layout.bytes());
  kernels::PackBits(random.x.data(), random.compare, random.threshold, layout, packed.data(), 0,
                    g.in.h);
  if (bits != nullptr) {
    bits->resize(g.in.size());
    kernels::UnpackBits(layout, packed.data(), bits->data());
  }
  // The next layer's bits: from what is written, whatever the kernel holds in registers.
  kernels::Target target;
  target.layout = kernels::LayoutBits(g.out, {1, 2, 3, 4});
  std::vector<std::byte> next(target.layout.bytes()), expected(target.layout.bytes());
  target.bits = next.data();
  target.compare = random.compare;
  target.threshold = random.threshold;
  std::vector<float> out(g.out.size() + 2 * kGuard, kSentinel);
  const auto scratch = backend::AllocateAligned(conv.scratch_bytes());
  // In parts, as threads would: the rows in two, one block of channels after the other.
  const int middle = g.out.h / 2;
  for (const auto& [begin, end] : {std::pair(middle, g.out.h), std::pair(0, middle)}) {
    const size_t row = static_cast<size_t>(begin) * g.out.size() / static_cast<size_t>(g.out.h);
    target.residual = with_residual ? random.residual.data() + row : nullptr;
    target.z = out.data() + kGuard + row;
    for (int block = conv.blocks(); block-- > 0;) {
      conv.Run(packed.data(), layout, {begin, end, block, block + 1}, target, scratch.get());
    }
  }
  for (size_t i = 0; i < kGuard; ++i) {
    EXPECT_EQ(out[i], kSentinel);
    EXPECT_EQ(out[out.size() - 1 - i], kSentinel);
  }
  kernels::PackBits(out.data() + kGuard, target.compare, target.threshold, target.layout,
                    expected.data(), 0, g.out.h);
  EXPECT_EQ(next, expected);
  // In place over the residual, and bits alone.
  if (with_residual) {
    std::vector<float> in_place = random.residual;
    target.residual = target.z = in_place.data();
    target.bits = nullptr;
    conv.Run(packed.data(), layout, {0, g.out.h, 0, conv.blocks()}, target, scratch.get());
    EXPECT_TRUE(std::equal(in_place.begin(), in_place.end(), out.begin() + kGuard));
    std::fill(next.begin(), next.end(), std::byte{0});
    target.residual = random.residual.data();
    target.z = nullptr;
    target.bits = next.data();
    conv.Run(packed.data(), layout, {0, g.out.h, 0, conv.blocks()}, target, scratch.get());
    EXPECT_EQ(next, expected);
  }
  return {out.begin() + kGuard, out.end() - kGuard};
}

ConvGeometry RandomGeometry(Rng* rng) {
  constexpr int kChannels[] = {1, 2, 3, 8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129};
  ConvGeometry g;
  do {
    g = ConvGeometry();
    const int groups = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 4) : 1;
    const int group_in = kChannels[Draw(rng, 0, groups == 1 ? 13 : 7)];
    g.groups = groups;
    g.in = {group_in * groups, Draw(rng, 1, 9), Draw(rng, 1, 9)};
    g.out.c = groups * (groups == 1 && Draw(rng, 0, 1) == 0 ? Draw(rng, 10, 150) : Draw(rng, 1, 9));
    g.kernel_h = Draw(rng, 1, 6);
    g.kernel_w = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 6) : g.kernel_h;
    g.stride_h = Draw(rng, 1, 3);
    g.stride_w = Draw(rng, 1, 3);
    g.dilation_h = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 12) : 1;
    g.dilation_w = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 12) : 1;
    g.pad_top = Draw(rng, 0, 12);
    g.pad_bottom = Draw(rng, 0, 12);
    g.pad_left = Draw(rng, 0, 4);
    g.pad_right = Draw(rng, 0, 4);
  } while (!FitGeometry(&g));
  return g;
}

}  // namespace adabin::test
