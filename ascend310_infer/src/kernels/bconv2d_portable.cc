// SPDX-License-Identifier: Apache-2.0
//
// Plain C++. For each pair of output pixels the bits under the kernel are gathered
// into a dense row of K = group_in * taps bits (a few words that stay in the first-level cache),
// then each output channel is one pass of popcount(a & w) over that row. Gathering costs about one
// tap's work per pixel, is shared by all output channels, and buys three things: few input channels
// fill their words (16 channels at 3x3 are 3 words, not 9), padding needs no border in memory, and
// any stride, dilation and group is the same code.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/bits.h"
#include "kernels/select_kernel.h"

// The popcount instruction is not in baseline x86-64. The counting loop is compiled twice and the
// CPU asked once, so the instruction is never met by a CPU that lacks it.
#if defined(__x86_64__) && !defined(__POPCNT__)
#define ADABIN_POPCNT_AT_RUN_TIME 1
#else
#define ADABIN_POPCNT_AT_RUN_TIME 0
#endif

namespace adabin::kernels {
namespace {

constexpr int kPixels = 2;  // output pixels per pass over the weights

// counts[p][o] = popcount(a[p] & w[o]) over `words` words for `channels` rows of w, and
// ones[p] = popcount(a[p]).
using CountFunction = void (*)(const uint64_t* a0, const uint64_t* a1, const uint64_t* w,
                               size_t words, size_t channels, int32_t* c0, int32_t* c1,
                               int32_t* ones);

[[gnu::always_inline]] inline void CountBody(const uint64_t* a0, const uint64_t* a1,
                                             const uint64_t* w, size_t words, size_t channels,
                                             int32_t* c0, int32_t* c1, int32_t* ones) {
  ones[0] = ones[1] = 0;
  for (size_t k = 0; k < words; ++k) {
    ones[0] += __builtin_popcountll(a0[k]);
    ones[1] += __builtin_popcountll(a1[k]);
  }
  size_t o = 0;
  for (; o + 2 <= channels; o += 2, w += 2 * words) {
    int32_t n00 = 0, n01 = 0, n10 = 0, n11 = 0;
    for (size_t k = 0; k < words; ++k) {
      const uint64_t w0 = w[k], w1 = w[words + k];
      n00 += __builtin_popcountll(a0[k] & w0);
      n01 += __builtin_popcountll(a0[k] & w1);
      n10 += __builtin_popcountll(a1[k] & w0);
      n11 += __builtin_popcountll(a1[k] & w1);
    }
    c0[o] = n00;
    c0[o + 1] = n01;
    c1[o] = n10;
    c1[o + 1] = n11;
  }
  if (o < channels) {
    c0[o] = c1[o] = 0;
    for (size_t k = 0; k < words; ++k) {
      c0[o] += __builtin_popcountll(a0[k] & w[k]);
      c1[o] += __builtin_popcountll(a1[k] & w[k]);
    }
  }
}

void CountBaseline(const uint64_t* a0, const uint64_t* a1, const uint64_t* w, size_t words,
                   size_t channels, int32_t* c0, int32_t* c1, int32_t* ones) {
  CountBody(a0, a1, w, words, channels, c0, c1, ones);
}

#if ADABIN_POPCNT_AT_RUN_TIME
[[gnu::target("popcnt")]] void CountPopcnt(const uint64_t* a0, const uint64_t* a1,
                                           const uint64_t* w, size_t words, size_t channels,
                                           int32_t* c0, int32_t* c1, int32_t* ones) {
  CountBody(a0, a1, w, words, channels, c0, c1, ones);
}
#endif

CountFunction SelectCount() {
#if ADABIN_POPCNT_AT_RUN_TIME
  if (__builtin_cpu_supports("popcnt")) return CountPopcnt;
#endif
  return CountBaseline;
}

// Appends `count` bits of a pixel, from bit `from` on, at bit `to` of the zeroed row `target`.
inline void AppendBits(const std::byte* pixel, size_t from, size_t count, uint64_t* target,
                       size_t to) {
  while (count > 0) {
    const size_t shift = from % 8;
    const size_t take = std::min({count, 8 - shift, 64 - to % 64});
    const uint64_t bits =
        (std::to_integer<uint64_t>(pixel[from / 8]) >> shift) & ((uint64_t{1} << take) - 1);
    target[to / 64] |= bits << (to % 64);
    from += take;
    to += take;
    count -= take;
  }
}

// The same for `Word`s of which the bits above `count` are 0.
template <typename Word>
inline void AppendWords(const std::byte* pixel, size_t count, uint64_t* target, size_t to) {
  for (size_t left = count;; pixel += sizeof(Word), to += 8 * sizeof(Word)) {
    Word word;
    std::memcpy(&word, pixel, sizeof(word));
    const size_t shift = to % 64;
    const size_t bits = std::min(left, 8 * sizeof(Word));
    target[to / 64] |= uint64_t{word} << shift;
    if (shift + bits > 64) target[to / 64 + 1] = uint64_t{word} >> (64 - shift);
    left -= bits;
    if (left == 0) return;
  }
}

class PortableBConv2D : public BConv2D {
 public:
  explicit PortableBConv2D(const BConv2DParams& params)
      : geometry_(params.geometry),
        constants_(ComputeConstants(params)),
        count_(SelectCount()),
        row_words_((static_cast<size_t>(params.geometry.filter_size()) + 63) / 64) {
    const auto channels = static_cast<size_t>(geometry_.out.c);
    const size_t source_words = RowWords(geometry_.filter_size());
    weights_.assign(channels * row_words_, 0);
    for (size_t o = 0; o < channels; ++o) {
      for (size_t i = 0; i < source_words; ++i) {
        weights_[o * row_words_ + i / 2] |= uint64_t{params.bits[o * source_words + i]}
                                            << (32 * (i % 2));
      }
    }
  }

