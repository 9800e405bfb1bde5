// SPDX-License-Identifier: Apache-2.0
#include "conv_weight_grad.h"

#include <algorithm>
#include <vector>

#include "buffer.h"
#include "conv_planes.h"
#include "gemm.h"
#include "parallel.h"
#include "pixels.h"

namespace adabin_cpu {
namespace {

// Partial sums per chunk of images up to this size; beyond, chunks run one after the other and tiles in parallel.
constexpr int64_t kPartialBytes = 1024 * 1024;
constexpr int64_t kMaxChunks = 32;
constexpr int64_t kMaxPartialBytes = 16 * 1024 * 1024;

/// One interleave of the rows i and i + half, for all i of the first half; kRows of them in a row transpose.
template <int rows>
inline void InterleaveHalves(Vec (&v)[rows]) {
  IntVec low, high;
  for (int i = 0; i < kLanes; ++i) {
    low[i] = i / 2 + (i % 2) * kLanes;
    high[i] = low[i] + kLanes / 2;
  }
  Vec out[rows];
  for (int i = 0; i < rows / 2; ++i) {
    out[2 * i] = __builtin_shuffle(v[i], v[i + rows / 2], low);
    out[2 * i + 1] = __builtin_shuffle(v[i], v[i + rows / 2], high);
  }
  for (int i = 0; i < rows; ++i) v[i] = out[i];
}

/// packed[p * kRows + r] = dy[r * stride + p] for p in [0, count); rows from `rows` on are zero.
void PackRows(const float* dy, int64_t stride, int rows, int64_t count, float* packed) {
  for (int64_t p = 0; p < count; p += kLanes) {
    const int lanes = static_cast<int>(std::min<int64_t>(kLanes, count - p));
    Vec v[kRows];
    for (int r = 0; r < kRows; ++r) {
      v[r] = r >= rows         ? Vec{}
             : lanes == kLanes ? Load<Vec>(dy + r * stride + p)
                               : LoadFirst<Vec>(dy + r * stride + p, lanes);
    }
    for (int round = 1; round < kRows; round *= 2) InterleaveHalves(v);
    float* to = packed + p * kRows;
    const int total = lanes * kRows;
    for (int i = 0; i < total; i += kLanes) {
      if (total - i >= kLanes) {
        Store(to + i, v[i / kLanes]);
      } else {
        StoreFirst(to + i, v[i / kLanes], total - i);
      }
    }
  }
}

using TileSums = Vec[kRows][kMaxVectors];

template <int vectors>
void AddTile(const float* a, const int32_t* offsets, int64_t depth, const float* pixels, const int64_t* columns,
             TileSums& total) {
  const float* base[vectors];
  for (int v = 0; v < vectors; ++v) base[v] = pixels + columns[v];
  Vec sums[kRows][vectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < vectors; ++v) sums[r][v] = total[r][v];
  }
  MultiplyTile<vectors>(a, offsets, depth, base, sums);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < vectors; ++v) total[r][v] = sums[r][v];
  }
}

/// What all tasks of a call share.
class WeightGradient {
 public:
  WeightGradient(const ConvShape& s, const float* dy, const float* x, const ActivationSet* set)
      : s_(s), dy_(dy), x_(x), set_(set), layout_(s), filter_tiles_(DivideUp(s.o, kRows)) {
    column_tiles_ = DivideUp(static_cast<int64_t>(layout_.columns.size()), kMaxVectors);
    const int64_t row_bytes = 4 * (layout_.RowElements() * s.stride_h + s.o * s.ow);
    blocks_ = ChooseBlocks(s.n, s.oh, s.ow, row_bytes);
    band_pixels_ = blocks_.band * s.ow;
    image_elements_ = layout_.Elements(blocks_.band);
    // Pixels of one image, then of the next: the same offsets serve every tile of a block.
    for (int64_t i = 0; i < blocks_.images; ++i) {
      for (int64_t y = 0; y < blocks_.band; ++y) {
        for (int64_t x0 = 0; x0 < s.ow; ++x0) {
          offsets_.push_back(
              static_cast<int32_t>(i * image_elements_ + layout_.Offset(y * s.stride_h, x0 * s.stride_w)));
        }
      }
    }
  }

