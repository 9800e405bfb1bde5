// SPDX-License-Identifier: Apache-2.0
//
// The fast float convolution of one group: direct, a row of outputs at a time. Weights lie in the
// order in which they are used, so that a tile of sums stays in registers while input and weights
// stream by. Rows of a padded or NCHW map, or of one with other channels too, are first copied,
// with their padding, to a ring of as many rows as the kernel is high.
#include <algorithm>
#include <vector>

#include "base/aligned_vector.h"
#include "kernels/channel_constants.h"
#include "kernels/conv2d.h"
#include "kernels/lay_filters.h"
#include "kernels/padded.h"
#include "kernels/place_tile.h"
#include "kernels/pool.h"

namespace adabin::kernels {
namespace {

using isa::kLanes;

constexpr size_t kAveragedFloats = 32768;

class RowConv2D : public Conv2D {
 public:
  RowConv2D(const Conv2DParams& params, const isa::FloatLoops& simd)
      : geometry_(params.geometry),
        simd_(simd),
        after_(params.after, params.geometry.out.c),
        nchw_(params.reads_nchw),
        map_channels_(params.map_channels != 0 ? params.map_channels : params.geometry.in.c),
        pad_(WindowPadding(params.geometry)) {
    const ConvGeometry& g = geometry_;
    averages_ = params.average != nullptr;
    if (averages_) average_ = *params.average;
    const bool padded = pad_.left > 0 || pad_.right > 0;
    const bool apart = map_channels_ != g.in.c;
    copies_rows_ = !averages_ && (padded || apart || (nchw_ && g.in.c > 1));
    flat_ = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 && !copies_rows_ &&
            pad_ == BitPadding{};
    LaySegments();
    PackWeights(params.weights);
  }

  int blocks() const override { return static_cast<int>(blocks_.size()); }

  size_t scratch_bytes() const override {
    size_t bytes = isa::kConvScratch * sizeof(float) + SegmentBytes();
    if (averages_) bytes += RoundUp(AveragedRows() * RowFloats() * sizeof(float), kAlign);
    if (copies_rows_) bytes += RingBytes();
    return bytes;
  }

  void Start(std::byte* scratch) const override {
    if (!copies_rows_) return;
    scratch += isa::kConvScratch * sizeof(float) + SegmentBytes();
    std::fill_n(RingRows(scratch), RingSlots(), -1);
  }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const ConvGeometry& g = geometry_;
    isa::ConvRow row;
    row.scratch = reinterpret_cast<float*>(scratch);
    scratch += isa::kConvScratch * sizeof(float);
    auto* segments = reinterpret_cast<isa::ConvRow::Segment*>(scratch);
    scratch += SegmentBytes();
    row.segment = segments;
    row.pixel_step =
        static_cast<size_t>(g.stride_w) * (nchw_ ? size_t{1} : static_cast<size_t>(g.in.c));
    row.width = g.out.w;
    StartTiles(g.out, target, &row.finish);
    Source source{x, x, nullptr};
    if (averages_) {
      auto* averaged = reinterpret_cast<float*>(scratch);
      source.x = averaged;
      const auto step = static_cast<int>(AveragedRows());
      for (int h = work.row_begin; h < work.row_end; h += step) {
        const int end = std::min(h + step, work.row_end);
        // The convolution is 1x1 and not strided: its rows are those of the average.
        AvgPoolRows(simd_, average_, x, h, end, averaged);
        source.first_row = h;
        RunRows(source, h, end, work, target, segments, &row);
      }
      return;
    }
    if (copies_rows_) {
      source.ring = reinterpret_cast<float*>(scratch);
      source.ring_row = RingRows(scratch);
    }
    RunRows(source, work.row_begin, work.row_end, work, target, segments, &row);
  }

 private:
  struct Block {
    int first = 0;  // channel
    int vectors = 0;
    size_t weights = 0;  // offset
  };
  // Neighboring floats under the kernel, and where their weights begin among those of a block.
  struct Piece {
    int kh = 0;
    size_t offset = 0;  // floats from the padded row's begin; includes the plane for NCHW
    int length = 0;
    size_t term = 0;
  };
  struct Source {
    const float* map;
    const float* x;  // from input row first_row on
    float* ring;
    int* ring_row = nullptr;  // the input row that each slot holds
    int first_row = 0;
  };

