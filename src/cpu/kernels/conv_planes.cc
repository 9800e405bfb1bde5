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
  MultiplyTile<vectors>(weights.tile(row), offsets, weights.depth, columns, sums);
  const int rows = static_cast<int>(std::min<int64_t>(kRows, weights.rows - row));
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

/// to(step_y * y, step_x * x) = from(y, x) of a (rows, columns) grid; `width` elements per row of `to`.
void Scatter(const float* from, int64_t rows, int64_t columns, int64_t step_y, int64_t step_x, int64_t width,
             float* to) {
  for (int64_t y = 0; y < rows; ++y) {
    for (int64_t x = 0; x < columns; ++x) to[y * step_y * width + x * step_x] = from[y * columns + x];
  }
}

/// One phase of a strided data gradient: which pixels of dx, from which taps with which weights.
struct Phase {
  int64_t y, x;
  Sampling sampling;
  std::vector<int32_t> offsets;
  std::unique_ptr<PackedRows> weights;
};

std::vector<Phase> GradientPhases(const ConvShape& s, const float* w) {
  std::vector<Phase> phases;
  for (int64_t y = 0; y < std::min(s.stride_h, s.h); ++y) {
    for (int64_t x = 0; x < std::min(s.stride_w, s.w); ++x) {
      Phase phase{y, x, GradientSampling(s, y, x), {}, nullptr};
      const auto& taps = phase.sampling.taps;
      const int64_t count = static_cast<int64_t>(taps.size());
      phase.weights = std::make_unique<PackedRows>(s.c, s.o * count);
      phases.push_back(std::move(phase));
    }
  }
  // One task per tile of channels and phase: panels of large layers are millions of weights.
  const int64_t tiles = DivideUp(s.c, kRows);
  ParallelFor(static_cast<int64_t>(phases.size()) * tiles, [&](int64_t task) {
    Phase& phase = phases[task / tiles];
    const auto& taps = phase.sampling.taps;
    const int64_t count = static_cast<int64_t>(taps.size()), first = task % tiles * kRows;
    for (int64_t o = 0; o < s.o; ++o) {
      for (int64_t c = first; c < std::min(s.c, first + kRows); ++c) {
        const float* filter = w + (o * s.c + c) * s.taps();
        for (int64_t t = 0; t < count; ++t) {
          phase.weights->at(c, o * count + t) = filter[taps[t].ky * s.kw + taps[t].kx];
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

void ConvForward(const ConvShape& s, const float* x, const float* w, float* y) {
  const Sampling sampling = ForwardSampling(s);
  PackedRows weights(s.o, s.filter());
  for (int64_t o = 0; o < s.o; ++o) {
    for (int64_t k = 0; k < s.filter(); ++k) weights.at(o, k) = w[o * s.filter() + k];
  }
  const Blocks blocks = ChooseBlocks(s.n, s.oh, s.ow, 4 * s.c * sampling.PlaneElements(s.oh) / s.oh);
  const std::vector<int32_t> offsets = sampling.Offsets(s.c, blocks.band);
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
              s.out_pixels(), images, rows * s.ow});
  });
}

void ConvDataGradient(const ConvShape& s, const float* dy, const float* w, float* dx,
                      const ActivationGradient* activation, const float* x, ActivationSums* sums) {
  std::vector<Phase> phases = GradientPhases(s, w);
  const bool strided = s.stride_h != 1 || s.stride_w != 1;
  const int64_t grid_rows = DivideUp(s.h, s.stride_h), grid_columns = DivideUp(s.w, s.stride_w);
  int64_t elements = 1;
  for (const Phase& phase : phases) elements = std::max(elements, s.o * phase.sampling.PlaneElements(grid_rows));
  const Blocks blocks = ChooseBlocks(s.n, grid_rows, grid_columns, DivideUp(4 * elements, grid_rows));
  for (Phase& phase : phases) phase.offsets = phase.sampling.Offsets(s.o, blocks.band);
  int64_t image_planes = 0;
  for (const Phase& phase : phases) {
    image_planes = std::max(image_planes, s.o * phase.sampling.PlaneElements(blocks.band));
  }
  std::vector<ActivationSums> partial(activation != nullptr ? blocks.count : 0);
  ParallelFor(blocks.count, [&](int64_t task) {
    const int64_t image = task / blocks.per_image * blocks.images, first = task % blocks.per_image * blocks.band;
    const int64_t images = std::min(blocks.images, s.n - image);
    const int64_t y0 = first * s.stride_h, y1 = std::min(s.h, (first + blocks.band) * s.stride_h);
    const int64_t image_size = s.c * s.in_pixels();
    float* out = dx + image * image_size + y0 * s.w;
    Buffer planes(FourBytes(images * image_planes));
    Buffer phase_pixels(FourBytes(strided ? images * s.c * blocks.band * grid_columns : 0));
    for (const Phase& phase : phases) {
      const Sampling& sampling = phase.sampling;
      const int64_t rows = std::min(blocks.band, sampling.gh - first);
      if (rows <= 0) continue;
      const int64_t pixels = rows * sampling.gw;
      for (int64_t i = 0; i < images; ++i) {
        FillPlanes(sampling, Words(dy + (image + i) * s.o * s.out_pixels()), s.o, s.oh, s.ow, first, rows, blocks.band,
                   planes.words() + i * image_planes);
      }
      if (!strided) {
        Multiply(*phase.weights, phase.offsets.data(),
                 {planes.floats(), image_planes, out, image_size, s.in_pixels(), images, pixels});
        continue;
      }
      Multiply(*phase.weights, phase.offsets.data(),
               {planes.floats(), image_planes, phase_pixels.floats(), s.c * pixels, pixels, images, pixels});
      for (int64_t i = 0; i < images * s.c; ++i) {
        Scatter(phase_pixels.floats() + i * pixels, rows, sampling.gw, s.stride_h, s.stride_w, s.w,
                out + i * s.in_pixels() + phase.y * s.w + phase.x);
      }
    }
    if (activation == nullptr) return;
    const bool whole = blocks.per_image == 1;
    const int64_t runs = whole ? 1 : images * s.c;
    const int64_t length = whole ? images * image_size : (y1 - y0) * s.w;
    for (int64_t i = 0; i < runs; ++i) {
      activation->Apply(x + (out - dx) + i * s.in_pixels(), out + i * s.in_pixels(), length, &partial[task]);
    }
  });
  for (const ActivationSums& part : partial) *sums += part;
}

}  // namespace adabin_cpu
