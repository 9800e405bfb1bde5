// SPDX-License-Identifier: Apache-2.0
//
// With a = ca + ha * s (s = +-1) for activations and w = cw + hw * v for weights, over the taps inside the image:
//
//     y = ha hw Dot + ha cw S + T      Dot = sum s v = 4 popcount(s & v) - 2 P + D      S = sum s = 2 P - N
//
// P, the ones among the pixel's taps, serves all filters; D = N - 2 ones(v) and T = ca sum w depend on which taps are
// inside the image only. Dot is an exact integer, so that y is as precise as the +-1 form allows.
#include "popcount_conv.h"

#include <algorithm>
#include <vector>

#include "buffer.h"
#include "conv_planes.h"
#include "parallel.h"
#include "planes.h"
#include "simd.h"

namespace adabin_cpu {
namespace {

constexpr int64_t kWordBits = 32;
constexpr int kFilters = 8;
constexpr int kCountVectors = 2;

/// (words, pixels): bit c % 32 of word c / 32 is the sign of channel c.
void PackSigns(const float* image, int64_t channels, int64_t pixels, const ActivationSet& set, uint32_t* words) {
  for (int64_t first = 0; first < channels; first += kWordBits, words += pixels) {
    const float* from = image + first * pixels;
    const int count = static_cast<int>(std::min(kWordBits, channels - first));
    int64_t p = 0;
    for (; p + kLanes <= pixels; p += kLanes) {
      BitVec bits = {};
      for (int c = 0; c < count; ++c) bits |= (BitVec)set.IsPlus(Load<Vec>(from + c * pixels + p)) & (1u << c);
      Store(words + p, bits);
    }
    for (; p < pixels; ++p) {
      uint32_t bits = 0;
      for (int c = 0; c < count; ++c) bits |= static_cast<uint32_t>(set.IsPlus(from[c * pixels + p])) << c;
      words[p] = bits;
    }
  }
}

/// Signs of the weights, [tile of kFilters][word, tap][kFilters], and every filter's constants.
struct BinaryWeights {
  BinaryWeights(const ConvShape& s, const float* w, BinarySet set)
      : depth(DivideUp(s.c, kWordBits) * s.taps()),
        words(DivideUp(s.o, kFilters) * kFilters * depth, 0u),
        sets(s.o),
        tap_ones(s.o * s.taps(), 0) {
    ParallelFor(s.o, [&](int64_t o) {
      const float* filter = w + o * s.filter();
      sets[o] = FilterStatistics(filter, s.filter(), set);
      uint32_t* own = words.data() + o / kFilters * depth * kFilters + o % kFilters;
      for (int64_t c = 0; c < s.c; ++c) {
        for (int64_t t = 0; t < s.taps(); ++t) {
          const uint32_t bit = filter[c * s.taps() + t] >= sets[o].center;
          own[(c / kWordBits * s.taps() + t) * kFilters] |= bit << (c % kWordBits);
          tap_ones[o * s.taps() + t] += bit;
        }
      }
    });
  }

