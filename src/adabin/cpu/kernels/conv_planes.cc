// SPDX-License-Identifier: Apache-2.0
#include "conv_planes.h"

#include <algorithm>
#include <memory>

#include "gemm.h"
#include "parallel.h"

namespace adabin_cpu {
namespace {

constexpr int64_t kPlaneBytes = 384 * 1024;
constexpr int64_t kEnoughVectors = 48;  // per block: weights are read once for so many

/// Planes of a block of images, and where their pixels go.
struct Block {
  const float* planes;
  int64_t image_planes;  // elements per image
  float* out;            // (row, pixel) of the first image at out[row * out_row + pixel]
  int64_t out_image, out_row;
  int64_t images, pixels;
  const float* bias = nullptr;  // of every row, or none
};

template <int vectors>
void OneTile(const PackedRows& weights, int64_t row, const int32_t* offsets, const Block& block, int64_t first,
             int64_t per_image) {
  const float* columns[vectors];
  for (int v = 0; v < vectors; ++v) {
    const int64_t image = (first + v) / per_image, i = (first + v) % per_image;
    columns[v] = block.planes + image * block.image_planes + i * kLanes;
  }
  Vec sums[kRows][vectors] = {};
  const int rows = static_cast<int>(std::min<int64_t>(kRows, weights.rows - row));
  if (block.bias != nullptr) {
    for (int r = 0; r < rows; ++r) std::fill_n(sums[r], vectors, Broadcast(block.bias[row + r]));
  }
  MultiplyTile<vectors>(weights.tile(row), offsets, weights.depth, columns, sums);
  for (int v = 0; v < vectors; ++v) {
    const int64_t image = (first + v) / per_image, i = (first + v) % per_image;
    float* out = block.out + image * block.out_image + row * block.out_row + i * kLanes;
    const int64_t room = block.pixels - i * kLanes;
    if (room >= kLanes) {
      for (int r = 0; r < rows; ++r) Store(out + r * block.out_row, sums[r][v]);
    } else {
      for (int r = 0; r < rows; ++r) StoreFirst(out + r * block.out_row, sums[r][v], static_cast<int>(room));
    }
  }
}

void Multiply(const PackedRows& weights, const int32_t* offsets, const Block& block) {
  const int64_t per_image = DivideUp(block.pixels, kLanes), total = per_image * block.images;
  for (int64_t row = 0; row < weights.rows; row += kRows) {
    int64_t i = 0;
    for (; i + kMaxVectors <= total; i += kMaxVectors) {
      OneTile<kMaxVectors>(weights, row, offsets, block, i, per_image);
    }
    if (total - i == 2) OneTile<2>(weights, row, offsets, block, i, per_image);
    if (total - i == 1) OneTile<1>(weights, row, offsets, block, i, per_image);
  }
}

const uint32_t* Words(const float* p) { return reinterpret_cast<const uint32_t*>(p); }

/// to[i * step + k] = from[k][i], up to to[length - 1]: a row's pixels, given phase by phase.
void Interleave(const float* const* from, int64_t step, int64_t length, float* to) {
  int64_t done = 0;
  if (step == 2) {
    IntVec low, high;
    for (int i = 0; i < kLanes; ++i) {
      low[i] = i / 2 + (i % 2) * kLanes;
      high[i] = low[i] + kLanes / 2;
    }
    for (; done + 2 * kLanes <= length; done += 2 * kLanes) {
      const Vec even = Load<Vec>(from[0] + done / 2), odd = Load<Vec>(from[1] + done / 2);
      Store(to + done, (Vec)__builtin_shuffle(even, odd, low));
      Store(to + done + kLanes, (Vec)__builtin_shuffle(even, odd, high));
    }
  }
  for (int64_t i = done / step; i * step < length; ++i) {
    const int64_t phases = std::min(step, length - i * step);
    for (int64_t k = 0; k < phases; ++k) to[i * step + k] = from[k][i];
  }
}

/// Weights and taps of one phase of a data gradient.
struct Phase {
  std::vector<int32_t> offsets;
  std::unique_ptr<PackedRows> weights;
};

std::vector<Phase> GradientPhases(const ConvShape& s, const Sampling& sampling, const float* w) {
  std::vector<Phase> phases(s.stride_h * s.stride_w);
  std::vector<std::vector<int64_t>> taps(phases.size());
  for (const Tap& tap : sampling.taps) taps[tap.phase].push_back(tap.ky * s.kw + tap.kx);
  for (size_t i = 0; i < phases.size(); ++i) {
    phases[i].weights = std::make_unique<PackedRows>(s.c, s.o * static_cast<int64_t>(taps[i].size()));
  }
  // One task per tile of channels: a large layer has millions of weights.
  ParallelFor(DivideUp(s.c, kRows), [&](int64_t tile) {
    const int64_t first = tile * kRows, last = std::min(s.c, first + kRows);
    for (size_t i = 0; i < phases.size(); ++i) {
      const int64_t count = static_cast<int64_t>(taps[i].size());
      for (int64_t o = 0; o < s.o; ++o) {
        for (int64_t c = first; c < last; ++c) {
          const float* filter = w + (o * s.c + c) * s.taps();
          for (int64_t t = 0; t < count; ++t) phases[i].weights->at(c, o * count + t) = filter[taps[i][t]];
        }
      }
    }
  });
  return phases;
}

}  // namespace

Blocks ChooseBlocks(int64_t n, int64_t rows, int64_t row_pixels, int64_t row_bytes) {
  Blocks blocks{1, rows, 1, n};
  if (rows * row_bytes > kPlaneBytes) {
    // At least 4 rows, lest the rows that neighboring bands share become most of the work.
    const int64_t bands =
        DivideUp(rows, std::clamp<int64_t>(kPlaneBytes / row_bytes, std::min<int64_t>(rows, 4), rows));
    blocks.band = DivideUp(rows, bands);
    blocks.per_image = DivideUp(rows, blocks.band);
    blocks.count = n * blocks.per_image;
  } else {
    const int64_t fitting = kPlaneBytes * 2 / (rows * row_bytes);
    const int64_t useful = DivideUp(kEnoughVectors, DivideUp(rows * row_pixels, kLanes));
    blocks.images = std::clamp<int64_t>(std::min(fitting, useful), 1, std::max<int64_t>(1, n / 8));
    blocks.count = DivideUp(n, blocks.images);
  }
  return blocks;
}

PackedRows::PackedRows(int64_t rows, int64_t depth)
    : rows(rows), depth(depth), data_(FourBytes(DivideUp(rows, kRows) * kRows * depth)) {
  const int64_t last = (rows - 1) / kRows * kRows;
  if (rows % kRows != 0) std::fill_n(data_.floats() + last * depth, kRows * depth, 0.0f);
}

float& PackedRows::at(int64_t row, int64_t k) {
  return data_.floats()[(row / kRows * depth + k) * kRows + row % kRows];
}

const float* PackedRows::tile(int64_t first_row) const { return data_.floats() + first_row * depth; }

void ConvForward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y) {
  const Sampling sampling = ForwardSampling(s);
  PackedRows weights(s.o, s.filter());
  for (int64_t o = 0; o < s.o; ++o) {
    for (int64_t k = 0; k < s.filter(); ++k) weights.at(o, k) = w[o * s.filter() + k];
  }
  const Blocks blocks = ChooseBlocks(s.n, s.oh, s.ow, 4 * s.c * sampling.PlaneElements(s.oh) / s.oh);
  const std::vector<int32_t> offsets = sampling.Offsets(s.c, blocks.band, 0);
  const int64_t image_planes = s.c * sampling.PlaneElements(blocks.band);
  ParallelFor(blocks.count, [&](int64_t task) {
    const int64_t image = task / blocks.per_image * blocks.images, first = task % blocks.per_image * blocks.band;
    const int64_t images = std::min(blocks.images, s.n - image), rows = std::min(blocks.band, s.oh - first);
    Buffer planes(FourBytes(images * image_planes));
    for (int64_t i = 0; i < images; ++i) {
      FillPlanes(sampling, Words(x + (image + i) * s.c * s.in_pixels()), s.c, s.h, s.w, first, rows, blocks.band,
                 planes.words() + i * image_planes);
    }
    Multiply(weights, offsets.data(),
             {planes.floats(), image_planes, y + image * s.o * s.out_pixels() + first * s.ow, s.o * s.out_pixels(),
              s.out_pixels(), images, rows * s.ow, bias});
  });
}

