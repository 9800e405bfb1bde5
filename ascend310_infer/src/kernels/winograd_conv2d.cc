// SPDX-License-Identifier: Apache-2.0
//
// The 7x7 convolution of stride 2 that begins the ImageNet networks, in tiles of winograd.h: a
// third of the multiplications of the direct sum. Rows of the input are transformed once and wait
// in a ring for the rows of tiles that see them.
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
using isa::kTileColumns;
using isa::kTileInputRows;
using isa::kTileRows;
using isa::kTransformedColumns;

// Sums of so large weights and the largest numbers that transform_row lets pass stay finite.
constexpr double kLargestWeight = 0x1p20;
constexpr int kMaxChannels = 16;  // more would make long sums, which lose digits

size_t RoundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }
// A multiple of 64 bytes.
size_t Floats(size_t count) { return RoundUp(count, kLanes); }

// The products' weights of one 7x7 filter, in the order of winograd.h: for product (row, column),
// each channel and the filters that have it.
void TransformFilter(const float* filter, int channels, double* out) {
  using isa::Phases;
  for (int column = 0; column < isa::kProductColumns; ++column) {
    for (int row = 0; row < isa::kProductRows; ++row) {
      for (int c = 0; c < channels; ++c, filter += 49) {
        for (int y = 0; y < Phases(row, isa::kProductRows); ++y) {
          for (int x = 0; x < Phases(column, isa::kProductColumns); ++x) {
            double sum = 0;
            for (int h = y; h < 7; h += 2) {
              const double a =
                  y == 0 ? isa::kEvenRows.filter[row][h / 2] : isa::kOddRows.filter[row][h / 2];
              for (int w = x; w < 7; w += 2) {
                const double b = x == 0 ? isa::kEvenColumns.filter[column][w / 2]
                                        : isa::kOddColumns.filter[column][w / 2];
                sum += a * b * double{filter[h * 7 + w]};
              }
            }
            *out++ = sum;
          }
        }
      }
      filter -= int64_t{channels} * 49;
    }
  }
}

class WinogradConv2D : public Conv2D {
 public:
  WinogradConv2D(const Conv2DParams& params, std::vector<double> weights,
                 const isa::FloatLoops& simd)
      : geometry_(params.geometry),
        simd_(simd),
        after_(params.after, params.geometry.out.c),
        tiles_((params.geometry.out.w + kTileColumns - 1) / kTileColumns),
        step_(Floats(static_cast<size_t>(tiles_))),
        direct_(CreateRowConv2D(params, simd)) {
    const auto channels = static_cast<size_t>(geometry_.out.c);
    const size_t size = after_.size();
    // Blocks of channels, in each of them by term.
    weights_.resize(size * Terms());
    for (size_t first = 0; first < size;) {
      const size_t lanes = static_cast<size_t>(BlockVectors(first)) * kLanes;
      for (size_t o = first; o < std::min(first + lanes, channels); ++o) {
        for (size_t term = 0; term < Terms(); ++term) {
          weights_[first * Terms() + term * lanes + o - first] =
              static_cast<float>(weights[o * Terms() + term]);
        }
      }
      first += lanes;
    }
  }

  size_t scratch_bytes() const override { return Layout(nullptr).bytes + direct_->scratch_bytes(); }

  void Start(std::byte* scratch) const override {
    const Scratch s = Layout(scratch);
    std::fill_n(s.held, kTileInputRows, -1);
    std::fill_n(s.zeros, RowFloats(), 0.0f);
    std::fill_n(s.planes, PlaneFloats(), 0.0f);
    direct_->Start(scratch + s.bytes);
  }

