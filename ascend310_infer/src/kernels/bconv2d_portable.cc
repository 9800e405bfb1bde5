// SPDX-License-Identifier: Apache-2.0
//
// Plain C++ on 64-bit words. For each pair of output pixels the bits under the kernel are gathered
// into a dense row of K = group_in * taps bits (a few words that stay in the first-level cache),
// then each output channel is one pass of popcount(a & w) over that row. Gathering costs about one
// tap's work per pixel, is shared by all output channels, and buys three things: few input channels
// fill their words (16 channels at 3x3 are 3 words, not 9), padding needs no border in memory, and
// any stride, dilation and group is the same code.
#include <algorithm>

#include "kernels/bits.h"
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

// Appends `count` bits of `source`, from bit `from` on, at bit `to` of the zeroed row `target`.
inline void AppendBits(const uint64_t* source, size_t from, size_t count, uint64_t* target,
                       size_t to) {
  while (count > 0) {
    const size_t shift = from % 64;
    const size_t take = std::min({count, 64 - shift, 64 - to % 64});
    uint64_t bits = source[from / 64] >> shift;
    if (take < 64) bits &= (uint64_t{1} << take) - 1;
    target[to / 64] |= bits << (to % 64);
    from += take;
    to += take;
    count -= take;
  }
}

// The same for a source word whose bits above `count` are 0: the usual case of at most 64 channels.
inline void AppendWord(uint64_t word, size_t count, uint64_t* target, size_t to) {
  const size_t shift = to % 64;
  target[to / 64] |= word << shift;
  if (shift + count > 64) target[to / 64 + 1] = word >> (64 - shift);
}

