// SPDX-License-Identifier: Apache-2.0
#include "backend/pixels.h"

namespace adabin::backend {
namespace {

constexpr size_t kValues = 256;

}  // namespace

PixelTable::PixelTable(std::span<const float> mean, std::span<const float> std) {
  for (size_t c = 0; c < mean.size(); ++c) {
    for (size_t v = 0; v < kValues; ++v) {
      values_.push_back((static_cast<float>(v) / 255.0f - mean[c]) / std[c]);
    }
  }
}

void PixelTable::Normalize(const Shape& shape, const uint8_t* hwc, int row_begin, int row_end,
                           float* chw) const {
  const auto channels = static_cast<size_t>(shape.c);
  const size_t map = static_cast<size_t>(shape.h) * static_cast<size_t>(shape.w);
  const size_t begin = static_cast<size_t>(row_begin) * static_cast<size_t>(shape.w);
  const size_t end = static_cast<size_t>(row_end) * static_cast<size_t>(shape.w);
  for (size_t c = 0; c < channels; ++c) {
    const float* table = values_.data() + c * kValues;
    float* to = chw + c * map;
    for (size_t i = begin; i < end; ++i) to[i] = table[hwc[i * channels + c]];
  }
}

}  // namespace adabin::backend
