// SPDX-License-Identifier: Apache-2.0
//
// The float convolution of each channel with a filter of its own, over the channels of a pixel as
// they lie in memory. Outputs of a row that see the same taps go together: nothing is padded, and
// the map is read where it is.
#include <algorithm>
#include <vector>

#include "base/border_classes.h"
#include "kernels/channel_constants.h"
#include "kernels/conv2d.h"
#include "kernels/place_tile.h"

namespace adabin::kernels {
namespace {

using isa::kLanes;

constexpr int kBlockVectors = 4;

class DepthwiseConv2D : public Conv2D {
 public:
  DepthwiseConv2D(const Conv2DParams& params, const isa::FloatLoops& simd)
      : geometry_(params.geometry),
        simd_(simd),
        after_(params.after, params.geometry.out.c),
        channels_(static_cast<size_t>(params.geometry.out.c)),
        padded_(after_.size()),
        classes_(FindBorderClasses(params.geometry)) {
    const auto taps = static_cast<size_t>(geometry_.taps());
    weights_.assign(taps * padded_, 0.0f);
    for (size_t c = 0; c < channels_; ++c) {
      for (size_t t = 0; t < taps; ++t) weights_[t * padded_ + c] = params.weights[c * taps + t];
    }
  }

  int blocks() const override {
    constexpr size_t kBlock = kBlockVectors * kLanes;
    return static_cast<int>((channels_ + kBlock - 1) / kBlock);
  }
  size_t scratch_bytes() const override { return isa::kConvScratch * sizeof(float); }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const ConvGeometry& g = geometry_;
    isa::DepthwiseRow row;
    row.scratch = reinterpret_cast<float*>(scratch);
    row.next = static_cast<size_t>(g.stride_w) * channels_;
    row.row_step = static_cast<size_t>(g.dilation_h) * static_cast<size_t>(g.in.w) * channels_;
    row.column_step = static_cast<size_t>(g.dilation_w) * channels_;
    row.weight_row_step = static_cast<size_t>(g.kernel_w) * padded_;
    row.weight_step = padded_;
    StartTiles(g.out, target, &row.finish);
    for (int block = work.block_begin; block < work.block_end; ++block) {
      for (int oh = work.row_begin; oh < work.row_end; ++oh) {
        RunRow(x, block, oh, oh - work.row_begin, target, &row);
      }
    }
  }

 private:
  // `index` is the row's number among those of the target.
  void RunRow(const float* x, int block, int oh, int index, const Target& target,
              isa::DepthwiseRow* row) const {
    const ConvGeometry& g = geometry_;
    const auto first = static_cast<size_t>(block) * kBlockVectors * kLanes;
    const auto vectors =
        static_cast<int>(std::min<size_t>(kBlockVectors, (padded_ - first) / kLanes));
    isa::FinishTile& f = row->finish;
    after_.Place(first, &f);
    const TapRange rows = classes_.rows.TapsAt(oh);
    row->rows = rows.end - rows.begin;
    const int64_t h = int64_t{oh} * g.stride_h - g.pad_top + int64_t{rows.begin} * g.dilation_h;
    for (const BorderAxis::Run& run : classes_.columns.runs()) {
      const int ow = run.begin;
      const TapRange columns = classes_.columns.sets()[static_cast<size_t>(run.set)];
      row->width = run.end - run.begin;
      row->columns = columns.end - columns.begin;
      if (row->rows > 0 && row->columns > 0) {
        const int64_t w =
            int64_t{ow} * g.stride_w - g.pad_left + int64_t{columns.begin} * g.dilation_w;
        row->x = x + (h * g.in.w + w) * g.in.c + static_cast<int64_t>(first);
        row->weights = weights_.data() + first +
                       static_cast<size_t>(rows.begin * g.kernel_w + columns.begin) * padded_;
      } else {  // a map between two taps: the sum of nothing
        row->columns = 0;
        row->x = x;
      }
      PlaceTile(g.out, target, oh, index, ow, first, vectors, &f);
      simd_.depthwise(*row);
    }
  }

  ConvGeometry geometry_;
  const isa::FloatLoops& simd_;
  ChannelConstants after_;
  size_t channels_;
  size_t padded_;
  BorderClasses classes_;
  AlignedVector<float> weights_;  // [tap][padded channels]
};

}  // namespace

std::unique_ptr<Conv2D> CreateDepthwiseConv2D(const Conv2DParams& params,
                                              const isa::FloatLoops& simd) {
  const ConvGeometry& g = params.geometry;
  // Few channels, or many terms to a sum, are left to the others.
  const bool fits = g.groups == g.in.c && g.groups == g.out.c && g.groups >= kLanes / 2 &&
                    g.taps() <= isa::kMaxTerms && params.average == nullptr;
  return fits ? std::make_unique<DepthwiseConv2D>(params, simd) : nullptr;
}

}  // namespace adabin::kernels