  void Run(const float* x, const Work& work, const Target& target,
           std::byte* scratch) const override {
    const Scratch s = Layout(scratch);
    const ConvGeometry& g = geometry_;
    for (int row = work.row_begin; row < work.row_end;) {
      const int first = row / kTileRows * kTileRows;
      const int end = std::min(first + kTileRows, work.row_end);
      Target to = target;
      const size_t skip = static_cast<size_t>(row - work.row_begin) * static_cast<size_t>(g.out.w) *
                          static_cast<size_t>(g.out.c);
      if (to.z != nullptr) to.z += skip;
      if (to.residual != nullptr) to.residual += skip;
      if (TransformInput(x, first, s)) {
        RunTiles(row, end, to, s);
      } else {
        direct_->Run(x, {row, end, 0, direct_->blocks()}, to, scratch + s.bytes);
      }
      row = end;
    }
  }

 private:
  struct Scratch {
    int* held;     // the input row that each slot of the ring holds, -1 if none
    int* usable;   // whether its numbers are small enough
    float* zeros;  // a transformed row of padding
    float* ring;
    float* planes;
    float* terms;
    float* tiles;
    float* sums;
    size_t bytes;
  };

  Scratch Layout(std::byte* scratch) const {
    size_t bytes = 0;
    const auto take = [&](size_t floats) {
      auto* at = scratch == nullptr ? nullptr : reinterpret_cast<float*>(scratch + bytes);
      bytes += Floats(floats) * sizeof(float);
      return at;
    };
    Scratch s;
    s.held = reinterpret_cast<int*>(take(kTileInputRows));
    s.usable = reinterpret_cast<int*>(take(kTileInputRows));
    s.zeros = take(RowFloats());
    s.ring = take(kTileInputRows * RowFloats());
    s.planes = take(PlaneFloats());
    s.terms = take(Terms() * step_);
    s.tiles = take(isa::WinogradScratch(simd_.winograd_vectors, simd_.winograd_tiles));
    s.sums = take(isa::WinogradSums(simd_.winograd_vectors, simd_.winograd_tiles));
    s.bytes = bytes;
    return s;
  }

  size_t Terms() const { return static_cast<size_t>(isa::kTileTerms * geometry_.in.c); }
  size_t RowFloats() const {
    return static_cast<size_t>(geometry_.in.c * kTransformedColumns) * step_;
  }
  size_t PlaneFloats() const { return 2 * kTileColumns * (step_ + kLanes); }
  int BlockVectors(size_t first) const {
    const size_t left = Floats(static_cast<size_t>(geometry_.out.c)) / kLanes - first / kLanes;
    return left >= static_cast<size_t>(simd_.winograd_vectors) ? simd_.winograd_vectors : 1;
  }

  // The terms of the tiles that begin with output row `row`; false if they may not be finite.
  bool TransformInput(const float* x, int row, const Scratch& s) const {
    const ConvGeometry& g = geometry_;
    isa::WinogradRows rows;
    rows.out = s.terms;
    rows.tiles = step_;
    rows.channels = g.in.c;
    bool usable = true;
    for (int i = 0; i < kTileInputRows; ++i) {
      const int h = 2 * row - g.pad_top + i;
      rows.row[i] = s.zeros;
      if (h < 0 || h >= g.in.h) continue;
      const int slot = h % kTileInputRows;
      float* to = s.ring + static_cast<size_t>(slot) * RowFloats();
      if (s.held[slot] != h) {
        s.usable[slot] = TransformRow(x + int64_t{h} * g.in.w, s, to) ? 1 : 0;
        s.held[slot] = h;
      }
      rows.row[i] = to;
      usable &= s.usable[slot] != 0;
    }
    if (usable) simd_.transform_rows(rows);
    return usable;
  }

  // `x` is the row in the first plane.
  bool TransformRow(const float* x, const Scratch& s, float* out) const {
    const ConvGeometry& g = geometry_;
    isa::WinogradRow row;
    // What lies further to the right no output sees.
    row.width = std::min(g.in.w, 2 * kTileColumns * (tiles_ + 1) - g.pad_left);
    row.left = g.pad_left;
    row.planes = s.planes;
    row.tiles = step_;
    bool usable = true;
    for (int c = 0; c < g.in.c; ++c) {
      row.x = x;
      row.out = out;
      usable &= simd_.transform_row(row);
      x += int64_t{g.in.h} * g.in.w;
      out += kTransformedColumns * step_;
    }
    return usable;
  }