  size_t SegmentBytes() const {
    return RoundUp(pieces_.size() * sizeof(isa::ConvRow::Segment), kAlign);
  }
  size_t PaddedWidth() const {
    return static_cast<size_t>(pad_.left + geometry_.in.w + pad_.right);
  }
  size_t RingSlots() const {
    return static_cast<size_t>((geometry_.kernel_h - 1) * geometry_.dilation_h + 1);
  }
  size_t RowFloats() const {
    return static_cast<size_t>(geometry_.in.w) * (nchw_ ? 1 : static_cast<size_t>(geometry_.in.c));
  }
  // So many rows of the average at a time as leave room in the second-level cache for what they are
  // made from and what is made from them.
  size_t AveragedRows() const {
    const size_t fit = kAveragedFloats / std::max(RowFloats(), size_t{1});
    return std::clamp(fit, size_t{1}, static_cast<size_t>(geometry_.in.h));
  }
  size_t SlotFloats() const { return PaddedWidth() * static_cast<size_t>(geometry_.in.c); }
  size_t RingBytes() const {
    return RoundUp(RingSlots() * SlotFloats() * sizeof(float), kAlign) +
           RoundUp(RingSlots() * sizeof(int), kAlign);
  }

  // Behind the ring at `scratch`.
  int* RingRows(std::byte* scratch) const {
    return reinterpret_cast<int*>(scratch + RingBytes() -
                                  RoundUp(RingSlots() * sizeof(int), kAlign));
  }

  void AddPieces(int kh, size_t offset, int length, size_t* term) {
    while (length > 0) {
      const int take = std::min(length, isa::kMaxTerms);
      pieces_.push_back({kh, offset, take, *term});
      offset += static_cast<size_t>(take);
      *term += static_cast<size_t>(take);
      length -= take;
    }
  }

  // NHWC: rows of taps, and within them channels last. NCHW: channels, then rows of taps.
  void LaySegments() {
    const ConvGeometry& g = geometry_;
    const bool joined = g.dilation_w == 1;
    size_t term = 0;
    for (int c = 0; c < (nchw_ ? g.in.c : 1); ++c) {
      const size_t plane = nchw_ ? static_cast<size_t>(c) * PaddedWidth() : 0;
      const int per_tap = nchw_ ? 1 : g.in.c;
      for (int kh = 0; kh < g.kernel_h; ++kh) {
        for (int kw = 0; kw < (joined ? 1 : g.kernel_w); ++kw) {
          const size_t offset = plane + static_cast<size_t>(kw * g.dilation_w * per_tap);
          AddPieces(kh, offset, (joined ? g.kernel_w : 1) * per_tap, &term);
        }
      }
    }
    terms_ = term;
  }

  void PackWeights(std::span<const float> weights) {
    const ConvGeometry& g = geometry_;
    const int vectors = (g.out.c + kLanes - 1) / kLanes;
    size_t offset = 0;
    for (int v = 0; v < vectors;) {
      const int left = std::min(vectors - v, simd_.max_vectors);
      const Block block{v * kLanes, left >= 4 ? 4 : left >= 2 ? 2 : 1, offset};
      offset += terms_ * static_cast<size_t>(block.vectors) * kLanes;
      v += block.vectors;
      blocks_.push_back(block);
    }
    weights_.reserve(offset);  // and made block by block: a block's zeros stay in the cache
    const auto in = static_cast<size_t>(g.in.c);
    const auto taps = static_cast<size_t>(g.taps());
    std::vector<size_t> place(terms_);  // among a filter's weights
    for (size_t i = 0; i < terms_; ++i) place[i] = nchw_ ? i : i % in * taps + i / in;
    for (const Block& block : blocks_) {
      const auto lanes = static_cast<size_t>(block.vectors) * kLanes;
      const auto first = static_cast<size_t>(block.first);
      const size_t count = std::min(lanes, static_cast<size_t>(g.out.c) - first);
      weights_.resize(block.weights + terms_ * lanes);
      LayFilters(weights.subspan(first * terms_, count * terms_), place, lanes,
                 weights_.data() + block.weights);
    }
  }

