// SPDX-License-Identifier: Apache-2.0
//
// Where a group of a convolution finds its constants, and writes its channels of the map.
#ifndef ADABIN_KERNELS_GROUP_TARGET_H_
#define ADABIN_KERNELS_GROUP_TARGET_H_

#include <span>

#include "base/conv_geometry.h"
#include "base/epilogue.h"
#include "isa/isa.h"
#include "kernels/padded.h"

namespace adabin::kernels {

template <typename T>
std::span<const T> PartOf(std::span<const T> all, size_t group, size_t size) {
  return all.empty() ? all : all.subspan(group * size, size);
}

// Bits only where a group has whole vectors of channels.
inline Target GroupTarget(const Target& all, const ConvGeometry& g, int group) {
  Target target = all;
  const auto first = static_cast<size_t>(group) * static_cast<size_t>(g.group_out());
  target.stride = all.stride != 0 ? all.stride : static_cast<size_t>(g.out.c);
  if (target.residual != nullptr) target.residual += first;
  if (target.z != nullptr) target.z += first;
  if (target.bits != nullptr) target.bits += first / 8;
  return target;
}

// Bits of a layer whose groups cannot write them: from its floats, row by row.
class BitsOfRows {
 public:
  BitsOfRows(int channels, const isa::FloatLoops& simd)
      : channels_(channels),
        vectors_((channels + isa::kLanes - 1) / isa::kLanes),
        simd_(simd),
        ones_(static_cast<size_t>(vectors_) * isa::kLanes, 1.0f),
        nothing_(ones_.size(), -0.0f) {}

  size_t row_bytes(int width) const {
    return static_cast<size_t>(width) * static_cast<size_t>(channels_) * sizeof(float);
  }

  // `floats` computes rows without bits: (row_begin, row_end, target); `row` is room for one.
  template <typename Floats>
  void Run(const Shape& out, const Work& work, const Target& target, std::byte* row,
           const Floats& floats) const {
    Target plain = target;
    plain.bits = nullptr;
    if (target.bits == nullptr) return floats(work.row_begin, work.row_end, plain);
    const size_t step = static_cast<size_t>(out.w) *
                        (target.stride != 0 ? target.stride : static_cast<size_t>(channels_));
    for (int h = work.row_begin; h < work.row_end; ++h) {
      if (target.z == nullptr) plain.z = reinterpret_cast<float*>(row);
      floats(h, h + 1, plain);
      isa::FinishTile tile;
      tile.sums = plain.z;
      tile.sum_vector_step = isa::kLanes;
      tile.sum_pixel_step = static_cast<size_t>(channels_);
      tile.pixels = out.w;
      tile.vectors = vectors_;
      tile.channels = channels_;
      tile.a = ones_.data();
      tile.c = nothing_.data();
      tile.bits = target.bits + target.layout.Offset(h, 0);
      tile.bit_stride = target.layout.pixel_bytes;
      tile.compare = target.compare;
      tile.threshold = target.threshold;
      simd_.finish(tile);
      if (target.z != nullptr) plain.z += step;
      if (plain.residual != nullptr) plain.residual += step;
    }
  }

 private:
  int channels_;
  int vectors_;
  const isa::FloatLoops& simd_;
  AlignedVector<float> ones_, nothing_;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_GROUP_TARGET_H_