  void Run(const std::function<void(int64_t o, const float* gradient)>& take) {
    const int64_t tiles = column_tiles_ * filter_tiles_;
    const int64_t partial_bytes = tiles * static_cast<int64_t>(sizeof(TileSums));
    const bool many = partial_bytes <= kPartialBytes;
    int64_t chunks = many ? std::clamp<int64_t>(kMaxPartialBytes / partial_bytes, 1, kMaxChunks) : 1;
    const int64_t blocks_per_chunk = DivideUp(blocks_.count, chunks);
    chunks = DivideUp(blocks_.count, blocks_per_chunk);
    Buffer partial(static_cast<size_t>(chunks * partial_bytes));
    auto* sums = reinterpret_cast<TileSums*>(partial.floats());
    if (many) {
      ParallelFor(chunks, [&](int64_t chunk) {
        TileSums* own = sums + chunk * tiles;
        std::fill_n(reinterpret_cast<float*>(own), partial_bytes / 4, 0.0f);
        Buffer pixels(FourBytes(blocks_.images * image_elements_)), packed(PackedBytes());
        for (int64_t i = 0; i < blocks_per_chunk; ++i) {
          const int64_t block = chunk * blocks_per_chunk + i;
          if (block >= blocks_.count) break;
          for (int64_t image = 0; image < Images(block); ++image)
            FillImage(block, image, pixels.floats(), packed.floats());
          for (int64_t tile = 0; tile < column_tiles_; ++tile) {
            AddColumns(block, tile, pixels.floats(), packed.floats(), own);
          }
        }
      });
    } else {
      ParallelFor(tiles, [&](int64_t tile) { std::fill_n(&sums[tile][0][0][0], sizeof(TileSums) / 4, 0.0f); });
      Buffer pixels(FourBytes(blocks_.images * image_elements_)), packed(PackedBytes());
      for (int64_t block = 0; block < blocks_.count; ++block) {
        ParallelFor(Images(block), [&](int64_t image) { FillImage(block, image, pixels.floats(), packed.floats()); });
        ParallelFor(column_tiles_,
                    [&](int64_t tile) { AddColumns(block, tile, pixels.floats(), packed.floats(), sums); });
      }
    }
    const std::vector<int32_t> targets = layout_.Targets();
    ParallelFor(s_.o, [&](int64_t o) {
      Buffer gradient(FourBytes(s_.filter()));
      for (size_t column = 0; column < layout_.columns.size(); ++column) {
        const int64_t tile = static_cast<int64_t>(column) / kMaxVectors * filter_tiles_ + o / kRows;
        Vec total = {};
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
          total += sums[chunk * tiles + tile][o % kRows][column % kMaxVectors];
        }
        for (int lane = 0; lane < kLanes; ++lane) {
          const int32_t target = targets[column * kLanes + lane];
          if (target >= 0) gradient.floats()[target] = total[lane];
        }
      }
      take(o, gradient.floats());
    });
  }

 private:
  int64_t FirstImage(int64_t block) const { return block / blocks_.per_image * blocks_.images; }
  int64_t FirstRow(int64_t block) const { return block % blocks_.per_image * blocks_.band; }
  int64_t Images(int64_t block) const { return std::min(blocks_.images, s_.n - FirstImage(block)); }
  int64_t Rows(int64_t block) const { return std::min(blocks_.band, s_.oh - FirstRow(block)); }
  int64_t TilePixels() const { return blocks_.images * band_pixels_; }
  size_t PackedBytes() const { return FourBytes((filter_tiles_ * TilePixels() + kLanes) * kRows); }

  void FillImage(int64_t block, int64_t image, float* pixels, float* packed) const {
    const int64_t n = FirstImage(block) + image, first = FirstRow(block), count = Rows(block) * s_.ow;
    FillPixels(s_, layout_, x_ + n * s_.c * s_.in_pixels(), set_, first, Rows(block), pixels + image * image_elements_);
    const float* dy = dy_ + n * s_.o * s_.out_pixels() + first * s_.ow;
    for (int64_t tile = 0; tile < filter_tiles_; ++tile) {
      const int rows = static_cast<int>(std::min<int64_t>(kRows, s_.o - tile * kRows));
      PackRows(dy + tile * kRows * s_.out_pixels(), s_.out_pixels(), rows, count,
               packed + (tile * TilePixels() + image * band_pixels_) * kRows);
    }
  }

  void AddColumns(int64_t block, int64_t tile, const float* pixels, const float* packed, TileSums* sums) const {
    const int64_t depth = Images(block) * Rows(block) * s_.ow;
    const int64_t first = tile * kMaxVectors;
    const int64_t vectors = std::min<int64_t>(kMaxVectors, layout_.columns.size() - first);
    for (int64_t filters = 0; filters < filter_tiles_; ++filters) {
      const float* a = packed + filters * TilePixels() * kRows;
      TileSums& total = sums[tile * filter_tiles_ + filters];
      const int64_t* columns = layout_.columns.data() + first;
      if (vectors == 3) AddTile<3>(a, offsets_.data(), depth, pixels, columns, total);
      if (vectors == 2) AddTile<2>(a, offsets_.data(), depth, pixels, columns, total);
      if (vectors == 1) AddTile<1>(a, offsets_.data(), depth, pixels, columns, total);
    }
  }

  const ConvShape s_;
  const float* const dy_;
  const float* const x_;
  const ActivationSet* const set_;
  const PixelLayout layout_;
  const int64_t filter_tiles_;
  int64_t column_tiles_, band_pixels_, image_elements_;
  Blocks blocks_;
  std::vector<int32_t> offsets_;
};

}  // namespace

void ConvWeightGradient(const ConvShape& s, const float* dy, const float* x, const ActivationSet* set,
                        const std::function<void(int64_t o, const float* gradient)>& take) {
  WeightGradient(s, dy, x, set).Run(take);
}

}  // namespace adabin_cpu
