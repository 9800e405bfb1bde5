// SPDX-License-Identifier: Apache-2.0
#include "random_conv.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bits.h"

namespace adabin::test {
namespace {

int Draw(Rng* rng, int low, int high) { return std::uniform_int_distribution(low, high)(*rng); }
float Uniform(Rng* rng, float low, float high) {
  return std::uniform_real_distribution(low, high)(*rng);
}

// Ordinary, tiny, denormal, huge, or so large that sums overflow.
float Extreme(Rng* rng) {
  constexpr float kMagnitudes[] = {1, 1, 1, 1e-20f, 1e-42f, 1e6f, 1e20f, 1e38f};
  return Uniform(rng, -1.0f, 1.0f) * kMagnitudes[Draw(rng, 0, 7)];
}

// One in `n` values becomes a zero of either sign, a NaN, an infinity or an extreme number.
void Spoil(Rng* rng, int n, std::vector<float>* values) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (float& v : *values) {
    if (Draw(rng, 1, n) > 1) continue;
    const float special[] = {0.0f, -0.0f, std::numeric_limits<float>::quiet_NaN(), kInf, -kInf};
    const int which = Draw(rng, 0, 7);
    v = which < 5 ? special[which] : Extreme(rng);
  }
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
  compare = static_cast<Compare>(Draw(rng, 0, 1));
  threshold = Uniform(rng, -0.3f, 0.3f);
  high = Uniform(rng, -1.5f, 1.5f);  // below `low` half the time: a negative alpha
  low = Draw(rng, 0, 9) == 0 ? high : Uniform(rng, -1.5f, 1.5f);
  const size_t row_words = RowWords(g.filter_size());
  bits.assign(channels * row_words, 0);
  for (size_t o = 0; o < channels; ++o) {
    weight_low.push_back(Uniform(rng, -0.4f, 0.3f));
    const bool equal = Draw(rng, 0, 9) == 0;  // a filter without variance
    weight_high.push_back(weight_low[o] + (equal ? 0.0f : Uniform(rng, 0.01f, 0.5f)));
    for (int i = 0; !equal && i < g.filter_size(); ++i) {
      if (Draw(rng, 0, 1) == 1) SetBit(&bits[o * row_words], static_cast<size_t>(i));
    }
  }
  for (std::vector<double>* values : {&after.scale, &after.shift}) {
    const std::vector<float> drawn = Uniforms(rng, channels, -2.0f, 2.0f);
    values->assign(drawn.begin(), drawn.end());
  }
  after.act = static_cast<Activation>(Draw(rng, 0, 2));
  after.positive = Uniforms(rng, channels, -0.5f, 1.5f);
  after.negative = Uniforms(rng, channels, -0.9f, 0.9f);
  x = Uniforms(rng, g.in.size(), -1.0f, 1.0f);
  for (float& v : x) {
    if (Draw(rng, 0, 15) == 0) v = threshold;  // exactly on the threshold
  }
  residual = Uniforms(rng, g.out.size(), -2.0f, 2.0f);
}

void RandomConv::MakeExtreme(Rng* rng) {
  // A huge mean, beside which the step between the two values is small or lost altogether.
  const float mean = Extreme(rng);
  const float step = Extreme(rng);
  low = mean - step;
  high = mean + step;
  for (size_t o = 0; o < weight_low.size(); ++o) {
    const bool equal = weight_high[o] == weight_low[o];
    weight_low[o] = Draw(rng, 0, 1) == 0 ? weight_low[o] : Extreme(rng);
    weight_high[o] = equal ? weight_low[o] : weight_low[o] + std::abs(Extreme(rng));
  }
  for (std::vector<double>* values : {&after.scale, &after.shift}) {
    for (double& v : *values) {
      if (Draw(rng, 0, 3) == 0) v = Extreme(rng);
    }
  }
  if (Draw(rng, 0, 9) == 0) after.scale.clear();
  if (Draw(rng, 0, 9) == 0) after.shift.clear();
  std::vector<float> chosen = {threshold};
  Spoil(rng, 2, &chosen);
  threshold = chosen[0];
  Spoil(rng, 8, &x);
  Spoil(rng, 20, &residual);
  Spoil(rng, 8, &after.positive);
  Spoil(rng, 8, &after.negative);
}

kernels::BConv2DParams RandomConv::Params() const {
  kernels::BConv2DParams params;
  params.geometry = geometry;
  params.high = high;
  params.low = low;
  params.bits = bits;
  params.weight_low = weight_low;
  params.weight_high = weight_high;
  params.after = after;
  return params;
}

float RandomConv::Weight(int o, int c, int kh, int kw) const {
  const ConvGeometry& g = geometry;
  const auto channel = static_cast<size_t>(o);
  const uint32_t* row = bits.data() + channel * RowWords(g.filter_size());
  const auto bit = static_cast<size_t>((kh * g.kernel_w + kw) * g.group_in() + c);
  return GetBit(row, bit) ? weight_high[channel] : weight_low[channel];
}

std::vector<double> RandomConv::LiteralConvolution(std::vector<double>* magnitude) const {
  const ConvGeometry& g = geometry;
  const double activation_size = std::abs(double{low}) + std::abs(double{high} - low);
  std::vector<double> out;
  magnitude->clear();
  for (int oh = 0; oh < g.out.h; ++oh) {
    for (int ow = 0; ow < g.out.w; ++ow) {
      for (int o = 0; o < g.out.c; ++o) {
        const auto i = static_cast<size_t>(o);
        const double wl = weight_low[i];
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
              const bool bit = ActivationBit(compare, value, threshold);
              const double term = double{bit ? high : low} * double{Weight(o, c, kh, kw)};
              sum += term;
              size += activation_size * (std::abs(wl) + std::abs(weight_high[i] - wl));
            }
          }
        }
        const double factor = after.scale.empty() ? 1.0 : after.scale[i];
        const double added = after.shift.empty() ? 0.0 : after.shift[i];
        out.push_back(sum * factor + added);
        magnitude->push_back(size * std::abs(factor) + std::abs(added));
      }
    }
  }
  return out;
}

