// SPDX-License-Identifier: Apache-2.0
#include "base/bits.h"

#include <algorithm>

namespace adabin {

BitLayout LayoutBits(const Shape& map, const BitPadding& pad) {
  BitLayout layout{map, pad};
  const auto channels = static_cast<size_t>(map.c);
  layout.pixel_bytes = channels <= 16 ? 2 : (channels + 31) / 32 * 4;
  layout.row_bytes = static_cast<size_t>(pad.left + map.w + pad.right) * layout.pixel_bytes;
  return layout;
}

BitPadding WindowPadding(const ConvGeometry& g) {
  const auto beyond = [](int out, int stride, int kernel, int dilation, int pad, int in) {
    return std::max(0, (out - 1) * stride + (kernel - 1) * dilation - pad - (in - 1));
  };
  return {g.pad_top, beyond(g.out.h, g.stride_h, g.kernel_h, g.dilation_h, g.pad_top, g.in.h),
          g.pad_left, beyond(g.out.w, g.stride_w, g.kernel_w, g.dilation_w, g.pad_left, g.in.w)};
}

void PackBits(const float* x, Compare compare, float threshold, const BitLayout& layout,
              std::byte* bits, int row_begin, int row_end) {
  const int channels = layout.map.c;
  x += int64_t{row_begin} * layout.map.w * channels;
  for (int h = row_begin; h < row_end; ++h) {
    std::byte* pixel = bits + layout.Offset(h, 0);
    for (int w = 0; w < layout.map.w; ++w, pixel += layout.pixel_bytes) {
      for (int c = 0; c < channels; c += 8) {
        unsigned byte = 0;
        for (int i = 0; i < std::min(8, channels - c); ++i) {
          byte |= unsigned{ActivationBit(compare, *x++, threshold)} << i;
        }
        pixel[c / 8] = static_cast<std::byte>(byte);
      }
    }
  }
}

void UnpackBits(const BitLayout& layout, const std::byte* bits, uint8_t* out) {
  for (int c = 0; c < layout.map.c; ++c) {
    for (int h = 0; h < layout.map.h; ++h) {
      for (int w = 0; w < layout.map.w; ++w) {
        const std::byte byte = bits[layout.Offset(h, w) + static_cast<size_t>(c) / 8];
        *out++ = static_cast<uint8_t>((std::to_integer<unsigned>(byte) >> (c % 8)) & 1u);
      }
    }
  }
}

}  // namespace adabin
