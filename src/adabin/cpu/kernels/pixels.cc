// SPDX-License-Identifier: Apache-2.0
#include "pixels.h"

#include <algorithm>

#include "simd.h"

namespace adabin_cpu {
namespace {

/// Pixels [0, count) of one row of a plain image: a transpose, channel by channel.
void CopyPixels(const float* row, int64_t channels, int64_t channel_stride, int64_t count, int64_t pitch, float* to) {
  for (int64_t x0 = 0; x0 < count; x0 += kLanes) {
    const int64_t x1 = std::min(count, x0 + kLanes);
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = row + c * channel_stride;
      for (int64_t x = x0; x < x1; ++x) to[x * pitch + c] = from[x];
    }
  }
}

/// The same, binarized.
void BinarizePixels(const float* row, int64_t channels, int64_t channel_stride, int64_t count, int64_t pitch,
                    const ActivationSet& set, float* to) {
#if defined(__AVX512F__)
  // The signs of 16 channels at 16 pixels, one word per pixel, then one blend per pixel.
  const Vec high = Broadcast(set.high), low = Broadcast(set.low);
  for (int64_t c = 0; c < channels; c += 16) {
    const int width = static_cast<int>(std::min<int64_t>(16, channels - c));
    const auto room = static_cast<__mmask16>((1u << width) - 1);
    for (int64_t x = 0; x < count; x += 16) {
      const int lanes = static_cast<int>(std::min<int64_t>(16, count - x));
      BitVec bits = {};
      for (int i = 0; i < width; ++i) {
        const float* from = row + (c + i) * channel_stride + x;
        const Vec v = lanes == 16 ? Load<Vec>(from) : LoadFirst<Vec>(from, lanes);
        bits |= (BitVec)set.IsPlus(v) & (1u << i);
      }
      uint32_t words[16];
      Store(words, bits);
      for (int i = 0; i < lanes; ++i) {
        const __m512 v = _mm512_mask_blend_ps(static_cast<__mmask16>(words[i]), (__m512)low, (__m512)high);
        _mm512_mask_storeu_ps(to + (x + i) * pitch + c, room, v);
      }
    }
  }
#else
  for (int64_t x0 = 0; x0 < count; x0 += kLanes) {
    const int64_t x1 = std::min(count, x0 + kLanes);
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = row + c * channel_stride;
      for (int64_t x = x0; x < x1; ++x) to[x * pitch + c] = set.IsPlus(from[x]) ? set.high : set.low;
    }
  }
#endif
}

}  // namespace

PixelLayout::PixelLayout(const ConvShape& s)
    : channels(s.c),
      kh(s.kh),
      kw(s.kw),
      stride_h(s.stride_h),
      dilation_h(s.dilation_h),
      dilation_w(s.dilation_w),
      span_h(s.span_h()),
      width((s.ow - 1) * s.stride_w + s.span_w()),
      pitch(s.c),
      by_pixel(channels % kLanes == 0 || dilation_w > 1) {
  if (by_pixel) {
    // Pixels a power of two apart would share few places of the first-level cache.
    if (channels % 128 == 0) pitch += kLanes;
    for (int64_t ky = 0; ky < kh; ++ky) {
      for (int64_t kx = 0; kx < kw; ++kx) {
        for (int64_t c = 0; c < channels; c += kLanes) columns.push_back(Offset(ky * dilation_h, kx * dilation_w) + c);
      }
    }
  } else {
    // A row of the kernel is one stretch: 3 channels and 3 columns fill 9 lanes rather than 3 times 3.
    for (int64_t ky = 0; ky < kh; ++ky) {
      for (int64_t i = 0; i < kw * channels; i += kLanes) columns.push_back(Offset(ky * dilation_h, 0) + i);
    }
  }
}

std::vector<int32_t> PixelLayout::Targets() const {
  std::vector<int32_t> targets;
  for (const int64_t column : columns) {
    const int64_t ky = column / RowElements() / dilation_h, start = column % RowElements();
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t place = start + lane, pixel = place / pitch, kx = pixel / dilation_w, c = place % pitch;
      // A last vector reads on into the next pixels, or the next row.
      const bool inside = by_pixel ? pixel == start / pitch : kx < kw;
      targets.push_back(inside ? static_cast<int32_t>((c * kh + ky) * kw + kx) : -1);
    }
  }
  return targets;
}

void FillPixels(const ConvShape& s, const PixelLayout& layout, const float* image, const ActivationSet* set,
                int64_t first, int64_t rows, float* pixels) {
  const int64_t height = (rows - 1) * s.stride_h + s.span_h();
  const int64_t left = std::min(s.pad_left, layout.width), inside = std::clamp<int64_t>(layout.width - left, 0, s.w);
  for (int64_t i = 0; i < height; ++i) {
    float* to = pixels + i * layout.RowElements();
    float* const end = to + layout.RowElements();
    const int64_t y = first * s.stride_h + i - s.pad_top;
    if (y < 0 || y >= s.h) {
      std::fill(to, end, 0.0f);
      continue;
    }
    std::fill_n(to, left * layout.pitch, 0.0f);
    to += left * layout.pitch;
    if (set != nullptr) {
      BinarizePixels(image + y * s.w, s.c, s.in_pixels(), inside, layout.pitch, *set, to);
    } else {
      CopyPixels(image + y * s.w, s.c, s.in_pixels(), inside, layout.pitch, to);
    }
    std::fill(to + inside * layout.pitch, end, 0.0f);
  }
}

}  // namespace adabin_cpu
