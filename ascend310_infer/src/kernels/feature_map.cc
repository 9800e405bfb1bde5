// SPDX-License-Identifier: Apache-2.0
#include "kernels/feature_map.h"

#include <algorithm>
#include <cstdint>

namespace adabin::kernels {
void ChwToHwc(const Shape& shape, const float* chw, float* hwc) {
  const size_t pixels = static_cast<size_t>(shape.h) * static_cast<size_t>(shape.w);
  const auto channels = static_cast<size_t>(shape.c);
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < channels; ++c) hwc[p * channels + c] = chw[c * pixels + p];
  }
}

void HwcToChw(const Shape& shape, const float* hwc, float* chw) {
  const size_t pixels = static_cast<size_t>(shape.h) * static_cast<size_t>(shape.w);
  const auto channels = static_cast<size_t>(shape.c);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t p = 0; p < pixels; ++p) chw[c * pixels + p] = hwc[p * channels + c];
  }
}

void Threshold(size_t count, const float* x, Compare compare, float threshold, float high,
               float low, float* out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = ActivationBit(compare, x[i], threshold) ? high : low;
  }
}

void PadZeros(const Shape& in, const Shape& out, const int pads[6], const float* x, float* y) {
  std::fill_n(y, out.size(), 0.0f);
  for (int h = 0; h < in.h; ++h) {
    for (int w = 0; w < in.w; ++w, x += in.c) {
      std::copy_n(x, in.c, y + (int64_t{h + pads[2]} * out.w + w + pads[4]) * out.c + pads[0]);
    }
  }
}

void SubsampleAndPad(const ConvGeometry& g, const Shape& out, int first, const float* x, float* y) {
  std::fill_n(y, out.size(), 0.0f);
  for (int h = 0; h < out.h; ++h) {
    for (int w = 0; w < out.w; ++w, y += out.c) {
      std::copy_n(x + (int64_t{h} * g.stride_h * g.in.w + int64_t{w} * g.stride_w) * g.in.c, g.in.c,
                  y + first);
    }
  }
}

}  // namespace adabin::kernels