  // Rows [row, end) of one row of tiles.
  void RunTiles(int row, int end, const Target& target, const Scratch& s) const {
    const ConvGeometry& g = geometry_;
    isa::WinogradTiles tiles;
    tiles.step = step_;
    tiles.channels = g.in.c;
    tiles.scratch = s.tiles;
    tiles.sums = s.sums;
    const int groups = (tiles_ + simd_.winograd_tiles - 1) / simd_.winograd_tiles;
    for (int group = 0; group < groups; ++group) {
      const int first = tiles_ * group / groups;
      tiles.tiles = tiles_ * (group + 1) / groups - first;
      tiles.x = s.terms + first;
      for (size_t channel = 0; channel < after_.size();) {
        tiles.vectors = BlockVectors(channel);
        tiles.weights = weights_.data() + channel * Terms();
        simd_.multiply_tiles(tiles);
        for (int h = row; h < end; ++h) {
          FinishTiles(tiles, h, h - row, first * kTileColumns, channel, target);
        }
        channel += static_cast<size_t>(tiles.vectors) * kLanes;
      }
    }
  }

  // `index` is the row's number among those of the target.
  void FinishTiles(const isa::WinogradTiles& tiles, int h, int index, int column, size_t channel,
                   const Target& target) const {
    const ConvGeometry& g = geometry_;
    const int columns = tiles.tiles * kTileColumns;
    isa::FinishTile f;
    f.sum_pixel_step = kLanes;
    f.sum_vector_step = static_cast<size_t>(columns) * kLanes;
    f.sums = tiles.sums + static_cast<size_t>(h % kTileRows * tiles.vectors) * f.sum_vector_step;
    f.pixels = std::min(columns, g.out.w - column);
    after_.Place(channel, &f);
    StartTiles(g.out, target, &f);
    PlaceTile(g.out, target, h, index, column, channel, tiles.vectors, &f);
    simd_.finish(f);
  }

  ConvGeometry geometry_;
  const isa::FloatLoops& simd_;
  ChannelConstants after_;
  int tiles_;    // in a row
  size_t step_;  // whole vectors of them
  std::unique_ptr<Conv2D> direct_;
  AlignedVector<float> weights_;
};

}  // namespace

std::unique_ptr<Conv2D> CreateWinogradConv2D(const Conv2DParams& params,
                                             const isa::FloatLoops& simd) {
  const ConvGeometry& g = params.geometry;
  const bool fits = params.reads_nchw && params.average == nullptr && FitsRows(params) &&
                    g.kernel_h == isa::kWinogradKernel && g.kernel_w == isa::kWinogradKernel &&
                    g.stride_h == 2 && g.stride_w == 2 && g.dilation_h == 1 && g.dilation_w == 1 &&
                    g.in.c <= kMaxChannels && g.pad_left < isa::kWinogradKernel;
  if (!fits) return nullptr;
  const auto terms = static_cast<size_t>(isa::kTileTerms * g.in.c);
  std::vector<double> weights(terms * static_cast<size_t>(g.out.c));
  for (int o = 0; o < g.out.c; ++o) {
    TransformFilter(params.weights.data() + int64_t{o} * g.filter_size(), g.in.c,
                    weights.data() + static_cast<size_t>(o) * terms);
  }
  if (std::any_of(weights.begin(), weights.end(),
                  [](double w) { return std::abs(w) > kLargestWeight; })) {
    return nullptr;
  }
  return std::make_unique<WinogradConv2D>(params, std::move(weights), simd);
}

}  // namespace adabin::kernels
