// SPDX-License-Identifier: Apache-2.0
#include "kernels/tiled_bconv2d.h"

#include <algorithm>
#include <cstring>

#include "base/aligned_vector.h"

namespace adabin::kernels {
namespace {

constexpr size_t kAlign = 64;
constexpr int kLanes = simd::kLanes;

size_t RoundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }

AlignedVector<float> Padded(std::span<const float> values, size_t size) {
  AlignedVector<float> out(size, 0.0f);
  std::copy_n(values.data(), values.size(), out.data());
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
    const auto classes = static_cast<size_t>(classes_.count());
    c_.resize(classes * padded);
    for (size_t i = 0; i < classes; ++i) {
      std::copy_n(constants.c.data() + i * channels, channels, c_.data() + i * padded);
    }
    for (const int column_class : classes_.column_class) {
      c_offset_.push_back(static_cast<int32_t>(static_cast<size_t>(column_class) * padded));
    }
    const BitPadding pad = padding();
    count_width_ = static_cast<size_t>(pad.left + g.in.w + pad.right);
    LaySegments();
    PackWeights(params.bits);
  }

  BitPadding padding() const override { return WindowPadding(geometry_); }
  int blocks() const override { return static_cast<int>(blocks_.size()); }
  size_t scratch_bytes() const override {
    const size_t width = count_width_;
    return kRowScratch + RoundUp(max_segments_ * sizeof(std::byte*), kAlign) +
           RoundUp(static_cast<size_t>(geometry_.out.w) * sizeof(float), kAlign) +
           RoundUp(width * sizeof(int32_t), kAlign) +
           RoundUp(width * static_cast<size_t>(geometry_.in.h) * sizeof(int32_t), kAlign) +
           CodeRowBytes() * static_cast<size_t>(geometry_.in.h);
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
    scratch += RoundUp(count_width_ * sizeof(int32_t), kAlign);
    auto* counts = reinterpret_cast<int32_t*>(scratch);
    scratch += RoundUp(count_width_ * static_cast<size_t>(g.in.h) * sizeof(int32_t), kAlign);
    CountRows(bits, layout, work, counts);

    Source source = {bits + layout.Offset(0, -g.pad_left), layout.row_bytes, layout.pixel_bytes};
    if (kernel_.encode != nullptr) {
      EncodeRows(bits, layout, work, scratch);
      source = {scratch, CodeRowBytes(), layout.pixel_bytes * kCodeBytes};
    }
    row.segment = segments;
    row.segment_steps = segment_steps_;
    row.first_steps = InsideSteps(0);
    row.last_steps = InsideSteps(g.out.w - 1);
    row.pixel_bytes = source.pixel_bytes * static_cast<size_t>(g.stride_w);
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
        row.segments = FindSegments(source, oh, rows, segments);
        const int top = oh * g.stride_h - g.pad_top + rows.begin * g.dilation_h;
        const size_t first = rows.begin == rows.end ? 0 : static_cast<size_t>(top);
        kernel_.sum_windows(counts + first * count_width_,
                            count_width_ * static_cast<size_t>(g.dilation_h), rows.end - rows.begin,
                            static_cast<int>(count_width_), g.kernel_w, g.stride_w, g.dilation_w,
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
  // What the kernel reads of the input: bits, or their codes.
  struct Source {
    const std::byte* first = nullptr;  // leftmost pixel under the kernel, of row 0
    size_t row_bytes = 0;
    size_t pixel_bytes = 0;
  };
  static constexpr size_t kWeightsInCache = 24576;
  static constexpr size_t kCodeBytes = 2 * sizeof(uint16_t);  // of a byte of bits

  TapRange RowTaps(int oh) const {
    return classes_.row_sets[static_cast<size_t>(classes_.row_class[static_cast<size_t>(oh)])];
  }

  // Whole steps only: one may hold parts of two taps.
  StepRange InsideSteps(int column) const {
    const auto set = static_cast<size_t>(classes_.column_class[static_cast<size_t>(column)]);
    const TapRange taps = classes_.column_sets[set];
    if (segments_per_row_ != 1) return {0, segment_steps_};
    const auto bits = static_cast<int>(LayoutBits(geometry_.in, {}).pixel_bytes * 8);
    const int step_bits = kernel_.encode == nullptr ? 32 : 4 * kCodesPerStep;
    return {taps.begin * bits / step_bits,
            std::min(segment_steps_, (taps.end * bits + step_bits - 1) / step_bits)};
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
    const int codes = static_cast<int>(pixel_bytes) * 2 * taps_per_segment_;
    const bool words = kernel_.encode == nullptr;
    segment_steps_ = words ? segment_words_ : (codes + kCodesPerStep - 1) / kCodesPerStep;
    step_bytes_ = words ? sizeof(uint32_t) : static_cast<size_t>(kCodesPerStep);
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
      offset += max_segments_ * SegmentBytes(block);
      v += block.vectors;
      blocks_.push_back(block);
    }
    weights_.assign(offset, std::byte{0});
    weight_bytes_ = weights_.size();
    const size_t pixel_bits = LayoutBits(g.in, {}).pixel_bytes * 8;
    const size_t row_words = RowWords(g.filter_size());
    std::vector<uint32_t> row(max_segments_ * static_cast<size_t>(segment_words_));
    for (const Block& block : blocks_) {
      const auto lanes = static_cast<size_t>(block.vectors) * kLanes;
      for (int lane = 0; lane < static_cast<int>(lanes) && block.first + lane < g.out.c; ++lane) {
        LayRow(bits.data() + static_cast<size_t>(block.first + lane) * row_words, pixel_bits, &row);
        std::byte* at = weights_.data() + block.weights;
        if (kernel_.encode == nullptr) {
          at += static_cast<size_t>(lane) * 4;
          for (size_t word = 0; word < row.size(); ++word, at += lanes * 4) {
            std::memcpy(at, &row[word], 4);
          }
        } else {
          at += EvenOddPlace(static_cast<size_t>(lane), lanes);
          for (size_t segment = 0; segment < max_segments_; ++segment) {
            LayNibbles(row.data() + segment * static_cast<size_t>(segment_words_), lanes,
                       at + segment * SegmentBytes(block));
          }
        }
      }
    }
  }

  static size_t EvenOddPlace(size_t lane, size_t lanes) {
    const size_t half = std::min(lanes, size_t{32}) / 2;
    const size_t first = lane / (2 * half) * (2 * half);
    const size_t place = lane - first;
    return first + (place < half ? 2 * place : 2 * (place - half) + 1);
  }

  void LayNibbles(const uint32_t* words, size_t lanes, std::byte* to) const {
    const int nibbles = std::min(segment_steps_ * kCodesPerStep, segment_words_ * 8);
    for (int n = 0; n < nibbles; ++n, to += lanes) {
      *to = static_cast<std::byte>((words[n / 8] >> (4 * (n % 8))) & 15u);
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

  size_t SegmentBytes(const Block& block) const {
    return static_cast<size_t>(segment_steps_) * step_bytes_ * static_cast<size_t>(block.vectors) *
           kLanes;
  }

  // With room for the codes that make the last step whole.
  size_t CodeRowBytes() const {
    if (kernel_.encode == nullptr) return 0;
    const size_t pixel_bytes = LayoutBits(geometry_.in, {}).pixel_bytes;
    return RoundUp(count_width_ * pixel_bytes * kCodeBytes + kCodesPerStep * sizeof(uint16_t),
                   kAlign);
  }

  TapRange InputRows(const Work& work) const {
    const ConvGeometry& g = geometry_;
    const int span = (g.kernel_h - 1) * g.dilation_h;
    return {std::max(0, work.row_begin * g.stride_h - g.pad_top),
            std::min(g.in.h, (work.row_end - 1) * g.stride_h - g.pad_top + span + 1)};
  }

  void EncodeRows(const std::byte* bits, const BitLayout& layout, const Work& work,
                  std::byte* codes) const {
    const TapRange rows = InputRows(work);
    const size_t bytes = count_width_ * layout.pixel_bytes;
    for (int h = rows.begin; h < rows.end; ++h) {
      std::byte* row = codes + static_cast<size_t>(h) * CodeRowBytes();
      kernel_.encode(bits + layout.Offset(h, -geometry_.pad_left), bytes,
                     layout.pixel_bytes * static_cast<size_t>(geometry_.stride_w),
                     reinterpret_cast<uint16_t*>(row));
      std::memset(row + bytes * kCodeBytes, 0, CodeRowBytes() - bytes * kCodeBytes);
    }
  }

  // Ones of every pixel that the rows of `work` see, with the padding that the windows reach.
  void CountRows(const std::byte* bits, const BitLayout& layout, const Work& work,
                 int32_t* counts) const {
    const int left = geometry_.pad_left;
    const size_t width = count_width_;
    const TapRange rows = InputRows(work);
    for (int h = rows.begin; h < rows.end; ++h) {
      kernel_.count_pixels(bits + layout.Offset(h, -left), layout.pixel_bytes,
                           static_cast<int>(width), counts + static_cast<size_t>(h) * width);
    }
  }

  int FindSegments(const Source& source, int oh, TapRange rows, const std::byte** segments) const {
    const ConvGeometry& g = geometry_;
    int count = 0;
    for (int kh = rows.begin; kh < rows.end; ++kh) {
      const int h = oh * g.stride_h - g.pad_top + kh * g.dilation_h;
      const std::byte* first =
          source.first + static_cast<ptrdiff_t>(h) * static_cast<ptrdiff_t>(source.row_bytes);
      for (int s = 0; s < segments_per_row_; ++s) {
        segments[count++] = first + static_cast<size_t>(s * g.dilation_w) * source.pixel_bytes;
      }
    }
    return count;
  }

  // `index` is the row's number among those of the target.
  void RunBlock(const Block& block, int first_tap_row, int oh, int index, const Target& target,
                BConvRow* row) const {
    row->weights = weights_.data() + block.weights +
                   static_cast<size_t>(first_tap_row * segments_per_row_) * SegmentBytes(block);
    row->vectors = block.vectors;
    simd::FinishTile& f = row->finish;
    const auto first = static_cast<size_t>(block.first);
    f.vectors = block.vectors;
    f.channels = std::min(geometry_.out.c - block.first, block.vectors * kLanes);
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
  AlignedVector<float> a_, b_, c_, positive_, negative_;
  std::vector<int32_t> c_offset_;  // per output column
  size_t count_width_ = 0;         // pixels of a row with the padding that windows reach
  int taps_per_segment_ = 1;
  int segments_per_row_ = 1;
  int segment_words_ = 0;
  size_t max_segments_ = 0;
  int segment_steps_ = 0;
  size_t step_bytes_ = 0;  // of one channel's weights
  std::vector<Block> blocks_;
  AlignedVector<std::byte> weights_;
  size_t weight_bytes_ = 0;
};

}  // namespace

std::unique_ptr<BConv2D> CreateTiledBConv2D(const BConv2DParams& params,
                                            const BConvRowKernel& kernel) {
  return std::make_unique<TiledBConv2D>(params, kernel);
}

}  // namespace adabin::kernels