  const int64_t depth;
  std::vector<uint32_t> words;
  std::vector<FilterSet> sets;
  std::vector<int32_t> tap_ones;
};

/// D and T of every filter and pixel. Rows with the same taps inside share a class, if vectors do not cross row ends.
struct BorderTables {
  BorderTables(const ConvShape& s, const BinaryWeights& weights, const ActivationSet& activation)
      : by_row(s.ow % kLanes == 0 || s.ow >= 2 * kLanes), row_class(s.oh) {
    std::vector<int64_t> class_rows;  // one row of each class
    for (int64_t y = 0; y < s.oh; ++y) {
      size_t i = by_row ? 0 : class_rows.size();
      while (i < class_rows.size() && !SameTaps(s, class_rows[i], y)) ++i;
      if (i == class_rows.size()) class_rows.push_back(y);
      row_class[y] = static_cast<int64_t>(i);
    }
    filter_elements = static_cast<int64_t>(class_rows.size()) * s.ow;
    taps_inside.resize(filter_elements + kLanes);
    dot.resize(s.o * filter_elements + kLanes);
    offset.resize(s.o * filter_elements + kLanes);
    const double center = (static_cast<double>(activation.high) + activation.low) / 2;
    ParallelFor(s.o, [&](int64_t o) {
      const int32_t* ones = weights.tap_ones.data() + o * s.taps();
      const FilterSet& set = weights.sets[o];
      int64_t i = 0;
      for (const int64_t y : class_rows) {
        for (int64_t x = 0; x < s.ow; ++x, ++i) {
          int64_t taps = 0, ones_inside = 0;
          for (int64_t ky = 0; ky < s.kh; ++ky) {
            const int64_t row = s.row(y, ky);
            if (row < 0 || row >= s.h) continue;
            for (int64_t kx = 0; kx < s.kw; ++kx) {
              const int64_t column = s.column(x, kx);
              if (column < 0 || column >= s.w) continue;
              ++taps, ones_inside += ones[ky * s.kw + kx];
            }
          }
          const double count = static_cast<double>(taps * s.c), difference = 2.0 * ones_inside - count;
          if (o == 0) taps_inside[i] = static_cast<int32_t>(taps * s.c);
          dot[o * filter_elements + i] = static_cast<float>(-difference);
          offset[o * filter_elements + i] =
              static_cast<float>(center * (set.distance * difference + set.center * count));
        }
      }
    });
  }

  static bool SameTaps(const ConvShape& s, int64_t a, int64_t b) {
    for (int64_t ky = 0; ky < s.kh; ++ky) {
      const int64_t row_a = s.row(a, ky), row_b = s.row(b, ky);
      if ((row_a >= 0 && row_a < s.h) != (row_b >= 0 && row_b < s.h)) return false;
    }
    return true;
  }

  const bool by_row;
  std::vector<int64_t> row_class;
  int64_t filter_elements;           // per filter
  std::vector<int32_t> taps_inside;  // N
  std::vector<float> dot, offset;    // D, T
};

/// A vector of output pixels of a block.
struct Pixels {
  int64_t image, plane, out, table;  // where it starts in the planes, in the output channel and in the tables
  int lanes;
};

struct Block {
  const uint32_t* planes;
  int64_t image_planes;
  float* out;  // first image's first channel
  int64_t out_image, out_channel;
};

/// One tile: kFilters filters and `vectors` vectors of pixels.
template <int vectors>
void CountTile(const BinaryWeights& weights, const BorderTables& tables, const std::vector<int32_t>& offsets,
               int64_t first_filter, int64_t filters, const Pixels* pixels, const Block& block, float half,
               const IntVec* minus_2p, const Vec* sign_sum) {
  const uint32_t* w = weights.words.data() + first_filter * weights.depth;
  const uint32_t* base[vectors];
  for (int v = 0; v < vectors; ++v) base[v] = block.planes + pixels[v].image * block.image_planes + pixels[v].plane;
  IntVec counts[kFilters][vectors] = {};
  for (int64_t k = 0; k < weights.depth; ++k) {
    BitVec bits[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) bits[v] = Load<BitVec>(base[v] + offsets[k]);
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f) {
      const BitVec filter = Broadcast(w[k * kFilters + f]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) counts[f][v] += CountOnes(bits[v] & filter);
    }
  }
#pragma GCC unroll 8
  for (int f = 0; f < kFilters; ++f) {
    if (f >= filters) break;
    const FilterSet& set = weights.sets[first_filter + f];
    const Vec scale = Broadcast(half * set.distance), center = Broadcast(half * set.center);
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      const int64_t table = (first_filter + f) * tables.filter_elements + pixels[v].table;
      const Vec dot = ToFloat(counts[f][v] * 4 + minus_2p[v]) + Load<Vec>(tables.dot.data() + table);
      const Vec y = scale * dot + (center * sign_sum[v] + Load<Vec>(tables.offset.data() + table));
      float* out =
          block.out + pixels[v].image * block.out_image + (first_filter + f) * block.out_channel + pixels[v].out;
      if (pixels[v].lanes == kLanes) {
        Store(out, y);
      } else {
        StoreFirst(out, y, pixels[v].lanes);
      }
    }
  }
}

}  // namespace

