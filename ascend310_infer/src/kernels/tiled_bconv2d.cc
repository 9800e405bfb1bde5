// SPDX-License-Identifier: Apache-2.0
#include "kernels/tiled_bconv2d.h"

#include <algorithm>
#include <cstring>

#include "kernels/channel_constants.h"
#include "kernels/place_tile.h"
#include "kernels/tiled_weights.h"

namespace adabin::kernels {
namespace {

class TiledBConv2D : public BConv2D {
 public:
  TiledBConv2D(const BConv2DParams& params, const BConv2DConstants& constants,
               const isa::BConvRowKernel& kernel)
      : geometry_(params.geometry),
        kernel_(kernel),
        after_(constants.after, params.geometry.out.c),
        weights_(params.geometry, kernel.encode ? WeightForm::kCodes : WeightForm::kWords,
                 params.bits),
        segments_(weights_.segments()) {
    const ConvGeometry& g = geometry_;
    const auto channels = static_cast<size_t>(g.out.c);
    const size_t padded = after_.size();
    classes_ = constants.classes;
    a_ = Padded<float>(constants.a, padded);
    b_ = Padded<float>(constants.b, padded);
    padded_channels_ = padded;
    const auto classes = static_cast<size_t>(classes_.count());
    c_.resize(classes * padded);
    for (size_t i = 0; i < classes; ++i) {
      std::copy_n(constants.c.data() + i * channels, channels, c_.data() + i * padded);
    }
    const BitPadding pad = padding();
    count_width_ = static_cast<size_t>(pad.left + g.in.w + pad.right);
  }

  BitPadding padding() const override { return WindowPadding(geometry_); }
  int blocks() const override { return static_cast<int>(weights_.blocks().size()); }
  size_t scratch_bytes() const override {
    const size_t width = count_width_;
    return isa::kRowScratch + RoundUp(segments_.count * sizeof(std::byte*), kAlign) +
           RoundUp(static_cast<size_t>(geometry_.out.w) * sizeof(float), kAlign) +
           RoundUp(static_cast<size_t>(geometry_.out.w) * sizeof(int32_t), kAlign) +
           RoundUp(width * sizeof(int32_t), kAlign) +
           RoundUp(width * static_cast<size_t>(geometry_.in.h) * sizeof(int32_t), kAlign) +
           CodeRowBytes() * static_cast<size_t>(geometry_.in.h);
  }

  void Run(const std::byte* bits, const BitLayout& layout, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const ConvGeometry& g = geometry_;
    isa::BConvRow row;
    row.scratch = scratch;
    scratch += isa::kRowScratch;
    auto* segments = reinterpret_cast<const std::byte**>(scratch);
    scratch += RoundUp(segments_.count * sizeof(std::byte*), kAlign);
    auto* ones = reinterpret_cast<float*>(scratch);
    scratch += RoundUp(static_cast<size_t>(g.out.w) * sizeof(float), kAlign);
    auto* c_offset = reinterpret_cast<int32_t*>(scratch);
    scratch += RoundUp(static_cast<size_t>(g.out.w) * sizeof(int32_t), kAlign);
    for (const BorderAxis::Run& run : classes_.columns.runs()) {
      std::fill(c_offset + run.begin, c_offset + run.end,
                static_cast<int32_t>(static_cast<size_t>(run.set) * padded_channels_));
    }
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
    row.segment_steps = segments_.steps;
    row.first_steps = InsideSteps(0);
    row.last_steps = InsideSteps(g.out.w - 1);
    row.pixel_bytes = source.pixel_bytes * static_cast<size_t>(g.stride_w);
    row.width = g.out.w;
    isa::FinishTile& f = row.finish;
    f.ones = ones;
    f.c_offset = c_offset;
    StartTiles(g.out, target, &f);
    // All blocks of a row where that keeps the row's floats in cache, else all rows of a block,
    // which keeps its weights there.
    const bool by_row = weights_.bytes() <= kWeightsInCache;
    const int outer_begin = by_row ? 0 : work.block_begin;
    const int outer_end = by_row ? 1 : work.block_end;
    for (int outer = outer_begin; outer < outer_end; ++outer) {
      auto run = classes_.rows.runs().begin();
      for (int oh = work.row_begin; oh < work.row_end; ++oh) {
        while (oh >= run->end) ++run;
        const auto row_set = static_cast<size_t>(run->set);
        const TapRange rows = classes_.rows.sets()[row_set];
        const float* c = c_.data() + row_set * classes_.columns.sets().size() * padded_channels_;
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
          RunBlock(weights_.blocks()[static_cast<size_t>(i)], rows.begin, c, oh,
                   oh - work.row_begin, target, &row);
        }
      }
    }
  }

 private:
  // What the kernel reads of the input: bits, or their codes.
  struct Source {
    const std::byte* first = nullptr;  // leftmost pixel under the kernel, of row 0
    size_t row_bytes = 0;
    size_t pixel_bytes = 0;
  };
  static constexpr size_t kWeightsInCache = 24576;
  static constexpr size_t kCodeBytes = 2 * sizeof(uint16_t);  // of a byte of bits

  // Whole steps only: one may hold parts of two taps.
  isa::StepRange InsideSteps(int column) const {
    const TapRange taps = classes_.columns.TapsAt(column);
    if (segments_.per_row != 1) return {0, segments_.steps};
    const auto bits = static_cast<int>(LayoutBits(geometry_.in, {}).pixel_bytes * 8);
    const int step_bits = kernel_.encode == nullptr ? 32 : 4 * isa::kCodesPerStep;
    return {taps.begin * bits / step_bits,
            std::min(segments_.steps, (taps.end * bits + step_bits - 1) / step_bits)};
  }

  // With room for the codes that make the last step whole.
  size_t CodeRowBytes() const {
    if (kernel_.encode == nullptr) return 0;
    const size_t pixel_bytes = LayoutBits(geometry_.in, {}).pixel_bytes;
    return RoundUp(count_width_ * pixel_bytes * kCodeBytes + isa::kCodesPerStep * sizeof(uint16_t),
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
      for (int s = 0; s < segments_.per_row; ++s) {
        segments[count++] = first + static_cast<size_t>(s * g.dilation_w) * source.pixel_bytes;
      }
    }
    return count;
  }

  // `c` is the row's part of C, `index` the row's number among those of the target.
  void RunBlock(const TiledWeights::Block& block, int first_tap_row, const float* c, int oh,
                int index, const Target& target, isa::BConvRow* row) const {
    row->weights = weights_.At(block, first_tap_row * segments_.per_row);
    row->vectors = block.vectors;
    isa::FinishTile& f = row->finish;
    const auto first = static_cast<size_t>(block.first);
    f.a = a_.data() + first;
    f.b = b_.data() + first;
    after_.Place(first, &f);
    f.c = c + first;
    PlaceTile(geometry_.out, target, oh, index, 0, first, block.vectors, &f);
    kernel_.run(*row);
  }

  ConvGeometry geometry_;
  const isa::BConvRowKernel& kernel_;
  ChannelConstants after_;
  TiledWeights weights_;
  const Segments& segments_;
  BorderClasses classes_;
  size_t padded_channels_ = 0;
  AlignedVector<float> a_, b_, c_;
  size_t count_width_ = 0;  // pixels of a row with the padding that windows reach
};

}  // namespace

std::unique_ptr<BConv2D> CreateTiledBConv2D(const BConv2DParams& params,
                                            const BConv2DConstants& constants,
                                            const isa::BConvRowKernel& kernel) {
  return std::make_unique<TiledBConv2D>(params, constants, kernel);
}

}  // namespace adabin::kernels