ConvGeometry RandomGeometry(Rng* rng, int64_t max_macs) {
  constexpr int kChannels[] = {1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129};
  ConvGeometry g;
  do {
    g = ConvGeometry();
    const int groups = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 4) : 1;
    int group_in = kChannels[Draw(rng, 0, groups == 1 ? 15 : 8)];
    if (groups == 1 && Draw(rng, 0, 7) == 0) group_in = Draw(rng, 1, 700);
    g.groups = groups;
    g.in = {group_in * groups, Draw(rng, 1, 9), Draw(rng, 1, 9)};
    if (Draw(rng, 0, 7) == 0) g.in.w = Draw(rng, 10, 80);  // beyond what is counted at a time
    g.out.c = groups * (groups == 1 && Draw(rng, 0, 1) == 0 ? Draw(rng, 10, 150) : Draw(rng, 1, 9));
    g.kernel_h = Draw(rng, 1, 6);
    g.kernel_w = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 6) : g.kernel_h;
    g.stride_h = Draw(rng, 1, 3);
    g.stride_w = Draw(rng, 1, 3);
    g.dilation_h = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 12) : 1;
    g.dilation_w = Draw(rng, 0, 2) == 0 ? Draw(rng, 1, 12) : 1;
    const bool small = Draw(rng, 0, 2) > 0;  // as in networks, or any
    g.pad_top = Draw(rng, 0, small ? 2 : 12);
    g.pad_bottom = Draw(rng, 0, small ? 2 : 12);
    g.pad_left = Draw(rng, 0, small ? 2 : 4);
    g.pad_right = Draw(rng, 0, small ? 2 : 4);
  } while (!FitGeometry(&g) || static_cast<int64_t>(g.out.size()) * g.filter_size() > max_macs);
  return g;
}

}  // namespace adabin::test