  size_t scratch_bytes() const override {
    const auto channels = static_cast<size_t>(geometry_.out.c);
    return kPixels * (row_words_ * sizeof(uint64_t) + channels * sizeof(float) +
                      static_cast<size_t>(geometry_.group_out()) * sizeof(int32_t));
  }

  void Run(const std::byte* bits, const BitLayout& layout, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const int width = geometry_.out.w;
    const auto channels = static_cast<size_t>(geometry_.out.c);
    Scratch s;
    s.rows[0] = reinterpret_cast<uint64_t*>(scratch);
    s.rows[1] = s.rows[0] + row_words_;
    s.z[0] = reinterpret_cast<float*>(s.rows[1] + row_words_);
    s.z[1] = s.z[0] + channels;
    s.counts[0] = reinterpret_cast<int32_t*>(s.z[1] + channels);
    s.counts[1] = s.counts[0] + geometry_.group_out();
    for (int oh = work.row_begin; oh < work.row_end; ++oh) {
      for (int ow = 0; ow < width; ow += kPixels) {
        const int pixels = std::min(kPixels, width - ow);
        for (int group = 0; group < geometry_.groups; ++group) {
          ComputeGroup(bits, layout, oh, ow, pixels, group, s);
        }
        for (int p = 0; p < pixels; ++p) {
          FinishPixel(constants_.after, target, oh, oh - work.row_begin, ow + p, width,
                      geometry_.out.c, s.z[p]);
        }
      }
    }
  }

 private:
  struct Scratch {
    uint64_t* rows[kPixels];
    float* z[kPixels];
    int32_t* counts[kPixels];
  };

  // Collects the bits under the kernel at one output pixel.
  void Gather(const std::byte* bits, const BitLayout& layout, int oh, int ow, int group,
              uint64_t* row) const {
    std::fill_n(row, row_words_, 0);
    const BorderClasses& classes = constants_.classes;
    const TapRange rows = classes.rows.TapsAt(oh);
    const TapRange columns = classes.columns.TapsAt(ow);
    const auto group_in = static_cast<size_t>(geometry_.group_in());
    const size_t first_channel = static_cast<size_t>(group) * group_in;
    for (int kh = rows.begin; kh < rows.end; ++kh) {
      const int64_t ih = oh * geometry_.stride_h - geometry_.pad_top + kh * geometry_.dilation_h;
      for (int kw = columns.begin; kw < columns.end; ++kw) {
        const int64_t iw = ow * geometry_.stride_w - geometry_.pad_left + kw * geometry_.dilation_w;
        const std::byte* pixel = bits + layout.Offset(static_cast<int>(ih), static_cast<int>(iw));
        const size_t to = static_cast<size_t>(kh * geometry_.kernel_w + kw) * group_in;
        if (geometry_.groups > 1) {
          AppendBits(pixel, first_channel, group_in, row, to);
        } else if (group_in <= 16) {
          AppendWords<uint16_t>(pixel, group_in, row, to);
        } else {
          AppendWords<uint32_t>(pixel, group_in, row, to);
        }
      }
    }
  }

  void ComputeGroup(const std::byte* bits, const BitLayout& layout, int oh, int ow, int pixels,
                    int group, const Scratch& s) const {
    for (int p = 0; p < pixels; ++p) Gather(bits, layout, oh, ow + p, group, s.rows[p]);
    if (pixels < kPixels) std::copy_n(s.rows[0], row_words_, s.rows[1]);
    const auto group_out = static_cast<size_t>(geometry_.group_out());
    const size_t first = static_cast<size_t>(group) * group_out;
    int32_t ones[kPixels];
    count_(s.rows[0], s.rows[1], weights_.data() + first * row_words_, row_words_, group_out,
           s.counts[0], s.counts[1], ones);
    for (int p = 0; p < pixels; ++p) {
      const float* a = constants_.a.data() + first;
      const float* b = constants_.b.data() + first;
      const float* c = constants_.c.data() + first +
                       static_cast<size_t>(constants_.classes.ClassOf(oh, ow + p)) *
                           static_cast<size_t>(geometry_.out.c);
      const auto total = static_cast<float>(ones[p]);
      float* z = s.z[p] + first;
      for (size_t o = 0; o < group_out; ++o) {
        z[o] = a[o] * static_cast<float>(s.counts[p][o]) + (b[o] * total + c[o]);
      }
    }
  }

  ConvGeometry geometry_;
  BConv2DConstants constants_;
  CountFunction count_;
  size_t row_words_;
  std::vector<uint64_t> weights_;  // [out.c][row_words_]
};

}  // namespace

std::unique_ptr<BConv2D> CreatePortableBConv2D(const BConv2DParams& params) {
  return std::make_unique<PortableBConv2D>(params);
}

}  // namespace adabin::kernels