class PortableBConv2D : public BConv2D {
 public:
  explicit PortableBConv2D(const BConv2DParams& params)
      : geometry_(params.geometry),
        compare_(params.compare),
        threshold_(params.threshold),
        epilogue_{params.act, params.positive.data(), params.negative.data()},
        constants_(ComputeConstants(params)),
        count_(SelectCount()),
        pixel_words_(PixelWords(params.geometry.in.c)),
        row_words_(PixelWords(params.geometry.filter_size())),
        word_per_pixel_(params.geometry.groups == 1 && params.geometry.in.c <= 64) {
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

  size_t workspace_bytes() const override {
    return static_cast<size_t>(geometry_.in.h) * static_cast<size_t>(geometry_.in.w) *
           pixel_words_ * sizeof(uint64_t);
  }

  void Binarize(const float* x, std::byte* workspace, int row_begin, int row_end) const override {
    if (compare_ == Compare::kAtLeast) {
      BinarizeAs<Compare::kAtLeast>(x, workspace, row_begin, row_end);
    } else {
      BinarizeAs<Compare::kNotAtMost>(x, workspace, row_begin, row_end);
    }
  }

  void Compute(const std::byte* workspace, const float* residual, float* out, int row_begin,
               int row_end) const override {
    const auto* bits = reinterpret_cast<const uint64_t*>(workspace);
    const int width = geometry_.out.w;
    const auto channels = static_cast<size_t>(geometry_.out.c);
    Scratch scratch(row_words_, static_cast<size_t>(geometry_.group_out()));
    for (int oh = row_begin; oh < row_end; ++oh) {
      for (int ow = 0; ow < width; ow += kPixels) {
        const int pixels = std::min(kPixels, width - ow);
        for (int group = 0; group < geometry_.groups; ++group) {
          ComputeGroup(bits, out, oh, ow, pixels, group, &scratch);
        }
        for (int p = 0; p < pixels; ++p) {
          const size_t at = OutputOffset(oh, ow + p);
          epilogue_.Apply(out + at, residual == nullptr ? nullptr : residual + at,
                          static_cast<int>(channels));
        }
      }
    }
  }

  void UnpackBits(const std::byte* workspace, uint8_t* bits) const override {
    const auto* words = reinterpret_cast<const uint64_t*>(workspace);
    const auto channels = static_cast<size_t>(geometry_.in.c);
    const size_t pixels = geometry_.in.size() / channels;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t p = 0; p < pixels; ++p) {
        bits[c * pixels + p] = (words[p * pixel_words_ + c / 64] >> (c % 64)) & 1u;
      }
    }
  }

 private:
  struct Scratch {
    Scratch(size_t row_words, size_t group_out) {
      for (auto& row : rows) row.resize(row_words);
      for (auto& count : counts) count.resize(group_out);
    }
    std::vector<uint64_t> rows[kPixels];
    std::vector<int32_t> counts[kPixels];
  };

  template <Compare compare>
  void BinarizeAs(const float* x, std::byte* workspace, int row_begin, int row_end) const {
    const auto channels = static_cast<size_t>(geometry_.in.c);
    const auto width = static_cast<size_t>(geometry_.in.w);
    const size_t first = static_cast<size_t>(row_begin) * width;
    const size_t last = static_cast<size_t>(row_end) * width;
    uint64_t* word = reinterpret_cast<uint64_t*>(workspace) + first * pixel_words_;
    x += first * channels;
    for (size_t pixel = first; pixel < last; ++pixel) {
      for (size_t c = 0; c < channels; c += 64) {
        const size_t n = std::min<size_t>(64, channels - c);
        uint64_t bits = 0;
        for (size_t i = 0; i < n; ++i) {
          bits |= uint64_t{ActivationBit(compare, *x++, threshold_)} << i;
        }
        *word++ = bits;
      }
    }
  }

  size_t OutputOffset(int oh, int ow) const {
    return (static_cast<size_t>(oh) * static_cast<size_t>(geometry_.out.w) +
            static_cast<size_t>(ow)) *
           static_cast<size_t>(geometry_.out.c);
  }

  // Collects the bits under the kernel at one output pixel.
  void Gather(const uint64_t* bits, int oh, int ow, int group, uint64_t* row) const {
    std::fill_n(row, row_words_, 0);
    const BorderClasses& classes = constants_.classes;
    const TapRange rows =
        classes.row_sets[static_cast<size_t>(classes.row_class[static_cast<size_t>(oh)])];
    const TapRange columns =
        classes.column_sets[static_cast<size_t>(classes.column_class[static_cast<size_t>(ow)])];
    const auto group_in = static_cast<size_t>(geometry_.group_in());
    const size_t first_channel = static_cast<size_t>(group) * group_in;
    for (int kh = rows.begin; kh < rows.end; ++kh) {
      const int64_t ih = oh * geometry_.stride_h - geometry_.pad_top + kh * geometry_.dilation_h;
      for (int kw = columns.begin; kw < columns.end; ++kw) {
        const int64_t iw = ow * geometry_.stride_w - geometry_.pad_left + kw * geometry_.dilation_w;
        const auto pixel = static_cast<size_t>(ih * geometry_.in.w + iw);
        const auto tap = static_cast<size_t>(kh * geometry_.kernel_w + kw);
        if (word_per_pixel_) {
          AppendWord(bits[pixel], group_in, row, tap * group_in);
        } else {
          AppendBits(bits + pixel * pixel_words_, first_channel, group_in, row, tap * group_in);
        }
      }
    }
  }

  void ComputeGroup(const uint64_t* bits, float* out, int oh, int ow, int pixels, int group,
                    Scratch* scratch) const {
    for (int p = 0; p < pixels; ++p) Gather(bits, oh, ow + p, group, scratch->rows[p].data());
    const auto group_out = static_cast<size_t>(geometry_.group_out());
    const size_t first = static_cast<size_t>(group) * group_out;
    int32_t ones[kPixels];
    // Beside a last single pixel the other row is counted too; that count is not read.
    count_(scratch->rows[0].data(), scratch->rows[1].data(), weights_.data() + first * row_words_,
           row_words_, group_out, scratch->counts[0].data(), scratch->counts[1].data(), ones);
    for (int p = 0; p < pixels; ++p) {
      const float* a = constants_.a.data() + first;
      const float* b = constants_.b.data() + first;
      const float* c = constants_.c.data() + first +
                       static_cast<size_t>(constants_.classes.ClassOf(oh, ow + p)) *
                           static_cast<size_t>(geometry_.out.c);
      const int32_t* counts = scratch->counts[p].data();
      const auto total = static_cast<float>(ones[p]);
      float* z = out + OutputOffset(oh, ow + p) + first;
      for (size_t o = 0; o < group_out; ++o) {
        z[o] = a[o] * static_cast<float>(counts[o]) + (b[o] * total + c[o]);
      }
    }
  }

  ConvGeometry geometry_;
  Compare compare_;
  float threshold_;
  Epilogue epilogue_;
  BConv2DConstants constants_;
  CountFunction count_;
  size_t pixel_words_;
  size_t row_words_;
  bool word_per_pixel_;
  std::vector<uint64_t> weights_;  // [out.c][row_words_]
};

}  // namespace

std::unique_ptr<BConv2D> CreatePortableBConv2D(const BConv2DParams& params) {
  return std::make_unique<PortableBConv2D>(params);
}

}  // namespace adabin::kernels