void ConvDataGradient(const ConvShape& s, const float* dy, const float* w, float* dx,
                      const ActivationGradient* activation, const float* x, ActivationSums* sums, const float* other) {
  const Sampling sampling = GradientSampling(s);
  std::vector<Phase> phases = GradientPhases(s, sampling, w);
  const int64_t phase_count = static_cast<int64_t>(phases.size());
  const Blocks blocks =
      ChooseBlocks(s.n, sampling.gh, sampling.gw, 4 * s.o * sampling.PlaneElements(sampling.gh) / sampling.gh);
  for (int64_t i = 0; i < phase_count; ++i) phases[i].offsets = sampling.Offsets(s.o, blocks.band, i);
  const int64_t image_planes = s.o * sampling.PlaneElements(blocks.band);
  const int64_t image_size = s.c * s.in_pixels();
  std::vector<ActivationSums> partial(activation != nullptr ? blocks.count : 0);
  ParallelFor(blocks.count, [&](int64_t task) {
    const int64_t image = task / blocks.per_image * blocks.images, first = task % blocks.per_image * blocks.band;
    const int64_t images = std::min(blocks.images, s.n - image), rows = std::min(blocks.band, sampling.gh - first);
    const int64_t y0 = first * s.stride_h, y1 = std::min(s.h, (first + rows) * s.stride_h);
    float* out = dx + image * image_size + y0 * s.w;
    Buffer planes(FourBytes(images * image_planes));
    for (int64_t i = 0; i < images; ++i) {
      FillPlanes(sampling, Words(dy + (image + i) * s.o * s.out_pixels()), s.o, s.oh, s.ow, first, rows, blocks.band,
                 planes.words() + i * image_planes);
    }
    if (phase_count == 1) {
      Multiply(*phases[0].weights, phases[0].offsets.data(),
               {planes.floats(), image_planes, out, image_size, s.in_pixels(), images, rows * s.w});
    } else {
      const int64_t pixels = rows * sampling.gw, phase_size = images * s.c * pixels;
      Buffer parts(FourBytes(phase_count * phase_size));
      for (int64_t i = 0; i < phase_count; ++i) {
        Multiply(
            *phases[i].weights, phases[i].offsets.data(),
            {planes.floats(), image_planes, parts.floats() + i * phase_size, s.c * pixels, pixels, images, pixels});
      }
      std::vector<const float*> from(s.stride_w);
      for (int64_t i = 0; i < images * s.c; ++i) {
        for (int64_t y = 0; y < y1 - y0; ++y) {
          for (int64_t x = 0; x < s.stride_w; ++x) {
            from[x] = parts.floats() + (y % s.stride_h * s.stride_w + x) * phase_size + i * pixels +
                      y / s.stride_h * sampling.gw;
          }
          Interleave(from.data(), s.stride_w, s.w, out + i * s.in_pixels() + y * s.w);
        }
      }
    }
    if (activation == nullptr && other == nullptr) return;
    const bool whole = blocks.per_image == 1;
    const int64_t runs = whole ? 1 : images * s.c;
    const int64_t length = whole ? images * image_size : (y1 - y0) * s.w;
    for (int64_t i = 0; i < runs; ++i) {
      float* run = out + i * s.in_pixels();
      if (activation != nullptr) activation->Apply(x + (run - dx), run, length, &partial[task]);
      if (other == nullptr) continue;
      const float* from = other + (run - dx);
      for (int64_t k = 0; k < length; ++k) run[k] += from[k];
    }
  });
  for (const ActivationSums& part : partial) *sums += part;
}

}  // namespace adabin_cpu
