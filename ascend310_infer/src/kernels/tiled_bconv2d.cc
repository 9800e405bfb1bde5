// SPDX-License-Identifier: Apache-2.0
#include "kernels/tiled_bconv2d.h"

#include <algorithm>
#include <cstring>

namespace adabin::kernels {
namespace {

constexpr size_t kAlign = 64;
constexpr int kLanes = simd::kLanes;

size_t RoundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }

std::vector<float> Padded(std::span<const float> values, size_t size) {
  std::vector<float> out(size, 0.0f);
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

class TiledBConv2D : public BConv2D {
 public:
  TiledBConv2D(const BConv2DParams& params, const BConvRowKernel& kernel)
      : geometry_(params.geometry), kernel_(kernel), act_(params.act) {
    const ConvGeometry& g = geometry_;
    const auto channels = static_cast<size_t>(g.out.c);
    const size_t padded = RoundUp(channels, kLanes);
    const BConv2DConstants constants = ComputeConstants(params);
    classes_ = constants.classes;
    a_ = Padded(constants.a, padded);
    b_ = Padded(constants.b, padded);
    positive_ = Padded(params.positive, padded);
    negative_ = Padded(params.negative, padded);
    padded_channels_ = padded;
    for (size_t i = 0; i < static_cast<size_t>(classes_.count()); ++i) {
      const std::span<const float> row(constants.c.data() + i * channels, channels);
      const std::vector<float> wide = Padded(row, padded);
      c_.insert(c_.end(), wide.begin(), wide.end());
    }
    for (const int column_class : classes_.column_class) {
      c_offset_.push_back(static_cast<int32_t>(static_cast<size_t>(column_class) * padded));
    }
    LaySegments();
    PackWeights(params.bits);
  }

  BitPadding padding() const override { return WindowPadding(geometry_); }
  int blocks() const override { return static_cast<int>(blocks_.size()); }
  size_t scratch_bytes() const override {
    const size_t width = CountWidth();
    return kRowScratch + RoundUp(max_segments_ * sizeof(std::byte*), kAlign) +
           RoundUp(static_cast<size_t>(geometry_.out.w) * sizeof(float), kAlign) +
           RoundUp(width * sizeof(int32_t), kAlign) +
           RoundUp(width * static_cast<size_t>(geometry_.in.h) * sizeof(int32_t), kAlign);
  }

  void Run(const std::byte* bits, const BitLayout& layout, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const ConvGeometry& g = geometry_;
    BConvRow row;
    row.scratch = scratch;
    scratch += kRowScratch;
    auto* segments = reinterpret_cast<const std::byte**>(scratch);
    scratch += RoundUp(max_segments_ * sizeof(std::byte*), kAlign);
    auto* ones = reinterpret_cast<float*>(scratch);
    scratch += RoundUp(static_cast<size_t>(g.out.w) * sizeof(float), kAlign);
    auto* columns = reinterpret_cast<int32_t*>(scratch);
    scratch += RoundUp(CountWidth() * sizeof(int32_t), kAlign);
    auto* counts = reinterpret_cast<int32_t*>(scratch);
    CountRows(bits, layout, work, counts);

    row.segment = segments;
    row.segment_words = segment_words_;
    row.pixel_bytes = layout.pixel_bytes * static_cast<size_t>(g.stride_w);
    row.width = g.out.w;
    simd::FinishTile& f = row.finish;
    f.ones = ones;
    f.c_offset = c_offset_.data();
    f.act = act_;
    f.stride = static_cast<size_t>(g.out.c);
    f.compare = target.compare;
    f.threshold = target.threshold;
    f.bit_stride = target.layout.pixel_bytes;
    // All blocks of a row where that keeps the row's floats in cache, else all rows of a block,
    // which keeps its weights there.
    const bool by_row = weight_bytes_ <= kWeightsInCache;
    const int outer_begin = by_row ? 0 : work.block_begin;
    const int outer_end = by_row ? 1 : work.block_end;
    for (int outer = outer_begin; outer < outer_end; ++outer) {
      for (int oh = work.row_begin; oh < work.row_end; ++oh) {
        const TapRange rows = RowTaps(oh);
        row.segments = FindSegments(bits, layout, oh, rows, segments);
        const int top = oh * g.stride_h - g.pad_top + rows.begin * g.dilation_h;
        const size_t first = rows.begin == rows.end ? 0 : static_cast<size_t>(top);
        kernel_.sum_windows(counts + first * CountWidth(),
                            CountWidth() * static_cast<size_t>(g.dilation_h), rows.end - rows.begin,
                            static_cast<int>(CountWidth()), g.kernel_w, g.stride_w, g.dilation_w,
                            g.out.w, columns, ones);
        const int begin = by_row ? work.block_begin : outer;
        const int end = by_row ? work.block_end : outer + 1;
        for (int i = begin; i < end; ++i) {
          RunBlock(blocks_[static_cast<size_t>(i)], rows.begin, oh, oh - work.row_begin, target,
                   &row);
        }
      }
    }
  }

 private:
  struct Block {
    int first = 0;  // channel
    int vectors = 0;
    size_t weights = 0;  // offset
  };
  static constexpr size_t kWeightsInCache = 24576;

  size_t CountWidth() const {
    const BitPadding pad = padding();
    return static_cast<size_t>(pad.left + geometry_.in.w + pad.right);
  }

  TapRange RowTaps(int oh) const {
    return classes_.row_sets[static_cast<size_t>(classes_.row_class[static_cast<size_t>(oh)])];
  }

  // A row of taps is one stretch of memory unless it is dilated.
  void LaySegments() {
    const ConvGeometry& g = geometry_;
    const size_t pixel_bytes = LayoutBits(g.in, {}).pixel_bytes;
    taps_per_segment_ = g.dilation_w == 1 ? g.kernel_w : 1;
    segments_per_row_ = g.kernel_w / taps_per_segment_;
    segment_words_ =
        static_cast<int>((pixel_bytes * static_cast<size_t>(taps_per_segment_) + 3) / 4);
    max_segments_ = static_cast<size_t>(segments_per_row_) * static_cast<size_t>(g.kernel_h);
  }

  void PackWeights(std::span<const uint32_t> bits) {
    const ConvGeometry& g = geometry_;
    const int vectors = static_cast<int>(padded_channels_) / kLanes;
    size_t offset = 0;
    for (int v = 0; v < vectors;) {
      Block block;
      block.first = v * kLanes;
      const int left = vectors - v;
      block.vectors = left >= 4 ? 4 : left >= 2 ? 2 : 1;
      block.weights = offset;
      offset += BlockWords(block);
      v += block.vectors;
      blocks_.push_back(block);
    }
    const size_t word_bytes = kernel_.nibbles ? 8 : 4;
    weights_.assign(offset * word_bytes, std::byte{0});
    weight_bytes_ = weights_.size();
    const size_t pixel_bits = LayoutBits(g.in, {}).pixel_bytes * 8;
    const size_t row_words = RowWords(g.filter_size());
    std::vector<uint32_t> row(max_segments_ * static_cast<size_t>(segment_words_));
    for (Block& block : blocks_) {
      block.weights *= word_bytes;
      const auto lanes = static_cast<size_t>(block.vectors) * kLanes;
      for (int lane = 0; lane < static_cast<int>(lanes) && block.first + lane < g.out.c; ++lane) {
        LayRow(bits.data() + static_cast<size_t>(block.first + lane) * row_words, pixel_bits, &row);
        for (size_t word = 0; word < row.size(); ++word) {
          std::byte* at = weights_.data() + block.weights;
          if (kernel_.nibbles) {
            at += word * 8 * lanes + static_cast<size_t>(lane);
            for (size_t k = 0; k < 8; ++k) {
              at[k * lanes] = static_cast<std::byte>((row[word] >> (4 * k)) & 15u);
            }
          } else {
            std::memcpy(at + (word * lanes + static_cast<size_t>(lane)) * 4, &row[word], 4);
          }
        }
      }
    }
  }

  // One output channel's bits in the order of the segments' words.
  void LayRow(const uint32_t* bits, size_t pixel_bits, std::vector<uint32_t>* row) const {
    const ConvGeometry& g = geometry_;
    std::fill(row->begin(), row->end(), 0u);
    const auto channels = static_cast<size_t>(g.in.c);
    for (int tap = 0; tap < g.taps(); ++tap) {
      const auto segment = static_cast<size_t>(tap / taps_per_segment_);
      const size_t start = segment * static_cast<size_t>(segment_words_) * 32 +
                           static_cast<size_t>(tap % taps_per_segment_) * pixel_bits;
      const size_t first = static_cast<size_t>(tap) * channels;
      if (channels % 32 == 0) {
        std::copy_n(bits + first / 32, channels / 32, row->data() + start / 32);
        continue;
      }
      for (size_t c = 0; c < channels; ++c) {
        if (GetBit(bits, first + c)) SetBit(row->data(), start + c);
      }
    }
  }

  size_t BlockWords(const Block& block) const {
    return max_segments_ * static_cast<size_t>(segment_words_) *
           static_cast<size_t>(block.vectors) * kLanes;
  }

  // Ones of every pixel that the rows of `work` see, with the padding that the windows reach.
  void CountRows(const std::byte* bits, const BitLayout& layout, const Work& work,
                 int32_t* counts) const {
    const ConvGeometry& g = geometry_;
    const int span = (g.kernel_h - 1) * g.dilation_h;
    const int begin = std::max(0, work.row_begin * g.stride_h - g.pad_top);
    const int end = std::min(g.in.h, (work.row_end - 1) * g.stride_h - g.pad_top + span + 1);
    const int left = padding().left;
    const size_t width = CountWidth();
    for (int h = begin; h < end; ++h) {
      kernel_.count_pixels(bits + layout.Offset(h, -left), layout.pixel_bytes,
                           static_cast<int>(width), counts + static_cast<size_t>(h) * width);
    }
  }

  int FindSegments(const std::byte* bits, const BitLayout& layout, int oh, TapRange rows,
                   const std::byte** segments) const {
    const ConvGeometry& g = geometry_;
    int count = 0;
    for (int kh = rows.begin; kh < rows.end; ++kh) {
      const int h = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
      for (int s = 0; s < segments_per_row_; ++s) {
        segments[count++] = bits + layout.Offset(h, s * g.dilation_w - g.pad_left);
      }
    }
    return count;
  }

  // `index` is the row's number among those of the target.
  void RunBlock(const Block& block, int first_tap_row, int oh, int index, const Target& target,
                BConvRow* row) const {
    const auto lanes = static_cast<size_t>(block.vectors) * kLanes;
    row->weights = weights_.data() + block.weights +
                   static_cast<size_t>(first_tap_row * segments_per_row_) *
                       static_cast<size_t>(segment_words_) * lanes * (kernel_.nibbles ? 8 : 4);
    row->vectors = block.vectors;
    simd::FinishTile& f = row->finish;
    const auto first = static_cast<size_t>(block.first);
    f.vectors = block.vectors;
    f.channels = std::min(geometry_.out.c - block.first, static_cast<int>(lanes));
    f.a = a_.data() + first;
    f.b = b_.data() + first;
    f.positive = positive_.data() + first;
    f.negative = negative_.data() + first;
    const auto row_class = static_cast<size_t>(classes_.row_class[static_cast<size_t>(oh)]);
    f.c = c_.data() + row_class * classes_.column_sets.size() * padded_channels_ + first;
    const size_t at = static_cast<size_t>(index) * static_cast<size_t>(geometry_.out.w) *
                          static_cast<size_t>(geometry_.out.c) +
                      first;
    f.residual = target.residual == nullptr ? nullptr : target.residual + at;
    f.z = target.z == nullptr ? nullptr : target.z + at;
    f.bits =
        target.bits == nullptr ? nullptr : target.bits + target.layout.Offset(oh, 0) + first / 8;
    kernel_.run(*row);
  }

  ConvGeometry geometry_;
  const BConvRowKernel& kernel_;
  Activation act_;
  BorderClasses classes_;
  size_t padded_channels_ = 0;
  std::vector<float> a_, b_, c_, positive_, negative_;
  std::vector<int32_t> c_offset_;  // per output column
  int taps_per_segment_ = 1;
  int segments_per_row_ = 1;
  int segment_words_ = 0;
  size_t max_segments_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::byte> weights_;
  size_t weight_bytes_ = 0;
};

}  // namespace

std::unique_ptr<BConv2D> CreateTiledBConv2D(const BConv2DParams& params,
                                            const BConvRowKernel& kernel) {
  return std::make_unique<TiledBConv2D>(params, kernel);
}

}  // namespace adabin::kernels