  // Rows [row_begin, row_end) of those of `work`.
  void RunRows(const Source& source, int row_begin, int row_end, const Work& work,
               const Target& target, isa::ConvRow::Segment* segments, isa::ConvRow* row) const {
    if (flat_ && target.bits == nullptr) {
      // All pixels as one row.
      row->width = (row_end - row_begin) * geometry_.out.w;
      for (int i = work.block_begin; i < work.block_end; ++i) {
        RunBlock(blocks_[static_cast<size_t>(i)], source, row_begin, row_begin - work.row_begin,
                 target, segments, row);
      }
      return;
    }
    const int outer_end = copies_rows_ ? 1 : work.block_end;
    for (int outer = copies_rows_ ? 0 : work.block_begin; outer < outer_end; ++outer) {
      for (int oh = row_begin; oh < row_end; ++oh) {
        if (copies_rows_) FillRing(oh, source);
        const int begin = copies_rows_ ? work.block_begin : outer;
        const int end = copies_rows_ ? work.block_end : outer + 1;
        for (int i = begin; i < end; ++i) {
          RunBlock(blocks_[static_cast<size_t>(i)], source, oh, oh - work.row_begin, target,
                   segments, row);
        }
      }
    }
  }

  // Copies the rows that output row `oh` sees and that are not there yet.
  void FillRing(int oh, const Source& source) const {
    const ConvGeometry& g = geometry_;
    const auto slots = static_cast<int>(RingSlots());
    const int top = oh * g.stride_h - g.pad_top;
    for (int h = std::max(top, 0); h < std::min(top + slots, g.in.h); ++h) {
      const auto slot = static_cast<size_t>(h % slots);
      if (source.ring_row[slot] == h) continue;
      source.ring_row[slot] = h;
      float* to = source.ring + slot * SlotFloats();
      const size_t unit = nchw_ ? 1 : static_cast<size_t>(g.in.c);
      for (int c = 0; c < (nchw_ ? g.in.c : 1); ++c) {
        const int64_t pixel = (int64_t{c} * g.in.h + h) * g.in.w;
        const float* from = source.map + pixel * (nchw_ ? 1 : map_channels_);
        to = std::fill_n(to, static_cast<size_t>(pad_.left) * unit, 0.0f);
        if (nchw_ || map_channels_ == g.in.c) {
          to = std::copy_n(from, static_cast<size_t>(g.in.w) * unit, to);
        } else {
          for (int w = 0; w < g.in.w; ++w, from += map_channels_) to = std::copy_n(from, unit, to);
        }
        to = std::fill_n(to, static_cast<size_t>(pad_.right) * unit, 0.0f);
      }
    }
  }

  // `index` is the row's number among those of the target.
  void RunBlock(const Block& block, const Source& source, int oh, int index, const Target& target,
                isa::ConvRow::Segment* segments, isa::ConvRow* row) const {
    const ConvGeometry& g = geometry_;
    const auto lanes = static_cast<size_t>(block.vectors) * kLanes;
    const float* weights = weights_.data() + block.weights;
    int count = 0;
    for (const Piece& piece : pieces_) {
      const int h = oh * g.stride_h - g.pad_top + piece.kh * g.dilation_h;
      if (h < 0 || h >= g.in.h) continue;
      const float* x;
      if (copies_rows_) {
        x = source.ring + static_cast<size_t>(h) % RingSlots() * SlotFloats();
      } else {
        x = source.x + static_cast<size_t>(h - source.first_row) * RowFloats();
      }
      segments[count++] = {x + piece.offset, weights + piece.term * lanes, piece.length};
    }
    row->segments = count;
    row->vectors = block.vectors;
    isa::FinishTile& f = row->finish;
    const auto first = static_cast<size_t>(block.first);
    after_.Place(first, &f);
    PlaceTile(g.out, target, oh, index, 0, first, block.vectors, &f);
    simd_.conv_row(*row);
  }

  ConvGeometry geometry_;
  const isa::FloatLoops& simd_;
  ChannelConstants after_;
  bool nchw_;
  int map_channels_;
  BitPadding pad_;  // what the windows reach
  ConvGeometry average_;
  bool averages_ = false;
  bool copies_rows_ = false;
  bool flat_ = false;
  std::vector<Piece> pieces_;
  size_t terms_ = 0;
  std::vector<Block> blocks_;
  AlignedVector<float> weights_;
};

}  // namespace

std::unique_ptr<Conv2D> CreateRowConv2D(const Conv2DParams& params, const isa::FloatLoops& simd) {
  return std::make_unique<RowConv2D>(params, simd);
}

}  // namespace adabin::kernels
