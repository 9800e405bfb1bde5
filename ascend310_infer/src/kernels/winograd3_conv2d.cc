// SPDX-License-Identifier: Apache-2.0
//
// The 3x3 convolution of stride 1 in tiles of winograd3.h, as a detector's heads are. Some rows of
// tiles together: their terms stay in the second-level cache while all weights go by.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/aligned_vector.h"
#include "kernels/channel_constants.h"
#include "kernels/conv2d.h"
#include "kernels/place_tile.h"

namespace adabin::kernels {
namespace {

using isa::kLanes;
using isa::kSquareInputs;
using isa::kSquareOutputs;
using isa::kSquareProducts;
using isa::kSquareTaps;

// Sums of so large weights and the largest numbers that are_small lets pass stay finite.
constexpr float kLargestWeight = 0x1p20f;
// Fewer channels or pixels do not repay the way to the terms and back.
constexpr int kLeastChannels = 32;
constexpr int kLeastPixels = 64;
constexpr int kMaxPieces = 64;  // of kMaxTerms input channels
// Tiles that share one look at the weights.
constexpr int kTogether = 38;

// A multiple of 64 bytes.
size_t Floats(size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// One tap after the other to one product after the other, of one input channel.
void TransformFilter(const float* filter, double* out) {
  for (int row = 0; row < kSquareInputs; ++row) {
    for (int column = 0; column < kSquareInputs; ++column) {
      double sum = 0;
      for (int h = 0; h < kSquareTaps; ++h) {
        for (int w = 0; w < kSquareTaps; ++w) {
          sum += isa::kSquare.filter[row][h] * isa::kSquare.filter[column][w] *
                 double{filter[h * kSquareTaps + w]};
        }
      }
      *out++ = sum;
    }
  }
}

class Winograd3Conv2D : public Conv2D {
 public:
  Winograd3Conv2D(const Conv2DParams& params, const isa::FloatLoops& simd)
      : geometry_(params.geometry),
        simd_(simd),
        after_(params.after, params.geometry.out.c),
        tiles_((params.geometry.out.w + kSquareOutputs - 1) / kSquareOutputs),
        together_(std::max(1, (kTogether + tiles_ / 2) / tiles_)),
        // Not a multiple of a page's share of the first-level cache.
        tile_step_(Floats(static_cast<size_t>(params.geometry.in.c)) + kLanes),
        direct_(CreateRowConv2D(params, simd)) {
    // Blocks of channels, in each of them by product and input channel.
    const auto in = static_cast<size_t>(geometry_.in.c);
    weights_.resize(after_.size() * in * kSquareProducts);
    const float* filter = params.weights.data();
    double product[kSquareProducts];
    for (size_t o = 0, first = 0; o < static_cast<size_t>(geometry_.out.c); ++o) {
      if (o == first + Lanes(first)) first = o;
      float* lane = weights_.data() + first * in * kSquareProducts + o - first;
      for (size_t c = 0; c < in; ++c, filter += kSquareTaps * kSquareTaps) {
        TransformFilter(filter, product);
        for (size_t p = 0; p < kSquareProducts; ++p) {
          lane[(p * in + c) * Lanes(first)] = static_cast<float>(product[p]);
        }
      }
    }
  }

  bool HasSmallWeights() const {
    return std::all_of(weights_.begin(), weights_.end(),
                       [](float w) { return std::abs(w) <= kLargestWeight; });
  }

  size_t scratch_bytes() const override { return Layout(nullptr).bytes + direct_->scratch_bytes(); }

  void Start(std::byte* scratch) const override {
    const Scratch s = Layout(scratch);
    std::fill_n(s.small, geometry_.in.h, -1);
    std::fill_n(s.padding, geometry_.in.c, 0.0f);
    direct_->Start(scratch + s.bytes);
  }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const Scratch s = Layout(scratch);
    for (int row = work.row_begin; row < work.row_end;) {
      // As many rows of tiles as can be, or one that takes the direct sum.
      const int top = row / kSquareOutputs * kSquareOutputs;
      int rows = 0;
      for (int h = top; rows < together_ && h < work.row_end && Fits(x, h, s);
           h += kSquareOutputs) {
        TransformInput(x, h, rows++, s);
      }
      const int end = std::min(top + kSquareOutputs * std::max(rows, 1), work.row_end);
      if (rows > 0) {
        RunTiles(row, end, rows, work, target, s);
      } else {
        Target to = target;
        const int64_t skip = int64_t{row - work.row_begin} * geometry_.out.w * geometry_.out.c;
        if (to.z != nullptr) to.z += skip;
        if (to.residual != nullptr) to.residual += skip;
        direct_->Run(x, {row, end, 0, direct_->blocks()}, to, scratch + s.bytes);
      }
      row = end;
    }
  }

 private:
  struct Scratch {
    int* small;  // whether an input row's numbers are; -1 if that is not known
    float* padding;
    const float** pixel;
    float* terms;
    float* products;
    float* sums;
    float* row;  // of ConvRow
    size_t bytes;
  };

  Scratch Layout(std::byte* scratch) const {
    size_t bytes = 0;
    const auto take = [&](size_t floats) {
      std::byte* at = scratch == nullptr ? nullptr : scratch + bytes;
      bytes += Floats(floats) * sizeof(float);
      return at;
    };
    const auto tiles = static_cast<size_t>(tiles_ * together_);
    Scratch s;
    s.small = reinterpret_cast<int*>(take(static_cast<size_t>(geometry_.in.h)));
    s.padding = reinterpret_cast<float*>(take(tile_step_));
    static_assert(sizeof(float*) == 2 * sizeof(float));
    s.pixel = reinterpret_cast<const float**>(take(2 * kSquareInputs * Columns()));
    s.terms = reinterpret_cast<float*>(take(kSquareProducts * tiles * tile_step_));
    s.products = reinterpret_cast<float*>(take(kSquareProducts * tiles * 4 * kLanes));
    s.sums = reinterpret_cast<float*>(
        take(static_cast<size_t>(kSquareOutputs * kSquareOutputs * tiles_ * 4) * kLanes));
    s.row = reinterpret_cast<float*>(take(isa::kConvScratch));
    s.bytes = bytes;
    return s;
  }

  size_t Columns() const { return static_cast<size_t>(kSquareOutputs * tiles_ + 2); }
  size_t TermStep() const { return static_cast<size_t>(tiles_ * together_) * tile_step_; }
  // Of the block of channels that begins with `first`.
  size_t Lanes(size_t first) const {
    const size_t left = (after_.size() - first) / kLanes;
    const auto most = static_cast<size_t>(simd_.max_vectors);
    const size_t vectors = std::min(left, most);
    return (vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1) * size_t{kLanes};
  }

  size_t RowFloats() const {
    return static_cast<size_t>(geometry_.in.w) * static_cast<size_t>(geometry_.in.c);
  }

  // Whether the sums under the row of tiles that begins with output row `row` stay finite.
  bool Fits(const float* x, int row, const Scratch& s) const {
    const ConvGeometry& g = geometry_;
    bool fits = true;
    const int top = row - g.pad_top;
    for (int h = std::max(top, 0); h < std::min(top + kSquareInputs, g.in.h); ++h) {
      if (s.small[h] < 0) {
        s.small[h] = simd_.are_small(x + static_cast<size_t>(h) * RowFloats(), RowFloats()) ? 1 : 0;
      }
      fits &= s.small[h] != 0;
    }
    return fits;
  }

  // To the terms of row of tiles number `index`.
  void TransformInput(const float* x, int row, int index, const Scratch& s) const {
    const ConvGeometry& g = geometry_;
    const float** pixel = s.pixel;
    for (int i = 0; i < kSquareInputs; ++i) {
      const int h = row - g.pad_top + i;
      for (int k = 0; k < static_cast<int>(Columns()); ++k) {
        const int w = k - g.pad_left;
        const bool inside = h >= 0 && h < g.in.h && w >= 0 && w < g.in.w;
        *pixel++ = inside ? x + (int64_t{h} * g.in.w + w) * g.in.c : s.padding;
      }
    }
    isa::SquarePixels pixels;
    pixels.pixel = s.pixel;
    pixels.tiles = tiles_;
    pixels.channels = g.in.c;
    pixels.out = s.terms + static_cast<size_t>(index * tiles_) * tile_step_;
    pixels.product_step = TermStep();
    pixels.tile_step = tile_step_;
    simd_.transform_pixels(pixels);
  }

  // Output rows [row, end), in `rows` rows of tiles.
  void RunTiles(int row, int end, int rows, const Work& work, const Target& target,
                const Scratch& s) const {
    for (size_t channel = 0; channel < after_.size(); channel += Lanes(channel)) {
      Multiply(channel, rows, s);
      isa::SquareSums tiles;
      tiles.vectors = static_cast<int>(Lanes(channel) / kLanes);
      tiles.tiles = tiles_;
      tiles.product_step = static_cast<size_t>(tiles_ * rows) * Lanes(channel);
      tiles.sums = s.sums;
      const int top = row / kSquareOutputs * kSquareOutputs;
      for (int i = 0; i < rows; ++i) {
        tiles.products = s.products + static_cast<size_t>(i * tiles_) * Lanes(channel);
        simd_.sum_squares(tiles);
        const int first = top + i * kSquareOutputs;
        for (int h = std::max(first, row); h < std::min(first + kSquareOutputs, end); ++h) {
          FinishRow(tiles, h, h - work.row_begin, channel, target);
        }
      }
    }
  }

  void Multiply(size_t channel, int rows, const Scratch& s) const {
    const size_t lanes = Lanes(channel);
    const auto in = static_cast<size_t>(geometry_.in.c);
    isa::ConvRow::Segment segment[kMaxPieces];
    isa::ConvRow row;
    row.segment = segment;
    row.pixel_step = tile_step_;
    row.vectors = static_cast<int>(lanes / kLanes);
    row.width = tiles_ * rows;
    row.scratch = s.row;
    row.finish.vectors = row.vectors;
    row.finish.channels = static_cast<int>(lanes);
    row.finish.to.stride = lanes;
    const float* weights = weights_.data() + channel * in * kSquareProducts;
    for (size_t p = 0; p < kSquareProducts; ++p) {
      row.segments = 0;
      for (size_t c = 0; c < in; c += isa::kMaxTerms, ++row.segments) {
        const size_t length = std::min(in - c, size_t{isa::kMaxTerms});
        segment[row.segments] = {s.terms + p * TermStep() + c, weights + (p * in + c) * lanes,
                                 static_cast<int>(length)};
      }
      row.finish.to.z = s.products + p * static_cast<size_t>(row.width) * lanes;
      simd_.conv_row(row);
    }
  }

  // `index` is the row's number among those of the target.
  void FinishRow(const isa::SquareSums& tiles, int h, int index, size_t channel,
                 const Target& target) const {
    isa::FinishTile f;
    f.sum_pixel_step = kLanes;
    f.sum_vector_step = static_cast<size_t>(kSquareOutputs * tiles_) * kLanes;
    f.sums =
        tiles.sums + static_cast<size_t>(h % kSquareOutputs * tiles.vectors) * f.sum_vector_step;
    f.pixels = geometry_.out.w;
    after_.Place(channel, &f);
    StartTiles(geometry_.out, target, &f);
    PlaceTile(geometry_.out, target, h, index, 0, channel, tiles.vectors, &f);
    simd_.finish(f);
  }

  ConvGeometry geometry_;
  const isa::FloatLoops& simd_;
  ChannelConstants after_;
  int tiles_;     // in a row
  int together_;  // rows of them
  size_t tile_step_;
  std::unique_ptr<Conv2D> direct_;
  AlignedVector<float> weights_;
};

}  // namespace

std::unique_ptr<Conv2D> CreateWinograd3Conv2D(const Conv2DParams& params,
                                              const isa::FloatLoops& simd) {
  const ConvGeometry& g = params.geometry;
  const bool fits = !params.reads_nchw && params.average == nullptr && FitsRows(params) &&
                    g.kernel_h == kSquareTaps && g.kernel_w == kSquareTaps && g.stride_h == 1 &&
                    g.stride_w == 1 && g.dilation_h == 1 && g.dilation_w == 1 &&
                    g.in.c >= kLeastChannels && g.in.c <= kMaxPieces * isa::kMaxTerms &&
                    int64_t{g.out.h} * g.out.w >= kLeastPixels;
  if (!fits) return nullptr;
  auto conv = std::make_unique<Winograd3Conv2D>(params, simd);
  return conv->HasSmallWeights() ? std::move(conv) : nullptr;
}

}  // namespace adabin::kernels
