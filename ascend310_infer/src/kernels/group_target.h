// SPDX-License-Identifier: Apache-2.0
//
// Where a group of a convolution finds its constants, and writes its channels of the map.
#ifndef ADABIN_KERNELS_GROUP_TARGET_H_
#define ADABIN_KERNELS_GROUP_TARGET_H_

#include <span>

#include "base/conv_geometry.h"
#include "base/epilogue.h"
#include "isa/isa.h"
#include "kernels/channel_constants.h"

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
  if (target.thresholds != nullptr) target.thresholds += first;
  return target;
}

// Bits of a layer whose groups cannot write them: from its floats, row by row.
class BitsOfRows {
 public:
  BitsOfRows(int channels, const isa::FloatLoops& simd)
      : channels_(channels), simd_(simd), nothing_({}, channels) {}

  size_t row_bytes(int width) const {
    return static_cast<size_t>(width) * static_cast<size_t>(channels_) * sizeof(float);
  }

  // `floats` computes rows without bits: (row_begin, row_end, target); `row` is room for one.
  template <typename Floats>
  void Run(const Shape& out, const Work& work, const Target& target, std::byte* row,
           const Floats& floats) const {
    Target plain = target, bits = target;
    plain.bits = nullptr;
    bits.residual = nullptr;
    bits.z = nullptr;
    if (target.bits == nullptr) return floats(work.row_begin, work.row_end, plain);
    const size_t step = static_cast<size_t>(out.w) *
                        (target.stride != 0 ? target.stride : static_cast<size_t>(channels_));
    for (int h = work.row_begin; h < work.row_end; ++h) {
      if (target.z == nullptr) plain.z = reinterpret_cast<float*>(row);
      floats(h, h + 1, plain);
      FinishRow(simd_, nothing_, out, h, plain.z, bits);
      if (target.z != nullptr) plain.z += step;
      if (plain.residual != nullptr) plain.residual += step;
    }
  }

 private:
  int channels_;
  const isa::FloatLoops& simd_;
  ChannelConstants nothing_;
};

}  // namespace adabin::kernels

#endif  // ADABIN_KERNELS_GROUP_TARGET_H_