void PopcountConv(const ConvShape& s, const float* x, const float* w, const ActivationSet& activation,
                  BinarySet weight_set, float* y) {
  const BinaryWeights weights(s, w, weight_set);
  const BorderTables tables(s, weights, activation);
  const Sampling sampling = ForwardSampling(s);
  const int64_t words = DivideUp(s.c, kWordBits);
  const Blocks blocks = ChooseBlocks(s.n, s.oh, s.ow, 4 * words * sampling.PlaneElements(s.oh) / s.oh);
  const std::vector<int32_t> offsets = sampling.Offsets(words, blocks.band, 0);
  const int64_t image_planes = words * sampling.PlaneElements(blocks.band);
  const float half = static_cast<float>((static_cast<double>(activation.high) - activation.low) / 2);
  ParallelFor(blocks.count, [&](int64_t task) {
    const int64_t image = task / blocks.per_image * blocks.images, first = task % blocks.per_image * blocks.band;
    const int64_t images = std::min(blocks.images, s.n - image), rows = std::min(blocks.band, s.oh - first);
    Buffer signs(FourBytes(words * s.in_pixels())), planes(FourBytes(images * image_planes));
    std::vector<Pixels> pixels;
    for (int64_t i = 0; i < images; ++i) {
      PackSigns(x + (image + i) * s.c * s.in_pixels(), s.c, s.in_pixels(), activation, signs.words());
      FillPlanes(sampling, signs.words(), words, s.h, s.w, first, rows, blocks.band, planes.words() + i * image_planes);
      const int64_t runs = tables.by_row ? rows : 1, length = tables.by_row ? s.ow : rows * s.ow;
      for (int64_t run = 0; run < runs; ++run) {
        for (int64_t start = 0; start < length; start += kLanes) {
          const int64_t plane = run * length + start;
          const int64_t table = tables.row_class[first + run] * s.ow + start;
          pixels.push_back(
              {i, plane, first * s.ow + plane, table, static_cast<int>(std::min<int64_t>(kLanes, length - start))});
        }
      }
    }
    const int64_t count = static_cast<int64_t>(pixels.size());
    std::vector<IntVec> minus_2p(count);
    std::vector<Vec> sign_sum(count);
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t* base = planes.words() + pixels[i].image * image_planes + pixels[i].plane;
      IntVec ones = {};
      for (const int32_t offset : offsets) ones += CountOnes(Load<BitVec>(base + offset));
      minus_2p[i] = -2 * ones;
      sign_sum[i] = ToFloat(2 * ones - Load<IntVec>(tables.taps_inside.data() + pixels[i].table));
    }
    const Block block{planes.words(), image_planes, y + image * s.o * s.out_pixels(), s.o * s.out_pixels(),
                      s.out_pixels()};
    for (int64_t o = 0; o < s.o; o += kFilters) {
      const int64_t filters = std::min<int64_t>(kFilters, s.o - o);
      int64_t i = 0;
      for (; i + kCountVectors <= count; i += kCountVectors) {
        CountTile<kCountVectors>(weights, tables, offsets, o, filters, &pixels[i], block, half, &minus_2p[i],
                                 &sign_sum[i]);
      }
      for (; i < count; ++i) {
        CountTile<1>(weights, tables, offsets, o, filters, &pixels[i], block, half, &minus_2p[i], &sign_sum[i]);
      }
    }
  });
}

}  // namespace adabin_cpu
